//! A service's methods, each compiled for every codec of the application's set.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;

use super::slot::{Arguments, Ended, Slot, Step, not_begun};
use super::{Context, HandlerSlot, Service};
use crate::codec::sharing;
use crate::connection::Reply;
use crate::wire::Outcome;
use crate::{Body, Code, CodecIndex, DecodeBy, DecodeLimits, EncodeBy, Error, Ran, Status};

/// The future of one call: from encoded arguments to encoded answer.
pub type Handling = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Encoded arguments.
#[derive(Clone, Debug)]
pub struct Payload {
    pub(crate) codec: CodecIndex,
    pub(crate) limits: DecodeLimits,
    pub(crate) bytes: Bytes,
}

impl Payload {
    pub(crate) fn arguments(&self) -> Arguments<'_> {
        Arguments { codec: self.codec, limits: self.limits, bytes: &self.bytes, shared: Some(&self.bytes) }
    }
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

/// Where a handler runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunPolicy {
    /// On a thread where it may block: for handlers that wait without `await`, or compute for long.
    ///
    /// The thread is one of the runtime's blocking threads, on which the whole handler runs, its awaits included. At most
    /// [`Limits::max_blocking_handlers`](crate::Limits::max_blocking_handlers) run at once in a server; the others wait
    /// their turn.
    Blocking,
    /// Where its connection is driven, up to its first wait; then as a task. The cheapest, and what most handlers need. One
    /// that computes for long delays the other calls of its connection. On a runtime of several threads it delays no others,
    /// unless its method was quick 127 times in a row before: then by up to some 3 ms, or with a single worker until it
    /// ends, until that is known again. On a runtime of one thread it delays all.
    #[default]
    InPlace,
    /// As a task from its beginning: for handlers that compute for long, say milliseconds, between their awaits. On a
    /// runtime of several threads, it delays no other call, nor what it pushed itself, as long as one of them is free.
    Spawn,
}

/// How a method is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MethodOptions {
    pub(crate) cancel: CancelPolicy,
    pub(crate) run: RunPolicy,
}

impl MethodOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self { cancel: CancelPolicy::Drop, run: RunPolicy::InPlace }
    }

    /// The same, run elsewhere.
    #[must_use]
    pub const fn with_run(mut self, run: RunPolicy) -> Self {
        self.run = run;
        self
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
    slots: Vec<Box<MakeSlot>>,
}

type MakeSlot = dyn Fn() -> HandlerSlot + Send + Sync;

/// The implementation of a service, as its handlers hold it.
///
/// A handler's future gives it back with its answer, for the next call: references are not counted for each, which cores would do
/// in common memory.
pub struct Shared<T>(Arc<T>);

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl<T: Send + Sync + 'static> ServiceTable<T> {
    /// A table without methods.
    pub fn new(name: &'static str, service: Arc<T>) -> Self {
        Self { name, service, methods: Vec::new(), slots: Vec::new() }
    }

    /// Adds a method with an error of its own.
    pub fn unary<S, A, R, E, F, Fut>(&mut self, path: &'static str, options: MethodOptions, handler: F)
    where
        S: DecodeBy<A> + EncodeBy<R> + EncodeBy<E>,
        A: Send + 'static,
        R: Send + 'static,
        E: Send + 'static,
        F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = (Shared<T>, Result<R, E>)> + Send + 'static,
    {
        let finish = |codec, result: Result<R, E>, answer: &mut Body| match result {
            Ok(value) => <S as EncodeBy<R>>::encode_body(codec, &value, answer).map(|()| Outcome::Value),
            Err(error) => {
                <S as EncodeBy<E>>::encode_body(codec, &error, answer).map(|()| Outcome::ApplicationError)
            }
        };
        self.add((path, false, options), <S as DecodeBy<A>>::decode, handler, finish);
    }

    /// Adds a method that cannot fail in the application.
    pub fn infallible<S, A, R, F, Fut>(&mut self, path: &'static str, options: MethodOptions, handler: F)
    where
        S: DecodeBy<A> + EncodeBy<R>,
        A: Send + 'static,
        R: Send + 'static,
        F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = (Shared<T>, R)> + Send + 'static,
    {
        let finish = |codec, value: R, answer: &mut Body| {
            S::encode_body(codec, &value, answer).map(|()| Outcome::Value)
        };
        self.add((path, false, options), <S as DecodeBy<A>>::decode, handler, finish);
    }

    /// Adds a method that is never answered, and never cancelled.
    pub fn one_way<S, A, F, Fut>(&mut self, path: &'static str, options: MethodOptions, handler: F)
    where
        S: DecodeBy<A>,
        A: Send + 'static,
        F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = (Shared<T>, ())> + Send + 'static,
    {
        let options = options.with_cancel(CancelPolicy::Never);
        self.add((path, true, options), S::decode, handler, |_, (), _: &mut Body| Ok(Outcome::Value));
    }

    /// The finished service.
    pub fn into_service(self) -> Arc<dyn Service> {
        Arc::new(self)
    }

    fn add<A, O, F, Fut, D, E>(
        &mut self,
        (path, one_way, options): (&'static str, bool, MethodOptions),
        decode: D,
        handler: F,
        finish: E,
    ) where
        A: 'static,
        O: 'static,
        F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = (Shared<T>, O)> + Send + 'static,
        D: Fn(CodecIndex, &[u8], DecodeLimits) -> Result<A, Error> + Copy + Send + Sync + 'static,
        E: Fn(CodecIndex, O, &mut Body) -> Result<Outcome, Error> + Copy + Send + Sync + 'static,
    {
        self.methods.push(MethodDescription { path, one_way, options });
        let (service, handler) = (self.service.clone(), Arc::new(handler));
        self.slots.push(Box::new(move || {
            HandlerSlot::new(TypedSlot {
                path,
                service: service.clone(),
                spare: None,
                handler: handler.clone(),
                decode,
                finish,
                codec: CodecIndex::new(0),
                future: Box::pin(None),
                values: PhantomData,
            })
        }));
    }
}

/// A place for futures of one type. Their box stays when they end.
struct TypedSlot<T, A, O, F, Fut, D, E> {
    path: &'static str,
    service: Arc<T>,
    /// What the last call gave back.
    spare: Option<Shared<T>>,
    handler: Arc<F>,
    decode: D,
    finish: E,
    /// That of the present call.
    codec: CodecIndex,
    future: Pin<Box<Option<Fut>>>,
    values: PhantomData<fn(A) -> O>,
}

impl<T, A, O, F, Fut, D, E> Slot for TypedSlot<T, A, O, F, Fut, D, E>
where
    A: 'static,
    O: 'static,
    T: Send + Sync + 'static,
    F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = (Shared<T>, O)> + Send + 'static,
    D: Fn(CodecIndex, &[u8], DecodeLimits) -> Result<A, Error> + Copy + Send + Sync + 'static,
    E: Fn(CodecIndex, O, &mut Body) -> Result<Outcome, Error> + Copy + Send + Sync + 'static,
{
    fn step(&mut self, step: &mut Step<'_>, cx: &mut TaskContext<'_>) {
        if let Some(arguments) = step.arguments
            && let Err(status) = self.begin(step.context, arguments)
        {
            step.ended = Some(status.into());
            return;
        }
        let Some(future) = self.future.as_mut().as_pin_mut() else {
            step.ended = Some(not_begun().into());
            return;
        };
        let Poll::Ready((service, output)) = future.poll(cx) else { return };
        self.spare = Some(service);
        let ended = match (self.finish)(self.codec, output, step.answer) {
            Ok(outcome) => Ended::Written(outcome),
            Err(error) => {
                let message = format!("{}: {}", self.path, error.chain());
                Status::new(Code::Internal, Ran::Yes, message).into()
            }
        };
        step.ended = Some(ended);
        self.future.set(None);
    }

    fn size(&self) -> usize {
        size_of::<Self>() + size_of::<Option<Fut>>()
    }
}

impl<T, A, O, F, Fut, D, E> TypedSlot<T, A, O, F, Fut, D, E>
where
    F: Fn(Shared<T>, &Context, A) -> Fut,
    D: Fn(CodecIndex, &[u8], DecodeLimits) -> Result<A, Error>,
{
    /// Decodes the arguments and makes the handler's future.
    ///
    /// # Errors
    /// The arguments are none of this method: the handler does not run.
    #[inline]
    fn begin(&mut self, context: &Context, arguments: &Arguments<'_>) -> Result<(), Status> {
        let &Arguments { codec, limits, bytes, shared } = arguments;
        let decoded = match shared {
            None => (self.decode)(codec, bytes, limits),
            Some(shared) => sharing(shared, |bytes| (self.decode)(codec, bytes, limits)),
        };
        let values = decoded.map_err(|error| {
            let message = format!("arguments of {}: {}", self.path, error.chain());
            Status::new(Code::InvalidArgument, Ran::No, message)
        })?;
        self.codec = codec;
        let service = self.spare.take().unwrap_or_else(|| Shared(self.service.clone()));
        self.future.set(Some((self.handler)(service, context, values)));
        Ok(())
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
        match self.slots.get(method) {
            Some(make) => make().into_handling(context, payload),
            None => {
                let status =
                    Status::new(Code::Unimplemented, Ran::No, format!("{} has no such method", self.name));
                Box::pin(std::future::ready(Reply::failure(status)))
            }
        }
    }

    fn slot(&self, method: usize) -> Option<HandlerSlot> {
        self.slots.get(method).map(|make| make())
    }
}

impl<T> fmt::Debug for ServiceTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceTable").field("name", &self.name).field("methods", &self.methods).finish()
    }
}
