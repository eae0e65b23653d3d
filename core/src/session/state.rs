//! What callers and driver share, behind one short lock.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::SessionId;
use crate::clock::now;
use crate::connection::{CancelReason, Connection, Events};
use crate::{Close, CodecIndex, Context, DecodeLimits, Metadata, PeerInfo};

/// What does not change during a session.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) id: SessionId,
    pub(crate) peer: PeerInfo,
    pub(crate) agent: String,
    pub(crate) metadata: Metadata,
    pub(crate) decode_limits: DecodeLimits,
}

/// How a peer is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Name and index of the codec.
    pub(crate) codec: &'static str,
    pub(crate) index: CodecIndex,
    /// The peer is a client; a server takes calls only.
    pub(crate) takes_pushes: bool,
}

/// The state of a session. In this order in memory, as in [`Connection`]: a push, and a driver that wakes, need what is above it,
/// and its beginning.
#[repr(C)]
pub(crate) struct State {
    /// The driver, while it has nothing to do.
    parked: Option<Waker>,
    /// A caller woke the driver; more may be about to append.
    nudged: bool,
    /// None while nobody waits.
    waiters: Option<Box<Waiters>>,
    /// When the driver last looked at the clock, while it is awake: callers need not look again.
    clock: Option<Instant>,
    pub(crate) connection: Connection,
    /// Handlers that pend, by the peer's number of their call.
    pub(crate) running: BTreeMap<u32, Context>,
    /// How long its peer may take nothing of what is left, and all of it, if this side's application closed it.
    patience_at_end: Option<(Duration, Duration)>,
}

/// Who waits for something of a session.
#[derive(Debug, Default)]
struct Waiters {
    /// For room in the outbox.
    room: Vec<Waker>,
    /// Until all is answered and sent.
    drains: Vec<Waker>,
}

impl State {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection,
            running: BTreeMap::new(),
            parked: None,
            clock: None,
            nudged: false,
            waiters: None,
            patience_at_end: None,
        }
    }

    /// The waker to wake, outside the lock, after something was appended. None if the driver is awake already.
    pub(crate) fn nudge(&mut self) -> Option<Waker> {
        self.nudged |= self.parked.is_some();
        self.parked.take()
    }

    /// True once after a caller woke the driver.
    pub(crate) fn take_nudge(&mut self) -> bool {
        std::mem::take(&mut self.nudged)
    }

    /// True if somebody waits until all is answered and sent.
    pub(crate) fn has_drain_waiters(&self) -> bool {
        self.waiters.as_ref().is_some_and(|waiters| !waiters.drains.is_empty())
    }

    /// The driver looked at the clock.
    pub(crate) fn set_clock(&mut self, now: Instant) {
        self.clock = Some(now);
    }

    /// The time, from the driver while it is awake.
    pub(crate) fn now(&mut self) -> Instant {
        *self.clock.get_or_insert_with(now)
    }

    /// Nobody woke the driver: its clock stands still.
    pub(crate) fn forget_clock(&mut self) {
        if self.parked.is_some() {
            self.clock = None;
        }
    }

    /// The driver has nothing to do.
    pub(crate) fn park(&mut self, waker: &Waker) {
        self.clock = None;
        match &mut self.parked {
            Some(parked) => parked.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }

    /// Closes as the application asks: what is queued goes out for as long as the peer takes it.
    pub(crate) fn close(&mut self, close: Close, events: &mut Events) {
        if self.connection.closed().is_none() {
            self.patience_at_end = Some(self.connection.patience());
            self.connection.close(close, events);
        }
    }

    /// How long the peer may take nothing of what is left after the close, and all of it; `None` if it must hurry.
    pub(crate) fn patience_at_end(&self) -> Option<(Duration, Duration)> {
        self.patience_at_end
    }

    /// Wakes `waker` once the outbox has room or the session ends; at times for nothing.
    pub(crate) fn wait_for_room(&mut self, waker: &Waker) {
        wait(&mut self.waiters.get_or_insert_default().room, waker);
    }

    /// Wakes `waker` once a call was answered, something was sent, or the session ends.
    pub(crate) fn wait_for_drain(&mut self, waker: &Waker) {
        wait(&mut self.waiters.get_or_insert_default().drains, waker);
    }

    /// Moves those who wait until all is answered and sent to `wakers`.
    pub(crate) fn move_drain_waiters(&mut self, wakers: &mut Vec<Waker>) {
        if let Some(waiters) = &mut self.waiters {
            wakers.append(&mut waiters.drains);
        }
    }

    /// Moves those who wait for room to `wakers`.
    pub(crate) fn move_room_waiters(&mut self, wakers: &mut Vec<Waker>) {
        if let Some(waiters) = &mut self.waiters {
            wakers.append(&mut waiters.room);
        }
    }

    /// Everyone who waits for something that will not come any more.
    pub(crate) fn take_waiters(&mut self) -> Vec<Waker> {
        let Waiters { mut room, mut drains } =
            self.waiters.take().map(|waiters| *waiters).unwrap_or_default();
        room.append(&mut drains);
        room
    }

    /// A one-way handler ended. Moves whom to wake to `wakers`, for nothing is sent that would wake them.
    pub(crate) fn one_way_ended(&mut self, wakers: &mut Vec<Waker>) {
        self.connection.one_way_ended();
        if self.connection.serving() == 0 {
            self.move_drain_waiters(wakers);
        }
    }

    /// The handlers that `events` gives up, to be told outside the lock.
    pub(crate) fn take_cancelled(&mut self, events: &mut Events) -> Vec<(Context, CancelReason)> {
        let cancelled = events.cancelled.drain(..);
        cancelled.filter_map(|(call, reason)| Some((self.running.get(&call)?.clone(), reason))).collect()
    }
}

fn wait(waiters: &mut Vec<Waker>, waker: &Waker) {
    if !waiters.iter().any(|known| known.will_wake(waker)) {
        waiters.push(waker.clone());
    }
}

/// Tells handlers that they were given up. Outside the lock, since it wakes them.
pub(crate) fn tell(cancelled: Vec<(Context, CancelReason)>) {
    for (context, reason) in cancelled {
        context.cancellation().cancel(reason);
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("running", &self.running.len()).finish_non_exhaustive()
    }
}
