//! Callers that one read answered, woken together.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use crate::rouse::when_idle;

/// Wakes several tasks at the price of rousing one worker.
///
/// Woken one by one, each would make the runtime rouse a sleeping worker, which finds a single task, runs it and sleeps
/// again. Measured with both ends on one core: when it begins to go that way, it stays so for a millisecond, in which a tenth
/// of the calls are done. A waker that yields is woken by the runtime once its worker has nothing else to do, and only then it looks for
/// others to help it; so one that wakes them all is made to yield.
///
/// Holds nothing until it has to: most connections never have so many callers.
#[derive(Debug, Default)]
pub(super) struct Herd(Option<Arc<Waiting>>);

#[derive(Debug, Default)]
struct Waiting(Mutex<Vec<Waker>>);

impl Herd {
    /// Wakes `wakers`, which is empty afterwards, as soon as this worker has nothing else to do.
    pub(super) fn wake(&mut self, wakers: &mut Vec<Waker>) {
        let waiting = self.0.get_or_insert_default();
        waiting.lock().append(wakers);
        when_idle(&Waker::from(Arc::clone(waiting)));
    }
}

impl Drop for Herd {
    /// A runtime that shuts down wakes nobody any more.
    fn drop(&mut self) {
        self.0.iter().for_each(Wake::wake_by_ref);
    }
}

impl Waiting {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut wakers = std::mem::take(&mut *self.lock());
        wakers.drain(..).for_each(Waker::wake);
        let mut waiting = self.lock();
        if waiting.capacity() == 0 {
            *waiting = wakers; // its memory serves the next
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::count::Count;
    use super::*;

    fn wakers(count: &Arc<Count>, many: usize) -> Vec<Waker> {
        vec![Waker::from(Arc::clone(count)); many]
    }

    #[tokio::test]
    async fn many_are_woken_once_the_worker_has_nothing_else_to_do() {
        let (mut herd, count) = (Herd::default(), Arc::new(Count::default()));
        herd.wake(&mut wakers(&count, 2));
        herd.wake(&mut wakers(&count, 3));
        assert_eq!(count.get(), 0);
        tokio::task::yield_now().await;
        assert_eq!(count.get(), 5);
    }

    #[test]
    fn outside_a_runtime_and_at_its_end_all_are_woken_at_once() {
        let (mut herd, count) = (Herd::default(), Arc::new(Count::default()));
        herd.wake(&mut wakers(&count, 2));
        assert_eq!(count.get(), 2);
        herd.0.get_or_insert_default().lock().append(&mut wakers(&count, 1));
        drop(herd);
        assert_eq!(count.get(), 3);
    }
}
