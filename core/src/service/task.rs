//! A handler that runs: polled behind a wall against panics, attended until it ends or is given up.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::habit::Habit;
use super::lookout::watched;
use super::slot::{Arguments, Ended, Step};
use super::{Context, HandlerSlot, MethodDescription, Payload, Route, RunPolicy, Runner};
use crate::connection::{CancelReason, Reply};
use crate::rouse::while_busy;
use crate::{Body, Code, Ran, Status};

/// Polls the handler in `slot`, in its context and behind a wall against panics; with `arguments`, begins it first. Also says
/// whether the place can be used again.
pub(super) fn poll_slot(
    (path, context): (&'static str, &Context),
    slot: &mut HandlerSlot,
    arguments: Option<&Arguments<'_>>,
    answer: &mut Body,
    cx: &mut TaskContext<'_>,
) -> (Poll<Ended>, bool) {
    let mut step = Step { context, arguments, answer, ended: None };
    let slot = slot.get_mut();
    let polled = context.enter(|| catch_unwind(AssertUnwindSafe(|| slot.step(&mut step, cx))));
    match (step.ended, polled) {
        (Some(ended), polled) => (Poll::Ready(ended), polled.is_ok()),
        (None, Ok(())) => (Poll::Pending, true),
        (None, Err(panic)) => (Poll::Ready(panicked(path, &*panic).into()), false),
    }
}

/// Drops a place. What it holds may panic when dropped; that ends nothing else.
pub(super) fn discard(slot: HandlerSlot) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(slot)));
}

/// The future of a handler that does not end in place.
pub(super) struct Running {
    pub(super) method: MethodDescription,
    pub(super) context: Context,
    habit: Habit,
    /// For handlers that hold their own thread for long.
    threads: Arc<Semaphore>,
    /// None once it ended.
    slot: Option<HandlerSlot>,
    /// Until it begins.
    arguments: Option<Payload>,
    /// It lets other tasks go first, before each time it is polled.
    gives_way: bool,
    answer: Body,
}

impl Running {
    /// One that pended in place.
    pub(super) fn begun(route: &Route, runner: &Runner, context: Context, slot: HandlerSlot) -> Self {
        Self {
            method: route.method,
            context,
            habit: route.habit.clone(),
            threads: runner.threads().clone(),
            slot: Some(slot),
            arguments: None,
            gives_way: false,
            answer: Body::new(),
        }
    }

    /// One that is not to be polled in place.
    pub(super) fn waiting(
        route: &Route,
        runner: &Runner,
        context: Context,
        slot: HandlerSlot,
        arguments: Payload,
    ) -> Self {
        let mut running = Self::begun(route, runner, context, slot);
        running.arguments = Some(arguments);
        running.gives_way = route.method.options.run == RunPolicy::Spawn;
        running
    }

    /// Runs it to its end, unless it is given up. By `end`, if its own context does not.
    pub(super) async fn attended(mut self, end: Option<&CancellationToken>) -> Reply {
        let context = self.context.clone();
        tokio::select! {
            biased;
            reason = given_up(&context, end) => self.give_up(reason),
            reply = &mut self => reply,
        }
    }

    /// The reply of a handler that is given up. It is dropped before it is answered.
    pub(super) fn give_up(self, reason: CancelReason) -> Reply {
        let ran = if self.arguments.is_some() { Ran::No } else { Ran::Maybe };
        drop(self);
        let (code, message) = match reason {
            CancelReason::Caller => (Code::Cancelled, "caller cancelled"),
            CancelReason::Closed => (Code::Cancelled, "connection closed"),
            CancelReason::Deadline => (Code::DeadlineExceeded, "deadline passed"),
        };
        Reply::failure(Status::new(code, ran, message))
    }
}

/// Waits until a handler is to end: by `end` if there is one, else by its context.
pub(super) async fn given_up(context: &Context, end: Option<&CancellationToken>) -> CancelReason {
    match end {
        None => context.cancellation().cancelled().await,
        Some(end) => {
            end.cancelled().await;
            CancelReason::Closed
        }
    }
}

impl Future for Running {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Reply> {
        let this = self.get_mut();
        if std::mem::take(&mut this.gives_way) {
            // A task that was just made or woken waits in a place from which no other worker takes it, and rouses none. One
            // that wakes itself goes where others find it, and rouses one of them: so another worker looks after the links
            // while this one is busy with the handler.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(slot) = &mut this.slot else {
            return Poll::Ready(Reply::failure(panicked(this.method.path, &"polled after its end")));
        };
        let arguments = this.arguments.take();
        let arguments = arguments.as_ref().map(Payload::arguments);
        let at = (this.method.path, &this.context);
        let mut poll = || poll_slot(at, slot, arguments.as_ref(), &mut this.answer, cx).0;
        let ended = ready!(match this.method.options.run {
            RunPolicy::Blocking => poll(),
            RunPolicy::Spawn => {
                this.gives_way = true; // next time
                watched(|| while_busy(poll)).0
            }
            RunPolicy::InPlace => {
                let (polled, fate) = watched(|| this.habit.run(&this.threads, poll));
                if fate.held {
                    this.habit.suspect();
                }
                polled
            }
        });
        Poll::Ready(ended.into_reply(&this.context, std::mem::take(&mut this.answer)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            discard(slot);
        }
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

/// Characters of a panic's message in the log: enough to find it, too few to fill the log.
const MAX_SHOWN: usize = 256;
