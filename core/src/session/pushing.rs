//! A session as a sink of pushes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;

use super::Session;
use crate::codec::with_body;
use crate::connection::{Connection, NoRoom, OutBody, OutPush};
use crate::push::Frame;
use crate::wire::{self, Gap, GapReason};
use crate::{Body, BodyCodec, ErrorKind, Metadata, Push, PushError, PushSink, Pushing, Refused, WriteBody};

impl Session {
    /// Pushes bytes as they stand: notification `method` of `service`. The client receives them unchanged, whatever
    /// its codec.
    ///
    /// # Errors
    /// As [`PushSink::push`].
    ///
    /// # Cancel safety
    /// Cancel safe: dropped before it is ready, the push was not accepted.
    pub async fn push_raw(
        &self,
        service: &str,
        method: &str,
        metadata: Metadata,
        bytes: impl Into<Bytes>,
    ) -> Result<(), PushError> {
        self.push(Push::raw(service, method, bytes).with_metadata(metadata)).await
    }

    /// Has `write` encode a push into `body`, which is empty, and appends it. A small one is written behind the head of its frame, so
    /// that under the lock there is one copy to make.
    fn write(&self, path: &str, write: WriteBody<'_>, body: &mut Body) -> Result<(), PushError> {
        if !self.takes_pushes() {
            return Err(PushError::Unaccepted);
        }
        let is_begun = wire::begin_push(path, body.bytes());
        let start = body.bytes().len();
        let encoded = match write(self.codec(), body) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::UnsupportedCodec => false,
            Err(error) => return Err(PushError::Encode(error.to_string())),
        };
        let len = body.len().saturating_sub(start);
        if is_begun && encoded && !body.is_large(start) {
            wire::end_push(body.bytes());
            let frame = &*body.bytes();
            let pushed = self.with_frame(|state| state.connection.push_made(path, frame, len));
            return pushed.map_err(|no_room| reason(no_room, len));
        }
        let push = encoded.then(|| OutPush {
            path,
            metadata: None,
            raw: false,
            body: OutBody::take_from(body, start),
        });
        self.with_frame(|state| offer(&mut state.connection, push)).map_err(|no_room| reason(no_room, len))
    }
}

/// A body, and which codec it is in.
type Encoding = (Bytes, BodyCodec);

/// A push, ready for the sessions of one codec.
pub(super) enum Prepared<'a> {
    /// Small, and the same frame for all.
    Frame(&'a Frame),
    /// Anything else; `None` if it cannot be had in the codec.
    Other(Option<Encoding>),
}

impl<'a> Prepared<'a> {
    /// What `push` is for `session`. As a frame only if it goes to `others` too: else it is written where it is sent from.
    ///
    /// # Errors
    /// The session takes no pushes, or the value cannot be encoded.
    pub(super) fn new(session: &Session, push: &'a Push, others: bool) -> Result<Self, PushError> {
        if !session.takes_pushes() {
            return Err(PushError::Unaccepted);
        }
        if others && let Some(frame) = push.frame(session.codec()) {
            return Ok(Self::Frame(frame));
        }
        match push.body().bytes(session.codec()) {
            Ok(encoded) => Ok(Self::Other(Some(encoded))),
            Err(error) if error.kind() == ErrorKind::UnsupportedCodec => Ok(Self::Other(None)),
            Err(error) => Err(PushError::Encode(error.to_string())),
        }
    }

    /// Hands `push` over, if there is room.
    pub(super) fn offer(&self, push: &Push, connection: &mut Connection) -> Result<(), NoRoom> {
        match self {
            Self::Frame(frame) => connection.push_frame(frame),
            Self::Other(encoded) => offer(connection, out_push(push, encoded.as_ref())),
        }
    }

    /// Length of the body.
    fn len(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.body_len,
            Self::Other(encoded) => encoded.as_ref().map_or(0, |(body, _)| body.len()),
        }
    }
}

fn offer(connection: &mut Connection, push: Option<OutPush<'_>>) -> Result<(), NoRoom> {
    match push {
        Some(push) => connection.push(push),
        None => connection.push_gap(Gap::new(1, GapReason::UnsupportedCodec)),
    }
}

fn out_push<'a>(push: &'a Push, encoded: Option<&'a Encoding>) -> Option<OutPush<'a>> {
    encoded.map(|(body, codec)| OutPush {
        path: push.path(),
        metadata: Some(push.metadata()).filter(|metadata| !metadata.is_empty()),
        raw: *codec == BodyCodec::Raw,
        body: OutBody::share(body),
    })
}

impl PushSink for Session {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        let prepared = match Prepared::new(self, &push, push.is_shared()) {
            Ok(prepared) => prepared,
            Err(reason) => return Err(Refused { push, reason }),
        };
        let (offered, len) =
            (self.with_frame(|state| prepared.offer(&push, &mut state.connection)), prepared.len());
        offered.map_err(|no_room| Refused { reason: reason(no_room, len), push })
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        Box::pin(async move {
            let prepared = Prepared::new(self, &push, push.is_shared())?;
            poll_fn(|cx| {
                let offered = self.with_frame(|state| {
                    let offered = prepared.offer(&push, &mut state.connection);
                    if offered == Err(NoRoom::Full) {
                        state.wait_for_room(cx.waker());
                    }
                    offered
                });
                match offered {
                    Err(NoRoom::Full) => Poll::Pending,
                    offered => Poll::Ready(offered.map_err(|no_room| reason(no_room, prepared.len()))),
                }
            })
            .await
        })
    }

    fn try_write(&self, path: &'static str, write: WriteBody<'_>) -> Option<Result<(), PushError>> {
        Some(with_body(|body| self.write(path, write, body)))
    }
}

fn reason(no_room: NoRoom, len: usize) -> PushError {
    match no_room {
        NoRoom::Closed => PushError::Closed,
        NoRoom::Full => PushError::Full,
        NoRoom::TooLarge => PushError::TooLarge(format!("{len} bytes, or metadata beyond its bounds")),
    }
}

impl<P: PushSink + ?Sized> PushSink for &P {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        (**self).try_push(push)
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        (**self).push(push)
    }

    fn try_write(&self, path: &'static str, write: WriteBody<'_>) -> Option<Result<(), PushError>> {
        (**self).try_write(path, write)
    }
}

impl<P: PushSink + ?Sized> PushSink for Arc<P> {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        (**self).try_push(push)
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        (**self).push(push)
    }

    fn try_write(&self, path: &'static str, write: WriteBody<'_>) -> Option<Result<(), PushError>> {
        (**self).try_write(path, write)
    }
}

impl<P: PushSink + ?Sized> PushSink for Box<P> {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        (**self).try_push(push)
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        (**self).push(push)
    }

    fn try_write(&self, path: &'static str, write: WriteBody<'_>) -> Option<Result<(), PushError>> {
        (**self).try_write(path, write)
    }
}
