//! How things stand between one look at the link and the next.

use super::Deliver;
use super::desk::Desk;
use super::patience::Patience;
use super::readers::Readers;
use crate::connection::{Events, close_for};
use crate::session::State;

/// What a driver remembers.
#[derive(Debug, Default)]
#[repr(C)] // as the driver: with what lies before it there, all but the last is in two lines of the cache
pub(super) struct Standing {
    pub(super) readers: Readers,
    /// What the connection is to be told of sending, once it is locked anyway.
    pub(super) sent: Option<Sent>,
    /// The pipe has not flushed what it was given.
    pub(super) sending: bool,
    /// There was nothing to do, and everything due was left to the sleep.
    pub(super) parked: bool,
    /// What it takes for the time is when a caller looked. The sleep may have ended since.
    pub(super) borrows: bool,
    /// There is something to send.
    pub(super) to_fill: bool,
    /// There are large bodies to send, and further reads may bring more for the same write.
    pub(super) gathers: bool,
    /// Callers are to be woken once their worker has nothing else to do.
    pub(super) herded: bool,
    /// The work of this thread's worker was handed over to another: the driver should yield, to go on as a worker.
    pub(super) handed_over: bool,
    pub(super) patience: Patience,
}

impl Standing {
    /// Has the connection take what one read brought.
    pub(super) fn take(&mut self, state: &mut State, desk: &mut Desk, deliver: &dyn Deliver) {
        let Desk { inbox, events, .. } = desk;
        settle(state, &mut self.sent, events);
        let now = state.now();
        let handled = state.connection.handle_inbox(now, inbox, events);
        let answered = std::mem::take(&mut events.answered);
        if answered > 0 {
            self.herded |= self.patience.answered(answered, state.connection.calls_begun(), now);
        }
        if let Err(error) = handled {
            state.connection.close(close_for(&error), events);
        }
        // Under the same lock as the answers: no caller finds its answer before the notifications that precede it.
        self.readers.crowded(hand_on(deliver, events));
        if state.has_drain_waiters() && state.connection.serving() == 0 {
            // The last call may have ended without an answer, whose sending would wake them: a one-way call was reset.
            state.move_drain_waiters(&mut events.wakers);
        }
        self.gathers = state.connection.gathers_bulk();
        self.to_fill = state.connection.has_output()
            || state.connection.closed().is_some()
            || !events.cancelled.is_empty();
    }
}

/// What came of sending: whether the pipe took some, and how much it has not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) progressed: bool,
    pub(super) remaining: usize,
}

/// Tells the connection what was sent, and collects whom that wakes.
pub(super) fn settle(state: &mut State, sent: &mut Option<Sent>, events: &mut Events) {
    let Some(Sent { progressed, remaining }) = sent.take() else { return };
    let now = state.now();
    state.connection.handle_sent(now, progressed, remaining);
    // Not only when all is flushed: a busy link may never come to that.
    if state.connection.has_much_room() {
        state.move_room_waiters(&mut events.wakers);
    }
    state.move_drain_waiters(&mut events.wakers);
}

/// Hands on the notifications; their readers are woken with the callers. Returns the crowd.
pub(super) fn hand_on(deliver: &dyn Deliver, events: &mut Events) -> usize {
    if events.received.is_empty() {
        return 0;
    }
    deliver.deliver(&mut events.received, &mut events.wakers)
}
