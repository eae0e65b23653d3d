//! The peer's calls that run here or wait for their body, by their number.

use std::time::Instant;

use super::events::{CancelReason, Events, Incoming};
use crate::Lane;

#[derive(Debug, Default)]
#[repr(C)] // as Connection
pub(crate) struct Serving {
    next_deadline: Option<Instant>,
    len: usize,
    /// One-way calls that have not ended.
    pub(crate) one_way: usize,
    calls: Vec<Option<Served>>,
}

/// One call of the peer, from its request to the last byte of its answer.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) state: State,
    /// Pushes made before it started. If there are more at its end, its answer must not overtake them; a small one may
    /// wait at the peer for the body of a large one that was made before.
    pub(crate) pushes_made: u64,
    deadline: Option<Instant>,
}

#[derive(Debug)]
pub(crate) enum State {
    /// The arguments are arriving on this lane.
    Arriving(Lane, Box<Incoming>),
    /// The handler has it.
    Running,
    /// The answer's body is leaving.
    Sending,
}

impl Serving {
    /// Calls that were not answered to the last byte, one-way ones included.
    pub(crate) fn len(&self) -> usize {
        self.len + self.one_way
    }

    pub(crate) fn get_mut(&mut self, call: u32) -> Option<&mut Served> {
        self.calls.get_mut(call as usize)?.as_mut()
    }

    pub(crate) fn contains(&self, call: u32) -> bool {
        self.calls.get(call as usize).is_some_and(Option::is_some)
    }

    /// Enters `call`, whose number is below the limit and free.
    pub(crate) fn insert(&mut self, call: u32, state: State, pushes_made: u64, deadline: Option<Instant>) {
        let index = call as usize;
        if self.calls.len() <= index {
            self.grow(index + 1);
        }
        if let Some(slot) = self.calls.get_mut(index) {
            *slot = Some(Served { state, pushes_made, deadline });
            self.len += 1;
            if deadline.is_some_and(|deadline| self.next_deadline.is_none_or(|next| deadline < next)) {
                self.next_deadline = deadline;
            }
        }
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        if self.calls.is_empty() {
            self.calls.reserve_exact(len); // most connections call one after the other
        }
        self.calls.resize_with(len, || None);
    }

    pub(crate) fn remove(&mut self, call: u32) -> Option<Served> {
        let served = self.calls.get_mut(call as usize)?.take()?;
        self.len -= 1;
        Some(served)
    }

    /// Ends `call`. Returns the pushes made before it started; `None` if it does not run.
    pub(crate) fn end(&mut self, call: u32) -> Option<u64> {
        let slot = self.calls.get_mut(call as usize)?;
        let pushes_made = slot.as_ref()?.pushes_made;
        *slot = None;
        self.len -= 1;
        Some(pushes_made)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline
    }

    /// Reports the running calls whose deadline passed, each once. Returns those that wait for their arguments, with the
    /// lane.
    pub(crate) fn expire(&mut self, now: Instant, events: &mut Events) -> Vec<(u32, Lane)> {
        let mut waiting = Vec::new();
        if self.next_deadline.is_none_or(|next| next > now) {
            return waiting;
        }
        for (call, served) in (0u32..).zip(&mut self.calls) {
            let due =
                served.as_mut().filter(|served| served.deadline.is_some_and(|deadline| deadline <= now));
            let Some(served) = due else { continue };
            served.deadline = None;
            match served.state {
                State::Arriving(lane, _) => waiting.push((call, lane)),
                State::Running => events.cancelled.push((call, CancelReason::Deadline)),
                State::Sending => {}
            }
        }
        self.next_deadline = self.calls.iter().flatten().filter_map(|served| served.deadline).min();
        waiting
    }

    /// Reports every call, since the connection ended.
    pub(crate) fn cancel_all(&mut self, events: &mut Events) {
        for (call, served) in (0u32..).zip(&mut self.calls) {
            if served.take().is_some() {
                events.cancelled.push((call, CancelReason::Closed));
            }
        }
        self.len = 0;
        self.next_deadline = None;
    }
}
