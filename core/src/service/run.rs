//! Where handlers run that do not end in place.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::slot::Boxing;
use super::task::{Running, given_up};
use super::{CallRequest, Calls, CancelPolicy, HandlerSlot, Route, Router, RunPolicy};
use crate::connection::{CancelReason, Reply};
use crate::{BoxError, Code, CodecIndex, Limits, Ran, Session, Status};

/// What the peers' calls need to run. One per server, or per client that serves.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    router: Arc<Router>,
    layers: Option<Calls>,
    codecs: &'static [&'static str],
    tasks: TaskTracker,
    /// The server is gone: handlers that nobody else may give up end too.
    end: Arc<CancellationToken>,
    /// Threads for handlers that block.
    threads: Arc<Semaphore>,
}

impl Runner {
    pub(crate) fn new(
        router: Arc<Router>,
        layers: Option<Calls>,
        codecs: &'static [&'static str],
        limits: &Limits,
    ) -> Self {
        let threads = Arc::new(Semaphore::new(limits.max_blocking_handlers));
        Self { router, layers, codecs, tasks: TaskTracker::new(), end: Arc::default(), threads }
    }

    /// Handlers that do not end in place. Waiting on it after closing it waits for all of them.
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

    pub(super) fn find(&self, path: &[u8]) -> Result<&Route, Status> {
        self.router.find(path)
    }

    /// A place for calls of `route`, inside the layers if there are any.
    pub(super) fn slot(&self, route: &Route) -> HandlerSlot {
        let Some(calls) = self.layers.clone() else { return route.slot() };
        let path = route.method.path;
        HandlerSlot::new(Boxing::new(move |context, payload| {
            let answering = calls.answer(CallRequest { path, context, payload });
            Box::pin(async move { answering.await.unwrap_or_else(|error| Reply::failure(status_of(error))) })
        }))
    }

    /// Threads for handlers that block, or hold their own for long.
    pub(super) fn threads(&self) -> &Arc<Semaphore> {
        &self.threads
    }

    pub(super) fn codec(&self, name: &str) -> Result<CodecIndex, Status> {
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

    /// Makes a task of a handler, which answers `call`.
    pub(super) fn spawn(&self, session: Session, call: Option<u32>, running: Running) {
        let options = running.method.options;
        if let (Some(call), true) = (call, options.cancel != CancelPolicy::Never) {
            let mut state = session.lock();
            state.running.insert(call, running.context.clone());
            let closed = state.connection.closed().is_some();
            drop(state);
            if closed {
                // The close came before this handler could be told.
                running.context.cancellation().cancel(CancelReason::Closed);
            }
        }
        let end = self.end_for(options.cancel);
        if options.run == RunPolicy::Blocking {
            let threads = self.threads.clone();
            self.tasks.spawn(async move {
                let reply = run_on_thread(threads, running, end).await;
                answer(&session, call, reply);
            });
        } else {
            self.tasks.spawn(async move {
                let reply = running.attended(end.as_deref()).await;
                answer(&session, call, reply);
            });
        }
    }
}

/// Runs a handler that blocks on a thread of its own, once there is one for it.
async fn run_on_thread(
    threads: Arc<Semaphore>,
    running: Running,
    end: Option<Arc<CancellationToken>>,
) -> Reply {
    let thread: Option<OwnedSemaphorePermit> = tokio::select! {
        biased;
        reason = given_up(&running.context, end.as_deref()) => return running.give_up(reason),
        thread = threads.acquire_owned() => thread.ok(), // it is never closed
    };
    let runtime = Handle::current();
    let ended = tokio::task::spawn_blocking(move || {
        let reply = runtime.block_on(running.attended(end.as_deref()));
        drop(thread);
        reply
    });
    ended.await.unwrap_or_else(|_| {
        Reply::failure(Status::new(Code::Unavailable, Ran::Maybe, "server is gone")) // the runtime ends
    })
}

fn answer(session: &Session, call: Option<u32>, reply: Reply) {
    match call {
        Some(call) => session.with_output(|state| {
            state.running.remove(&call);
            state.connection.respond(call, reply);
        }),
        None => session.one_way_ended(),
    }
}

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
        let runner = Runner::new(Arc::default(), None, &[], &Limits::default());
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
