//! A one-way call as a future: ready when the request is queued.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::call::{refuse, remaining};
use super::method::Stub;
use super::{Caller, OneWayMethod};
use crate::codec::with_body;
use crate::connection::{OutBody, OutRequest};
use crate::{Metadata, Status};

/// A call that is never answered. Awaiting it queues the request, waiting for room; whether it ran nobody tells.
///
/// # Cancel safety
/// Dropped before it is ready, nothing was sent.
#[must_use = "a call does nothing until it is awaited"]
pub struct OneWayCall<'a, A> {
    stub: Stub<'a, OneWayMethod<A>>,
    args: A,
    /// None for most calls.
    metadata: Option<Box<Metadata>>,
}

impl<'a, A> OneWayCall<'a, A> {
    pub(super) fn new(caller: &'a Caller, method: &'a OneWayMethod<A>, args: A) -> Self {
        Self { stub: Stub::Borrowed(caller, method), args, metadata: None }
    }

    /// The same with headers.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = (!metadata.is_empty()).then(|| Box::new(metadata));
        self
    }

    /// The same, borrowing nothing: to be spawned, or kept in a list.
    pub fn into_owned(self) -> OneWayCall<'static, A> {
        let Self { stub, args, metadata } = self;
        OneWayCall { stub: stub.to_owned(), args, metadata }
    }

    fn start(&self, cx: &Context<'_>) -> Poll<Result<(), Status>> {
        let (caller, method) = self.stub.get();
        let session = caller.session();
        let timeout = remaining(None)?;
        with_body(|body| {
            (method.encode)(caller.codec_index(), &self.args, body).map_err(|error| refuse(&error))?;
            let body = OutBody::take(body);
            session.with_output(|state| {
                let metadata = self.metadata.as_deref();
                let request = OutRequest { path: method.path, metadata, timeout, raw: false, body };
                match state.connection.start_one_way(request) {
                    Ok(true) => Poll::Ready(Ok(())),
                    Ok(false) => {
                        state.wait_for_room(cx.waker());
                        Poll::Pending
                    }
                    Err(failed) => Poll::Ready(Err(failed.0)),
                }
            })
        })
    }
}

/// Moving a call is fine: nothing in it is pinned.
impl<A> Unpin for OneWayCall<'_, A> {}

impl<A> Future for OneWayCall<'_, A> {
    type Output = Result<(), Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.start(cx)
    }
}

impl<A> fmt::Debug for OneWayCall<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OneWayCall").field(self.stub.get().1).finish()
    }
}
