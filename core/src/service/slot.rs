//! The place of a handler: it holds one call after the other, so that a call allocates nothing.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;

use super::{Context, Handling, Payload, Service};
use crate::connection::Reply;
use crate::wire::Outcome;
use crate::{Body, CodecIndex, DecodeLimits, Status};

/// The place of one method's calls, one after the other. [`Service::slot`] makes it.
pub struct HandlerSlot(Box<dyn Slot>);

/// A handler's place, whatever the type of its future.
pub(crate) trait Slot: Send {
    /// Begins a call: decodes its arguments and makes the handler's future, which is not polled yet.
    ///
    /// # Errors
    /// The arguments are none of this method: the handler does not run.
    fn start(&mut self, context: &Context, arguments: &Arguments<'_>) -> Result<(), Status>;

    /// Polls the handler; what it answers is appended to `answer`.
    fn poll(&mut self, context: &Context, cx: &mut TaskContext<'_>, answer: &mut Body) -> Poll<Ended>;

    /// Drops what is left of the call.
    fn clear(&mut self);

    /// Bytes it takes, about.
    fn size(&self) -> usize;
}

/// How a handler ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With a reply of its own. Boxed, since it is rare and large.
    Made(Box<Reply>),
    /// Its answer was appended; its headers are in the context.
    Written(Outcome),
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        Self::Made(Box::new(Reply::failure(status)))
    }
}

/// Encoded arguments as they lie in the read that brought them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'a> {
    pub(crate) codec: CodecIndex,
    pub(crate) limits: DecodeLimits,
    pub(crate) bytes: &'a [u8],
    /// The same, if they can be shared.
    pub(crate) shared: Option<&'a Bytes>,
}

impl Arguments<'_> {
    /// The same in memory that outlives the read.
    pub(crate) fn to_payload(self) -> Payload {
        let bytes = self.shared.map_or_else(|| Bytes::copy_from_slice(self.bytes), Bytes::clone);
        Payload { codec: self.codec, limits: self.limits, bytes }
    }
}

impl HandlerSlot {
    pub(crate) fn new(slot: impl Slot + 'static) -> Self {
        Self(Box::new(slot))
    }

    /// A place for a service that makes a future per call.
    pub(crate) fn boxing(service: Arc<dyn Service>, method: usize) -> Self {
        Self::new(Boxing::new(move |context, payload| service.clone().call(method, context, payload)))
    }

    pub(crate) fn get_mut(&mut self) -> &mut dyn Slot {
        &mut *self.0
    }

    /// The future of one call, which takes the place along.
    pub(crate) fn into_handling(mut self, context: Context, payload: Payload) -> Handling {
        let mut begun = false;
        let mut answer = Body::new();
        Box::pin(std::future::poll_fn(move |cx| {
            let slot = self.get_mut();
            if !std::mem::replace(&mut begun, true)
                && let Err(status) = slot.start(&context, &payload.arguments())
            {
                return Poll::Ready(Reply::failure(status));
            }
            let ended = ready!(slot.poll(&context, cx, &mut answer));
            slot.clear();
            Poll::Ready(ended.into_reply(&context, std::mem::take(&mut answer)))
        }))
    }
}

impl Ended {
    /// The reply, whose body was written to `answer` if it has one.
    pub(crate) fn into_reply(self, context: &Context, answer: Body) -> Reply {
        match self {
            Self::Made(reply) => *reply,
            Self::Written(outcome) => Reply::of(outcome, answer, context.take_response_metadata()),
        }
    }
}

impl fmt::Debug for HandlerSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerSlot")
    }
}

/// A place for futures that are boxed per call: those of layers and of services written by hand.
pub(crate) struct Boxing<F> {
    call: F,
    handling: Option<Handling>,
}

impl<F> Boxing<F>
where
    F: FnMut(Context, Payload) -> Handling + Send + 'static,
{
    pub(crate) fn new(call: F) -> Self {
        Self { call, handling: None }
    }
}

impl<F> Slot for Boxing<F>
where
    F: FnMut(Context, Payload) -> Handling + Send + 'static,
{
    fn start(&mut self, context: &Context, arguments: &Arguments<'_>) -> Result<(), Status> {
        self.handling = Some((self.call)(context.clone(), arguments.to_payload()));
        Ok(())
    }

    fn poll(&mut self, _: &Context, cx: &mut TaskContext<'_>, _: &mut Body) -> Poll<Ended> {
        match &mut self.handling {
            Some(handling) => handling.as_mut().poll(cx).map(|reply| Ended::Made(Box::new(reply))),
            None => Poll::Ready(not_begun().into()),
        }
    }

    fn clear(&mut self) {
        self.handling = None;
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// What a place answers that holds no call.
pub(crate) fn not_begun() -> Status {
    Status::new(crate::Code::Internal, crate::Ran::Maybe, "handler was polled after its end")
}
