//! Values pushed into a sink, as generated code does it: without a [`Push`] where the sink needs none.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Push, PushError, PushSink, Pushing, Refused, find};
use crate::EncodeBy;

/// Pushes `value` into `sink` as the notification `path`, in the codecs of `S`, without waiting for room.
///
/// # Errors
/// As [`PushSink::try_push`].
pub fn try_push_typed<S, T>(
    sink: &(impl PushSink + ?Sized),
    path: &'static str,
    value: T,
) -> Result<(), Refused>
where
    S: EncodeBy<T>,
    T: Send + Sync + 'static,
{
    match write::<S, T>(sink, path, &value) {
        Some(Ok(())) => Ok(()),
        Some(Err(reason)) => Err(Refused { push: Push::typed::<S, T>(path, value), reason }),
        None => sink.try_push(Push::typed::<S, T>(path, value)),
    }
}

/// Pushes `value` into `sink` as the notification `path`, in the codecs of `S`, waiting for room.
///
/// # Errors
/// The future's are those of [`PushSink::push`].
pub fn push_typed<'a, S, T, P>(sink: &'a P, path: &'static str, value: T) -> TypedPushing<'a, S, T, P>
where
    S: EncodeBy<T>,
    T: Send + Sync + 'static,
    P: PushSink + ?Sized,
{
    TypedPushing { sink, path, state: State::New(value), set: PhantomData }
}

/// The future of [`push_typed`].
///
/// # Cancel safety
/// Cancel safe: dropped before it is ready, the push was not accepted.
#[must_use = "nothing is pushed until it is awaited"]
pub struct TypedPushing<'a, S, T, P: ?Sized> {
    sink: &'a P,
    path: &'static str,
    state: State<'a, T>,
    set: PhantomData<fn() -> S>,
}

enum State<'a, T> {
    Done,
    New(T),
    Waiting(Pushing<'a>),
}

/// Moving it is fine: nothing in it is pinned in place.
impl<S, T, P: ?Sized> Unpin for TypedPushing<'_, S, T, P> {}

impl<S, T, P> Future for TypedPushing<'_, S, T, P>
where
    S: EncodeBy<T>,
    T: Send + Sync + 'static,
    P: PushSink + ?Sized,
{
    type Output = Result<(), PushError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Where the value lies: most are taken at once, and moving them costs as much as encoding them.
        if let State::New(value) = &this.state
            && let Some(result) = write::<S, T>(this.sink, this.path, value)
            && result != Err(PushError::Full)
        {
            this.state = State::Done;
            return Poll::Ready(result);
        }
        let mut pushing = match std::mem::replace(&mut this.state, State::Done) {
            // Encoded once more, and kept for as long as it waits.
            State::New(value) => this.sink.push(Push::typed::<S, T>(this.path, value)),
            State::Waiting(pushing) => pushing,
            State::Done => return Poll::Pending,
        };
        let result = pushing.as_mut().poll(cx);
        if result.is_pending() {
            this.state = State::Waiting(pushing);
        }
        result
    }
}

impl<S, T, P: ?Sized> fmt::Debug for TypedPushing<'_, S, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedPushing").field("path", &self.path).finish_non_exhaustive()
    }
}

fn write<S: EncodeBy<T>, T>(
    sink: &(impl PushSink + ?Sized),
    path: &'static str,
    value: &T,
) -> Option<Result<(), PushError>> {
    sink.try_write(path, &|codec, out| S::encode_body(find::<S>(codec)?, value, out))
}
