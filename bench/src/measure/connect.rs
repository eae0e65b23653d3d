//! Connections per second, each with one call.

use std::marker::PhantomData;

use super::calls::Multiply;
use super::repeat::{self, Work};
use super::{Measured, Timing};
use crate::Failure;
use crate::contenders::Caller;
use crate::load::Load;

pub(crate) async fn run<C: Caller>(address: &str, load: &Load, timing: &Timing) -> Result<Measured, Failure> {
    let dial = || Dial { address: address.to_owned(), caller: PhantomData::<fn() -> C> };
    repeat::run((0..load.connections).map(|_| dial()).collect(), timing).await
}

/// Connects, calls once, and leaves.
#[derive(Debug)]
struct Dial<C> {
    address: String,
    caller: PhantomData<fn() -> C>,
}

impl<C: Caller> Work for Dial<C> {
    const TIMED_EVERY: u64 = 1;

    async fn work(&mut self, n: u64) -> Result<(), Failure> {
        Multiply::new(C::connect(&self.address).await?).work(n).await
    }
}
