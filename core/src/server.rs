//! The listening side: any number of endpoints, one set of services, every session at hand.

mod accept;
mod builder;
mod gate;
mod hooks;

pub use builder::{IntoService, ServerBuilder};

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use accept::Host;

use crate::{Close, CloseCode, Endpoint, Sessions, Stack};

/// A running server. Dropping it stops it at once; [`shutdown`](Self::shutdown) lets calls in flight end first.
pub struct Server<K> {
    host: Arc<Host>,
    endpoints: Vec<Endpoint>,
    listeners: Mutex<JoinSet<()>>,
    stop: CancellationToken,
    stopped: CancellationToken,
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
        self.host.sessions()
    }

    /// Stops: accepts nobody new, refuses new calls with *did not run*, lets calls in flight end and what is queued go out
    /// within [`Limits::drain_timeout`](crate::Limits::drain_timeout), and closes every session with
    /// [`CloseCode::SHUTDOWN`]. Doing it again changes nothing.
    ///
    /// What still runs after that time is dropped at its next await, whatever its cancel policy, and its caller is told
    /// *may have run*. When this is ready, no task of the server is left but one that never awaits.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the server no longer accepts, but sessions stay open until the server is dropped.
    pub async fn shutdown(&self) {
        self.shutdown_with_reason("server shut down").await;
    }

    /// As [`shutdown`](Self::shutdown), with the reason that clients are told: `"rolling restart"`, say. Of several, the
    /// first one is.
    ///
    /// # Cancel safety
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_with_reason(&self, reason: impl Into<Cow<'static, str>>) {
        let close = Close::new(CloseCode::SHUTDOWN, reason);
        self.stop.cancel();
        let sessions = self.host.sessions();
        for session in sessions.iter() {
            session.with_output(|state| state.connection.leave(close.reason()));
        }
        let tasks = self.host.runner().tasks();
        tasks.close();
        let connections = self.host.connections();
        connections.close();
        let drained = async {
            // A request that was read may not have its task yet, and an answer outlives its own.
            for session in sessions.iter() {
                session.drained().await;
            }
            tasks.wait().await;
            // Each sends what was queued since, and its close.
            self.close_sessions(&close);
            connections.wait().await;
        };
        let _ = timeout(self.host.limits().drain_timeout, drained).await;
        self.close_all(&close);
        let ended = async {
            connections.wait().await;
            tasks.wait().await;
        };
        let _ = timeout(CLOSE_TIMEOUT, ended).await;
        let mut listeners = self.listeners.lock().await;
        listeners.abort_all();
        while listeners.join_next().await.is_some() {}
        self.stopped.cancel();
    }

    /// Waits until the server was shut down.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    fn close_sessions(&self, close: &Close) {
        for session in self.host.sessions().iter() {
            session.close(close.clone());
        }
    }

    fn close_all(&self, close: &Close) {
        self.close_sessions(close);
        self.host.runner().end();
    }
}

impl<K> Drop for Server<K> {
    fn drop(&mut self) {
        self.stop.cancel();
        self.close_all(&Close::new(CloseCode::SHUTDOWN, "server stopped"));
        self.stopped.cancel();
    }
}

impl<K> fmt::Debug for Server<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// How long closed connections may take to end: their linger, and some.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
