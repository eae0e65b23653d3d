//! Who woke the driver.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// Tells wakes by the pipe from those by callers: a pipe that has nothing new is not asked.
///
/// The pipe is polled with a waker of its own, whichever way, since one direction may wait for the other in it.
#[derive(Debug)]
pub(super) struct Rousing {
    /// The driver's task, as the pipe's waker knows it.
    task: Option<Waker>,
    pipe: Arc<PipeWaker>,
    waker: Waker,
}

#[derive(Debug)]
struct PipeWaker {
    /// The pipe has news, or was not asked yet.
    woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Default for Rousing {
    fn default() -> Self {
        let pipe = Arc::new(PipeWaker { woken: AtomicBool::new(true), task: Mutex::new(None) });
        Self { task: None, waker: Waker::from(Arc::clone(&pipe)), pipe }
    }
}

impl Rousing {
    /// The pipe's wakes go to `task` from now on. True if they went to another before.
    pub(super) fn follow(&mut self, task: &Waker) -> bool {
        if self.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            return false;
        }
        self.task = Some(task.clone());
        *self.pipe.lock() = Some(task.clone());
        true
    }

    /// What the pipe is polled with.
    pub(super) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    /// True if the pipe is to be asked what it has: once per wake.
    pub(super) fn has_news(&self) -> bool {
        self.pipe.woken.load(Ordering::Relaxed) && self.pipe.woken.swap(false, Ordering::AcqRel)
    }

    /// The pipe had something, and may have more: it has not promised to wake.
    pub(super) fn expect_more(&self) {
        self.pipe.woken.store(true, Ordering::Release);
    }
}

impl PipeWaker {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for PipeWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        if let Some(task) = &*self.lock() {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::count::Count;
    use super::*;

    #[test]
    fn a_pipe_is_asked_at_first_and_then_once_per_wake_of_its_own() {
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut rousing = Rousing::default();
        rousing.context().waker().wake_by_ref(); // nobody drives it yet
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
