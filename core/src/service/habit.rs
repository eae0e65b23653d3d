//! How long the handlers of a method hold their thread, as far as they showed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::lookout::hand_over;
use crate::clock::now;
use crate::rouse::{shared_runtime, while_busy};

/// What is known of a method that nothing was declared of. All connections share it.
///
/// A method is taken for busy until it has shown that it is not: the worker's other work goes to another thread before its handler
/// runs, so that it delays its own connection only. That fades while it is quick. Handlers that were among others when they held
/// their thread are suspects: they are timed, and taken for busy again if they are.
#[derive(Clone, Debug)]
pub(super) struct Habit(Arc<AtomicU8>);

impl Default for Habit {
    fn default() -> Self {
        Self(Arc::new(AtomicU8::new(BUSY)))
    }
}

impl Habit {
    /// It was among handlers that held their thread.
    pub(super) fn suspect(&self) {
        self.0.fetch_max(SUSPECT, Ordering::Relaxed);
    }

    /// Runs a handler. Where other threads can take this worker's work, one of `threads` is what one that may be busy costs
    /// meanwhile; without any, it runs as others do.
    #[inline]
    pub(super) fn run<T>(&self, threads: &Semaphore, handler: impl FnOnce() -> T) -> T {
        if self.is_quick() { handler() } else { self.run_timed(threads, handler) }
    }

    /// True if it need not be timed.
    fn is_quick(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    #[cold]
    fn run_timed<T>(&self, threads: &Semaphore, handler: impl FnOnce() -> T) -> T {
        let timed = || {
            let begin = now();
            let output = handler();
            self.ran(now().saturating_duration_since(begin));
            output
        };
        let known = self.0.load(Ordering::Relaxed) > BUSY_ONCE;
        let thread = (known && shared_runtime().is_some()).then(|| threads.try_acquire().ok()).flatten();
        if thread.is_some() { hand_over(timed) } else { while_busy(timed) }
    }

    fn ran(&self, time: Duration) {
        let next = |known: u8| match time >= LONG {
            true if known > SUSPECT => BUSY,
            true => BUSY_ONCE,
            false => known.saturating_sub(1),
        };
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| Some(next(known)));
    }
}

/// From when on a handler is busy.
const LONG: Duration = Duration::from_millis(1);
/// What is known of a method, less what it was quick since. Up to this it is only timed, and after it was busy once too: a
/// thread that had to wait for a processor looks busy.
const SUSPECT: u8 = 64;
const BUSY_ONCE: u8 = 128;
/// Nothing yet, or busy again before that faded. A handler of a millisecond costs 127 others that are quick a handing over each: together no
/// more than it took itself.
const BUSY: u8 = 255;

#[cfg(test)]
mod tests {
    use std::thread::{self, ThreadId};

    use super::super::lookout::watched;
    use super::*;

    /// A method that was quick until it is not timed any more.
    fn quick(threads: &Semaphore) -> Habit {
        let habit = Habit::default();
        (0..BUSY).for_each(|_| habit.run(threads, || ()));
        habit
    }

    fn busy() -> ThreadId {
        let begin = now();
        while now().saturating_duration_since(begin) < LONG {}
        thread::current().id()
    }

    #[test]
    fn who_is_suspected_is_timed_and_who_is_busy_known_until_it_is_quick() {
        let threads = Semaphore::new(1);
        let habit = quick(&threads);
        assert!(habit.is_quick());
        habit.suspect();
        for _ in 0..SUSPECT {
            assert!(!habit.is_quick());
            habit.run(&threads, || ());
        }
        assert!(habit.is_quick());
        habit.suspect();
        habit.run(&threads, busy);
        assert_eq!(habit.0.load(Ordering::Relaxed), BUSY_ONCE);
        habit.run(&threads, busy);
        habit.suspect();
        let quick = (0..2 * usize::from(BUSY)).take_while(|_| !habit.is_quick()).inspect(|_| {
            habit.run(&threads, || ());
        });
        assert_eq!(quick.count(), usize::from(BUSY));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn the_other_work_of_a_new_methods_worker_goes_on() {
        let task = tokio::spawn(async {
            let (habit, threads) = (Habit::default(), Semaphore::new(1));
            let (told, heard) = std::sync::mpsc::sync_channel(1);
            tokio::spawn(async move { told.send(()) });
            watched(|| habit.run(&threads, || heard.recv_timeout(Duration::from_secs(20))))
        });
        let (heard, fate) = task.await.unwrap();
        assert_eq!((heard, fate.handed_over), (Ok(()), true));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn without_a_thread_to_spare_it_runs_as_it_is() {
        let task = tokio::spawn(async {
            let (habit, threads) = (Habit::default(), Semaphore::new(0));
            watched(|| habit.run(&threads, busy)).1
        });
        assert!(!task.await.unwrap().handed_over);
    }

    #[test]
    fn outside_a_runtime_it_runs_as_it_is() {
        let (habit, threads) = (Habit::default(), Semaphore::new(1));
        assert_eq!(habit.run(&threads, busy), thread::current().id());
    }
}
