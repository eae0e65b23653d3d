//! The contenders by name, and what each is.

use serde::{Deserialize, Serialize};

use crate::load::Kind;

/// A way to serve and call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Contender {
    Axum,
    Jsonrpsee,
    LinkspanJson,
    LinkspanPostcard,
    LinkspanQuic,
    LinkspanStatic,
    LinkspanWs,
    LinkspanWsJson,
    Raw,
    RawInplace,
    RawQuic,
    RawWs,
    RawWsFrames,
    Tarpc,
    Tonic,
}

/// Who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    ByHand,
    Linkspan,
    Peer,
}

/// What carries the bytes. Each road has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    Quic,
    Tcp,
    WebSocket,
}

impl Contender {
    /// All, in the order of the tables.
    pub(crate) const ALL: &[Self] = &[
        Self::Raw,
        Self::RawInplace,
        Self::LinkspanPostcard,
        Self::LinkspanStatic,
        Self::LinkspanJson,
        Self::Tarpc,
        Self::Tonic,
        Self::RawWs,
        Self::RawWsFrames,
        Self::LinkspanWs,
        Self::LinkspanWsJson,
        Self::Jsonrpsee,
        Self::Axum,
        Self::RawQuic,
        Self::LinkspanQuic,
    ];

    /// What others have built: the tables say how everyone compares with each.
    pub(crate) const PEERS: &[Self] = &[Self::Tarpc, Self::Tonic, Self::Jsonrpsee, Self::Axum];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::Jsonrpsee => "jsonrpsee",
            Self::LinkspanJson => "linkspan-json",
            Self::LinkspanPostcard => "linkspan-postcard",
            Self::LinkspanQuic => "linkspan-quic",
            Self::LinkspanStatic => "linkspan-static",
            Self::LinkspanWs => "linkspan-ws",
            Self::LinkspanWsJson => "linkspan-ws-json",
            Self::Raw => "raw",
            Self::RawInplace => "raw-inplace",
            Self::RawQuic => "raw-quic",
            Self::RawWs => "raw-ws",
            Self::RawWsFrames => "raw-ws-frames",
            Self::Tarpc => "tarpc",
            Self::Tonic => "tonic",
        }
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Raw | Self::RawInplace | Self::RawQuic | Self::RawWs | Self::RawWsFrames => Family::ByHand,
            Self::Axum | Self::Jsonrpsee | Self::Tarpc | Self::Tonic => Family::Peer,
            _ => Family::Linkspan,
        }
    }

    pub(crate) fn road(self) -> Road {
        match self {
            Self::Axum
            | Self::Jsonrpsee
            | Self::LinkspanWs
            | Self::LinkspanWsJson
            | Self::RawWs
            | Self::RawWsFrames => Road::WebSocket,
            Self::LinkspanJson
            | Self::LinkspanPostcard
            | Self::LinkspanStatic
            | Self::Raw
            | Self::RawInplace
            | Self::Tarpc
            | Self::Tonic => Road::Tcp,
            Self::LinkspanQuic | Self::RawQuic => Road::Quic,
        }
    }

    /// Why it takes no part in loads of this kind, if it does not.
    pub(crate) fn cannot(self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (Self::Axum, Kind::Notes(_)) => None,
            (Self::Axum, _) => Some("a WebSocket has no calls, so it pushes only"),
            (Self::Tarpc, Kind::Notes(_)) => Some("its servers cannot speak first"),
            (Self::RawInplace, Kind::Notes(_)) => {
                Some("only the task that reads writes; `raw` is what it would be")
            }
            (Self::LinkspanStatic, Kind::Connect | Kind::Memory | Kind::Notes(_)) => {
                Some("it is there to show what the choice of road and codec costs a call")
            }
            _ => None,
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
    pub(crate) const ALL: &[Self] = &[Self::Tcp, Self::WebSocket, Self::Quic];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quic => "QUIC",
            Self::Tcp => "TCP",
            Self::WebSocket => "WebSocket",
        }
    }

    /// The loops written by hand that ratios are taken to: to the best of them.
    pub(crate) fn limits(self) -> &'static [Contender] {
        match self {
            Self::Quic => &[Contender::RawQuic],
            Self::Tcp => &[Contender::Raw, Contender::RawInplace],
            Self::WebSocket => &[Contender::RawWs],
        }
    }

    /// Where to listen: a port that the system picks.
    pub(super) fn url(self) -> &'static str {
        match self {
            Self::Quic => "quic://127.0.0.1:0",
            Self::Tcp => "tcp://127.0.0.1:0",
            Self::WebSocket => "ws://127.0.0.1:0",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_and_written_alike() {
        for &contender in Contender::ALL {
            assert_eq!(Contender::parse(contender.name()), Ok(contender));
            assert_eq!(serde_json::to_value(contender).unwrap(), contender.name());
        }
        assert!(Contender::parse("raw-udp").unwrap_err().contains("known: raw, raw-inplace"));
    }

    #[test]
    fn limits_are_written_by_hand_and_on_their_road() {
        for &road in Road::ALL {
            for limit in road.limits() {
                assert_eq!((limit.road(), limit.family()), (road, Family::ByHand));
            }
        }
    }
}
