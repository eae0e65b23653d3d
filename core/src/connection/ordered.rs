//! Keeps notifications in order while the body of one is still on its way.

use std::collections::VecDeque;

use bytes::Bytes;

use super::calls::Calls;
use super::events::Events;
use super::notification::{Notification, Received};
use super::{Answer, lanes::Owner};
use crate::wire::{Gap, GapReason};
use crate::{Lane, Status};

/// Empty unless a notification waits for its body; then everything that must not overtake it waits behind.
#[derive(Debug, Default)]
pub(crate) struct Ordered {
    waiting: VecDeque<Item>,
    /// Number of the first item that waits.
    first: u64,
    /// Notifications and gaps that wait, and the bytes of their bodies that have come.
    messages: usize,
    bytes: usize,
}

#[derive(Debug)]
enum Item {
    Answer(u32, Result<Answer, Status>),
    Arriving(Notification, Lane),
    Ready(Received),
}

impl Ordered {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A notification whose body is still on its way, on `lane`. Returns the owner under which it is to be announced.
    pub(crate) fn arriving(&mut self, head: Notification, lane: Lane) -> Owner {
        let owner = Owner::Push(self.first + self.waiting.len() as u64);
        self.waiting.push_back(Item::Arriving(head, lane));
        self.messages += 1;
        owner
    }

    /// A notification whose body is whole.
    pub(crate) fn notification(&mut self, notification: Notification, events: &mut Events) {
        self.received(Received::Notification(notification), events);
    }

    pub(crate) fn gap(&mut self, gap: Gap, events: &mut Events) {
        self.received(Received::Gap(gap), events);
    }

    fn received(&mut self, received: Received, events: &mut Events) {
        if self.is_empty() { events.received.push(received) } else { self.wait(received) }
    }

    fn wait(&mut self, received: Received) {
        self.messages += 1;
        self.bytes += received.body_len();
        self.waiting.push_back(Item::Ready(received));
    }

    /// An answer that must not overtake the notifications before it.
    pub(crate) fn answer(&mut self, call: u32, answer: Result<Answer, Status>) {
        self.waiting.push_back(Item::Answer(call, answer));
    }

    /// The body of a notification is whole, or will not come.
    pub(crate) fn finish(
        &mut self,
        number: u64,
        body: Option<Bytes>,
        calls: &mut Calls,
        events: &mut Events,
    ) {
        let index = usize::try_from(number.wrapping_sub(self.first)).unwrap_or(usize::MAX);
        if let Some(item) = self.waiting.get_mut(index)
            && let Item::Arriving(head, _) = item
        {
            let received = match body {
                Some(body) => Received::Notification(head.clone().with_body(body)),
                None => Received::Gap(Gap::new(1, GapReason::Reset)),
            };
            self.bytes += received.body_len();
            *item = Item::Ready(received);
        }
        self.release(calls, events);
    }

    /// True if more waits than the event buffer holds.
    pub(crate) fn exceeds(&self, max_messages: usize, max_bytes: usize) -> bool {
        self.messages > max_messages || self.bytes > max_bytes
    }

    /// Gives up the notification that all others wait for: a gap takes its place. Returns its lane.
    pub(crate) fn give_up_oldest(&mut self, calls: &mut Calls, events: &mut Events) -> Option<Lane> {
        let oldest = self.waiting.front_mut()?;
        let given_up = Item::Ready(Received::Gap(Gap::new(1, GapReason::EventBufferFull)));
        let lane = match std::mem::replace(oldest, given_up) {
            Item::Arriving(_, lane) => Some(lane),
            other => {
                *oldest = other;
                None
            }
        };
        self.release(calls, events);
        lane
    }

    /// Nothing more will come: what has come is handed on, with gaps in the place of the rest.
    pub(crate) fn end(&mut self, calls: &mut Calls, events: &mut Events) {
        for item in &mut self.waiting {
            if matches!(item, Item::Arriving(..)) {
                *item = Item::Ready(Received::Gap(Gap::new(1, GapReason::Reset)));
            }
        }
        self.release(calls, events);
    }

    fn release(&mut self, calls: &mut Calls, events: &mut Events) {
        while let Some(item) = self.waiting.pop_front() {
            match item {
                Item::Answer(call, answer) => calls.finish(call, answer, events),
                Item::Arriving(..) => {
                    self.waiting.push_front(item);
                    return;
                }
                Item::Ready(received) => {
                    self.messages -= 1;
                    self.bytes -= received.body_len();
                    events.received.push(received);
                }
            }
            self.first += 1;
        }
    }
}
