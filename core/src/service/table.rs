//! A service's methods, each compiled for every codec of the application's set.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::{Context, Service};
use crate::connection::{Reply, ReplyBody};
use crate::{Code, CodecIndex, DecodeBy, DecodeLimits, EncodeBy, Error, Ran, Status};

/// The future of one call: from encoded arguments to encoded answer.
pub type Handling = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Encoded arguments.
#[derive(Clone, Debug)]
pub struct Payload {
    pub(crate) codec: CodecIndex,
    pub(crate) limits: DecodeLimits,
    pub(crate) bytes: Bytes,
}

/// What happens to a handler whose caller gave up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three answers are the protocol's")]
pub enum CancelPolicy {
    /// Its token is set and its future dropped at its next await.
    #[default]
    Drop,
    /// Nothing: it runs to its end, unless the server has shut down and its drain is over. For methods that change
    /// something halfway.
    Never,
    /// Its token is set; it decides itself.
    Token,
}

/// How a method is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MethodOptions {
    pub(crate) cancel: CancelPolicy,
}

impl MethodOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self { cancel: CancelPolicy::Drop }
    }

    /// The same with another cancel policy.
    #[must_use]
    pub const fn with_cancel(mut self, cancel: CancelPolicy) -> Self {
        self.cancel = cancel;
        self
    }
}

/// A method, as the router sees it.
#[derive(Clone, Copy, Debug)]
pub struct MethodDescription {
    /// `Service/Method`.
    pub path: &'static str,
    /// It is never answered.
    pub one_way: bool,
    /// How it is called.
    pub options: MethodOptions,
}

/// The methods of a service implemented by `T`. Filled by the code that `#[service]` generates.
pub struct ServiceTable<T> {
    name: &'static str,
    service: Arc<T>,
    methods: Vec<MethodDescription>,
    starts: Vec<Box<Start<T>>>,
}

type Start<T> = dyn Fn(Arc<T>, Context, Payload) -> Handling + Send + Sync;

impl<T: Send + Sync + 'static> ServiceTable<T> {
    /// A table without methods.
    pub fn new(name: &'static str, service: Arc<T>) -> Self {
        Self { name, service, methods: Vec::new(), starts: Vec::new() }
    }

    /// Adds a method with an error of its own.
    pub fn unary<S, A, R, E, F, Fut>(&mut self, path: &'static str, options: MethodOptions, handler: F)
    where
        S: DecodeBy<A> + EncodeBy<R> + EncodeBy<E>,
        A: Send + 'static,
        R: Send + 'static,
        E: Send + 'static,
        F: Fn(Arc<T>, Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        self.add::<S, A, _, _, _>(
            (path, false, options),
            handler,
            |codec, result: Result<R, E>| match result {
                Ok(value) => encode::<S, R>(codec, &value).map(ReplyBody::Value),
                Err(error) => encode::<S, E>(codec, &error).map(ReplyBody::ApplicationError),
            },
        );
    }

    /// Adds a method that cannot fail in the application.
    pub fn infallible<S, A, R, F, Fut>(&mut self, path: &'static str, options: MethodOptions, handler: F)
    where
        S: DecodeBy<A> + EncodeBy<R>,
        A: Send + 'static,
        R: Send + 'static,
        F: Fn(Arc<T>, Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = R> + Send + 'static,
    {
        self.add::<S, A, _, _, _>((path, false, options), handler, |codec, value: R| {
            encode::<S, R>(codec, &value).map(ReplyBody::Value)
        });
    }

    /// Adds a method that is never answered, and never cancelled.
    pub fn one_way<S, A, F, Fut>(&mut self, path: &'static str, options: MethodOptions, handler: F)
    where
        S: DecodeBy<A>,
        A: Send + 'static,
        F: Fn(Arc<T>, Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let options = options.with_cancel(CancelPolicy::Never);
        self.add::<S, A, _, _, _>((path, true, options), handler, |_, ()| Ok(ReplyBody::Value(Vec::new())));
    }

    /// The finished service.
    pub fn into_service(self) -> Arc<dyn Service> {
        Arc::new(self)
    }

    fn add<S, A, O, F, Fut>(
        &mut self,
        (path, one_way, options): (&'static str, bool, MethodOptions),
        handler: F,
        finish: impl Fn(CodecIndex, O) -> Result<ReplyBody, Error> + Copy + Send + Sync + 'static,
    ) where
        S: DecodeBy<A>,
        A: Send + 'static,
        O: Send,
        F: Fn(Arc<T>, Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        self.methods.push(MethodDescription { path, one_way, options });
        self.starts.push(Box::new(move |service, context: Context, payload| {
            let args = match S::decode(payload.codec, &payload.bytes, payload.limits) {
                Ok(args) => args,
                Err(error) => return Box::pin(std::future::ready(refuse(path, &error))),
            };
            let future = handler(service, context.clone(), args);
            Box::pin(async move {
                let body = finish(payload.codec, future.await).unwrap_or_else(|error| {
                    let message = format!("{path}: {}", error.chain());
                    ReplyBody::Failure(Status::new(Code::Internal, Ran::Yes, message))
                });
                Reply { body, metadata: context.take_response_metadata() }
            })
        }));
    }
}

impl<T: Send + Sync + 'static> Service for ServiceTable<T> {
    fn name(&self) -> &str {
        self.name
    }

    fn methods(&self) -> &[MethodDescription] {
        &self.methods
    }

    fn call(self: Arc<Self>, method: usize, context: Context, payload: Payload) -> Handling {
        match self.starts.get(method) {
            Some(start) => start(self.service.clone(), context, payload),
            None => {
                let status =
                    Status::new(Code::Unimplemented, Ran::No, format!("{} has no such method", self.name));
                Box::pin(std::future::ready(Reply::failure(status)))
            }
        }
    }
}

impl<T> fmt::Debug for ServiceTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceTable").field("name", &self.name).field("methods", &self.methods).finish()
    }
}

fn encode<S: EncodeBy<V>, V>(codec: CodecIndex, value: &V) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(SMALL_ANSWER_LEN);
    S::encode(codec, value, &mut out)?;
    Ok(out)
}

fn refuse(path: &str, error: &Error) -> Reply {
    Reply::failure(Status::new(
        Code::InvalidArgument,
        Ran::No,
        format!("arguments of {path}: {}", error.chain()),
    ))
}

/// Room for an answer at first: small ones, which are most, then need no second allocation.
const SMALL_ANSWER_LEN: usize = 64;
