//! What is asked of a server that has more cores.

use serde::Serialize;

use crate::Failure;
use crate::contenders::{Stub, Where, with_codec};
use crate::load::Load as Multiplications;
use crate::measure::{Measured, Timing, calls, mixes};

/// One load. Handlers compute for about 200 µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Load {
    /// The same computing on threads, without calls: more than that there is not.
    Threads,
    /// Handlers that declare nothing, on many connections.
    InPlace,
    Spawn,
    Blocking,
    /// Handlers that declare nothing, on one connection.
    InOrder,
    /// Multiplications, which cost the client more than the server.
    Products,
}

impl Load {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 6] =
        [Self::Threads, Self::InPlace, Self::Spawn, Self::Blocking, Self::InOrder, Self::Products];

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|load| load.name() == name);
        known.ok_or_else(|| format!("unknown load `{name}`"))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Threads => "threads",
            Self::InPlace => "in-place",
            Self::Spawn => "spawn",
            Self::Blocking => "blocking",
            Self::InOrder => "in-order",
            Self::Products => "products",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Threads => "threads that compute, no calls",
            Self::InPlace => "nothing declared, 16 connections with 4 calls each",
            Self::Spawn => "declared `spawn`, one connection with 16 calls",
            Self::Blocking => "declared `blocking`, one connection with 16 calls",
            Self::InOrder => "nothing declared, one connection with 16 calls: one after the other",
            Self::Products => "multiplications, 64 connections with 16 calls each: the client is busier",
        }
    }

    /// Puts it on the server at `address`.
    pub(crate) async fn call(self, address: &str, timing: &Timing) -> Result<Measured, Failure> {
        let address = with_codec(address, "postcard");
        let (declared, calls) = match self {
            Self::Threads => return Err("it calls nobody".into()),
            Self::InPlace => (Where::InPlace, (16, 4)),
            Self::Spawn => (Where::Spawn, (1, 16)),
            Self::Blocking => (Where::Blocking, (1, 16)),
            Self::InOrder => (Where::InPlace, (1, 16)),
            Self::Products => {
                let load = Multiplications::parse("unary-64x16")?;
                return calls::unary::<Stub>(&address, &load, timing).await;
            }
        };
        mixes::calls(&address, declared, calls, timing).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known() {
        for load in Load::ALL {
            assert_eq!(Load::parse(load.name()), Ok(load));
        }
        assert!(Load::parse("fast").unwrap_err().contains("`fast`"));
    }
}
