//! What a connection reports upward, collected in one reused place per read.

use std::ops::Range;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::Opened;
use super::arrivals::Arrivals;
use crate::{Inbox, Metadata};

/// What one step brought. The driver empties it outside the lock.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The peer's hello was accepted (connector), or awaits our answer (acceptor).
    pub(crate) opened: Option<Box<Opened>>,
    /// Requests to start, in order.
    pub(crate) requests: Vec<Incoming>,
    /// Notifications and gaps, in order.
    pub(crate) received: Arrivals,
    /// Handlers that the peer, or time, gave up.
    pub(crate) cancelled: Vec<(u32, CancelReason)>,
    /// Callers to wake.
    pub(crate) wakers: Vec<Waker>,
    /// Those of them that got a small answer.
    pub(crate) answered: usize,
}

impl Events {
    /// True if nothing was reported that is not done with.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { opened, requests, received, cancelled, wakers, answered } = self;
        let none_called = requests.is_empty() && received.is_empty() && cancelled.is_empty();
        none_called && wakers.is_empty() && *answered == 0 && opened.is_none()
    }
}

/// A request whose body is whole.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// Its number; `None` for a one-way call.
    pub(crate) call: Option<u32>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) content: Content,
    /// Requests of one connection that have the same number have the same path; those that have 0 may have any.
    pub(crate) path_number: u64,
    /// None for most requests.
    pub(crate) headers: Option<Box<Headers>>,
}

/// Path and body of a request, encoded.
#[derive(Debug)]
pub(crate) enum Content {
    /// Where they lie in the read that brought them: nothing is copied or counted for a small request.
    Inbox { path: Range<usize>, body: Range<usize> },
    /// In memory of their own: the body came in pieces, or nothing keeps the read.
    Owned(Box<Owned>),
}

/// See [`Content::Owned`].
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) path: Bytes,
    pub(crate) body: Bytes,
}

/// What a request rarely has.
#[derive(Debug)]
pub(crate) struct Headers {
    pub(crate) metadata: Metadata,
    /// The codec of its arguments, if not the connection's.
    pub(crate) codec: Option<String>,
}

impl Headers {
    /// None if there is nothing to keep.
    pub(crate) fn of(metadata: Option<Metadata>, codec: Option<&str>) -> Option<Box<Self>> {
        let some = metadata.is_some() || codec.is_some();
        some.then(|| {
            Box::new(Self { metadata: metadata.unwrap_or_default(), codec: codec.map(str::to_owned) })
        })
    }
}

impl Content {
    pub(crate) fn owned(path: &[u8], body: Bytes) -> Self {
        Self::Owned(Box::new(Owned { path: Bytes::copy_from_slice(path), body }))
    }

    /// `Service/Method`; `inbox` is the read that brought it.
    pub(crate) fn path<'a>(&'a self, inbox: &'a Inbox) -> &'a [u8] {
        match self {
            Self::Inbox { path, .. } => inbox.part(path),
            Self::Owned(owned) => &owned.path,
        }
    }

    /// The encoded arguments; `inbox` is the read that brought them.
    pub(crate) fn body<'a>(&'a self, inbox: &'a Inbox) -> &'a [u8] {
        match self {
            Self::Inbox { body, .. } => inbox.part(body),
            Self::Owned(owned) => &owned.body,
        }
    }

    /// The body, if it is in memory that can be shared without keeping a whole read.
    pub(crate) fn shared_body(&self) -> Option<&Bytes> {
        match self {
            Self::Inbox { .. } => None,
            Self::Owned(owned) => Some(&owned.body),
        }
    }

    /// With another body, which came later.
    pub(crate) fn with_body(self, body: Bytes) -> Self {
        match self {
            Self::Inbox { .. } => self,
            Self::Owned(mut owned) => {
                owned.body = body;
                Self::Owned(owned)
            }
        }
    }
}

impl Incoming {
    /// With the body that came after it.
    pub(crate) fn with_body(self, body: Bytes) -> Self {
        Self { content: self.content.with_body(body), ..self }
    }

    /// Takes what it needs out of `inbox`, which ends before the request is started.
    pub(crate) fn detach(&mut self, inbox: &Inbox) {
        if let Content::Inbox { path, body } = &self.content {
            let body = Bytes::copy_from_slice(inbox.part(body));
            self.content = Content::owned(inbox.part(path), body);
        }
    }
}

/// Why a handler is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelReason {
    Caller,
    Closed,
    Deadline,
}
