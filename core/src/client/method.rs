//! Methods as a stub knows them: a path, and how arguments and answers are encoded in each codec.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Call, OneWayCall};
use crate::{Body, Close, CloseCode, CodecIndex, DecodeBy, DecodeLimits, EncodeBy, Error, Session};

/// Starts calls on one connection. Cheap to clone; the connection stays open as long as one is left.
#[derive(Clone, Debug)]
pub struct Caller {
    keep: Arc<Keep>,
    timeout: Duration,
    codec: CodecIndex,
    decode_limits: DecodeLimits,
}

/// Closes the session when dropped.
#[derive(Debug)]
struct Keep(Session);

impl Drop for Keep {
    fn drop(&mut self) {
        self.0.close(Close::new(CloseCode::NORMAL, "client was dropped"));
    }
}

impl Caller {
    pub(crate) fn new(session: Session, timeout: Duration) -> Self {
        let (codec, decode_limits) = (session.codec_index(), session.decode_limits());
        Self { keep: Arc::new(Keep(session)), timeout, codec, decode_limits }
    }

    /// Starts nothing yet: the future does, when polled first.
    pub fn call<'a, A, R, E>(&'a self, method: &'a Method<A, R, E>, args: A) -> Call<'a, A, R, E> {
        Call::new(self, method, args)
    }

    /// Sends nothing yet: the future does, when polled first.
    pub fn one_way<'a, A>(&'a self, method: &'a OneWayMethod<A>, args: A) -> OneWayCall<'a, A> {
        OneWayCall::new(self, method, args)
    }

    /// The peer that is called.
    pub fn session(&self) -> &Session {
        &self.keep.0
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn codec_index(&self) -> CodecIndex {
        self.codec
    }

    pub(super) fn decode_limits(&self) -> DecodeLimits {
        self.decode_limits
    }
}

/// The connection and the method of a call.
pub(super) enum Stub<'a, M> {
    Borrowed(&'a Caller, &'a M),
    Owned(Box<(Caller, M)>),
}

impl<M: Copy> Stub<'_, M> {
    #[inline]
    pub(super) fn get(&self) -> (&Caller, &M) {
        match self {
            Self::Borrowed(caller, method) => (caller, method),
            Self::Owned(stub) => (&stub.0, &stub.1),
        }
    }

    pub(super) fn to_owned(&self) -> Stub<'static, M> {
        let (caller, method) = self.get();
        Stub::Owned(Box::new((caller.clone(), *method)))
    }
}

pub(crate) type EncodeFn<T> = fn(CodecIndex, &T, &mut Body) -> Result<(), Error>;
pub(crate) type DecodeFn<T> = fn(CodecIndex, &[u8], DecodeLimits) -> Result<T, Error>;

/// A method with arguments `A`, value `R` and error `E`, compiled for every codec of one set.
pub struct Method<A, R, E> {
    pub(crate) path: &'static str,
    pub(crate) encode: EncodeFn<A>,
    pub(crate) decode: DecodeFn<R>,
    pub(crate) decode_error: DecodeFn<E>,
}

impl<A, R, E> Method<A, R, E> {
    /// The method at `path`, in the codecs of set `S`.
    pub fn new<S: EncodeBy<A> + DecodeBy<R> + DecodeBy<E>>(path: &'static str) -> Self {
        Self {
            path,
            encode: <S as EncodeBy<A>>::encode_body,
            decode: <S as DecodeBy<R>>::decode,
            decode_error: <S as DecodeBy<E>>::decode,
        }
    }
}

impl<A, R> Method<A, R, Infallible> {
    /// The method at `path`, which has no error of its own.
    pub fn infallible<S: EncodeBy<A> + DecodeBy<R>>(path: &'static str) -> Self {
        Self {
            path,
            encode: <S as EncodeBy<A>>::encode_body,
            decode: <S as DecodeBy<R>>::decode,
            decode_error: |_, _, _| Err(Error::protocol("an error from a method that has none")),
        }
    }
}

/// A method that is never answered.
pub struct OneWayMethod<A> {
    pub(crate) path: &'static str,
    pub(crate) encode: EncodeFn<A>,
}

impl<A> OneWayMethod<A> {
    /// The method at `path`, in the codecs of set `S`.
    pub fn new<S: EncodeBy<A>>(path: &'static str) -> Self {
        Self { path, encode: <S as EncodeBy<A>>::encode_body }
    }
}

impl<A, R, E> Clone for Method<A, R, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R, E> Copy for Method<A, R, E> {}

impl<A> Clone for OneWayMethod<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for OneWayMethod<A> {}

impl<A, R, E> fmt::Debug for Method<A, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Method").field(&self.path).finish()
    }
}

impl<A> fmt::Debug for OneWayMethod<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OneWayMethod").field(&self.path).finish()
    }
}
