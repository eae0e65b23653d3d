//! A session as a sink of pushes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;

use super::{Session, State};
use crate::codec::with_body;
use crate::connection::{NoRoom, OutBody, OutPush};
use crate::wire::{Gap, GapReason};
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

    fn write(&self, path: &str, write: WriteBody<'_>, body: &mut Body) -> Result<(), PushError> {
        if !self.takes_pushes() {
            return Err(PushError::Unaccepted);
        }
        let encoded = match write(self.codec(), body) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::UnsupportedCodec => false,
            Err(error) => return Err(PushError::Encode(error.to_string())),
        };
        let len = body.len();
        let push = encoded.then(|| OutPush { path, metadata: None, raw: false, body: OutBody::take(body) });
        self.with_output(|state| offer(state, push)).map_err(|no_room| reason(no_room, len))
    }
}

/// A body, and which codec it is in.
pub(super) type Encoding = (Bytes, BodyCodec);

/// The encoded body, or what its absence means to `session`.
pub(super) fn encode(session: &Session, push: &Push) -> Result<Option<Encoding>, PushError> {
    if !session.takes_pushes() {
        return Err(PushError::Unaccepted);
    }
    match push.body().bytes(session.codec()) {
        Ok(encoded) => Ok(Some(encoded)),
        Err(error) if error.kind() == ErrorKind::UnsupportedCodec => Ok(None),
        Err(error) => Err(PushError::Encode(error.to_string())),
    }
}

fn offer(state: &mut State, push: Option<OutPush<'_>>) -> Result<(), NoRoom> {
    match push {
        Some(push) => state.connection.push(push),
        None => state.connection.push_gap(Gap::new(1, GapReason::UnsupportedCodec)),
    }
}

pub(super) fn out_push<'a>(push: &'a Push, encoded: Option<&'a Encoding>) -> Option<OutPush<'a>> {
    encoded.map(|(body, codec)| OutPush {
        path: push.path(),
        metadata: Some(push.metadata()).filter(|metadata| !metadata.is_empty()),
        raw: *codec == BodyCodec::Raw,
        body: OutBody::share(body),
    })
}

fn len(encoded: Option<&Encoding>) -> usize {
    encoded.map_or(0, |(body, _)| body.len())
}

impl PushSink for Session {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        let encoded = match encode(self, &push) {
            Ok(encoded) => encoded,
            Err(reason) => return Err(Refused { push, reason }),
        };
        let offered = self.with_output(|state| offer(state, out_push(&push, encoded.as_ref())));
        offered.map_err(|no_room| Refused { reason: reason(no_room, len(encoded.as_ref())), push })
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        Box::pin(async move {
            let encoded = encode(self, &push)?;
            poll_fn(|cx| {
                let offered = self.with_output(|state| {
                    let offered = offer(state, out_push(&push, encoded.as_ref()));
                    if offered == Err(NoRoom::Full) {
                        state.wait_for_room(cx.waker());
                    }
                    offered
                });
                match offered {
                    Err(NoRoom::Full) => Poll::Pending,
                    offered => Poll::Ready(offered.map_err(|no_room| reason(no_room, len(encoded.as_ref())))),
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
