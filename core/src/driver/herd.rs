//! Callers that one read answered, woken together.

use std::sync::Arc;
use std::task::Waker;

use crate::rouse::{Wakers, when_idle};

/// Wakes several tasks at the price of rousing one worker.
///
/// Woken one by one, each would make the runtime rouse a sleeping worker, which finds a single task, runs it and sleeps
/// again. Measured with both ends on one core: when it begins to go that way, it stays so for a millisecond, in which a tenth
/// of the calls are done. A waker that yields is woken by the runtime once its worker has nothing else to do, and only then it looks for
/// others to help it; so one that wakes them all is made to yield.
///
/// Holds nothing until it has to: most connections never have so many callers.
#[derive(Debug, Default)]
pub(super) struct Herd(Option<Arc<Wakers>>);

impl Herd {
    /// Wakes `wakers`, which is empty afterwards, as soon as this worker has nothing else to do.
    pub(super) fn wake(&mut self, wakers: &mut Vec<Waker>) {
        let waiting = self.0.get_or_insert_default();
        waiting.append(wakers);
        when_idle(&Waker::from(Arc::clone(waiting)));
    }
}

impl Drop for Herd {
    /// A runtime that shuts down wakes nobody any more.
    fn drop(&mut self) {
        self.0.iter().for_each(|waiting| waiting.wake_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rouse::count::Count;

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
        herd.0.get_or_insert_default().append(&mut wakers(&count, 1));
        drop(herd);
        assert_eq!(count.get(), 3);
    }
}
