//! Our calls in flight: a slab whose index is the call's number, with waker and answer in the slot.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use slab::Slab;

use super::Events;
use crate::wire::Outcome;
use crate::{Code, Error, Metadata, Ran, Status};

/// What a call brought.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) metadata: Metadata,
    pub(crate) codec: Option<String>,
    pub(crate) body: Bytes,
}

/// A call that could not start, or that is unknown.
#[derive(Debug)]
pub(crate) struct CallFailed(pub(crate) Status);

#[derive(Debug, Default)]
pub(crate) struct Calls {
    slots: Slab<Slot>,
    /// No call is due before; kept when that call ends early, so a sweep may find nothing.
    next_deadline: Option<Instant>,
    /// Calls that were given up and whose peer was not told yet. At most one entry per slot.
    given_up: VecDeque<u32>,
}

/// Whether the peer knows that a call was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GivenUp {
    No,
    /// It is to be told.
    Due,
    Told,
}

#[derive(Debug)]
struct Slot {
    waker: Option<Waker>,
    deadline: Option<Instant>,
    answer: Option<Result<Answer, Status>>,
    /// The terminal frame has not come: the number is taken.
    open: bool,
    /// Its head has, at least.
    answered: bool,
    /// Somebody holds the call and will take the answer.
    held: bool,
    given_up: GivenUp,
}

impl Calls {
    /// Calls whose terminal frame has not come.
    pub(crate) fn in_flight(&self) -> usize {
        self.slots.len()
    }

    /// Takes a free number below `max`.
    pub(crate) fn start(&mut self, max: usize, deadline: Option<Instant>) -> Result<u32, CallFailed> {
        let entry = self.slots.vacant_entry();
        let full = || {
            CallFailed(Status::new(
                Code::ResourceExhausted,
                Ran::No,
                format!("{max} calls are in flight, and no more may be (max_in_flight)"),
            ))
        };
        let call = u32::try_from(entry.key()).ok().filter(|_| entry.key() < max).ok_or_else(full)?;
        entry.insert(Slot {
            waker: None,
            deadline,
            answer: None,
            open: true,
            answered: false,
            held: true,
            given_up: GivenUp::No,
        });
        self.next_deadline = self.next_deadline.into_iter().chain(deadline).min();
        Ok(call)
    }

    /// Takes the answer of `call` if it came; else keeps the waker.
    pub(crate) fn poll(&mut self, call: u32, cx: &Context<'_>) -> Poll<Result<Answer, Status>> {
        let Some(slot) = self.slots.get_mut(call as usize) else {
            return Poll::Ready(Err(Status::new(
                Code::Internal,
                Ran::Maybe,
                "call was polled after its end",
            )));
        };
        let Some(answer) = slot.answer.take() else {
            match &mut slot.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                empty => *empty = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        slot.held = false;
        if !slot.open {
            self.slots.remove(call as usize);
        }
        Poll::Ready(answer)
    }

    /// Gives `call` up. True if the peer must be told.
    pub(crate) fn abandon(&mut self, call: u32) -> bool {
        let Some(slot) = self.slots.get_mut(call as usize).filter(|slot| slot.held) else { return false };
        slot.held = false;
        slot.waker = None;
        slot.deadline = None;
        let open = slot.open;
        if !open {
            self.slots.remove(call as usize);
        }
        open
    }

    /// The peer is to be told that `call` was given up. Once is enough.
    pub(crate) fn give_up(&mut self, call: u32) {
        if let Some(slot) = self.slots.get_mut(call as usize).filter(|slot| slot.given_up == GivenUp::No) {
            slot.given_up = GivenUp::Due;
            self.given_up.push_back(call);
        }
    }

    /// The call that the peer is to be told of next.
    pub(crate) fn next_given_up(&self) -> Option<u32> {
        self.given_up.front().copied()
    }

    /// The peer was told of the call that was [next](Self::next_given_up).
    pub(crate) fn told(&mut self) {
        let told = self.given_up.pop_front().and_then(|call| self.slots.get_mut(call as usize));
        if let Some(slot) = told {
            slot.given_up = GivenUp::Told;
        }
    }

    /// True if the peer knows that `call` was given up.
    pub(crate) fn is_told(&self, call: u32) -> bool {
        self.slots.get(call as usize).is_some_and(|slot| slot.given_up == GivenUp::Told)
    }

    /// The head of the one answer to `call` came. An error if it waits for none.
    pub(crate) fn claim(&mut self, call: u32) -> Result<(), Error> {
        let waiting = self.slots.get_mut(call as usize).filter(|slot| slot.open && !slot.answered);
        match waiting {
            Some(slot) => slot.answered = true,
            None => return Err(Error::protocol(format!("answer to call {call}, which waits for none"))),
        }
        Ok(())
    }

    /// The terminal frame of `call` came.
    pub(crate) fn finish(&mut self, call: u32, answer: Result<Answer, Status>, events: &mut Events) {
        let Some(slot) = self.slots.get_mut(call as usize) else { return };
        slot.open = false;
        if slot.given_up == GivenUp::Due {
            slot.given_up = GivenUp::No;
            self.given_up.retain(|due| *due != call); // the number's next call is another one
        }
        if !slot.held {
            self.slots.remove(call as usize);
            return;
        }
        slot.deadline = None;
        if slot.answer.is_none() {
            slot.answer = Some(answer);
            events.wakers.extend(slot.waker.take());
        }
    }

    /// Ends every call with `status`; none is open afterwards.
    pub(crate) fn fail_all(&mut self, status: &Status, events: &mut Events) {
        let open: Vec<_> = self.slots.iter().filter(|(_, slot)| slot.open).map(|(call, _)| call).collect();
        for call in open {
            self.finish(u32::try_from(call).unwrap_or(u32::MAX), Err(status.clone()), events);
        }
    }

    /// No call is due before this.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline
    }

    /// Ends the calls whose deadline passed; they are to be cancelled at the peer.
    ///
    /// Walks every slot, but only when the earliest deadline ever given has passed: with calls of one timeout that is
    /// once per timeout, and it costs a microsecond per thousand calls.
    pub(crate) fn expire(&mut self, now: Instant, events: &mut Events) -> Vec<u32> {
        let mut expired = Vec::new();
        if self.next_deadline.is_none_or(|next| next > now) {
            return expired;
        }
        for (call, slot) in &mut self.slots {
            if slot.deadline.is_some_and(|deadline| deadline <= now) {
                slot.deadline = None;
                slot.answer = Some(Err(Status::new(Code::DeadlineExceeded, Ran::Maybe, "deadline passed")));
                events.wakers.extend(slot.waker.take());
                expired.extend(u32::try_from(call));
            }
        }
        self.next_deadline = self.slots.iter().filter_map(|(_, slot)| slot.deadline).min();
        expired
    }
}
