//! The listening side: any number of endpoints, one set of services, every session at hand.

mod accept;
mod builder;
mod gate;
mod hooks;
mod stopping;

pub use builder::{IntoService, ServerBuilder};

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use stopping::Stopping;

use crate::{Close, CloseCode, Endpoint, Sessions, Stack};

/// A running server. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets calls in flight end first.
pub struct Server<K> {
    endpoints: Vec<Endpoint>,
    stopping: Arc<Stopping>,
    /// The task that stops the server in order, once that was asked for. It ends with the server.
    ending: Mutex<JoinSet<()>>,
    runtime: Handle,
    stack: PhantomData<fn() -> K>,
}

impl<K: Stack> Server<K> {
    /// A server with settings of one's own.
    pub fn builder() -> ServerBuilder<K> {
        ServerBuilder::new()
    }
}

impl<K> Server<K> {
    /// Where it listens, in the order of the builder's `listen` calls, with the ports that were picked.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The clients at present: find one by its id, or go through all.
    pub fn sessions(&self) -> Sessions {
        self.stopping.host().sessions()
    }

    /// Stops: accepts nobody new, refuses new calls with *did not run*, lets calls in flight end and what is queued go out
    /// within [`Limits::drain_timeout`](crate::Limits::drain_timeout), and closes every session with
    /// [`CloseCode::SHUTDOWN`]. Doing it again changes nothing.
    ///
    /// What still runs after that time is dropped at its next await, whatever its cancel policy, and its caller is told
    /// *may have run*. When this is ready, no task of the server is left but one that never awaits.
    ///
    /// A handler that awaits this is itself a call in flight: it waits for its own end until the drain is over, and is
    /// dropped then. Let it spawn a task that does.
    ///
    /// # Cancel safety
    /// Cancel safe: once it was polled, the server goes on to stop by itself, and [`stopped`](Self::stopped) says when it has.
    pub async fn shutdown(&self) {
        self.shutdown_with_reason("server shut down").await;
    }

    /// As [`shutdown`](Self::shutdown), with the reason that clients are told: `"rolling restart"`, say. Of several, the
    /// first one is.
    ///
    /// # Cancel safety
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_with_reason(&self, reason: impl Into<Cow<'static, str>>) {
        self.begin_to_stop(Close::new(CloseCode::SHUTDOWN, reason));
        self.stopped().await;
    }

    /// Waits until the server was shut down.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn stopped(&self) {
        self.stopping.stopped().cancelled().await;
    }

    fn begin_to_stop(&self, close: Close) {
        // It is never locked across anything that can panic.
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        if ending.is_empty() {
            ending.spawn_on(self.stopping.clone().in_order(close), &self.runtime);
        }
    }
}

impl<K> Drop for Server<K> {
    fn drop(&mut self) {
        self.stopping.at_once(&Close::new(CloseCode::SHUTDOWN, "server stopped"));
    }
}

impl<K> fmt::Debug for Server<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
