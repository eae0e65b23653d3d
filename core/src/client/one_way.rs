//! A one-way call as a future: ready when the request is queued.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::call::{refuse, remaining};
use super::{Caller, OneWayMethod};
use crate::codec::with_body;
use crate::connection::{OutBody, OutRequest};
use crate::{Metadata, Status};

/// A call that is never answered. Awaiting it queues the request, waiting for room; whether it ran nobody tells.
///
/// # Cancel safety
/// Dropped before it is ready, nothing was sent.
#[must_use = "a call does nothing until it is awaited"]
pub struct OneWayCall<A> {
    caller: Caller,
    method: OneWayMethod<A>,
    args: A,
    metadata: Metadata,
}

impl<A> OneWayCall<A> {
    pub(super) fn new(caller: Caller, method: OneWayMethod<A>, args: A) -> Self {
        Self { caller, method, args, metadata: Metadata::new() }
    }

    /// The same with headers.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    fn start(&self, cx: &Context<'_>) -> Poll<Result<(), Status>> {
        let session = self.caller.session();
        let timeout = remaining(None)?;
        with_body(|body| {
            (self.method.encode)(self.caller.codec_index(), &self.args, body)
                .map_err(|error| refuse(&error))?;
            let body = OutBody::take(body);
            session.with_output(|state| {
                let metadata = &self.metadata;
                let request = OutRequest { path: self.method.path, metadata, timeout, raw: false, body };
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
impl<A> Unpin for OneWayCall<A> {}

impl<A> Future for OneWayCall<A> {
    type Output = Result<(), Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.start(cx)
    }
}

impl<A> fmt::Debug for OneWayCall<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OneWayCall").field(&self.method).finish()
    }
}
