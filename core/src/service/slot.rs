//! The place of a handler: it holds one call after the other, so that a call allocates nothing.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;

use super::{Context, Handling, Payload, Service};
use crate::connection::Reply;
use crate::wire::Outcome;
use crate::{Body, CodecIndex, DecodeLimits, Status};

/// The place of one method's calls, one after the other. [`Service::slot`] makes it.
pub struct HandlerSlot(Box<dyn Slot>);

/// A handler's place, whatever the type of its future.
pub(crate) trait Slot: Send {
    /// Takes one step of a call; what is left of it is dropped once it ended. In one function, since a place is called through a
    /// table for every call.
    fn step(&mut self, step: &mut Step<'_>, cx: &mut TaskContext<'_>);

    /// Bytes it takes, about.
    fn size(&self) -> usize;
}

/// What one step of a call is given, and what came of it.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) context: &'a Context,
    /// Those of a call that begins: they are decoded, and the handler's future is made and polled. Else it is polled again.
    pub(crate) arguments: Option<&'a Arguments<'a>>,
    /// What the handler answers is appended here.
    pub(crate) answer: &'a mut Body,
    /// None while the handler pends. Set before what is left of the call is dropped, which may panic: it is answered all the
    /// same.
    pub(crate) ended: Option<Ended>,
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
        let mut payload = Some(payload);
        let mut answer = Body::new();
        Box::pin(std::future::poll_fn(move |cx| {
            let payload = payload.take();
            let arguments = payload.as_ref().map(Payload::arguments);
            let (context, arguments, answer) = (&context, arguments.as_ref(), &mut answer);
            let mut step = Step { context, arguments, answer, ended: None };
            self.get_mut().step(&mut step, cx);
            match step.ended {
                None => Poll::Pending,
                Some(ended) => Poll::Ready(ended.into_reply(context, std::mem::take(step.answer))),
            }
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
    fn step(&mut self, step: &mut Step<'_>, cx: &mut TaskContext<'_>) {
        if let Some(arguments) = step.arguments {
            self.handling = Some((self.call)(step.context.clone(), arguments.to_payload()));
        }
        step.ended = match &mut self.handling {
            None => Some(not_begun().into()),
            Some(handling) => match handling.as_mut().poll(cx) {
                Poll::Pending => return,
                Poll::Ready(reply) => Some(Ended::Made(Box::new(reply))),
            },
        };
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
