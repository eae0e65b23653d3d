//! Who woke the driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// Tells wakes by the pipe from those by callers: a pipe that has nothing new is not asked.
///
/// The pipe is polled with a waker of its own, whichever way, since one direction may wait for the other in it.
#[derive(Debug)]
pub(super) struct Rousing {
    /// What the pipe wakes, and as a waker.
    pipe: Arc<PipeWaker>,
    waker: Waker,
    /// The pipe had something, and has not promised to wake.
    goes_on: bool,
}

/// A task has its own: it is never locked, nor changed.
#[derive(Debug)]
struct PipeWaker {
    /// The pipe has news, or was not asked yet.
    woken: AtomicBool,
    /// The driver's.
    task: Waker,
}

impl Default for Rousing {
    fn default() -> Self {
        Self::of(Waker::noop())
    }
}

impl Rousing {
    fn of(task: &Waker) -> Self {
        let pipe = Arc::new(PipeWaker { woken: AtomicBool::new(true), task: task.clone() });
        Self { waker: Waker::from(Arc::clone(&pipe)), pipe, goes_on: false }
    }

    /// The pipe's wakes go to `task` from now on, once it was asked. True if they went to another before.
    pub(super) fn follow(&mut self, task: &Waker) -> bool {
        let other = !self.pipe.task.will_wake(task);
        if other {
            *self = Self::of(task);
        }
        other
    }

    /// What the pipe is polled with.
    pub(super) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    /// True if the pipe is to be asked what it has: once per wake.
    pub(super) fn has_news(&mut self) -> bool {
        let woken = self.pipe.woken.load(Ordering::Relaxed) && self.pipe.woken.swap(false, Ordering::AcqRel);
        std::mem::take(&mut self.goes_on) || woken
    }

    /// The pipe had something, and may have more: it has not promised to wake.
    pub(super) fn expect_more(&mut self) {
        self.goes_on = true;
    }
}

impl Wake for PipeWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rouse::count::Count;

    #[test]
    fn a_pipe_is_asked_at_first_and_then_once_per_wake_of_its_own() {
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut rousing = Rousing::default();
        assert!(rousing.follow(&Waker::from(Arc::clone(&first))));
        assert!(!rousing.follow(&Waker::from(Arc::clone(&first))));
        assert!(rousing.has_news() && !rousing.has_news());
        rousing.context().waker().wake_by_ref();
        rousing.context().waker().wake_by_ref();
        assert!(rousing.has_news() && !rousing.has_news());
        rousing.expect_more();
        assert!(rousing.has_news() && !rousing.has_news());
        assert!(rousing.follow(&Waker::from(Arc::clone(&second))));
        rousing.context().waker().wake_by_ref();
        assert!(rousing.has_news());
        let woken = [first, second].map(|count| count.get());
        assert_eq!(woken, [2, 1], "wakes go to whoever drives it now");
    }
}
