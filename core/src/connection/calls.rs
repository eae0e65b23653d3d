//! Our calls in flight: slots that are used again, whose index is the call's number, with waker and answer in the slot.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;

use super::Events;
use super::cells::Cells;
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

/// How a call ended, as its caller finds it.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With a body and nothing else, which was put into the caller's buffer.
    Plain(Outcome),
    Other(Box<Result<Answer, Status>>),
}

/// A call that could not start, or that is unknown.
#[derive(Debug)]
pub(crate) struct CallFailed(pub(crate) Status);

#[derive(Debug, Default)]
#[repr(C)] // as Connection
pub(crate) struct Calls {
    /// No call is due before; kept when that call ends early, so a sweep may find nothing.
    next_deadline: Option<Instant>,
    begun: u64,
    /// Numbers taken: by calls whose terminal frame has not come, or whose answer nobody took.
    in_flight: usize,
    slots: Vec<Slot>,
    /// Numbers below the length of `slots` that no call has, the one that was free first in front. The answers of some may wait
    /// in their cells; those have no new call before these were taken.
    free: VecDeque<u32>,
    /// Calls that were given up and whose peer was not told yet, with the number of that, and those that were answered
    /// meanwhile. The first is never one of these, and there are at most two entries per slot, and some.
    given_up: VecDeque<(u32, u64)>,
    /// Where small answers wait for their callers.
    cells: Option<Arc<Cells>>,
    /// Numbers what is given up: a call's own number is used again.
    next_due: u64,
}

/// Whether the peer knows that a call was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum GivenUp {
    #[default]
    No,
    /// It is to be told, as the entry of this number says.
    Due(u64),
    Told,
}

#[derive(Debug, Default)]
struct Slot {
    /// A call has the number. Else nothing below is meant but the memory of `body`.
    taken: bool,
    /// The terminal frame has not come: the number stays taken.
    open: bool,
    /// Its head has, at least.
    answered: bool,
    /// Somebody holds the call and will take the answer.
    held: bool,
    given_up: GivenUp,
    waker: Option<Waker>,
    deadline: Option<Instant>,
    answer: Option<Ended>,
    /// The body of a plain answer.
    body: Vec<u8>,
}

impl Calls {
    /// With cells, in which small answers that come with nothing else are put.
    pub(super) fn with_cells() -> Self {
        Self { cells: Some(Arc::default()), ..Self::default() }
    }

    /// Where callers find small answers without a lock.
    pub(super) fn cells(&self) -> Option<&Arc<Cells>> {
        self.cells.as_ref()
    }

    /// Calls made so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Calls whose terminal frame has not come.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Takes a free number below `max` for a call whose end wakes `waker`.
    pub(crate) fn start(
        &mut self,
        max: usize,
        deadline: Option<Instant>,
        waker: &Waker,
    ) -> Result<u32, CallFailed> {
        let Some(call) = self.next_free(max) else {
            return Err(CallFailed(Status::new(
                Code::ResourceExhausted,
                Ran::No,
                format!("{max} calls are in flight, and no more may be (max_in_flight)"),
            )));
        };
        self.begun += 1;
        self.in_flight += 1;
        if let Some(slot) = self.slots.get_mut(call as usize) {
            slot.taken = true;
            slot.open = true;
            slot.held = true;
            slot.deadline = deadline;
            slot.waker = Some(waker.clone());
        }
        if let Some(deadline) = deadline
            && self.next_deadline.is_none_or(|next| deadline < next)
        {
            self.next_deadline = Some(deadline);
        }
        Ok(call)
    }

    /// A number that has neither call nor answer.
    fn next_free(&mut self, max: usize) -> Option<u32> {
        match self.free.front() {
            None => self.grow(max),
            Some(call) if self.is_clear(*call) => self.free.pop_front(),
            // Callers take their answers in about the order in which they came, so those behind it wait too.
            Some(_) => self.grow(max).or_else(|| {
                let clear = self.free.iter().position(|call| self.is_clear(*call))?;
                self.free.remove(clear)
            }),
        }
    }

    fn is_clear(&self, call: u32) -> bool {
        self.cells.as_ref().is_none_or(|cells| cells.is_empty(call))
    }

    /// The number of a new slot, if it is below `max`.
    fn grow(&mut self, max: usize) -> Option<u32> {
        let call = u32::try_from(self.slots.len()).ok().filter(|_| self.slots.len() < max)?;
        self.slots.push(Slot::default());
        Some(call)
    }

    fn get_mut(&mut self, call: u32) -> Option<&mut Slot> {
        self.slots.get_mut(call as usize).filter(|slot| slot.taken)
    }

    /// The call is over, and its number free.
    fn remove(&mut self, call: u32) {
        let Some(slot) = self.get_mut(call) else { return };
        slot.taken = false;
        slot.open = false;
        slot.answered = false;
        slot.held = false;
        slot.given_up = GivenUp::No;
        slot.waker = None;
        slot.deadline = None;
        slot.answer = None;
        slot.body.clear();
        if slot.body.capacity() > MAX_KEPT_BODY {
            slot.body = Vec::new();
        }
        self.free.push_back(call);
        self.in_flight -= 1;
    }

    /// Takes the end of `call` if it came, a plain body into `body`, which is empty; else keeps the waker.
    pub(crate) fn poll(&mut self, call: u32, cx: &Context<'_>, body: &mut Vec<u8>) -> Poll<Ended> {
        if let Some(answer) = self.cells.as_ref().and_then(|cells| cells.take(call)) {
            body.extend_from_slice(answer.body());
            return Poll::Ready(Ended::Plain(answer.outcome));
        }
        let Some(slot) = self.get_mut(call) else {
            let status = Status::new(Code::Internal, Ran::Maybe, "call was polled after its end");
            return Poll::Ready(Ended::Other(Box::new(Err(status))));
        };
        let Some(answer) = slot.answer.take() else {
            match &mut slot.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                empty => *empty = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        body.extend_from_slice(&slot.body);
        slot.held = false;
        if !slot.open {
            self.remove(call);
        }
        Poll::Ready(answer)
    }

    /// Gives `call` up. True if the peer must be told.
    pub(crate) fn abandon(&mut self, call: u32) -> bool {
        if self.cells.as_ref().is_some_and(|cells| cells.take(call).is_some()) {
            return false;
        }
        let Some(slot) = self.get_mut(call).filter(|slot| slot.held) else { return false };
        slot.held = false;
        slot.waker = None;
        slot.deadline = None;
        let open = slot.open;
        if !open {
            self.remove(call);
        }
        open
    }

    /// The peer is to be told that `call` was given up. Once is enough.
    pub(crate) fn give_up(&mut self, call: u32) {
        let due = self.next_due;
        if let Some(slot) = self.get_mut(call).filter(|slot| slot.given_up == GivenUp::No) {
            slot.given_up = GivenUp::Due(due);
            self.next_due += 1;
            self.given_up.push_back((call, due));
            if self.given_up.len() > 2 * self.slots.len() + KEPT {
                let slots = &self.slots;
                self.given_up.retain(|entry| is_due(slots, entry));
            }
        }
    }

    /// The call that the peer is to be told of next.
    pub(crate) fn next_given_up(&self) -> Option<u32> {
        self.given_up.front().map(|(call, _)| *call)
    }

    /// The peer was told of the call that was [next](Self::next_given_up).
    pub(crate) fn told(&mut self) {
        if let Some((call, _)) = self.given_up.pop_front()
            && let Some(slot) = self.get_mut(call)
        {
            slot.given_up = GivenUp::Told;
        }
        self.skip_answered();
    }

    /// Drops what need not be told any more from the front.
    fn skip_answered(&mut self) {
        while let Some(entry) = self.given_up.front()
            && !is_due(&self.slots, entry)
        {
            self.given_up.pop_front();
        }
    }

    /// True if the peer knows that `call` was given up.
    pub(crate) fn is_told(&self, call: u32) -> bool {
        self.slots.get(call as usize).is_some_and(|slot| slot.given_up == GivenUp::Told)
    }

    /// The head of the one answer to `call` came. An error if it waits for none.
    pub(crate) fn claim(&mut self, call: u32) -> Result<(), Error> {
        match self.get_mut(call).filter(|slot| slot.open && !slot.answered) {
            Some(slot) => slot.answered = true,
            None => return Err(waits_for_none(call)),
        }
        Ok(())
    }

    /// A whole answer came that is nothing but its body, which is small. An error if `call` waits for none.
    pub(crate) fn finish_plain(
        &mut self,
        (call, outcome): (u32, Outcome),
        body: &[u8],
        events: &mut Events,
    ) -> Result<(), Error> {
        let slot = self.slots.get_mut(call as usize).filter(|slot| slot.open && !slot.answered);
        let Some(slot) = slot else { return Err(waits_for_none(call)) };
        if slot.held && slot.answer.is_none() && slot.given_up == GivenUp::No {
            events.answered += 1;
            events.wakers.extend(slot.waker.take());
            // Notifications of the same read are handed on only after this, and its caller may look at any moment.
            if let Some(cells) = &self.cells
                && events.received.is_empty()
                && cells.put(call, outcome, body)
            {
                self.remove(call);
                return Ok(());
            }
            slot.open = false;
            slot.answered = true;
            slot.deadline = None;
            slot.body.extend_from_slice(body);
            slot.answer = Some(Ended::Plain(outcome));
        } else {
            slot.answered = true;
            self.end(call, Ended::Plain(outcome), events); // nobody takes it: the call was given up
        }
        Ok(())
    }

    /// The terminal frame of `call` came.
    pub(crate) fn finish(&mut self, call: u32, answer: Result<Answer, Status>, events: &mut Events) {
        self.end(call, Ended::Other(Box::new(answer)), events);
    }

    fn end(&mut self, call: u32, answer: Ended, events: &mut Events) {
        let Some(slot) = self.get_mut(call) else { return };
        slot.open = false;
        let was_due = matches!(slot.given_up, GivenUp::Due(_));
        if was_due {
            slot.given_up = GivenUp::No;
        }
        if slot.held {
            slot.deadline = None;
            if slot.answer.is_none() {
                slot.answer = Some(answer);
                events.wakers.extend(slot.waker.take());
            }
        } else {
            self.remove(call);
        }
        if was_due {
            self.skip_answered();
        }
    }

    /// Ends every call with `status`; none is open afterwards.
    pub(crate) fn fail_all(&mut self, status: &Status, events: &mut Events) {
        let open: Vec<_> =
            (0u32..).zip(&self.slots).filter(|(_, slot)| slot.open).map(|(call, _)| call).collect();
        for call in open {
            self.finish(call, Err(status.clone()), events);
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
        for (call, slot) in (0u32..).zip(&mut self.slots) {
            if slot.deadline.is_some_and(|deadline| deadline <= now) {
                slot.deadline = None;
                let status = Status::new(Code::DeadlineExceeded, Ran::Maybe, "deadline passed");
                slot.answer = Some(Ended::Other(Box::new(Err(status))));
                events.wakers.extend(slot.waker.take());
                expired.push(call);
            }
        }
        self.next_deadline = self.slots.iter().filter_map(|slot| slot.deadline).min();
        expired
    }
}

fn waits_for_none(call: u32) -> Error {
    Error::protocol(format!("answer to call {call}, which waits for none"))
}

/// Longest body whose memory a free slot keeps, in bytes. With it answers need no allocation, and a connection keeps no more
/// than 4 MiB for the 4,096 calls that may be in flight.
const MAX_KEPT_BODY: usize = 1024;

fn is_due(slots: &[Slot], (call, due): &(u32, u64)) -> bool {
    slots.get(*call as usize).is_some_and(|slot| slot.given_up == GivenUp::Due(*due))
}

/// Entries of answered calls that are kept whatever the number of calls.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn start(calls: &mut Calls) -> u32 {
        calls.start(usize::MAX, None, Waker::noop()).unwrap()
    }

    fn give_up(calls: &mut Calls, call: u32) {
        assert!(calls.abandon(call));
        calls.give_up(call);
    }

    fn finish(calls: &mut Calls, call: u32) {
        calls.finish(call, Err(Status::new(Code::Cancelled, Ran::Yes, "gone")), &mut Events::default());
    }

    #[test]
    fn a_number_that_is_used_again_is_told_for_its_new_call_only() {
        let mut calls = Calls::default();
        let (first, second) = (start(&mut calls), start(&mut calls));
        give_up(&mut calls, first);
        give_up(&mut calls, second);
        finish(&mut calls, second);
        assert_eq!(start(&mut calls), second);
        calls.told();
        assert_eq!(calls.next_given_up(), None, "the call of the number is another one");
        give_up(&mut calls, second);
        assert_eq!(calls.next_given_up(), Some(second));
        finish(&mut calls, second);
        assert_eq!(calls.next_given_up(), None);
    }

    #[test]
    fn answers_to_calls_that_wait_to_be_given_up_cost_little_each() {
        let mut calls = Calls::default();
        let open: Vec<_> = (0..100_000).map(|_| start(&mut calls)).collect();
        for call in &open {
            give_up(&mut calls, *call);
        }
        let begin = crate::clock::now();
        for call in open.into_iter().rev() {
            finish(&mut calls, call);
        }
        // Milliseconds; it would be minutes if each looked at all that wait.
        assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
        assert_eq!((calls.next_given_up(), calls.in_flight()), (None, 0));
    }

    #[test]
    fn what_was_answered_before_it_was_told_is_not_kept() {
        let mut calls = Calls::default();
        let stuck = start(&mut calls);
        give_up(&mut calls, stuck);
        for _ in 0..10_000 {
            let call = start(&mut calls);
            give_up(&mut calls, call);
            finish(&mut calls, call);
        }
        assert!(calls.given_up.len() <= KEPT + 5, "{} entries", calls.given_up.len());
        assert_eq!(calls.next_given_up(), Some(stuck));
    }
}
