//! The third waist: one-way messages to a peer, and whatever they can be handed to.

mod frames;
mod typed;

pub use typed::{TypedPushing, push_typed, try_push_typed};

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

pub(crate) use frames::Frame;
use frames::Frames;

use crate::codec::{RAW, with_body};
use crate::wire::is_path;
use crate::{Body, CodecIndex, CodecSet, EncodeBy, Error, ErrorKind, Metadata};

/// Anything a push can be handed to: a session, everyone, a backplane, a test.
///
/// # Contract
/// - Pushes accepted from one task reach each receiver in the order of acceptance.
/// - Nothing accepted is lost silently: what a receiver cannot get arrives there as a gap.
///
/// ```
/// use std::sync::Mutex;
/// use linkspan_core::{Push, PushSink, Refused};
///
/// /// Keeps pushes, for a test.
/// #[derive(Debug, Default)]
/// struct Recorder(Mutex<Vec<Push>>);
///
/// impl PushSink for Recorder {
///     fn try_push(&self, push: Push) -> Result<(), Refused> {
///         self.0.lock().expect("no panic while held").push(push);
///         Ok(())
///     }
///     fn push(&self, push: Push) -> linkspan_core::Pushing<'_> {
///         Box::pin(async move { self.try_push(push).map_err(Into::into) })
///     }
/// }
/// let sink = Recorder::default();
/// sink.try_push(Push::raw("Log", "Line", b"hello".as_slice())).unwrap();
/// ```
pub trait PushSink: Send + Sync {
    /// Hands over `push` at once, or says why not.
    ///
    /// # Errors
    /// [`Refused`] holds the push again, with the reason: no room, closed, too large, no common codec.
    fn try_push(&self, push: Push) -> Result<(), Refused>;

    /// Hands over `push`, waiting for room.
    ///
    /// # Errors
    /// [`PushError`] as of [`try_push`](Self::try_push), except that a full sink is waited for.
    ///
    /// # Cancel safety
    /// Cancel safe: dropped before it is ready, the push was not accepted.
    fn push(&self, push: Push) -> Pushing<'_>;

    /// Has `write` append the body of notification `path` in this sink's codec, and takes it at once, or says why not.
    /// `None`, which is what the provided method returns: this sink takes a whole [`Push`] only, and nothing was written.
    ///
    /// Generated code asks this first. A session says yes, since it then needs no allocation for a push to it alone.
    ///
    /// # Errors
    /// [`PushError`] as of [`try_push`](Self::try_push).
    fn try_write(&self, path: &'static str, write: WriteBody<'_>) -> Option<Result<(), PushError>> {
        let _ = (path, write);
        None
    }
}

/// Appends a body in the codec of that name: the bytes that [`Encoded::bytes`] returns.
pub type WriteBody<'a> = &'a dyn Fn(&str, &mut Body) -> Result<(), Error>;

/// The future of [`PushSink::push`].
pub type Pushing<'a> = Pin<Box<dyn Future<Output = Result<(), PushError>> + Send + 'a>>;

const _: fn(&dyn PushSink) = |_| {}; // object safety, proved at compile time

/// A one-way message: which notification of which service, and its body. Cheap to clone; all is shared.
#[derive(Clone)]
pub struct Push(Arc<Inner>);

struct Inner {
    path: Cow<'static, str>,
    metadata: Metadata,
    body: Arc<dyn Encoded>,
    frames: Frames,
}

impl Push {
    /// A typed push; `path` is `Service/Notification`. Made by the code that `#[notifications]` generates.
    pub fn typed<S, T>(path: &'static str, value: T) -> Self
    where
        S: EncodeBy<T>,
        T: Send + Sync + 'static,
    {
        Self::new(path, Arc::new(EncodeOnce::<S, T>::new(value)))
    }

    /// A push of bytes as they stand, which every client receives unchanged whatever its codec.
    pub fn raw(service: &str, method: &str, bytes: impl Into<Bytes>) -> Self {
        Self::new(format!("{service}/{method}"), Arc::new(RawBody(bytes.into())))
    }

    /// A push with a body of one's own.
    pub fn new(path: impl Into<Cow<'static, str>>, body: Arc<dyn Encoded>) -> Self {
        let (path, metadata, frames) = (path.into(), Metadata::new(), Frames::default());
        Self(Arc::new(Inner { path, metadata, body, frames }))
    }

    /// The same with metadata.
    #[must_use]
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        let (path, body) = (self.0.path.clone(), self.0.body.clone());
        Self(Arc::new(Inner { path, metadata, body, frames: Frames::default() }))
    }

    /// `Service/Notification`.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Its headers.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// Its body.
    pub fn body(&self) -> &Arc<dyn Encoded> {
        &self.0.body
    }

    /// True if somebody holds a clone of it: it goes to several, or to one again.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// The frame that it is for every session with `codec`, encoded once; `None` if it is not the same small frame for all of
    /// them, or none at all.
    pub(crate) fn frame(&self, codec: &'static str) -> Option<&Frame> {
        self.0.frames.find(codec, || {
            if !self.metadata().is_empty() || !is_path(self.path()) {
                return None;
            }
            let (body, encoding) = self.body().bytes(codec).ok()?;
            Frame::new(self.path(), &body, encoding == BodyCodec::Raw)
        })
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("path", &self.path())
            .field("metadata", self.metadata())
            .field("body", self.body())
            .finish()
    }
}

/// A body that encodes itself once per codec and keeps the result, so that a push to many is encoded once per codec.
pub trait Encoded: Send + Sync + fmt::Debug {
    /// The body in the codec called `codec`, and the name of the codec it really is in: the same, or [`RAW`].
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedCodec`] if it cannot be had in this codec; [`ErrorKind::Encode`] if this value cannot.
    fn bytes(&self, codec: &str) -> Result<(Bytes, BodyCodec), Error>;
}

/// Which codec a body is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a body is in the connection's codec or in none")]
pub enum BodyCodec {
    /// The codec asked for.
    Asked,
    /// None: bytes as they stand.
    Raw,
}

struct EncodeOnce<S, T> {
    value: T,
    kept: [OnceLock<Bytes>; MAX_CODECS],
    set: PhantomData<fn() -> S>,
}

impl<S, T> EncodeOnce<S, T> {
    fn new(value: T) -> Self {
        Self { value, kept: [const { OnceLock::new() }; MAX_CODECS], set: PhantomData }
    }
}

impl<S, T> fmt::Debug for EncodeOnce<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<T>())
    }
}

impl<S: EncodeBy<T>, T: Send + Sync> Encoded for EncodeOnce<S, T> {
    fn bytes(&self, codec: &str) -> Result<(Bytes, BodyCodec), Error> {
        let index = find::<S>(codec)?;
        let kept = self.kept.get(usize::from(index.get())).ok_or_else(|| unsupported(codec))?;
        if let Some(bytes) = kept.get() {
            return Ok((bytes.clone(), BodyCodec::Asked));
        }
        let bytes = encode::<S, T>(index, &self.value)?;
        Ok((kept.get_or_init(|| bytes).clone(), BodyCodec::Asked))
    }
}

fn find<S: CodecSet>(codec: &str) -> Result<CodecIndex, Error> {
    S::find(codec).ok_or_else(|| unsupported(codec))
}

fn unsupported(codec: &str) -> Error {
    Error::new(ErrorKind::UnsupportedCodec, format!("push cannot be encoded as {codec}"))
}

fn encode<S: EncodeBy<T>, T>(index: CodecIndex, value: &T) -> Result<Bytes, Error> {
    with_body(|out| {
        let out = out.bytes(); // in one piece, for all who share it
        S::encode(index, value, out)?;
        // A small one is copied to memory of its size, which costs less than to grow there.
        Ok(if out.len() <= MAX_COPIED { Bytes::copy_from_slice(out) } else { std::mem::take(out).into() })
    })
}

struct RawBody(Bytes);

impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RAW} ({} bytes)", self.0.len())
    }
}

impl Encoded for RawBody {
    fn bytes(&self, _codec: &str) -> Result<(Bytes, BodyCodec), Error> {
        Ok((self.0.clone(), BodyCodec::Raw))
    }
}

/// A push that was not accepted, handed back with the reason.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The push, unchanged.
    pub push: Push,
    /// Why it was not accepted.
    pub reason: PushError,
}

/// Why a push was not accepted. Nothing of it was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The receiver is gone for good.
    #[error("session is closed")]
    Closed,
    /// The value cannot be encoded.
    #[error("push cannot be encoded: {0}")]
    Encode(String),
    /// The outbox is full; [`PushSink::push`] would wait.
    #[error("outbox is full")]
    Full,
    /// The push exceeds the largest message, or its metadata their bounds.
    #[error("push is too large: {0}")]
    TooLarge(String),
    /// The receiver takes no pushes: a server does not, its clients call it.
    #[error("a server takes no pushes")]
    Unaccepted,
    /// The receiver's codec cannot carry it.
    #[error("push cannot be had in the codec {0}")]
    UnsupportedCodec(String),
}

impl From<Refused> for PushError {
    fn from(refused: Refused) -> Self {
        refused.reason
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "push of {} was refused", self.push.path())
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

/// The largest codec set, as `codec/set.rs` implements.
const MAX_CODECS: usize = 6;
/// Longest body that is copied out of the buffer it was encoded in: as long as one that travels in its frame.
const MAX_COPIED: usize = 16 * 1024;
