//! Which stream woke the link.
//!
//! A link has one task and up to a hundred streams. Asking a stream takes its connection's lock, which the task that sends
//! and receives packets wants as well; so a stream is asked again only after it woke the link itself.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// The task that drives one direction of a link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Driver(Arc<Mutex<Option<Waker>>>);

impl Driver {
    /// Remembers whom to wake. Comes before signals are looked at: one that is raised later then wakes.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        let mut driver = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !driver.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *driver = Some(cx.waker().clone());
        }
    }

    fn wake(&self) {
        let driver = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = driver {
            waker.wake();
        }
    }
}

/// What a stream is polled with, and whether it has called since. Raised at first.
pub(crate) struct Signal {
    raised: Arc<Raised>,
    waker: Waker,
}

struct Raised {
    raised: AtomicBool,
    driver: Driver,
}

impl Signal {
    pub(crate) fn new(driver: &Driver) -> Self {
        let raised = Arc::new(Raised { raised: AtomicBool::new(true), driver: driver.clone() });
        Self { waker: Waker::from(raised.clone()), raised }
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.raised.load(Ordering::Acquire)
    }

    pub(crate) fn raise(&self) {
        self.raised.raised.store(true, Ordering::Release);
    }

    /// Lowers it, and gives what the stream is to be polled with.
    pub(crate) fn lower(&self) -> Context<'_> {
        self.raised.raised.store(false, Ordering::Release);
        Context::from_waker(&self.waker)
    }
}

impl Wake for Raised {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raised.store(true, Ordering::Release);
        self.driver.wake();
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal").field(&self.is_raised()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_stream_that_calls_raises_its_own_signal_and_wakes_the_link_once() {
        let driver = Driver::default();
        let (one, other) = (Signal::new(&driver), Signal::new(&driver));
        assert!(one.is_raised() && other.is_raised());
        let waker = one.lower().waker().clone();
        other.lower();

        let link = Arc::new(Counted::default());
        driver.register(&Context::from_waker(&Waker::from(link.clone())));
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!(link.0.load(Ordering::Relaxed), 1);
        assert!(one.is_raised() && !other.is_raised());
    }
}
