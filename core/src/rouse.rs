//! Wakes tasks at a time that suits their worker, and sees to it that none stays behind a handler that holds it for long.

#[cfg(test)]
pub(crate) mod count;
mod wakers;

pub(crate) use wakers::Wakers;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use tokio::runtime::{Handle, RuntimeFlavor};

/// Wakes a driver: at once, or as handlers that run on this thread want it.
pub(crate) fn rouse(driver: Waker) {
    match INSIDE.get() {
        Inside::Nothing => driver.wake(),
        Inside::Quick => keep(driver),
        Inside::Busy => {
            driver.wake();
            make_way();
        }
    }
}

/// Runs `wake`, which wakes several drivers.
pub(crate) fn rouse_all(wake: impl FnOnce()) {
    let makes_way = match INSIDE.get() {
        Inside::Nothing => false,
        Inside::Quick => SLOT.with(|slot| slot.is_held()),
        Inside::Busy => true,
    };
    if makes_way {
        inside(Inside::Nothing, wake);
        make_way();
    } else {
        wake();
    }
}

/// Wakes `waker` once this worker has nothing else to do, or has polled a number of other tasks; before that if a handler holds the
/// worker, and at once outside a runtime.
pub(crate) fn when_idle(waker: &Waker) {
    let waits = SLOT.try_with(|slot| {
        slot.waiting.push(waker.clone());
        // The runtime has a clone until it wakes them. One that ended forgot it.
        if Arc::strong_count(&slot.waiting) == 1 {
            let waiting = Waker::from(Arc::clone(&slot.waiting));
            let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waiting));
        }
    });
    if waits.is_err() {
        waker.wake_by_ref(); // the thread ends
    }
}

/// Runs handlers that most likely end at once. If somebody looks after this thread, who opens its [`slot`] if they do not end, drivers
/// that they wake are kept until then.
pub(crate) fn while_quick<T>(is_looked_after: bool, handlers: impl FnOnce() -> T) -> T {
    struct Wake;
    impl Drop for Wake {
        fn drop(&mut self) {
            wake_kept();
        }
    }
    let _wake = Wake;
    inside(if is_looked_after { Inside::Quick } else { Inside::Nothing }, handlers)
}

/// Runs a handler that may hold this worker for long: who waits for the worker is woken before, and a driver that it wakes does not
/// wait for it.
pub(crate) fn while_busy<T>(handler: impl FnOnce() -> T) -> T {
    SLOT.with(|slot| slot.waiting.wake_all());
    wake_kept();
    make_way();
    inside(Inside::Busy, handler)
}

/// Has `hand_over` run a handler on this thread after another took over its worker.
pub(crate) fn while_handed_over<T>(hand_over: impl FnOnce() -> T) -> T {
    wake_kept();
    inside(Inside::Nothing, hand_over)
}

fn inside<T>(what: Inside, act: impl FnOnce() -> T) -> T {
    struct Restore(Inside);
    impl Drop for Restore {
        fn drop(&mut self) {
            INSIDE.set(self.0);
        }
    }
    let _restore = Restore(INSIDE.replace(what));
    act()
}

/// Keeps a driver until the handlers of this thread end.
fn keep(driver: Waker) {
    KEPT.set(true);
    if SLOT.with(|slot| slot.keep(driver)) {
        make_way();
    }
}

fn wake_kept() {
    if KEPT.take() {
        SLOT.with(|slot| slot.drivers.wake_all());
    }
}

/// The task that a worker woke last waits where no other worker takes it, until it wakes another: so one more is woken, and
/// is the one that waits.
#[cold]
fn make_way() {
    if let Some(runtime) = shared_runtime() {
        runtime.spawn(async {});
    }
}

/// The runtime of this thread, if other threads of it can take over this one's work.
pub(crate) fn shared_runtime() -> Option<Handle> {
    let runtime = Handle::try_current().ok();
    runtime.filter(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// That of this thread, for who looks after it.
pub(crate) fn slot() -> Arc<Slot> {
    SLOT.with(Arc::clone)
}

/// Whom a thread is to wake, but not yet.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Drivers that quick handlers woke. The task that a worker woke last waits where no other worker takes it, so it would stay behind
    /// handlers that prove not to be quick.
    drivers: Wakers,
    /// Who waits until the worker has nothing else to do.
    waiting: Arc<Wakers>,
    /// The handlers that run are not quick: nothing is kept for them. Set before the others are woken, and looked at after one more was
    /// added to them, so that it is not missed.
    held: AtomicBool,
}

impl Slot {
    /// The handlers that run hold their thread: wakes everybody, and whoever is to be kept until they end.
    pub(crate) fn open(&self) {
        self.held.store(true, Ordering::Relaxed);
        self.drivers.wake_all();
        self.waiting.wake_all();
    }

    /// The handlers ended. True if it was opened.
    pub(crate) fn end(&self) -> bool {
        self.is_held() && self.held.swap(false, Ordering::Relaxed)
    }

    /// True if it was opened, and the handlers have not ended.
    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// True if several were woken, and others should be made way for.
    fn keep(&self, driver: Waker) -> bool {
        let wakes = self.drivers.push(driver) >= MAX_KEPT || self.is_held();
        if wakes {
            self.drivers.wake_all();
        }
        wakes
    }
}

/// What runs on a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// No handler that a driver could wait for.
    Nothing,
    /// Handlers that most likely end at once.
    Quick,
    /// A handler that may hold the thread for long.
    Busy,
}

/// Drivers that are kept: with so many, other workers may as well begin.
const MAX_KEPT: usize = 32;

thread_local! {
    static INSIDE: Cell<Inside> = const { Cell::new(Inside::Nothing) };
    static SLOT: Arc<Slot> = Arc::default();
    /// Drivers were put into the slot since handlers began.
    static KEPT: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::count::Count;
    use super::*;

    fn counting() -> (Waker, impl Fn() -> usize) {
        let count = Arc::new(Count::default());
        (Waker::from(Arc::clone(&count)), move || count.get())
    }

    #[tokio::test]
    async fn who_waits_is_woken_when_the_worker_has_nothing_else_to_do() {
        let (waker, woken) = counting();
        when_idle(&waker);
        when_idle(&waker);
        assert_eq!(woken(), 0);
        tokio::task::yield_now().await;
        assert_eq!(woken(), 2);
    }

    #[tokio::test]
    async fn who_waits_is_woken_before_a_handler_that_may_hold_the_worker() {
        let (waker, woken) = counting();
        when_idle(&waker);
        while_busy(|| assert_eq!(woken(), 1));
        when_idle(&waker);
        tokio::task::yield_now().await;
        assert_eq!(woken(), 2);
    }

    #[test]
    fn a_runtime_that_ended_with_somebody_waiting_spoils_nothing() {
        let (waker, woken) = counting();
        for round in 0..3 {
            let runtime = Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { when_idle(&waker) });
            drop(runtime);
            let next = Builder::new_current_thread().build().unwrap();
            next.block_on(async {
                when_idle(&waker);
                tokio::task::yield_now().await;
            });
            assert_eq!(woken(), 2 * (round + 1));
        }
    }

    #[test]
    fn outside_a_runtime_who_waits_is_woken_at_once() {
        let (waker, woken) = counting();
        when_idle(&waker);
        assert_eq!(woken(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_task_that_is_woken_does_not_wait_for_the_handler_that_woke_it() {
        let (told, hears) = tokio::sync::oneshot::channel();
        let (heard, hears_back) = std::sync::mpsc::sync_channel(1);
        tokio::spawn(async move {
            hears.await.unwrap();
            heard.send(()).unwrap();
        });
        let handler = tokio::spawn(async move {
            tokio::task::yield_now().await; // on a worker from which the other can take tasks
            while_busy(|| {
                told.send(()).unwrap();
                rouse(Waker::noop().clone());
                hears_back.recv_timeout(std::time::Duration::from_secs(20))
            })
        });
        assert_eq!(handler.await.unwrap(), Ok(()));
    }
}
