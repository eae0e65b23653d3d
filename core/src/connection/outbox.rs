//! Pushes and one-way requests that have not left, in order: what room for the next one is measured by.

use crate::Limits;
use crate::frame::Queue;

/// How many there are. A message counts until the link took its last byte. Those behind a large one stay as long as it does,
/// since the peer holds them until its body is there.
///
/// Apart from [`Transit`], so that a push to many sessions changes as little memory of each as it can.
#[derive(Debug, Default)]
#[repr(C)] // in the order in which a push needs it
pub(crate) struct Outbox {
    messages: usize,
    bytes: usize,
    /// Of those, small ones behind the last that [`Transit`] knows.
    recent: (usize, usize),
}

/// What becomes of them when the link takes something.
#[derive(Debug, Default)]
pub(crate) struct Transit {
    entries: Queue<Entry>,
    /// Number of the first entry.
    first: u64,
    /// Bytes of all kinds that the link was handed since it was opened.
    handed: u64,
    /// Those of them that it has sent.
    sent: u64,
}

/// One large message, or small ones that were handed to the link together.
#[derive(Debug)]
struct Entry {
    messages: usize,
    bytes: usize,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The link was not handed all of it.
    Queued,
    /// The same, of a large body.
    Leaving,
    /// Gone once the link has sent so many bytes.
    Handed(u64),
}

impl Outbox {
    /// True if a message of `len` bytes fits. An empty outbox takes any.
    pub(crate) fn has_room(&self, len: usize, limits: &Limits) -> bool {
        self.messages == 0
            || (self.bytes + len <= limits.max_outbox_len && self.messages < limits.max_outbox_messages)
    }

    /// True if half of what it takes, or more, is free.
    pub(crate) fn is_half_empty(&self, limits: &Limits) -> bool {
        self.bytes <= limits.max_outbox_len / 2 && self.messages <= limits.max_outbox_messages / 2
    }

    /// True if it holds more than one message.
    pub(crate) fn has_several(&self) -> bool {
        self.messages > 1
    }

    /// Enters a message whose body is inline.
    pub(crate) fn put_small(&mut self, len: usize) {
        self.recent.0 += 1;
        self.recent.1 += len;
        self.messages += 1;
        self.bytes += len;
    }

    /// Enters a message whose body has its own lane. Returns its number.
    pub(crate) fn put_large(&mut self, len: usize, transit: &mut Transit) -> u64 {
        transit.enter_recent(self);
        let number = transit.first + transit.entries.len() as u64;
        transit.entries.push_back(Entry { messages: 1, bytes: len, state: State::Leaving });
        self.messages += 1;
        self.bytes += len;
        number
    }
}

impl Transit {
    /// Makes an entry of the small messages behind the last one.
    fn enter_recent(&mut self, outbox: &mut Outbox) {
        let (messages, bytes) = std::mem::take(&mut outbox.recent);
        if messages > 0 {
            self.entries.push_back(Entry { messages, bytes, state: State::Queued });
        }
    }

    /// The link was handed `bytes` more: all that was queued, and the rest of large message `left` if there is one.
    pub(crate) fn handed(&mut self, bytes: usize, left: impl Iterator<Item = u64>, outbox: &mut Outbox) {
        self.enter_recent(outbox);
        self.handed += bytes as u64;
        let handed = self.handed;
        let recent =
            self.entries.iter_mut().rev().take_while(|entry| !matches!(entry.state, State::Handed(_)));
        for entry in recent.filter(|entry| entry.state == State::Queued) {
            entry.state = State::Handed(handed);
        }
        for number in left {
            let index = usize::try_from(number.wrapping_sub(self.first)).unwrap_or(usize::MAX);
            if let Some(entry) = self.entries.get_mut(index) {
                entry.state = State::Handed(handed);
            }
        }
    }

    /// Bytes of all kinds that the link was handed.
    pub(crate) fn total_handed(&self) -> u64 {
        self.handed
    }

    /// Bytes of all kinds that the link has sent.
    pub(crate) fn total_sent(&self) -> u64 {
        self.sent
    }

    /// The link has yet to send `remaining` bytes of what it was handed.
    pub(crate) fn sent(&mut self, remaining: usize, outbox: &mut Outbox) {
        let sent = self.handed.saturating_sub(remaining as u64);
        self.sent = self.sent.max(sent);
        while let Some(Entry { messages, bytes, state: State::Handed(end) }) = self.entries.front()
            && *end <= sent
        {
            outbox.messages -= messages;
            outbox.bytes -= bytes;
            self.first += 1;
            self.entries.pop_front();
        }
    }
}
