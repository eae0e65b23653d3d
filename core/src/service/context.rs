//! What a handler is given besides its arguments.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::Cancellation;
use crate::{Metadata, Session};

/// The call a handler serves: who calls, with which headers, until when, and whether it was given up.
///
/// Cheap to clone; it may be kept after the call.
#[derive(Clone, Debug)]
pub struct Context {
    inner: Arc<Inner>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Inner {
    session: Session,
    metadata: Metadata,
    cancellation: Cancellation,
    response_metadata: Mutex<Metadata>,
    /// There is some: a handler that adds none need not be asked under a lock.
    responds_with_metadata: AtomicBool,
}

impl Context {
    pub(crate) fn new(session: Session, metadata: Metadata, deadline: Option<Instant>) -> Self {
        let inner = Arc::new(Inner {
            session,
            metadata,
            cancellation: Cancellation::default(),
            response_metadata: Mutex::default(),
            responds_with_metadata: AtomicBool::new(false),
        });
        Self { inner, deadline }
    }

    /// Makes `kept` that of the session's next call, in the same memory unless somebody keeps that.
    pub(crate) fn renew<'a>(
        kept: &'a mut Option<Self>,
        session: &Session,
        metadata: &mut Metadata,
        deadline: Option<Instant>,
    ) -> &'a Self {
        if !kept.as_mut().is_some_and(|context| context.begin(metadata, deadline)) {
            *kept = None;
        }
        kept.get_or_insert_with(|| Self::new(session.clone(), std::mem::take(metadata), deadline))
    }

    /// Begins anew. False, with `metadata` left alone, if somebody keeps it.
    fn begin(&mut self, metadata: &mut Metadata, deadline: Option<Instant>) -> bool {
        self.deadline = deadline;
        if Arc::strong_count(&self.inner) > 1 {
            return false;
        }
        fence(Ordering::Acquire); // what others did before they let go of it is seen
        if metadata.is_empty() && self.inner.is_fresh() {
            return true; // `get_mut` is an atomic read-modify-write
        }
        let Some(inner) = Arc::get_mut(&mut self.inner) else { return false };
        inner.metadata = std::mem::take(metadata);
        if inner.cancellation.reason().is_some() {
            inner.cancellation = Cancellation::default();
        }
        if std::mem::take(inner.responds_with_metadata.get_mut()) {
            inner.response_metadata = Mutex::default();
        }
        true
    }

    /// Who calls. Keep a clone to push to this client later, from anywhere.
    pub fn session(&self) -> &Session {
        &self.inner.session
    }

    /// The call's headers.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    /// When the caller stops waiting; `None` if it waits for ever. Calls made inside the handler inherit it.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Adds a header to the response.
    pub fn add_response_metadata(&self, key: impl Into<String>, value: impl AsRef<[u8]>) {
        self.inner.response_metadata.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
        self.inner.responds_with_metadata.store(true, Ordering::Release);
    }

    /// True once the caller gave the call up, its deadline passed, or its connection closed.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancellation.reason().is_some()
    }

    /// Waits until [`is_cancelled`](Self::is_cancelled). By default the handler's future is dropped then anyway; this is for
    /// methods marked `#[call(cancel = "token")]` and for work handed to other tasks.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn cancelled(&self) {
        self.inner.cancellation.cancelled().await;
    }

    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.inner.cancellation
    }

    pub(crate) fn take_response_metadata(&self) -> Metadata {
        if !self.inner.responds_with_metadata.load(Ordering::Acquire) {
            return Metadata::new();
        }
        std::mem::take(&mut *self.inner.response_metadata.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `poll` such that calls made inside inherit this call's deadline.
    pub(crate) fn enter<R>(&self, poll: impl FnOnce() -> R) -> R {
        struct Restore(Option<Instant>);
        impl Drop for Restore {
            fn drop(&mut self) {
                INHERITED.set(self.0);
            }
        }
        let _restore = Restore(INHERITED.replace(self.deadline));
        poll()
    }
}

impl Inner {
    /// True if no call has left anything in it.
    fn is_fresh(&self) -> bool {
        self.metadata.is_empty()
            && self.cancellation.reason().is_none()
            && !self.responds_with_metadata.load(Ordering::Relaxed)
    }
}

/// The deadline of the handler that is being polled on this thread.
pub(crate) fn inherited_deadline() -> Option<Instant> {
    INHERITED.get()
}

thread_local! {
    static INHERITED: Cell<Option<Instant>> = const { Cell::new(None) };
}
