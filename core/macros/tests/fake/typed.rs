//! The signatures of the typed edge.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

pub use linkspan_core::typed::{TypedPushing, push_typed, try_push_typed};
use linkspan_core::{CodecIndex, CodecSet, DecodeLimits};
pub use serde;

pub use super::Client;
use super::{Call, CallError, Context, DecodeBy, EncodeBy, Error, Gap, Notification, OneWayCall, now};

pub trait Stack: Send + Sync + 'static {
    type Codecs: CodecSet;
}

pub trait Service: Send + Sync {
    fn name(&self) -> &'static str;
    /// The method's path and policies.
    fn methods(&self) -> Vec<(&'static str, CancelPolicy, RunPolicy)>;
    /// Runs a method; the outer error is the framework's, the inner one the method's own.
    fn run(&self, path: &str, args: &[u8]) -> Result<Result<Vec<u8>, Vec<u8>>, String>;
}

pub trait IntoService<K: Stack> {
    fn into_service(self) -> Arc<dyn Service>;
}

/// What arrived, where it lies.
#[derive(Debug)]
pub struct NotificationRef<'a>(pub &'a Notification);

impl<'a> NotificationRef<'a> {
    pub fn method_bytes(&self) -> &'a [u8] {
        self.0.method().as_bytes()
    }

    pub fn decode_body<S: DecodeBy<T>, T>(&self) -> Result<T, Error> {
        self.0.decode_body::<S, T>()
    }

    pub fn to_notification(&self) -> Notification {
        self.0.clone()
    }
}

pub trait Event<K: Stack>: Sized {
    const SERVICE: &'static str;
    fn decode(notification: &NotificationRef<'_>) -> Result<Self, Error>;
    fn gap(gap: Gap) -> Self;
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CancelPolicy {
    Drop,
    Never,
    Token,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RunPolicy {
    Blocking,
    InPlace,
    Spawn,
}

#[derive(Clone, Copy, Debug)]
pub struct MethodOptions {
    cancel: CancelPolicy,
    run: RunPolicy,
}

/// The implementation, as a handler holds it.
pub struct Shared<T>(Arc<T>);

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl MethodOptions {
    pub fn new() -> Self {
        Self { cancel: CancelPolicy::Drop, run: RunPolicy::InPlace }
    }

    pub fn with_cancel(self, cancel: CancelPolicy) -> Self {
        Self { cancel, ..self }
    }

    pub fn with_run(self, run: RunPolicy) -> Self {
        Self { run, ..self }
    }
}

type Outcome = Result<Result<Vec<u8>, Vec<u8>>, String>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;
type Handler<T> = Box<dyn Fn(Arc<T>, Context, &[u8]) -> Result<Running, String> + Send + Sync>;

pub struct ServiceTable<T> {
    name: &'static str,
    service: Arc<T>,
    methods: BTreeMap<&'static str, (MethodOptions, Handler<T>)>,
}

impl<T: Send + Sync + 'static> ServiceTable<T> {
    pub fn new(name: &'static str, service: Arc<T>) -> Self {
        Self { name, service, methods: BTreeMap::new() }
    }

    pub fn unary<S, A, R, E, F, Fut>(&mut self, path: &'static str, options: MethodOptions, f: F)
    where
        S: DecodeBy<A> + EncodeBy<R> + EncodeBy<E>,
        R: 'static,
        E: 'static,
        F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = (Shared<T>, Result<R, E>)> + Send + 'static,
    {
        self.add::<S, A, _, _, _>(path, options, f, |outcome| match outcome {
            Ok(reply) => encode::<S, R>(&reply).map(Ok),
            Err(fault) => encode::<S, E>(&fault).map(Err),
        });
    }

    pub fn infallible<S, A, R, F, Fut>(&mut self, path: &'static str, options: MethodOptions, f: F)
    where
        S: DecodeBy<A> + EncodeBy<R>,
        R: 'static,
        F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = (Shared<T>, R)> + Send + 'static,
    {
        self.add::<S, A, _, _, _>(path, options, f, |reply| encode::<S, R>(&reply).map(Ok));
    }

    pub fn one_way<S, A, F, Fut>(&mut self, path: &'static str, options: MethodOptions, f: F)
    where
        S: DecodeBy<A>,
        F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = (Shared<T>, ())> + Send + 'static,
    {
        self.add::<S, A, _, _, _>(path, options, f, |()| Ok(Ok(Vec::new())));
    }

    fn add<S, A, O, F, Fut>(
        &mut self,
        path: &'static str,
        options: MethodOptions,
        f: F,
        answer: fn(O) -> Outcome,
    ) where
        O: 'static,
        S: DecodeBy<A>,
        F: Fn(Shared<T>, &Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = (Shared<T>, O)> + Send + 'static,
    {
        let handler: Handler<T> = Box::new(move |service, cx, args| {
            let args = S::decode(CodecIndex::new(0), args, DecodeLimits::default())
                .map_err(|error| error.to_string())?;
            let running = f(Shared(service), &cx, args);
            Ok(Box::pin(async move { answer(running.await.1) }))
        });
        let replaced = self.methods.insert(path, (options, handler));
        assert!(replaced.is_none(), "{path} twice");
    }

    pub fn into_service(self) -> Arc<dyn Service> {
        Arc::new(self)
    }
}

impl<T: Send + Sync + 'static> Service for ServiceTable<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn methods(&self) -> Vec<(&'static str, CancelPolicy, RunPolicy)> {
        self.methods.iter().map(|(path, (options, _))| (*path, options.cancel, options.run)).collect()
    }

    fn run(&self, path: &str, args: &[u8]) -> Outcome {
        let (_, handler) = self.methods.get(path).ok_or_else(|| format!("no method {path}"))?;
        now(handler(Arc::clone(&self.service), Context("a caller".to_owned()), args)?)
    }
}

fn encode<S: EncodeBy<T>, T>(value: &T) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    S::encode(CodecIndex::new(0), value, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn decode<S: DecodeBy<T>, T>(bytes: &[u8]) -> Result<T, String> {
    S::decode(CodecIndex::new(0), bytes, DecodeLimits::default()).map_err(|error| error.to_string())
}

#[derive(Clone)]
pub struct Caller(pub Arc<dyn Service>);

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller")
    }
}

impl Caller {
    pub fn call<'a, A, R, E>(&'a self, method: &'a Method<A, R, E>, args: A) -> Call<'a, A, R, E> {
        let answer = (method.encode)(&args).and_then(|args| self.0.run(method.path, &args));
        let outcome = match answer {
            Ok(answer) => (method.decode)(answer),
            Err(error) => Err(CallError::Other(error)),
        };
        Call { outcome: Some(outcome), args: PhantomData }
    }

    pub fn one_way<'a, A>(&'a self, method: &'a OneWayMethod<A>, args: A) -> OneWayCall<'a, A> {
        (method.encode)(&args).and_then(|args| self.0.run(method.path, &args)).unwrap().unwrap();
        OneWayCall(PhantomData)
    }
}

type DecodeAnswer<R, E> = fn(Result<Vec<u8>, Vec<u8>>) -> Result<R, CallError<E>>;

pub struct Method<A, R, E> {
    path: &'static str,
    encode: fn(&A) -> Result<Vec<u8>, String>,
    decode: DecodeAnswer<R, E>,
}

impl<A, R, E> Clone for Method<A, R, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R, E> Copy for Method<A, R, E> {}

impl<A, R, E> Method<A, R, E> {
    pub fn new<S: EncodeBy<A> + DecodeBy<R> + DecodeBy<E>>(path: &'static str) -> Self {
        let decode: DecodeAnswer<R, E> = |answer| match answer {
            Ok(reply) => decode::<S, R>(&reply).map_err(CallError::Other),
            Err(fault) => Err(decode::<S, E>(&fault).map_or_else(CallError::Other, CallError::Method)),
        };
        Self { path, encode: encode::<S, A>, decode }
    }
}

impl<A, R> Method<A, R, Infallible> {
    pub fn infallible<S: EncodeBy<A> + DecodeBy<R>>(path: &'static str) -> Self {
        let decode: DecodeAnswer<R, Infallible> = |answer| match answer {
            Ok(reply) => decode::<S, R>(&reply).map_err(CallError::Other),
            Err(_) => Err(CallError::Other("an infallible method failed".to_owned())),
        };
        Self { path, encode: encode::<S, A>, decode }
    }
}

pub struct OneWayMethod<A> {
    path: &'static str,
    encode: fn(&A) -> Result<Vec<u8>, String>,
}

impl<A> Clone for OneWayMethod<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for OneWayMethod<A> {}

impl<A> OneWayMethod<A> {
    pub fn new<S: EncodeBy<A>>(path: &'static str) -> Self {
        Self { path, encode: encode::<S, A> }
    }
}
