//! Multiplications and echoes.

use bytes::Bytes;

use super::repeat::{Work, run};
use super::{Measured, Timing};
use crate::Failure;
use crate::contenders::{Args, Caller};
use crate::load::Load;

pub(crate) async fn unary<C: Caller>(
    address: &str,
    load: &Load,
    timing: &Timing,
) -> Result<Measured, Failure> {
    let mut works = Vec::new();
    for _ in 0..load.connections {
        let caller = C::connect(address).await?;
        works.extend((0..load.in_flight).map(|_| caller.clone()));
    }
    let works = works.into_iter().zip(0..).map(|(caller, task)| Multiply { caller, task });
    run(works.collect(), timing).await
}

pub(crate) async fn echo<C: Caller>(
    address: &str,
    len: usize,
    load: &Load,
    timing: &Timing,
) -> Result<Measured, Failure> {
    let caller = C::connect(address).await?;
    let works = (0..load.in_flight).map(|task| Echo { caller: caller.clone(), body: body(task, len) });
    run(works.collect(), timing).await
}

/// Multiplications whose factors tell from which task and which call they are.
#[derive(Debug)]
pub(crate) struct Multiply<C> {
    caller: C,
    task: i64,
}

impl<C> Multiply<C> {
    pub(crate) fn new(caller: C) -> Self {
        Self { caller, task: 0 }
    }
}

impl<C: Caller> Work for Multiply<C> {
    /// Reading the clock costs a good part of a call.
    const TIMED_EVERY: u64 = 8;

    async fn work(&mut self, n: u64) -> Result<(), Failure> {
        let args = Args { a: self.task.wrapping_add_unsigned(n), b: self.task + 3 };
        let product = self.caller.mul(args).await?;
        if product.c != args.multiply().c {
            return Err(format!("{args:?} gave {product:?}").into());
        }
        Ok(())
    }
}

/// Echoes of a body that no other task has.
#[derive(Debug)]
struct Echo<C> {
    caller: C,
    body: Bytes,
}

impl<C: Caller> Work for Echo<C> {
    const TIMED_EVERY: u64 = 1;

    async fn work(&mut self, n: u64) -> Result<(), Failure> {
        let echo = self.caller.echo(self.body.clone()).await?;
        // Comparing a megabyte is work too: mostly the ends do.
        let same = if n % WHOLE_EVERY == 1 { echo == self.body } else { ends(&echo) == ends(&self.body) };
        if same { Ok(()) } else { Err("an echo differs from what was sent".into()) }
    }
}

/// The length, and both ends.
fn ends(body: &[u8]) -> (usize, Option<&[u8; END]>, Option<&[u8; END]>) {
    (body.len(), body.first_chunk(), body.last_chunk())
}

/// Text, for those who have no bytes; it begins and ends with the task's number.
fn body(task: usize, len: usize) -> Bytes {
    let number = format!("{task:08}");
    let middle =
        (b'0'..=b'z').filter(u8::is_ascii_alphanumeric).cycle().take(len.saturating_sub(2 * number.len()));
    number.bytes().chain(middle).chain(number.bytes()).collect()
}

const END: usize = 64;
const WHOLE_EVERY: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_text_of_the_length_asked_for_and_differ_at_both_ends() {
        let [first, second] = [1, 2].map(|task| body(task, 16 * 1024));
        assert_eq!((first.len(), second.len()), (16 * 1024, 16 * 1024));
        assert!(str::from_utf8(&first).is_ok());
        assert_ne!(first.first_chunk::<END>(), second.first_chunk::<END>());
        assert_ne!(first.last_chunk::<END>(), second.last_chunk::<END>());
        assert_eq!(ends(&first), ends(&first.clone()));
    }
}
