//! A session as a sink of pushes.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;

use super::Session;
use crate::connection::{NoRoom, OutPush};
use crate::wire::{Gap, GapReason};
use crate::{BodyCodec, ErrorKind, Metadata, Push, PushError, PushSink, Pushing, Refused};

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

    /// The encoded body, or what its absence means to this session.
    fn encode(&self, push: &Push) -> Result<Option<(Bytes, BodyCodec)>, PushError> {
        if !self.takes_pushes() {
            return Err(PushError::Unaccepted);
        }
        match push.body().bytes(self.codec()) {
            Ok(encoded) => Ok(Some(encoded)),
            Err(error) if error.kind() == ErrorKind::UnsupportedCodec => Ok(None),
            Err(error) => Err(PushError::Encode(error.to_string())),
        }
    }

    fn offer(&self, push: &Push, encoded: Option<&(Bytes, BodyCodec)>) -> Result<(), NoRoom> {
        self.with_output(|state| {
            let Some((body, codec)) = encoded else {
                return state.connection.push_gap(Gap::new(1, GapReason::UnsupportedCodec));
            };
            let raw = *codec == BodyCodec::Raw;
            state.connection.push(&OutPush { path: push.path(), metadata: push.metadata(), raw, body })
        })
    }
}

impl PushSink for Session {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        let encoded = match self.encode(&push) {
            Ok(encoded) => encoded,
            Err(reason) => return Err(Refused { push, reason }),
        };
        match self.offer(&push, encoded.as_ref()) {
            Ok(()) => Ok(()),
            Err(no_room) => Err(Refused { reason: reason(no_room, encoded.as_ref()), push }),
        }
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        Box::pin(async move {
            let encoded = self.encode(&push)?;
            poll_fn(|cx| {
                let offered = self.offer(&push, encoded.as_ref());
                if offered != Err(NoRoom::Full) {
                    return Poll::Ready(offered.map_err(|no_room| reason(no_room, encoded.as_ref())));
                }
                let mut state = self.lock();
                // Room may have come since; whoever makes it takes the same lock.
                let len = encoded.as_ref().map_or(0, |(body, _)| body.len());
                if state.connection.closed().is_some() || state.connection.has_room(len) {
                    cx.waker().wake_by_ref();
                } else {
                    state.wait_for_room(cx.waker());
                }
                Poll::Pending
            })
            .await
        })
    }
}

fn reason(no_room: NoRoom, encoded: Option<&(Bytes, BodyCodec)>) -> PushError {
    match no_room {
        NoRoom::Closed => PushError::Closed,
        NoRoom::Full => PushError::Full,
        NoRoom::TooLarge => {
            let len = encoded.map_or(0, |(body, _)| body.len());
            PushError::TooLarge(format!("{len} bytes, or metadata beyond its bounds"))
        }
    }
}

impl<P: PushSink + ?Sized> PushSink for &P {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        (**self).try_push(push)
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        (**self).push(push)
    }
}

impl<P: PushSink + ?Sized> PushSink for Arc<P> {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        (**self).try_push(push)
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        (**self).push(push)
    }
}

impl<P: PushSink + ?Sized> PushSink for Box<P> {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        (**self).try_push(push)
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        (**self).push(push)
    }
}
