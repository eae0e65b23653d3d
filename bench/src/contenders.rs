//! What is compared: the same multiplication, served and called in several ways.

mod certificate;
mod jsonrpsee;
mod linkspan;
mod raw;
mod tarpc;
mod tonic;

use std::future::Future;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;

use crate::Failure;
use crate::load::{self, Load, Measured};

pub(crate) use linkspan::connect;

/// A way to serve and call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    Jsonrpsee,
    LinkspanJson,
    LinkspanPostcard,
    LinkspanQuic,
    LinkspanWs,
    Raw,
    RawQuic,
    RawWs,
    Tarpc,
    Tonic,
}

/// What carries the bytes. Each road has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    Quic,
    Tcp,
    WebSocket,
}

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

/// Calls `mul` on one connection. Clones share it.
pub(crate) trait Caller: Clone + Send + Sync + 'static {
    fn mul(&self, args: Args) -> impl Future<Output = Result<Product, Failure>> + Send;
}

impl Args {
    pub(crate) fn multiply(self) -> Product {
        Product { c: self.a.wrapping_mul(self.b) }
    }
}

impl Contender {
    /// All, in the order of the tables.
    pub(crate) const ALL: &[Self] = &[
        Self::Raw,
        Self::LinkspanPostcard,
        Self::LinkspanJson,
        Self::Tarpc,
        Self::Tonic,
        Self::RawWs,
        Self::LinkspanWs,
        Self::Jsonrpsee,
        Self::RawQuic,
        Self::LinkspanQuic,
    ];

    /// Those that take one of `roads`.
    pub(crate) fn on(roads: &[Road]) -> Vec<Self> {
        Self::ALL.iter().copied().filter(|contender| roads.contains(&contender.road())).collect()
    }

    /// What others have built: the tables say how Linkspan compares with each.
    pub(crate) const PEERS: &[Self] = &[Self::Tarpc, Self::Tonic, Self::Jsonrpsee];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jsonrpsee => "jsonrpsee",
            Self::LinkspanJson => "linkspan-json",
            Self::LinkspanPostcard => "linkspan-postcard",
            Self::LinkspanQuic => "linkspan-quic",
            Self::LinkspanWs => "linkspan-ws",
            Self::Raw => "raw",
            Self::RawQuic => "raw-quic",
            Self::RawWs => "raw-ws",
            Self::Tarpc => "tarpc",
            Self::Tonic => "tonic",
        }
    }

    pub(crate) fn road(self) -> Road {
        match self {
            Self::Jsonrpsee | Self::LinkspanWs | Self::RawWs => Road::WebSocket,
            Self::LinkspanJson | Self::LinkspanPostcard | Self::Raw | Self::Tarpc | Self::Tonic => Road::Tcp,
            Self::LinkspanQuic | Self::RawQuic => Road::Quic,
        }
    }

    /// The loop written by hand that its ratios are taken to.
    pub(crate) fn limit(self) -> Self {
        match self.road() {
            Road::Quic => Self::RawQuic,
            Road::Tcp => Self::Raw,
            Road::WebSocket => Self::RawWs,
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|contender| contender.name() == name);
        known.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|contender| contender.name()).collect();
            format!("unknown contender `{name}`; known: {}", names.join(", "))
        })
    }
}

impl Road {
    /// Where to listen: a port that the system picks.
    fn url(self) -> &'static str {
        match self {
            Self::Quic => "quic://127.0.0.1:0",
            Self::Tcp => "tcp://127.0.0.1:0",
            Self::WebSocket => "ws://127.0.0.1:0",
        }
    }
}

/// Serves until the standard input ends, and prints where. Only Linkspan takes a `url` other than its road's.
pub(crate) async fn serve(contender: Contender, url: Option<&str>) -> Result<(), Failure> {
    let url = url.unwrap_or(contender.road().url());
    let serving = async {
        match contender {
            Contender::Jsonrpsee => jsonrpsee::serve().await,
            Contender::LinkspanJson
            | Contender::LinkspanPostcard
            | Contender::LinkspanQuic
            | Contender::LinkspanWs => linkspan::serve(url).await,
            Contender::Raw => raw::tcp::serve().await,
            Contender::RawQuic => raw::quic::serve().await,
            Contender::RawWs => raw::websocket::serve().await,
            Contender::Tarpc => tarpc::serve().await,
            Contender::Tonic => tonic::serve().await,
        }
    };
    tokio::select! {
        served = serving => served,
        ended = async { tokio::io::stdin().read_to_end(&mut Vec::new()).await } => ended.map(|_| ()).map_err(Failure::from),
    }
}

/// Connects to `address`, which `serve` printed, and calls under `load`.
pub(crate) async fn call(contender: Contender, address: &str, load: &Load) -> Result<Measured, Failure> {
    match contender {
        Contender::Jsonrpsee => load::run(jsonrpsee::connect(address).await?, load).await,
        Contender::LinkspanJson => load::run(connect(address, "json").await?, load).await,
        Contender::LinkspanPostcard => load::run(connect(address, "postcard").await?, load).await,
        Contender::LinkspanQuic => load::run(connect(address, "postcard").await?, load).await,
        Contender::LinkspanWs => load::run(connect(address, "postcard").await?, load).await,
        Contender::Raw => load::run(raw::tcp::connect(address).await?, load).await,
        Contender::RawQuic => load::run(raw::quic::connect(address).await?, load).await,
        Contender::RawWs => load::run(raw::websocket::connect(address).await?, load).await,
        Contender::Tarpc => load::run(tarpc::connect(address).await?, load).await,
        Contender::Tonic => load::run(tonic::connect(address).await?, load).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_and_limits_are_on_the_same_road() {
        for &contender in Contender::ALL {
            assert_eq!(Contender::parse(contender.name()), Ok(contender));
            assert_eq!(contender.limit().road(), contender.road());
            assert_eq!(contender.limit().limit(), contender.limit());
        }
    }
}
