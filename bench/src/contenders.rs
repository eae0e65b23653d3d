//! What is compared: the same calls and notes, served and used in several ways.

mod axum;
mod certificate;
mod jsonrpsee;
mod kind;
mod linkspan;
mod mixing;
mod raw;
mod tarpc;
mod tonic;
mod topic;

use std::future::Future;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use crate::Failure;
use crate::load::{Kind, Load};
use crate::measure::{Measured, Timing, calls, connect, memory, notes};
use raw::Raw;

pub(crate) use kind::{Contender, Family, Road};
pub(crate) use linkspan::{Stub, Where, with_codec};
pub(crate) use mixing::mixed;
pub(crate) use topic::{Outlet, Topic};

/// What to multiply.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Args {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

/// The product.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Product {
    pub(crate) c: i64,
}

/// Calls on one connection. Clones share it; the last one closes it.
pub(crate) trait Caller: Clone + Send + Sync + 'static {
    /// A fresh connection.
    fn connect(address: &str) -> impl Future<Output = Result<Self, Failure>> + Send;
    fn mul(&self, args: Args) -> impl Future<Output = Result<Product, Failure>> + Send;
    /// Gives back what it is given.
    fn echo(&self, body: Bytes) -> impl Future<Output = Result<Bytes, Failure>> + Send;
}

/// Takes notes, and orders them.
pub(crate) trait Subscriber {
    type Notes: Notes;
    type Publisher: Publisher;

    /// A fresh connection, subscribed once this is ready.
    fn subscribe(address: &str) -> impl Future<Output = Result<Self::Notes, Failure>> + Send;
    /// A fresh connection for orders.
    fn publisher(address: &str) -> impl Future<Output = Result<Self::Publisher, Failure>> + Send;
}

/// What one subscriber is pushed.
pub(crate) trait Notes: Send + 'static {
    /// The place of the next note in the sequence, once a whole one has come.
    fn next(&mut self) -> impl Future<Output = Result<u64, Failure>> + Send;
}

/// Tells the server what to publish.
pub(crate) trait Publisher: Send + Sync + 'static {
    /// Notes for ever, as fast as they are taken.
    fn flow(&self) -> impl Future<Output = Result<(), Failure>> + Send;
    /// One note.
    fn step(&self) -> impl Future<Output = Result<(), Failure>> + Send;
}

impl Args {
    pub(crate) fn multiply(self) -> Product {
        Product { c: self.a.wrapping_mul(self.b) }
    }
}

/// Serves until the standard input ends, and prints where. Only Linkspan takes a `url` other than its road's.
pub(crate) async fn serve(contender: Contender, url: Option<&str>) -> Result<(), Failure> {
    let url = url.unwrap_or(contender.road().url());
    let serving = async {
        match contender {
            Contender::Axum => axum::serve().await,
            Contender::Jsonrpsee => jsonrpsee::serve().await,
            Contender::LinkspanJson
            | Contender::LinkspanPostcard
            | Contender::LinkspanQuic
            | Contender::LinkspanWs
            | Contender::LinkspanWsJson => linkspan::serve(url).await,
            Contender::LinkspanStatic => linkspan::fixed::serve(url).await,
            Contender::Raw => raw::tcp::serve(raw::tcp::Style::Writer).await,
            Contender::RawInplace => raw::tcp::serve(raw::tcp::Style::InPlace).await,
            Contender::RawQuic => raw::quic::serve().await,
            Contender::RawWs => raw::websocket::serve().await,
            Contender::RawWsFrames => raw::frames::serve().await,
            Contender::Tarpc => tarpc::serve().await,
            Contender::Tonic => tonic::serve().await,
        }
    };
    tokio::select! {
        served = serving => served,
        ended = async { tokio::io::stdin().read_to_end(&mut Vec::new()).await } => ended.map(|_| ()).map_err(Failure::from),
    }
}

/// The client's half: measures `load` at `address`, which `serve` printed.
pub(crate) async fn measure(
    contender: Contender,
    address: &str,
    load: &Load,
    timing: &Timing,
) -> Result<Measured, Failure> {
    if let Some(reason) = contender.cannot(load.kind) {
        return Err(format!("{} cannot do {}: {reason}", contender.name(), load.name).into());
    }
    match contender {
        Contender::Axum => notes::run::<axum::Client>(address, load, timing).await,
        Contender::Jsonrpsee => any::<jsonrpsee::Client>(address, load, timing).await,
        Contender::LinkspanJson | Contender::LinkspanWsJson => {
            any::<Stub>(&with_codec(address, "json"), load, timing).await
        }
        Contender::LinkspanPostcard | Contender::LinkspanQuic | Contender::LinkspanWs => {
            any::<Stub>(&with_codec(address, "postcard"), load, timing).await
        }
        Contender::LinkspanStatic => of_calls::<linkspan::fixed::Stub>(address, load, timing).await,
        Contender::Raw => any::<Raw<raw::tcp::Tcp>>(address, load, timing).await,
        Contender::RawInplace => of_calls::<Raw<raw::tcp::Tcp>>(address, load, timing).await,
        Contender::RawQuic => any::<Raw<raw::quic::Quic>>(address, load, timing).await,
        Contender::RawWs => any::<Raw<raw::websocket::Tungstenite>>(address, load, timing).await,
        Contender::RawWsFrames => any::<Raw<raw::frames::Frames>>(address, load, timing).await,
        Contender::Tarpc => of_calls::<tarpc::ArithClient>(address, load, timing).await,
        Contender::Tonic => any::<tonic::Client>(address, load, timing).await,
    }
}

async fn any<C: Caller + Subscriber>(
    address: &str,
    load: &Load,
    timing: &Timing,
) -> Result<Measured, Failure> {
    match load.kind {
        Kind::Notes(_) => notes::run::<C>(address, load, timing).await,
        _ => of_calls::<C>(address, load, timing).await,
    }
}

async fn of_calls<C: Caller>(address: &str, load: &Load, timing: &Timing) -> Result<Measured, Failure> {
    match load.kind {
        Kind::Connect => connect::run::<C>(address, load, timing).await,
        Kind::Echo(len) => calls::echo::<C>(address, len, load, timing).await,
        Kind::Memory => memory::run::<C>(address, load, timing).await,
        Kind::Notes(_) => Err("no subscriber".into()),
        Kind::Unary => calls::unary::<C>(address, load, timing).await,
    }
}

/// What a note carries behind its place in the sequence.
pub(crate) fn note_filler() -> &'static [u8] {
    FILLER.as_bytes()
}

/// The same as text, for those who have no bytes.
pub(crate) fn note_text() -> &'static str {
    FILLER
}

/// `sequence`, if what came with it is what was sent.
pub(crate) fn checked_note(sequence: u64, filler: &[u8]) -> Result<u64, Failure> {
    if filler == note_filler() { Ok(sequence) } else { Err(format!("note {sequence} is damaged").into()) }
}

const FILLER: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV";
/// Bytes of a note.
pub(crate) const NOTE_LEN: usize = 8 + FILLER.len();
/// Notes that may wait for one subscriber, where the contender lets us choose: as many as Linkspan's outbox holds.
pub(crate) const NOTES_WAITING: usize = 1024;
/// Calls that may wait where a contender wants a bound: more than any load has in flight, so that no queue is measured.
pub(crate) const QUEUE: u32 = 4096;
/// Larger than any body, where a contender wants a bound.
pub(crate) const MAX_MESSAGE_LEN: u32 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_128_bytes_and_a_damaged_one_is_noticed() {
        assert_eq!(NOTE_LEN, 128);
        assert_eq!(checked_note(7, note_filler()).unwrap(), 7);
        assert!(checked_note(7, b"0123").is_err());
    }
}
