//! Notices handlers that hold a worker of the runtime for long, and has another worker look after the sockets meanwhile.
//!
//! A worker that woke for events runs what they are for. While it does, nobody waits for further events unless another
//! worker is awake. For handlers that end at once that is right, and rousing a worker before each read's would cost a
//! system call. So handlers only leave a mark where they run, and a thread that looks at the marks now and then rouses
//! the worker.

use std::cell::OnceCell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tracing::warn;

use crate::rouse::{Slot, shared_runtime, slot, while_handed_over, while_quick};

/// Runs `handlers` while the lookout watches. Also says what became of this thread meanwhile.
pub(super) fn watched<T>(handlers: impl FnOnce() -> T) -> (T, Fate) {
    let is_manned = on_post(|post| {
        post.enter();
        true
    });
    let output = while_quick(is_manned, handlers);
    (output, on_post(Post::leave))
}

/// What became of a thread while it ran handlers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// They were found to hold it.
    pub(super) held: bool,
    /// Its worker's other work was handed over. It may be no worker any more, and its task should yield: a runtime that shuts down
    /// does not wait for it.
    pub(super) handed_over: bool,
}

/// Hands this worker's other work over to another thread, and runs `handler`.
pub(super) fn hand_over<T>(handler: impl FnOnce() -> T) -> T {
    on_post(|post| post.handed_over.store(true, Ordering::Relaxed));
    while_handed_over(|| block_in_place(handler))
}

/// A connection that busy handlers of others might delay, while it lives: of one alone, the lookout is in no hurry.
#[derive(Debug)]
pub(super) struct Neighbour(());

impl Neighbour {
    pub(super) fn new() -> Self {
        LOOKOUT.neighbours.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        LOOKOUT.neighbours.fetch_sub(1, Ordering::Relaxed);
    }
}

fn on_post<T: Default>(act: impl FnOnce(&Post) -> T) -> T {
    POST.try_with(|post| post.get_or_init(Manned::new).0.as_deref().map(act))
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Where one thread leaves its marks.
#[derive(Debug)]
struct Post {
    /// Odd while handlers run. Changed by its thread only.
    turn: AtomicU64,
    /// As [`Fate`] says.
    handed_over: AtomicBool,
    /// Open while the present handlers are known to hold their thread.
    slot: Arc<Slot>,
    runtime: Handle,
}

impl Post {
    fn enter(&self) {
        self.turn.store((self.turn.load(Ordering::Relaxed) + 1) | 1, Ordering::Relaxed);
        if LOOKOUT.asleep.load(Ordering::Relaxed) {
            LOOKOUT.wake();
        }
    }

    fn leave(&self) -> Fate {
        self.turn.store((self.turn.load(Ordering::Relaxed) | 1) + 1, Ordering::Relaxed);
        let handed_over = &self.handed_over;
        let handed_over = handed_over.load(Ordering::Relaxed) && handed_over.swap(false, Ordering::Relaxed);
        Fate { held: self.slot.end(), handed_over }
    }
}

/// A thread's post, until the thread ends. None on a runtime of one thread, where nobody else could be roused.
struct Manned(Option<Arc<Post>>);

impl Manned {
    fn new() -> Self {
        Self(shared_runtime().and_then(|runtime| {
            let (turn, handed_over) = (AtomicU64::new(0), AtomicBool::new(false));
            let post = Post { turn, handed_over, slot: slot(), runtime };
            LOOKOUT.begin().then(|| LOOKOUT.watch(post))
        }))
    }
}

impl Drop for Manned {
    fn drop(&mut self) {
        if let Some(post) = &self.0 {
            LOOKOUT.lock().retain(|watched| !Arc::ptr_eq(&watched.post, post));
        }
    }
}

/// The thread that looks, and what it looks at. One per process: it begins with the first handler on a runtime of several
/// threads, and sleeps while none runs.
#[derive(Debug)]
struct Lookout {
    posts: Mutex<Vec<Watched>>,
    /// Connections that there are.
    neighbours: AtomicUsize,
    asleep: AtomicBool,
    /// None if it could not be had.
    thread: OnceLock<Option<Thread>>,
}

/// A post, as it was found last.
#[derive(Debug)]
struct Watched {
    post: Arc<Post>,
    turn: u64,
    /// Its handlers were found to hold their thread, in this turn.
    found: bool,
}

static LOOKOUT: Lookout = Lookout {
    posts: Mutex::new(Vec::new()),
    neighbours: AtomicUsize::new(0),
    asleep: AtomicBool::new(false),
    thread: OnceLock::new(),
};

thread_local! {
    static POST: OnceCell<Manned> = const { OnceCell::new() };
}

impl Lookout {
    /// True if it runs.
    fn begin(&'static self) -> bool {
        let begun = self.thread.get_or_init(|| {
            let begun = thread::Builder::new().name("linkspan-lookout".to_owned()).spawn(|| self.run());
            begun
                .inspect_err(|error| warn!(%error, "no thread to notice busy handlers: they may delay other connections"))
                .ok()
                .map(|thread| thread.thread().clone())
        });
        begun.is_some()
    }

    fn watch(&self, post: Post) -> Arc<Post> {
        let post = Arc::new(post);
        self.lock().push(Watched { post: post.clone(), turn: 0, found: false });
        post
    }

    fn run(&self) {
        let mut quiet = 0;
        loop {
            thread::sleep(if self.neighbours.load(Ordering::Relaxed) > 1 { PERIOD } else { PERIOD_ALONE });
            let mut seen = self.look();
            if seen.inside {
                thread::sleep(LONG);
                seen.moved |= self.look().moved;
            }
            quiet = if seen.moved { 0 } else { quiet + 1 };
            if quiet < MAX_QUIET {
                continue;
            }
            self.asleep.store(true, Ordering::SeqCst);
            thread::sleep(LONG); // whoever came meanwhile and did not see that it sleeps is seen by it
            while !self.look().moved && self.asleep.load(Ordering::Acquire) {
                thread::park();
            }
            self.asleep.store(false, Ordering::Relaxed);
            quiet = 0;
        }
    }

    fn wake(&self) {
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.thread.get().into_iter().flatten().for_each(Thread::unpark);
        }
    }

    /// Looks at every post once.
    fn look(&self) -> Seen {
        let mut seen = Seen::default();
        let mut holding = Vec::new();
        for Watched { post, turn, found } in self.lock().iter_mut() {
            let now = post.turn.load(Ordering::Relaxed);
            seen.inside |= now % 2 == 1;
            if now != *turn {
                (*turn, *found, seen.moved) = (now, false, true);
            } else if now % 2 == 1 && !*found {
                *found = true;
                holding.push(post.clone());
            }
        }
        for post in holding {
            post.slot.open();
            // A task from outside rouses a worker; before that one sleeps again, it looks after the sockets.
            post.runtime.spawn(async {});
        }
        seen
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one look showed.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Handlers ran since the last.
    moved: bool,
    /// Some run now.
    inside: bool,
}

/// How often it looks. More often costs calls more than it is worth where all processors are busy: a look takes one from others for
/// some 40 µs, most of it for caches that are cold afterwards.
const PERIOD: Duration = Duration::from_millis(2);
/// How often where there is one connection: so that busy methods are known when another comes, and for whoever connects meanwhile.
const PERIOD_ALONE: Duration = Duration::from_millis(20);
/// Handlers that run for so long after a look hold their thread.
const LONG: Duration = Duration::from_millis(1);
/// Looks in vain before it sleeps.
const MAX_QUIET: u32 = 5;

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    /// What holds a thread until the lookout noticed, or for longer than it may take.
    fn hold() {
        let noticed = || LOOKOUT.lock().iter().any(|watched| watched.post.slot.is_held());
        (0..2_000).take_while(|_| !noticed()).for_each(|_| thread::sleep(Duration::from_millis(5)));
    }

    #[test]
    fn who_holds_a_worker_is_found_each_time_though_the_lookout_slept() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        for _ in 0..3 {
            let (_, quick) = runtime.block_on(runtime.spawn(async { watched(|| ()) })).unwrap();
            let (_, held) = runtime.block_on(runtime.spawn(async { watched(hold) })).unwrap();
            assert_eq!((quick.held, held.held), (false, true));
            (0..2_000).take_while(|_| !LOOKOUT.asleep.load(Ordering::Relaxed)).for_each(|_| {
                thread::sleep(Duration::from_millis(5));
            });
        }
    }

    #[test]
    fn a_runtime_of_one_thread_is_not_watched() {
        let runtime = Builder::new_current_thread().build().unwrap();
        assert!(!runtime.block_on(async { on_post(|_| true) }));
    }
}
