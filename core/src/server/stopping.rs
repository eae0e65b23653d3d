//! How a server stops, whoever still waits for it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::accept::Host;
use crate::Close;

/// What a server stops, shared with the task that does it.
pub(super) struct Stopping {
    host: Arc<Host>,
    listeners: Mutex<JoinSet<()>>,
    /// Nobody new is accepted.
    stop: CancellationToken,
    stopped: CancellationToken,
}

impl Stopping {
    pub(super) fn new(host: Arc<Host>, listeners: JoinSet<()>, stop: CancellationToken) -> Self {
        Self { host, listeners: Mutex::new(listeners), stop, stopped: CancellationToken::new() }
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn stopped(&self) -> &CancellationToken {
        &self.stopped
    }

    /// The future that stops in order. However it ends, the server is stopped then.
    pub(super) fn in_order(self: Arc<Self>, close: Close) -> impl Future<Output = ()> + Send + 'static {
        self.stop.cancel();
        let stopped = self.stopped.clone().drop_guard();
        async move { self.drain(close, stopped).await }
    }

    async fn drain(&self, close: Close, _stopped: DropGuard) {
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
    }

    /// Stops at once.
    pub(super) fn at_once(&self, close: &Close) {
        self.stop.cancel();
        self.close_all(close);
        self.stopped.cancel();
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

/// How long closed connections may take to end: their linger, and some.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
