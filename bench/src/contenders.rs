//! What is compared: the same multiplication, served and called in six ways.

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
    Raw,
    Tarpc,
    Tonic,
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
    /// All, in the order of the tables. The first is what ratios are taken to.
    pub(crate) const ALL: [Self; 6] =
        [Self::Raw, Self::LinkspanPostcard, Self::LinkspanJson, Self::Tarpc, Self::Jsonrpsee, Self::Tonic];
    /// What others have built: the tables say how Linkspan compares with each.
    pub(crate) const PEERS: [Self; 3] = [Self::Tarpc, Self::Jsonrpsee, Self::Tonic];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jsonrpsee => "jsonrpsee",
            Self::LinkspanJson => "linkspan-json",
            Self::LinkspanPostcard => "linkspan-postcard",
            Self::Raw => "raw",
            Self::Tarpc => "tarpc",
            Self::Tonic => "tonic",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|contender| contender.name() == name);
        known.ok_or_else(|| {
            format!("unknown contender `{name}`; known: {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// Serves until the standard input ends, and prints where.
pub(crate) async fn serve(contender: Contender, url: &str) -> Result<(), Failure> {
    let serving = async {
        match contender {
            Contender::Jsonrpsee => jsonrpsee::serve().await,
            Contender::LinkspanJson | Contender::LinkspanPostcard => linkspan::serve(url).await,
            Contender::Raw => raw::serve().await,
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
        Contender::Raw => load::run(raw::connect(address).await?, load).await,
        Contender::Tarpc => load::run(tarpc::connect(address).await?, load).await,
        Contender::Tonic => load::run(tonic::connect(address).await?, load).await,
    }
}
