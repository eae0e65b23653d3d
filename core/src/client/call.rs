//! A call as a future: started when polled first, cancelled when dropped.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::{CallError, Caller, Method};
use crate::clock::now;
use crate::codec::{sharing, with_body};
use crate::connection::{Answer, Ended, OutBody, OutRequest};
use crate::service::inherited_deadline;
use crate::wire::Outcome;
use crate::{Body, Code, Error, Metadata, Ran, Status};

/// A call of a method. Awaiting it sends the request and brings the value.
///
/// # Cancel safety
/// Dropping it cancels the call: the peer is told, and what its handler does then is the method's cancel policy. Dropped
/// before it was polled, nothing was sent.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<A, R, E> {
    caller: Caller,
    method: Method<A, R, E>,
    args: A,
    metadata: Metadata,
    timeout: Option<Duration>,
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

impl<A, R, E> Call<A, R, E> {
    pub(super) fn new(caller: Caller, method: Method<A, R, E>, args: A) -> Self {
        let timeout = Some(caller.timeout());
        Self { caller, method, args, metadata: Metadata::new(), timeout, state: State::New }
    }

    /// The same with headers.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
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
    pub fn into_response(self) -> CallResponse<A, R, E> {
        CallResponse(self)
    }

    /// Sends the request. Its end wakes the caller, who then polls again.
    fn start(&self, cx: &Context<'_>, body: &mut Body) -> Result<u32, Status> {
        let session = self.caller.session();
        let timeout = remaining(self.timeout)?;
        (self.method.encode)(self.caller.codec_index(), &self.args, body).map_err(|error| refuse(&error))?;
        let body = OutBody::take(body);
        let request =
            OutRequest { path: self.method.path, metadata: &self.metadata, timeout, raw: false, body };
        session
            .with_output(|state| {
                let now = state.now();
                state.connection.start_call(now, request, cx.waker())
            })
            .map_err(|failed| failed.0)
    }

    /// `buffer` is empty, and lent for arguments and answer.
    fn poll_response(
        &mut self,
        cx: &Context<'_>,
        buffer: &mut Body,
    ) -> Poll<Result<Response<R>, CallError<E>>> {
        let ended = match self.state {
            State::New => {
                let started = self.start(cx, buffer);
                self.state = started.as_ref().map_or(State::Done, |call| State::Sent(*call));
                return started.map_or_else(|status| Poll::Ready(Err(status.into())), |_| Poll::Pending);
            }
            State::Sent(call) => {
                ready!(self.caller.session().lock().connection.poll_call(call, cx, buffer.bytes()))
            }
            State::Done => {
                let status = Status::new(Code::Internal, Ran::Maybe, "call was polled after its end");
                return Poll::Ready(Err(status.into()));
            }
        };
        self.state = State::Done;
        Poll::Ready(match ended {
            Ended::Plain(outcome) => self.decode(outcome, buffer.bytes(), Metadata::new()),
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
        let (codec, limits) = (self.caller.codec_index(), self.caller.decode_limits());
        match outcome {
            Outcome::Value => (self.method.decode)(codec, body, limits)
                .map(|value| Response { value, metadata })
                .map_err(|error| unreadable(&error)),
            Outcome::ApplicationError => Err((self.method.decode_error)(codec, body, limits)
                .map_or_else(|error| unreadable(&error), CallError::Application)),
        }
    }
}

/// Moving a call is fine: nothing in it is pinned.
impl<A, R, E> Unpin for Call<A, R, E> {}

impl<A, R, E> Future for Call<A, R, E> {
    type Output = Result<R, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        with_body(|buffer| self.poll_response(cx, buffer)).map_ok(|response| response.value)
    }
}

impl<A, R, E> Drop for Call<A, R, E> {
    fn drop(&mut self) {
        if let State::Sent(call) = self.state {
            self.caller.session().with_output(|state| {
                let now = state.now();
                state.connection.cancel_call(now, call);
            });
        }
    }
}

impl<A, R, E> fmt::Debug for Call<A, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A [`Call`] that brings the response's metadata too.
#[must_use = "a call does nothing until it is awaited"]
pub struct CallResponse<A, R, E>(Call<A, R, E>);

impl<A, R, E> Future for CallResponse<A, R, E> {
    type Output = Result<Response<R>, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        with_body(|buffer| self.0.poll_response(cx, buffer))
    }
}

impl<A, R, E> fmt::Debug for CallResponse<A, R, E> {
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
