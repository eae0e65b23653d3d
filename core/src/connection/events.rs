//! What a connection reports upward, collected in one reused place per read.

use std::ops::Range;
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;

use super::Opened;
use crate::wire::{Gap, MAX_INLINE_LEN};
use crate::{CodecSet, DecodeBy, DecodeLimits, Error, ErrorKind, Inbox, Metadata, RAW};

/// What one step brought. The driver empties it outside the lock.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The peer's hello was accepted (connector), or awaits our answer (acceptor).
    pub(crate) opened: Option<Opened>,
    /// Requests to start, in order.
    pub(crate) requests: Vec<Incoming>,
    /// Notifications and gaps, in order.
    pub(crate) received: Vec<Received>,
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
    pub(crate) deadline: Option<Instant>,
    pub(crate) content: Content,
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
            Self::Owned(owned) => Self::Owned(Box::new(Owned { body, ..*owned })),
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

/// A notification, or that some are missing.
#[derive(Debug, PartialEq)]
pub(crate) enum Received {
    Gap(Gap),
    Notification(Notification),
}

impl Received {
    /// Bytes of its body.
    pub(crate) fn body_len(&self) -> usize {
        match self {
            Self::Gap(_) => 0,
            Self::Notification(notification) => notification.body.len(),
        }
    }
}

/// A push as it arrives: which notification of which service, and its body, still encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    path: Bytes,
    metadata: Metadata,
    codec: NotificationCodec,
    /// The connection's, set on delivery.
    decode_limits: DecodeLimits,
    body: Bytes,
}

/// The codec of a notification's body.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NotificationCodec {
    /// The connection's, whose name is set on delivery.
    Connection(&'static str),
    Named(String),
}

impl Notification {
    pub(crate) fn new(path: Bytes, codec: Option<&str>, metadata: Metadata) -> Self {
        let codec = match codec {
            None => NotificationCodec::Connection(""),
            Some(name) => NotificationCodec::Named(name.to_owned()),
        };
        Self { path, metadata, codec, decode_limits: DecodeLimits::new(), body: Bytes::new() }
    }

    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    /// The same, holding nothing of the read that brought it.
    pub(crate) fn into_owned(mut self) -> Self {
        self.path = Bytes::copy_from_slice(&self.path);
        self.body = Bytes::copy_from_slice(&self.body);
        self
    }

    /// What its connection agreed on, and how its body is to be read.
    pub(crate) fn set_connection(&mut self, codec: &'static str, decode_limits: DecodeLimits) {
        self.decode_limits = decode_limits;
        if let NotificationCodec::Connection(known) = &mut self.codec {
            *known = codec;
        }
    }

    /// `Service/Notification`.
    pub fn path(&self) -> &str {
        std::str::from_utf8(&self.path).unwrap_or_default()
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        self.path().split_once('/').unwrap_or_default().0
    }

    /// The notification's name within its service.
    pub fn method(&self) -> &str {
        self.path().split_once('/').unwrap_or_default().1
    }

    /// Its headers.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The name of the body's codec; `raw` for bytes as they stand.
    pub fn codec(&self) -> &str {
        match &self.codec {
            NotificationCodec::Connection(name) => name,
            NotificationCodec::Named(name) => name,
        }
    }

    /// The encoded body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as a value, read within the limits of the client that received it.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedCodec`] if its codec is not of set `S` (a raw one never is); [`ErrorKind::Decode`] if
    /// it is something else.
    pub fn decode_body<S: DecodeBy<T> + CodecSet, T>(&self) -> Result<T, Error> {
        let index = S::find(self.codec()).ok_or_else(|| {
            let why =
                if self.codec() == RAW { "is raw bytes" } else { "is in a codec this application lacks" };
            Error::new(ErrorKind::UnsupportedCodec, format!("notification {} {why}", self.path()))
        })?;
        S::decode(index, &self.body, self.decode_limits)
    }

    /// The same in memory of its own, if it is small: large bodies hardly share theirs.
    pub(crate) fn detached(mut self) -> Self {
        self.path = Bytes::copy_from_slice(&self.path);
        if self.body.len() <= MAX_INLINE_LEN {
            self.body = Bytes::copy_from_slice(&self.body);
        }
        self
    }

    /// Bytes it holds in an event buffer.
    pub(crate) fn weight(&self) -> usize {
        self.path.len() + self.metadata.byte_len() + self.body.len()
    }
}
