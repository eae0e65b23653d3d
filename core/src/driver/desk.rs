//! What a driver works with while it is polled.

use std::cell::Cell;

use crate::connection::Events;
use crate::service::Answers;
use crate::{Batch, Inbox};

/// What came in, what goes out and what the connection reports, between two looks at the link.
///
/// All are empty when a driver has nothing left to do, so that the drivers of a thread work at the same one, after each other: it
/// stays in the processor's cache, where what belongs to one of a thousand links has left it, and an idle link holds none.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) batch: Batch,
    pub(super) inbox: Inbox,
    pub(super) events: Events,
    /// Of handlers that ended at once.
    pub(super) answers: Answers,
}

impl Desk {
    /// With what was reported before there was a driver.
    pub(super) fn holding(events: Events) -> Option<Box<Self>> {
        (!events.is_empty()).then(|| Box::new(Self { events, ..Self::default() }))
    }

    /// That of this thread, unless a driver works at it already.
    pub(super) fn take() -> Box<Self> {
        DESK.take().unwrap_or_default()
    }

    /// Leaves it to the thread's next driver if nothing lies on it.
    pub(super) fn leave(self: Box<Self>) -> Option<Box<Self>> {
        if !self.batch.is_empty() || !self.inbox.is_idle() || !self.events.is_empty() {
            return Some(self);
        }
        if self.events.requests.capacity() <= MAX_KEPT {
            DESK.set(Some(self));
        }
        None
    }
}

thread_local! {
    static DESK: Cell<Option<Box<Desk>>> = const { Cell::new(None) };
}

/// Places for requests kept per thread: more than one read usually brings.
const MAX_KEPT: usize = 4096;
