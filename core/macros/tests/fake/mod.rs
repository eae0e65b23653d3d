//! The least that generated code needs to run: a typed edge without a wire, in one codec, whose calls answer at once.

#![allow(
    dead_code,
    missing_debug_implementations,
    unnameable_types,
    unreachable_pub,
    unused_imports,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "it stands for a crate, of which each test uses its part, and fails tests"
)]

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{self, Poll, Waker};

use bytes::Bytes;
use linkspan_core::{Codec, CodecIndex, Decode, DecodeLimits, Encode, ErrorKind};
pub use linkspan_core::{DecodeBy, EncodeBy, Error, Push, PushSink, Pushing, Refused};

pub mod typed;

/// The only codec.
#[derive(Debug)]
pub struct Json;

impl Codec for Json {
    const NAME: &'static str = "json";
}

impl<T: serde::Serialize + ?Sized> Encode<T> for Json {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        serde_json::to_writer(out, value).map_err(|error| Error::new(ErrorKind::Encode, error.to_string()))
    }
}

impl<T: serde::de::DeserializeOwned> Decode<T> for Json {
    fn decode(bytes: &[u8], _limits: DecodeLimits) -> Result<T, Error> {
        serde_json::from_slice(bytes).map_err(|error| Error::new(ErrorKind::Decode, error.to_string()))
    }
}

/// The usual stack.
#[derive(Debug)]
pub struct Standard;

impl typed::Stack for Standard {
    type Codecs = (Json,);
}

/// Another one.
#[derive(Debug)]
pub struct Other;

impl typed::Stack for Other {
    type Codecs = (Json, Json);
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Context(pub String);

/// A client of a service in the same process.
pub struct Client<K> {
    caller: typed::Caller,
    stack: PhantomData<fn() -> K>,
}

impl Client<Standard> {
    pub fn of(server: impl typed::IntoService<Standard>) -> Self {
        Self { caller: typed::Caller(server.into_service()), stack: PhantomData }
    }
}

impl<K> Client<K> {
    pub fn caller(&self) -> typed::Caller {
        self.caller.clone()
    }
}

/// Why a call brought no answer.
#[derive(Debug, PartialEq)]
pub enum CallError<E> {
    Method(E),
    Other(String),
}

/// A call that is answered already.
pub struct Call<'a, A, R, E> {
    pub(crate) outcome: Option<Result<R, CallError<E>>>,
    pub(crate) args: PhantomData<&'a A>,
}

impl<A, R, E> Unpin for Call<'_, A, R, E> {}

impl<A, R, E> Future for Call<'_, A, R, E> {
    type Output = Result<R, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.outcome.take().expect("polled once"))
    }
}

/// A one-way call that has run already.
pub struct OneWayCall<'a, A>(pub(crate) PhantomData<&'a A>);

/// What was lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap(pub u64);

/// What arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    pub method: String,
    pub body: Bytes,
}

impl Notification {
    pub fn method(&self) -> &str {
        &self.method
    }

    pub fn decode_body<S: DecodeBy<T>, T>(&self) -> Result<T, Error> {
        S::decode(CodecIndex::new(0), &self.body, DecodeLimits::default())
    }
}

/// A stream of events, which nothing flows through.
#[derive(Debug)]
pub struct Events<E>(PhantomData<E>);

/// A sink that keeps pushes.
#[derive(Clone, Debug, Default)]
pub struct Recorder(pub Arc<Mutex<Vec<Push>>>);

impl Recorder {
    /// Takes out what was pushed, as it would arrive, with the paths.
    pub fn arrivals(&self) -> Vec<(String, Notification)> {
        let pushes = std::mem::take(&mut *self.0.lock().unwrap());
        pushes.iter().map(arrival).collect()
    }
}

/// `push` as it would arrive.
pub fn arrival(push: &Push) -> (String, Notification) {
    let (_, method) = push.path().split_once('/').unwrap();
    let (body, _) = push.body().bytes("json").unwrap();
    (push.path().to_owned(), Notification { method: method.to_owned(), body })
}

impl PushSink for Recorder {
    fn try_push(&self, push: Push) -> Result<(), Refused> {
        self.0.lock().unwrap().push(push);
        Ok(())
    }

    fn push(&self, push: Push) -> Pushing<'_> {
        Box::pin(async move { self.try_push(push).map_err(Into::into) })
    }
}

/// The outcome of a future that is ready at once, as everything here is.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}
