//! What a connection reports upward, collected in one reused place per read.

use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::Opened;
use super::arrivals::Arrivals;
use crate::Metadata;

/// What one step brought. The driver empties it outside the lock.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The peer's hello was accepted (connector), or awaits our answer (acceptor).
    pub(crate) opened: Option<Opened>,
    /// Requests to start, in order.
    pub(crate) requests: Vec<Incoming>,
    /// Notifications and gaps, in order.
    pub(crate) received: Arrivals,
    /// Handlers that the peer, or time, gave up.
    pub(crate) cancelled: Vec<(u32, CancelReason)>,
    /// Callers to wake.
    pub(crate) wakers: Vec<Waker>,
}

/// A request whose body is whole.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Its number; `None` for a one-way call.
    pub(crate) call: Option<u32>,
    pub(crate) path: Bytes,
    pub(crate) metadata: Metadata,
    pub(crate) codec: Option<String>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) body: Bytes,
}

/// Why a handler is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelReason {
    Caller,
    Closed,
    Deadline,
}
