//! A push as it arrives.

use bytes::Bytes;

use super::arrivals::Note;
use crate::codec::sharing;
use crate::wire::Gap;
use crate::{CodecIndex, CodecSet, DecodeBy, DecodeLimits, Error, ErrorKind, Metadata, RAW};

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
            Self::Notification(notification) => notification.0.body.len(),
        }
    }

    /// Bytes it holds in an event buffer.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Gap(_) => 0,
            Self::Notification(Notification(parts)) => {
                parts.path.len() + parts.metadata.byte_len() + parts.body.len()
            }
        }
    }
}

/// A push as it arrives: which notification of which service, and its body, still encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification(Box<Parts>); // one word wide: an event that is none stays small

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
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
    Connection,
    Known(&'static str),
    Other(String),
}

impl Notification {
    pub(crate) fn new(path: &str, codec: Option<&str>, metadata: Option<Metadata>) -> Self {
        let codec = match codec {
            None => NotificationCodec::Connection,
            Some(RAW) => NotificationCodec::Known(RAW),
            Some(name) => NotificationCodec::Other(name.to_owned()),
        };
        Self(Box::new(Parts {
            path: Bytes::copy_from_slice(path.as_bytes()),
            metadata: metadata.unwrap_or_default(),
            codec,
            decode_limits: DecodeLimits::new(),
            body: Bytes::new(),
        }))
    }

    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.0.body = body;
        self
    }

    /// What its connection agreed on, and how its body is to be read.
    pub(crate) fn set_connection(&mut self, codec: &'static str, decode_limits: DecodeLimits) {
        self.0.decode_limits = decode_limits;
        if self.0.codec == NotificationCodec::Connection {
            self.0.codec = NotificationCodec::Known(codec);
        }
    }

    /// `Service/Notification`.
    pub fn path(&self) -> &str {
        std::str::from_utf8(&self.0.path).unwrap_or_default()
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
        &self.0.metadata
    }

    /// The name of the body's codec; `raw` for bytes as they stand.
    pub fn codec(&self) -> &str {
        match &self.0.codec {
            NotificationCodec::Connection => "",
            NotificationCodec::Known(name) => name,
            NotificationCodec::Other(name) => name,
        }
    }

    /// The encoded body.
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }

    /// The body as a value, read within the limits of the client that received it.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedCodec`] if its codec is not of set `S` (a raw one never is); [`ErrorKind::Decode`] if
    /// it is something else.
    pub fn decode_body<S: DecodeBy<T> + CodecSet, T>(&self) -> Result<T, Error> {
        let index = S::find(self.codec());
        sharing(&self.0.body, |body| match index {
            Some(index) => S::decode(index, body, self.0.decode_limits),
            None => Err(unsupported(&self.0.path, self.codec())),
        })
    }

    /// The same by reference: what an [`Event`](crate::typed::Event) is decoded from.
    pub fn as_view(&self) -> NotificationRef<'_> {
        NotificationRef {
            path: &self.0.path,
            service: self.service().len(),
            decode_limits: self.0.decode_limits,
            body: &self.0.body,
            place: Place::Notification(self),
        }
    }
}

/// A [`Notification`] where it lies in the buffer it arrived in.
#[derive(Clone, Copy, Debug)]
pub struct NotificationRef<'a> {
    path: &'a [u8],
    /// Length of the path's first part.
    service: usize,
    decode_limits: DecodeLimits,
    body: &'a [u8],
    place: Place<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    /// A small one, in this codec, which is known by its place in the set of the client's stack too.
    Buffer(CodecIndex, &'static str),
    Notification(&'a Notification),
}

impl<'a> NotificationRef<'a> {
    /// `note`, of a connection that agreed on this codec.
    pub(crate) fn new(
        note: Note<'a>,
        (index, codec): (CodecIndex, &'static str),
        decode_limits: DecodeLimits,
    ) -> Self {
        Self {
            path: note.path,
            service: note.service,
            decode_limits,
            body: note.body,
            place: Place::Buffer(index, if note.raw { RAW } else { codec }),
        }
    }

    /// The notification's name within its service.
    pub fn method(&self) -> &'a str {
        std::str::from_utf8(self.method_bytes()).unwrap_or_default()
    }

    /// The same as bytes, which costs nothing.
    pub fn method_bytes(&self) -> &'a [u8] {
        self.path.get(self.service + 1..).unwrap_or_default()
    }

    /// The body as a value, as [`Notification::decode_body`] reads it.
    ///
    /// # Errors
    /// As there.
    pub fn decode_body<S: DecodeBy<T> + CodecSet, T>(&self) -> Result<T, Error> {
        match self.place {
            Place::Buffer(index, codec) => match find::<S>(codec, index) {
                Some(index) => S::decode(index, self.body, self.decode_limits),
                None => Err(unsupported(self.path, codec)),
            },
            Place::Notification(notification) => notification.decode_body::<S, T>(),
        }
    }

    /// A notification of its own.
    pub fn to_notification(&self) -> Notification {
        match self.place {
            Place::Notification(notification) => notification.clone(),
            Place::Buffer(_, codec) => Notification(Box::new(Parts {
                path: Bytes::copy_from_slice(self.path),
                metadata: Metadata::new(),
                codec: NotificationCodec::Known(codec),
                decode_limits: self.decode_limits,
                body: Bytes::copy_from_slice(self.body),
            })),
        }
    }
}

/// Where `codec` is in set `S`: most likely at `likely`.
fn find<S: CodecSet>(codec: &'static str, likely: CodecIndex) -> Option<CodecIndex> {
    match S::NAMES.get(usize::from(likely.get())) {
        // The very same name, most often; else it is compared with all of them.
        Some(known) if std::ptr::eq(*known, codec) => Some(likely),
        _ => S::find(codec),
    }
}

#[cold]
fn unsupported(path: &[u8], codec: &str) -> Error {
    let why = if codec == RAW { "is raw bytes" } else { "is in a codec this application lacks" };
    Error::new(ErrorKind::UnsupportedCodec, format!("notification {} {why}", String::from_utf8_lossy(path)))
}
