//! A decoded frame.

use std::time::Duration;

use crate::{Close, Lane, Metadata, Status};

/// A decoded frame. Borrows from the frame it was decoded from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message<'a> {
    Body {
        lane: Lane,
        last: bool,
        bytes: &'a [u8],
    },
    Cancel {
        call: u32,
    },
    Close(Close),
    Failure {
        call: u32,
        status: Status,
        after_pushes: bool,
    },
    Gap(Gap),
    Goaway {
        reason: &'a str,
    },
    Hello(Hello),
    Ping {
        payload: u64,
    },
    Pong {
        payload: u64,
    },
    Push {
        path: &'a str,
        codec: Option<&'a str>,
        metadata: Option<Metadata>,
        body: &'a [u8],
        place: Option<BodyPlace>,
    },
    Request(Request<'a>),
    Reset {
        lane: Lane,
    },
    Response(Response<'a>),
}

/// What each side says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) versions: (u64, u64),
    /// Offered, most preferred first; in the answer exactly the chosen one.
    pub(crate) codecs: Vec<String>,
    pub(crate) agent: String,
    pub(crate) max_message_len: u64,
    pub(crate) max_in_flight: u64,
    pub(crate) max_lanes: u64,
    /// Left out of the frame if it is [`DEFAULT_RATE`](super::DEFAULT_RATE).
    pub(crate) max_cancels_per_second: u64,
    /// In the answer: the session's public id.
    pub(crate) session: Option<[u8; 16]>,
    pub(crate) metadata: Metadata,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request<'a> {
    pub(crate) call: u32,
    pub(crate) one_way: bool,
    /// Time left when it was sent; `None` waits for ever.
    pub(crate) timeout: Option<Duration>,
    pub(crate) path: &'a str,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) codec: Option<&'a str>,
    pub(crate) body: &'a [u8],
    pub(crate) place: Option<BodyPlace>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response<'a> {
    pub(crate) call: u32,
    pub(crate) outcome: Outcome,
    pub(crate) after_pushes: bool,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) codec: Option<&'a str>,
    pub(crate) body: &'a [u8],
    pub(crate) place: Option<BodyPlace>,
}

/// Which of the method's two answers a response body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The method's own error.
    ApplicationError,
    /// Its value.
    Value,
}

/// A body on a lane of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BodyPlace {
    pub(crate) lane: Lane,
    pub(crate) len: u64,
}

/// Notifications that will not come, reported in order in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gap {
    /// How many are missing.
    pub count: u64,
    /// Why.
    pub reason: GapReason,
}

/// Why notifications are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GapReason {
    /// The application here read too slowly, and the event buffer dropped the oldest.
    EventBufferFull,
    /// A reason this version does not know.
    Other,
    /// It was pushed to many sessions at once, and the outbox of this one was full.
    OutboxFull,
    /// The body's transfer was abandoned.
    Reset,
    /// The notification could not be had in this connection's codec.
    UnsupportedCodec,
}

impl Gap {
    pub(crate) fn new(count: u64, reason: GapReason) -> Self {
        Self { count, reason }
    }
}

impl GapReason {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Other => 0,
            Self::UnsupportedCodec => 1,
            Self::EventBufferFull => 2,
            Self::Reset => 3,
            Self::OutboxFull => 4,
        }
    }

    pub(crate) fn from_number(number: u64) -> Self {
        match number {
            1 => Self::UnsupportedCodec,
            2 => Self::EventBufferFull,
            3 => Self::Reset,
            4 => Self::OutboxFull,
            _ => Self::Other,
        }
    }
}
