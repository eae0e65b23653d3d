//! Keeps notifications in order while the body of one is still on its way.

use std::collections::VecDeque;

use bytes::Bytes;

use super::calls::Calls;
use super::events::{Events, Notification, Received};
use super::{Answer, lanes::Owner};
use crate::wire::{Gap, GapReason};
use crate::{Error, ErrorKind, Status};

/// Empty unless a notification waits for its body; then everything that must not overtake it waits behind.
#[derive(Debug, Default)]
pub(crate) struct Ordered {
    waiting: VecDeque<Item>,
    /// Number of the first item that waits.
    first: u64,
    bytes: usize,
}

#[derive(Debug)]
enum Item {
    Answer(u32, Result<Answer, Status>),
    Arriving(Notification),
    Ready(Received),
}

impl Ordered {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The owner under which the body of the next notification is to be announced.
    pub(crate) fn next_owner(&self) -> Owner {
        Owner::Push(self.first + self.waiting.len() as u64)
    }

    /// A notification whose body is still on its way.
    pub(crate) fn arriving(&mut self, head: Notification) {
        self.waiting.push_back(Item::Arriving(head));
    }

    pub(crate) fn notification(&mut self, notification: Notification, events: &mut Events) {
        self.received(Received::Notification(notification), events);
    }

    pub(crate) fn gap(&mut self, gap: Gap, events: &mut Events) {
        self.received(Received::Gap(gap), events);
    }

    fn received(&mut self, received: Received, events: &mut Events) {
        if self.waiting.is_empty() {
            events.received.push(received);
        } else {
            if let Received::Notification(notification) = &received {
                self.bytes += notification.weight();
            }
            self.waiting.push_back(Item::Ready(received));
        }
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
            && let Item::Arriving(head) = item
        {
            *item = Item::Ready(match body {
                Some(body) => Received::Notification(head.clone().with_body(body)),
                None => Received::Gap(Gap::new(1, GapReason::Reset)),
            });
        }
        while let Some(item) = self.waiting.pop_front() {
            match item {
                Item::Answer(call, answer) => calls.finish(call, answer, events),
                Item::Ready(received) => events.received.push(received),
                Item::Arriving(head) => {
                    self.waiting.push_front(Item::Arriving(head));
                    return;
                }
            }
            self.first += 1;
        }
        self.bytes = 0;
    }

    /// Checks what waits against the bounds of the event buffer.
    pub(crate) fn check(&self, max_messages: usize, max_bytes: usize) -> Result<(), Error> {
        if self.waiting.len() > max_messages || self.bytes > max_bytes {
            return Err(Error::new(ErrorKind::FrameTooLarge, "too much waits behind the body of a push"));
        }
        Ok(())
    }
}
