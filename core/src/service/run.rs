//! Runs handlers: polled once in place, spawned only if they pend, isolated from each other's panics.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

use super::{CallRequest, Calls, CancelPolicy, Context, Handling, Payload, Route, Router};
use crate::connection::{CancelReason, Incoming, Reply};
use crate::{BoxError, Code, CodecIndex, Ran, Session, Status};

/// Starts the peer's calls. One per server, or per client that serves.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    router: Arc<Router>,
    layers: Option<Calls>,
    codecs: &'static [&'static str],
    tasks: TaskTracker,
    /// The server is gone: handlers that nobody else may give up end too.
    end: Arc<CancellationToken>,
}

impl Runner {
    pub(crate) fn new(router: Arc<Router>, layers: Option<Calls>, codecs: &'static [&'static str]) -> Self {
        Self { router, layers, codecs, tasks: TaskTracker::new(), end: Arc::default() }
    }

    /// Handlers that pend. Waiting on it after closing it waits for all of them.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Gives up every handler that still pends, whatever its policy. Those of policy [`CancelPolicy::Drop`] end with their
    /// connections.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    /// Waits until the server is gone.
    pub(crate) async fn ended(&self) {
        self.end.cancelled().await;
    }

    /// Starts one call. Returns the reply if the handler ended at once; else a task answers later.
    pub(crate) fn start(
        &self,
        session: &Session,
        incoming: Incoming,
        cx: &mut TaskContext<'_>,
    ) -> Option<Reply> {
        let call = incoming.call;
        let (route, context, handling) = match self.prepare(session, incoming) {
            Ok(prepared) => prepared,
            Err(status) => return Some(Reply::failure(status)),
        };
        let mut running = Running { path: route.method.path, context, handling: Some(handling) };
        match Pin::new(&mut running).poll(cx) {
            Poll::Ready(reply) => Some(reply),
            Poll::Pending => {
                self.spawn(session.clone(), call, route.method.options.cancel, running);
                None
            }
        }
    }

    fn prepare(&self, session: &Session, incoming: Incoming) -> Result<(&Route, Context, Handling), Status> {
        let route = self.router.find(&incoming.path)?;
        let method = &route.method;
        if method.one_way != incoming.call.is_none() {
            let wrong = if method.one_way { "is one-way" } else { "is not one-way" };
            return Err(Status::new(Code::InvalidArgument, Ran::No, format!("{} {wrong}", method.path)));
        }
        let codec = self.codec(session, incoming.codec.as_deref())?;
        let payload = Payload { codec, limits: session.decode_limits(), bytes: incoming.body };
        let context = Context::new(session.clone(), incoming.metadata, incoming.deadline);
        let start = || match &self.layers {
            None => route.call(context.clone(), payload),
            Some(calls) => {
                let request = CallRequest { path: method.path, context: context.clone(), payload };
                let answering = calls.answer(request);
                Box::pin(
                    async move { answering.await.unwrap_or_else(|error| Reply::failure(status_of(error))) },
                )
            }
        };
        let handling =
            catch_unwind(AssertUnwindSafe(start)).map_err(|panic| panicked(method.path, &*panic))?;
        Ok((route, context, handling))
    }

    fn codec(&self, session: &Session, named: Option<&str>) -> Result<CodecIndex, Status> {
        let Some(name) = named else { return Ok(session.codec_index()) };
        let index = (0u8..).zip(self.codecs).find(|(_, known)| **known == name);
        index.map(|(index, _)| CodecIndex::new(index)).ok_or_else(|| {
            let message = format!("no codec {name} here; known: {}", self.codecs.join(", "));
            Status::new(Code::Unimplemented, Ran::No, message)
        })
    }

    /// What ends a handler of `policy`, if its own context does not. All connections share it, so a call that needs none
    /// does not touch it.
    fn end_for(&self, policy: CancelPolicy) -> Option<Arc<CancellationToken>> {
        (policy != CancelPolicy::Drop).then(|| self.end.clone())
    }

    fn spawn(&self, session: Session, call: Option<u32>, policy: CancelPolicy, running: Running) {
        let context = running.context.clone();
        if let (Some(call), true) = (call, policy != CancelPolicy::Never) {
            let mut state = session.lock();
            state.running.insert(call, context.clone());
            let closed = state.connection.closed().is_some();
            drop(state);
            if closed {
                context.cancellation().cancel(CancelReason::Closed); // the close came before this handler could be told
            }
        }
        let end = self.end_for(policy);
        self.tasks.spawn(async move {
            let reply = match end {
                None => tokio::select! {
                    biased;
                    reason = context.cancellation().cancelled() => Reply::failure(given_up(reason)),
                    reply = running => reply,
                },
                Some(end) => tokio::select! {
                    biased;
                    () = end.cancelled() => Reply::failure(given_up(CancelReason::Closed)),
                    reply = running => reply,
                },
            };
            match call {
                Some(call) => session.with_output(|state| {
                    state.running.remove(&call);
                    state.connection.respond(call, reply);
                }),
                None => session.one_way_ended(),
            }
        });
    }
}

/// A handler's future, in its context and behind a wall against panics.
struct Running {
    path: &'static str,
    context: Context,
    /// None once it ended.
    handling: Option<Handling>,
}

impl Future for Running {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Reply> {
        let this = self.get_mut();
        let Some(handling) = &mut this.handling else {
            return Poll::Ready(Reply::failure(panicked(this.path, &"polled after its end")));
        };
        let polled = this.context.enter(|| catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))));
        polled.unwrap_or_else(|panic| Poll::Ready(Reply::failure(panicked(this.path, &*panic))))
    }
}

impl Drop for Running {
    /// What a handler holds may panic when dropped; its call is answered all the same.
    fn drop(&mut self) {
        let handling = self.handling.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(handling)));
    }
}

/// The status of a call whose handler panicked. What the panic says is for the log of this side only.
fn panicked(path: &'static str, panic: &(dyn Any + Send)) -> Status {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    let shown: String = text.chars().take(MAX_SHOWN).collect();
    error!(path, panic = ?shown, "handler panicked");
    Status::new(Code::Internal, Ran::Maybe, "handler panicked")
}

fn given_up(reason: CancelReason) -> Status {
    match reason {
        CancelReason::Caller => Status::new(Code::Cancelled, Ran::Maybe, "caller cancelled"),
        CancelReason::Closed => Status::new(Code::Cancelled, Ran::Maybe, "connection closed"),
        CancelReason::Deadline => Status::new(Code::DeadlineExceeded, Ran::Maybe, "deadline passed"),
    }
}

/// Characters of a panic's message in the log: enough to find it, too few to fill the log.
const MAX_SHOWN: usize = 256;

fn status_of(error: BoxError) -> Status {
    match error.downcast::<Status>() {
        Ok(status) => *status,
        Err(error) => Status::new(Code::Aborted, Ran::Maybe, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_handlers_that_outlive_their_call_share_what_ends_them() {
        let runner = Runner::new(Arc::default(), None, &[]);
        let own = runner.end_for(CancelPolicy::Drop);
        assert_eq!((own.is_none(), Arc::strong_count(&runner.end)), (true, 1));
        for policy in [CancelPolicy::Never, CancelPolicy::Token] {
            let end = runner.end_for(policy).unwrap();
            assert_eq!((end.is_cancelled(), Arc::strong_count(&runner.end)), (false, 2));
        }
        let end = runner.end_for(CancelPolicy::Never).unwrap();
        runner.end();
        assert!(end.is_cancelled());
    }
}
