//! Tasks that are woken together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Whom to wake, and as one waker.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<Vec<Waker>>);

impl Wakers {
    /// Adds one. Returns how many they are.
    pub(super) fn push(&self, waker: Waker) -> usize {
        let mut wakers = self.lock();
        wakers.push(waker);
        wakers.len()
    }

    /// Adds `more`, which is empty afterwards.
    pub(crate) fn append(&self, more: &mut Vec<Waker>) {
        self.lock().append(more);
    }

    /// Wakes all. Not under the lock: that may drop a task, and what it holds.
    pub(crate) fn wake_all(&self) {
        let mut woken = std::mem::take(&mut *self.lock());
        woken.drain(..).for_each(Waker::wake);
        let mut wakers = self.lock();
        if wakers.capacity() == 0 {
            *wakers = woken; // its memory serves the next
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}
