//! A call as a future: started when polled first, cancelled when dropped.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::method::Stub;
use super::{CallError, Caller, Method};
use crate::clock::now;
use crate::codec::{sharing, with_body};
use crate::connection::{Answer, Ended, OutBody, OutRequest};
use crate::service::inherited_deadline;
use crate::wire::Outcome;
use crate::{Body, Code, Error, Metadata, Ran, Session, Status};

/// A call of a method. Awaiting it sends the request and brings the value.
///
/// It borrows its stub, since most calls are awaited where they are made; [`into_owned`](Self::into_owned) is for the others.
///
/// # Cancel safety
/// Dropping it cancels the call: the peer is told, and what its handler does then is the method's cancel policy. Dropped
/// before it was polled, nothing was sent.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<'a, A, R, E> {
    flight: Flight<'a, A, R, E>,
    args: A,
    /// None for most calls.
    metadata: Option<Box<Metadata>>,
    timeout: Option<Duration>,
}

/// How far a call is, and through what it is made. Dropping it gives the call up.
struct Flight<'a, A, R, E> {
    stub: Stub<'a, Method<A, R, E>>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    New,
    Sent(u32),
    Done,
}

/// A value with the response's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response<R> {
    /// What the method returned.
    pub value: R,
    /// The headers that the handler added.
    pub metadata: Metadata,
}

impl<'a, A, R, E> Call<'a, A, R, E> {
    pub(super) fn new(caller: &'a Caller, method: &'a Method<A, R, E>, args: A) -> Self {
        let flight = Flight { stub: Stub::Borrowed(caller, method), state: State::New };
        Self { flight, args, metadata: None, timeout: Some(caller.timeout()) }
    }

    /// The same, borrowing nothing: to be spawned, or kept in a list.
    pub fn into_owned(self) -> Call<'static, A, R, E> {
        let Self { mut flight, args, metadata, timeout } = self;
        let state = std::mem::replace(&mut flight.state, State::Done);
        Call { flight: Flight { stub: flight.stub.to_owned(), state }, args, metadata, timeout }
    }

    /// The same with headers.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = (!metadata.is_empty()).then(|| Box::new(metadata));
        self
    }

    /// The same with a time after which it ends with [`Code::DeadlineExceeded`]. Inside a handler, the handler's own
    /// deadline holds too. Default: [`Limits::call_timeout`](crate::Limits::call_timeout).
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The same without a deadline.
    pub fn without_timeout(mut self) -> Self {
        self.timeout = None;
        self
    }

    /// The same, bringing the response's metadata beside the value.
    pub fn into_response(self) -> CallResponse<'a, A, R, E> {
        CallResponse(self)
    }

    /// Sends the request. Its end wakes the caller, who then polls again.
    fn start(&self, cx: &Context<'_>, body: &mut Body) -> Result<u32, Status> {
        let (caller, method) = self.flight.stub.get();
        let timeout = remaining(self.timeout)?;
        (method.encode)(caller.codec_index(), &self.args, body).map_err(|error| refuse(&error))?;
        let body = OutBody::take(body);
        let metadata = self.metadata.as_deref();
        let request = OutRequest { path: method.path, metadata, timeout, raw: false, body };
        caller
            .session()
            .with_frame(|state| {
                let now = state.now();
                state.connection.start_call(now, request, cx.waker())
            })
            .map_err(|failed| failed.0)
    }

    fn poll_response(&mut self, cx: &Context<'_>) -> Poll<Result<Response<R>, CallError<E>>> {
        match self.flight.state {
            State::New => {
                let started = with_body(|buffer| self.start(cx, buffer));
                self.flight.state = started.as_ref().map_or(State::Done, |call| State::Sent(*call));
                started.map_or_else(|status| Poll::Ready(Err(status.into())), |_| Poll::Pending)
            }
            State::Sent(call) => match self.flight.session().take_small(call) {
                None => with_body(|buffer| self.poll_ended(call, cx, buffer.bytes())),
                Some(answer) => {
                    self.flight.state = State::Done;
                    Poll::Ready(self.decode(answer.outcome, answer.body(), Metadata::new()))
                }
            },
            State::Done => {
                let status = Status::new(Code::Internal, Ran::Maybe, "call was polled after its end");
                Poll::Ready(Err(status.into()))
            }
        }
    }

    /// Looks for the end of `call` under the lock. `buffer` is empty, and lent for the answer.
    #[inline(never)]
    fn poll_ended(
        &mut self,
        call: u32,
        cx: &Context<'_>,
        buffer: &mut Vec<u8>,
    ) -> Poll<Result<Response<R>, CallError<E>>> {
        let ended = ready!(self.flight.session().lock().connection.poll_call(call, cx, buffer));
        self.flight.state = State::Done;
        Poll::Ready(match ended {
            Ended::Plain(outcome) => self.decode(outcome, buffer, Metadata::new()),
            Ended::Other(ended) => match *ended {
                Err(status) => Err(status.into()),
                Ok(Answer { codec: Some(codec), .. }) => {
                    let message = format!("answer is in the codec {codec}");
                    Err(Status::new(Code::Unimplemented, Ran::Yes, message).into())
                }
                Ok(Answer { outcome, body, metadata, .. }) => {
                    sharing(&body, |bytes| self.decode(outcome, bytes, metadata))
                }
            },
        })
    }

    fn decode(&self, outcome: Outcome, body: &[u8], metadata: Metadata) -> Result<Response<R>, CallError<E>> {
        let (caller, method) = self.flight.stub.get();
        let (codec, limits) = (caller.codec_index(), caller.decode_limits());
        match outcome {
            Outcome::Value => (method.decode)(codec, body, limits)
                .map(|value| Response { value, metadata })
                .map_err(|error| unreadable(&error)),
            Outcome::ApplicationError => Err((method.decode_error)(codec, body, limits)
                .map_or_else(|error| unreadable(&error), CallError::Application)),
        }
    }
}

/// Moving a call is fine: nothing in it is pinned.
impl<A, R, E> Unpin for Call<'_, A, R, E> {}

impl<A, R, E> Future for Call<'_, A, R, E> {
    type Output = Result<R, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_response(cx).map_ok(|response| response.value)
    }
}

impl<A, R, E> Flight<'_, A, R, E> {
    fn session(&self) -> &Session {
        self.stub.get().0.session()
    }
}

impl<A, R, E> Drop for Flight<'_, A, R, E> {
    fn drop(&mut self) {
        if let State::Sent(call) = self.state {
            self.session().with_output(|state| {
                let now = state.now();
                state.connection.cancel_call(now, call);
            });
        }
    }
}

impl<A, R, E> fmt::Debug for Call<'_, A, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", self.flight.stub.get().1)
            .field("state", &self.flight.state)
            .finish_non_exhaustive()
    }
}

/// A [`Call`] that brings the response's metadata too.
#[must_use = "a call does nothing until it is awaited"]
pub struct CallResponse<'a, A, R, E>(Call<'a, A, R, E>);

impl<A, R, E> CallResponse<'_, A, R, E> {
    /// As [`Call::into_owned`].
    pub fn into_owned(self) -> CallResponse<'static, A, R, E> {
        CallResponse(self.0.into_owned())
    }
}

impl<A, R, E> Future for CallResponse<'_, A, R, E> {
    type Output = Result<Response<R>, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_response(cx)
    }
}

impl<A, R, E> fmt::Debug for CallResponse<'_, A, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The time left: the call's own, or what the handler that calls has left.
pub(super) fn remaining(own: Option<Duration>) -> Result<Option<Duration>, Status> {
    let inherited = inherited_deadline().map(|deadline| deadline.saturating_duration_since(now()));
    let timeout = own.into_iter().chain(inherited).min();
    if timeout == Some(Duration::ZERO) {
        return Err(Status::new(Code::DeadlineExceeded, Ran::No, "deadline passed before the call"));
    }
    Ok(timeout)
}

fn unreadable<E>(error: &Error) -> CallError<E> {
    let message = format!("answer cannot be read: {}", error.chain());
    CallError::Status(Status::new(Code::Internal, Ran::Yes, message))
}

/// Arguments that cannot be encoded.
pub(super) fn refuse(error: &Error) -> Status {
    Status::new(Code::InvalidArgument, Ran::No, format!("arguments cannot be encoded: {error}"))
}
