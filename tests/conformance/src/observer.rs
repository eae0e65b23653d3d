//! What is seen of a running server: handlers, hooks, and the gate that handlers wait for.

use std::sync::{Arc, Mutex, PoisonError};

use linkspan_core::{Close, SessionId};
use tokio::sync::watch;

use crate::peer::Peer;
use crate::waits::waiting;

/// Something that happened at the server, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// A handler learned that its call was given up.
    Cancelled(u64),
    /// The close hook ran.
    Closed(SessionId, Close),
    /// The connect hook admitted a client.
    Connected(SessionId),
    /// The connect hook began to wait at the gate.
    Deciding(SessionId),
    /// A handler was dropped before it came to its end.
    Dropped(u64),
    /// A handler came to its end.
    Finished(u64),
    /// A handler began.
    Started(u64),
}

/// Watches a server. Clones watch the same one.
#[derive(Clone, Debug)]
pub struct Observer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    log: watch::Sender<Vec<Seen>>,
    gate: watch::Sender<bool>,
    /// With what handlers make calls of their own.
    relay: Mutex<Option<Peer>>,
}

impl Observer {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            log: watch::Sender::new(Vec::new()),
            gate: watch::Sender::new(false),
            relay: Mutex::default(),
        }))
    }

    pub(crate) fn record(&self, seen: Seen) {
        self.0.log.send_if_modified(|log| {
            let room = log.len() < MAX_LOG;
            if room {
                log.push(seen);
            }
            room
        });
    }

    /// Waits until `holds` of everything seen so far.
    pub async fn until(&self, holds: impl FnMut(&[Seen]) -> bool) {
        let _waiting = waiting(|| "something at the server".to_owned());
        self.wait(holds).await;
    }

    async fn wait(&self, mut holds: impl FnMut(&[Seen]) -> bool) {
        // The sender lives in `self`, so this cannot fail.
        let _ = self.0.log.subscribe().wait_for(|log| holds(log)).await;
    }

    /// Waits until `seen` was seen.
    pub async fn saw(&self, seen: Seen) {
        let _waiting = waiting(|| format!("{seen:?} at the server"));
        self.wait(|log| log.contains(&seen)).await;
    }

    /// Waits until a session's close hook ran, and says with what.
    pub async fn saw_close(&self, id: SessionId) -> Close {
        let mut found = None;
        let _waiting = waiting(|| "the close hook of a session".to_owned());
        self.wait(|log| {
            found = log.iter().find_map(|seen| match seen {
                Seen::Closed(closed, close) if *closed == id => Some(close.clone()),
                _ => None,
            });
            found.is_some()
        })
        .await;
        found.unwrap_or_else(|| Close::new(linkspan_core::CloseCode::LOST, ""))
    }

    /// Everything seen so far.
    pub fn log(&self) -> Vec<Seen> {
        self.0.log.borrow().clone()
    }

    /// How often `seen` was seen.
    pub fn count(&self, seen: &Seen) -> usize {
        self.0.log.borrow().iter().filter(|known| *known == seen).count()
    }

    /// Lets every handler pass that waits at the gate, or will.
    pub fn open_gate(&self) {
        self.0.gate.send_replace(true);
    }

    /// Lets handlers make calls of their own with `peer`.
    pub fn relay_through(&self, peer: Peer) {
        *self.relay_slot() = Some(peer);
    }

    pub(crate) fn relay(&self) -> Option<Peer> {
        self.relay_slot().clone()
    }

    fn relay_slot(&self) -> std::sync::MutexGuard<'_, Option<Peer>> {
        self.0.relay.lock().unwrap_or_else(PoisonError::into_inner) // no update can stop half-way
    }

    pub(crate) async fn gate(&self) {
        let _ = self.0.gate.subscribe().wait_for(|open| *open).await;
    }
}

/// A handler under way: notes how it ends.
pub(crate) struct Life {
    observer: Observer,
    id: u64,
    finished: bool,
}

impl Life {
    pub(crate) fn begin(observer: &Observer, id: u64) -> Self {
        observer.record(Seen::Started(id));
        Self { observer: observer.clone(), id, finished: false }
    }

    pub(crate) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let end = if self.finished { Seen::Finished(self.id) } else { Seen::Dropped(self.id) };
        self.observer.record(end);
    }
}

/// Far more than any case makes happen, so that a runaway costs no more memory than this.
const MAX_LOG: usize = 1 << 20;
