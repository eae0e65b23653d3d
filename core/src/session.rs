//! Who is at the other end: one handle, usable from anywhere, at any time, from any task.

mod attributes;
mod broadcast;
mod id;
mod pushing;
mod registry;
mod state;

pub use broadcast::{Reach, Selection};
pub use id::SessionId;
pub(crate) use registry::Registry;
pub use registry::Sessions;
pub(crate) use state::{Facts, Manner, State, tell};

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};

use tokio::sync::Notify;

use attributes::Attributes;

use crate::connection::{Cells, Connection, Drain, Events, SmallAnswer};
use crate::rouse::rouse;
use crate::{Close, CloseCode, CodecIndex, DecodeLimits, Metadata, PeerInfo};

/// A peer, as long as it is known here. Cheap to clone; keep it to push to the peer whenever you like.
///
/// It implements [`PushSink`](crate::PushSink). Once the peer is gone for good, every push returns
/// [`PushError::Closed`](crate::PushError::Closed).
#[derive(Clone)]
pub struct Session(Arc<Inner>);

/// In this order in memory, from the beginning of a line of the cache: a push needs what is above, and the beginning of the state.
#[repr(C, align(64))]
struct Inner {
    manner: Manner,
    state: Mutex<State>,
    facts: Facts,
    attributes: Attributes,
    /// Where callers find small answers without the lock.
    cells: Option<Arc<Cells>>,
    closed: OnceLock<Close>,
    /// Who waits for it.
    ended: Notify,
}

impl Session {
    pub(crate) fn new(facts: Facts, manner: Manner, connection: Connection) -> Self {
        Self(Arc::new(Inner {
            manner,
            facts,
            attributes: Attributes::default(),
            cells: connection.cells().cloned(),
            state: Mutex::new(State::new(connection)),
            closed: OnceLock::new(),
            ended: Notify::new(),
        }))
    }

    /// Its public id: unique, and no secret.
    pub fn id(&self) -> SessionId {
        self.0.facts.id
    }

    /// The road and the peer's facts: scheme, addresses, TLS, and the upgrade of a WebSocket.
    pub fn peer(&self) -> &PeerInfo {
        &self.0.facts.peer
    }

    /// The name of the codec agreed on.
    pub fn codec(&self) -> &'static str {
        self.0.manner.codec
    }

    /// What the peer says it is, for logs: `linkspan/0.1.0`.
    pub fn agent(&self) -> &str {
        &self.0.facts.agent
    }

    /// The metadata of the peer's hello: where a client puts its token.
    pub fn hello_metadata(&self) -> &Metadata {
        &self.0.facts.metadata
    }

    /// Keeps `value` with the session, in the place of an earlier one of the same type.
    pub fn set_attribute<T: Any + Send + Sync>(&self, value: T) {
        self.0.attributes.set(value);
    }

    /// The value of type `T` kept with the session.
    pub fn attribute<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.attributes.get()
    }

    /// Closes from this side, with a code and a reason that arrive at the peer. Doing it again changes nothing.
    pub fn close(&self, close: Close) {
        let mut events = Events::default();
        let mut state = self.lock();
        state.close(close, &mut events);
        let driver = state.nudge();
        let running = state.take_cancelled(&mut events);
        drop(state);
        tell(running);
        events.wakers.into_iter().for_each(Waker::wake);
        driver.into_iter().for_each(rouse);
    }

    /// Why it ended, once it has.
    pub fn close_reason(&self) -> Option<Close> {
        self.0.closed.get().cloned()
    }

    /// True once it ended.
    pub fn is_closed(&self) -> bool {
        self.lock().connection.closed().is_some()
    }

    /// Waits for the end.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn closed(&self) -> Close {
        loop {
            let mut ended = pin!(self.0.ended.notified());
            ended.as_mut().enable(); // before the look, so that no end falls between look and wait
            if let Some(close) = self.close_reason() {
                return close;
            }
            ended.await;
        }
    }

    /// Calls of the peer that run here.
    pub fn serving(&self) -> usize {
        self.lock().connection.serving()
    }

    /// Calls from here that the peer has not ended.
    pub fn in_flight(&self) -> usize {
        self.lock().connection.in_flight()
    }

    pub(crate) fn takes_pushes(&self) -> bool {
        self.0.manner.takes_pushes
    }

    /// Waits until every call that the peer made was answered and the link took all that was queued by then, or the
    /// session ended.
    pub(crate) async fn drained(&self) {
        let mut drain = Drain::default();
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.connection.is_drained(&mut drain) {
                return Poll::Ready(());
            }
            state.wait_for_drain(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// A one-way handler ended.
    pub(crate) fn one_way_ended(&self) {
        let mut idle = Vec::new();
        self.lock().one_way_ended(&mut idle);
        idle.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn codec_index(&self) -> CodecIndex {
        self.0.manner.index
    }

    pub(crate) fn decode_limits(&self) -> DecodeLimits {
        self.0.facts.decode_limits
    }

    /// Takes the answer to `call`, if it came and is small.
    #[inline]
    pub(crate) fn take_small(&self, call: u32) -> Option<SmallAnswer> {
        self.0.cells.as_ref()?.take(call)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // No user code runs under this lock, and ours does not panic; should it, the state is still the best there is.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something under the lock that may give the driver something to send, now or in its time, and wakes it
    /// afterwards.
    pub(crate) fn with_output<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        self.with_state(|state| {
            let known = state.connection.has_cancels_to_send();
            let result = act(state);
            // A parked driver sleeps until what was due when it parked: the first cancel that must wait is due earlier.
            let due = !known && state.connection.has_cancels_to_send();
            (result, due || state.connection.has_output())
        })
    }

    /// As [`with_output`](Self::with_output), for what appends a frame whenever it succeeds, and nothing else:
    /// looks at less.
    pub(crate) fn with_frame<T, E>(&self, act: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        self.with_state(|state| {
            let result = act(state);
            let has_output = result.is_ok() || state.connection.has_output();
            (result, has_output)
        })
    }

    /// Does something under the lock, and wakes the driver afterwards if `act` says so.
    #[inline]
    fn with_state<R>(&self, act: impl FnOnce(&mut State) -> (R, bool)) -> R {
        let mut state = self.lock();
        let (result, wakes) = act(&mut state);
        let driver = if wakes {
            state.nudge()
        } else {
            state.forget_clock();
            None
        };
        drop(state);
        driver.into_iter().for_each(rouse);
        result
    }

    /// Its driver ended, or was dropped: ends what has not ended, and tells everyone who waits.
    pub(crate) fn set_closed(&self, close: Close) {
        self.close(close);
        let close = self.lock().connection.closed().cloned();
        let close = close.unwrap_or_else(|| Close::new(CloseCode::LOST, "session was dropped"));
        let waiting = self.lock().take_waiters();
        let _ = self.0.closed.set(close); // the first stays
        self.0.ended.notify_waiters();
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id())
            .field("road", &self.peer().scheme())
            .field("codec", &self.codec())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Session {}
