//! Loops written by hand for these few messages: what a team would write that needs nothing else, and does it well.
//!
//! The client has a slab of waiting callers, one shared buffer, and a writer task that takes the whole buffer at once; when
//! other calls are in flight, the writer wakes itself once first, so that the callers that are ready append before it
//! writes. The server has such a writer too, or answers in the task that reads. Frames have one of four shapes; large
//! bodies travel by reference where the shape allows it.

mod client;
mod framing;
mod message;
mod notes;
mod outbox;
mod outgoing;
mod server;
mod stream;

pub(super) mod frames;
pub(super) mod quic;
pub(super) mod tcp;
pub(super) mod websocket;

use std::marker::PhantomData;

use bytes::Bytes;

use super::{Args, Caller, Notes, Product, Publisher, Subscriber};
use crate::Failure;
use client::Client;

/// What the loop runs on.
pub(super) trait Road: Send + Sync + 'static {
    /// Reads what is pushed.
    type Notes: Notes;

    /// A connection for calls.
    fn open(address: &str) -> impl Future<Output = Result<Client, Failure>> + Send;
    /// A connection for notes, subscribed.
    fn subscribe(address: &str) -> impl Future<Output = Result<Self::Notes, Failure>> + Send;
}

/// A caller by hand, on road `R`.
pub(super) struct Raw<R> {
    client: Client,
    road: PhantomData<fn() -> R>,
}

impl<R> Clone for Raw<R> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), road: PhantomData }
    }
}

impl<R: Road> Caller for Raw<R> {
    async fn connect(address: &str) -> Result<Self, Failure> {
        Ok(Self { client: R::open(address).await?, road: PhantomData })
    }

    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        self.client.mul(args).await
    }

    async fn echo(&self, body: Bytes) -> Result<Bytes, Failure> {
        self.client.echo(body).await
    }
}

impl<R: Road> Subscriber for Raw<R> {
    type Notes = R::Notes;
    type Publisher = Client;

    async fn subscribe(address: &str) -> Result<R::Notes, Failure> {
        R::subscribe(address).await
    }

    async fn publisher(address: &str) -> Result<Client, Failure> {
        R::open(address).await
    }
}

impl Publisher for Client {
    async fn flow(&self) -> Result<(), Failure> {
        self.order(&message::Message::Flow).await
    }

    async fn step(&self) -> Result<(), Failure> {
        self.order(&message::Message::Step).await
    }
}

/// Room for each read: as much as Linkspan's.
const READ_LEN: usize = 64 * 1024;
