//! One peer's view of one link: hello, calls in both directions, pushes, bodies, deadlines, life. A pure value.
//!
//! `handle_*` takes what came in, `poll_*` gives what must go out, time is an argument; nothing here waits, locks or
//! reads a clock. The driver steps it behind one short lock, which callers share to append what they send.
//!
//! All heads travel on lane 0, in order; a body over 16 KiB follows on a lane of its own. So a cancel always follows
//! its request, a response its pushes, and a call's number may be used again after its terminal frame.

mod arrivals;
mod bulk;
mod calls;
mod cells;
mod closing;
mod drain;
mod events;
mod handshake;
mod incoming;
mod lanes;
mod life;
mod notification;
mod ordered;
mod outbox;
mod outgoing;
mod paths;
mod pieces;
mod rate;
mod recent;
mod room;
mod serving;
#[cfg(test)]
mod tests;

pub(crate) use arrivals::{Arrivals, Note, Taken};
pub(crate) use calls::{Answer, Ended};
pub(crate) use cells::{Cells, SmallAnswer};
pub(crate) use closing::close_for;
pub(crate) use drain::Drain;
pub(crate) use events::{CancelReason, Events, Headers, Incoming};
pub(crate) use handshake::{Offer, Opened};
pub(crate) use notification::Received;
pub use notification::{Notification, NotificationRef};
pub use outgoing::Reply;
#[cfg(test)]
pub(crate) use outgoing::ReplyBody;
pub(crate) use outgoing::{NoRoom, OutBody, OutPush, OutRequest};

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bulk::{Bulk, Sender};
use calls::Calls;
use closing::Ending;
use lanes::Lanes;
use life::Life;
use ordered::Ordered;
use outbox::{Outbox, Transit};
use paths::Paths;
use rate::Rate;
use recent::{LastAccepted, LastMade};
use serving::Serving;

use crate::frame::{Landing, frame_lane};
use crate::wire::{self, Message};
use crate::{Batch, Close, CloseCode, Code, Error, ErrorKind, Inbox, Lane, Limits, Ran, Status};

/// Which end of the link this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Listened, and answers the hello. Its lanes are even.
    Acceptor,
    /// Connected, and says hello first. Its lanes are odd.
    Connector,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Hellos are not exchanged yet. True once the peer's came and our answer is due.
    Opening { heard: bool },
    /// Messages flow. True once the peer said that it goes away.
    Open { peer_leaving: bool },
    /// One side closed; nothing more is sent or taken.
    Closed(Box<Close>),
}

/// The protocol state of one link.
///
/// In this order in memory (`repr(C)`): what a push looks at and changes comes first, then what every wake of the driver does. A
/// push to a thousand sessions finds little of them in the processor's cache, and nor do their drivers, so both are to touch few
/// lines. Its parts follow the same rule.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Connection {
    phase: Phase,
    /// The peer closed, and bodies that it announced before are still on their way.
    ending: Option<Box<Ending>>,
    /// Pushes and gaps made here.
    pushes_made: u64,
    peer: PeerLimits,
    limits: Arc<Limits>,
    outbox: Outbox,
    /// Frames that wait for the driver.
    out: Batch,
    bulk: Bulk,
    /// Pushes that found no room, of which the peer was not told.
    missed: u64,
    transit: Transit,
    /// Bytes that the link had not taken when it was asked last.
    unsent: usize,
    life: Life,
    ordered: Ordered,
    serving: Serving,
    calls: Calls,
    role: Role,
    /// Refuses new requests of the peer, since this side is going away.
    leaving: bool,
    paths: Paths,
    last_accepted: LastAccepted,
    last_made: LastMade,
    /// Those that were called and pushed to from here.
    called: Paths,
    /// How fast the peer lets us give calls up.
    pace: Rate,
    lanes: Lanes,
    /// Answers whose body is on its way, and whether they wait for the pushes before them.
    answers: HashMap<u32, (Answer, bool)>,
    /// One-way requests whose body is on its way, by the order of their heads.
    one_way_arriving: HashMap<u64, Incoming>,
    next_one_way: u64,
    /// Bytes that came before the hellos were exchanged.
    greeting_len: usize,
}

/// What the peer accepts, from its hello.
#[derive(Clone, Copy, Debug)]
struct PeerLimits {
    max_message_len: usize,
    max_in_flight: usize,
    max_lanes: usize,
}

impl Connection {
    /// The state of a fresh link. A connector says hello at once.
    pub(crate) fn new(role: Role, limits: impl Into<Arc<Limits>>, max_lanes: u32, now: Instant) -> Self {
        let limits = limits.into();
        let lanes = limits.max_lanes.min(max_lanes).max(1) as usize;
        Self {
            role,
            phase: Phase::Opening { heard: false },
            peer: PeerLimits { max_message_len: 0, max_in_flight: 0, max_lanes: lanes },
            out: Batch::new(),
            outbox: Outbox::default(),
            transit: Transit::default(),
            unsent: 0,
            bulk: Bulk::new(role),
            // An acceptor makes no calls.
            calls: if role == Role::Connector { Calls::with_cells() } else { Calls::default() },
            serving: Serving::default(),
            lanes: Lanes::new(limits.clone()),
            ordered: Ordered::default(),
            life: Life::new(&limits, now),
            pace: Rate::accepted(&limits, now),
            answers: HashMap::new(),
            one_way_arriving: HashMap::new(),
            paths: Paths::default(),
            last_accepted: LastAccepted::default(),
            last_made: LastMade::default(),
            called: Paths::default(),
            next_one_way: 0,
            pushes_made: 0,
            missed: 0,
            greeting_len: 0,
            leaving: false,
            ending: None,
            limits,
        }
    }

    /// Why the connection ended, once it has.
    pub(crate) fn closed(&self) -> Option<&Close> {
        if let Phase::Closed(close) = &self.phase { Some(close) } else { None }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// How long a peer may take nothing of what is left after a close, and all of it at most.
    pub(crate) fn patience(&self) -> (Duration, Duration) {
        (self.limits.write_timeout, self.limits.drain_timeout)
    }

    /// Where the callers of this side find small answers without a lock.
    pub(crate) fn cells(&self) -> Option<&Arc<Cells>> {
        self.calls.cells()
    }

    /// Our calls whose terminal frame has not come.
    pub(crate) fn in_flight(&self) -> usize {
        self.calls.in_flight()
    }

    /// Calls made from here so far.
    pub(crate) fn calls_begun(&self) -> u64 {
        self.calls.begun()
    }

    /// The peer's calls that were not answered.
    pub(crate) fn serving(&self) -> usize {
        self.serving.len()
    }

    /// Takes what one read brought. Bodies are shared with the inbox, not copied, if they are large. Memory for the piece of one that
    /// comes next is lent to the inbox, which is to be read into then.
    ///
    /// # Errors
    /// The peer broke the protocol or a bound; the caller then closes with [`close_for`].
    pub(crate) fn handle_inbox(
        &mut self,
        now: Instant,
        inbox: &mut Inbox,
        events: &mut Events,
    ) -> Result<(), Error> {
        self.life.heard(now);
        let was_open = self.is_open(); // else the inbox is the handshake's, and is not read into any more
        while let Some(landed) = inbox.take_landed() {
            self.handle_landed(landed, events)?;
        }
        self.handle_frames(now, inbox, events)?;
        let begun = inbox.begun().filter(|_| was_open);
        *inbox.lent() = begun.and_then(|begun| self.lanes.lend(begun)).map(Box::new);
        self.bound_output(events);
        Ok(())
    }

    fn handle_frames(&mut self, now: Instant, inbox: &Inbox, events: &mut Events) -> Result<(), Error> {
        let mut index = 0;
        while let Some(frame) = inbox.frame(index) {
            let plain =
                if self.is_open() { self.handle_plain(now, frame, (inbox, index), events)? } else { 0 };
            index += plain.max(1);
            if plain > 0 {
                continue;
            }
            if self.closed().is_some() {
                break;
            }
            if matches!(self.phase, Phase::Opening { .. }) {
                self.greeting_len += frame.len();
                if self.greeting_len > self.limits.max_hello_len {
                    return Err(Error::new(
                        ErrorKind::FrameTooLarge,
                        format!(
                            "more than {} bytes before the hellos (max_hello_len)",
                            self.limits.max_hello_len
                        ),
                    ));
                }
            }
            match wire::decode(frame)? {
                Some(message) => {
                    self.handle_message(now, message, inbox, events)?;
                    self.end_if_complete(events);
                }
                None => self.check_ignored(frame)?,
            }
        }
        Ok(())
    }

    /// The link read into the place of a body.
    fn handle_landed(&mut self, landed: Landing, events: &mut Events) -> Result<(), Error> {
        if self.closed().is_some() {
            return Ok(());
        }
        if let Some((owner, body)) = self.lanes.handle_landed(landed)? {
            self.finish_body(owner, Some(body), events)?;
        }
        self.end_if_complete(events);
        Ok(())
    }

    /// What nobody knows may be ignored, but nothing comes before the hellos; except on other lanes, which may overtake
    /// the answer that admits us.
    fn check_ignored(&self, frame: &[u8]) -> Result<(), Error> {
        let opening = matches!(self.phase, Phase::Opening { .. });
        if opening && (self.role == Role::Acceptor || frame_lane(frame)? == Lane::ZERO) {
            return Err(Error::protocol("frame before the hellos"));
        }
        Ok(())
    }

    /// A peer that asks for answers and does not read them is given up. One that keeps to our limits never gets here: so
    /// much can wait only if every call in flight, both ways, and the outbox are as large as they may be.
    fn bound_output(&mut self, events: &mut Events) {
        if self.out.is_empty() && self.unsent == 0 {
            return; // with most reads, and the limits need not be looked at
        }
        let limits = &self.limits;
        let per_message = limits.max_metadata_len + HEAD_ROOM;
        let calls = 2 * limits.max_in_flight as usize * (wire::MAX_INLINE_LEN + per_message);
        let pushes = limits.max_outbox_len + limits.max_outbox_messages * per_message;
        let waiting = self.out.len() + self.unsent;
        if self.closed().is_none() && waiting > calls + pushes + 2 * bulk::BULK_LEN {
            self.forget_output();
            self.close(Close::new(CloseCode::SLOW, "peer does not read what it asks for"), events);
        }
    }

    fn handle_message(
        &mut self,
        now: Instant,
        message: Message<'_>,
        inbox: &Inbox,
        events: &mut Events,
    ) -> Result<(), Error> {
        let may_come = match (&message, &self.phase) {
            (Message::Close(_) | Message::Hello(_), _) | (_, Phase::Open { .. } | Phase::Closed(_)) => true,
            // Lanes promise nothing to each other: a push's body may overtake the answer that admits us.
            (Message::Body { .. } | Message::Reset { .. }, _) => self.role == Role::Connector,
            _ => false,
        };
        if !may_come {
            return Err(Error::protocol("message before the hellos"));
        }
        match message {
            Message::Body { lane, last, bytes } => {
                let done = self.lanes.handle_body((lane, last), bytes, inbox)?;
                done.map_or(Ok(()), |(owner, body)| self.finish_body(owner, Some(body), events))
            }
            Message::Cancel { call } => self.handle_cancel(now, call, events),
            Message::Close(close) => {
                self.handle_close(now, close, events);
                Ok(())
            }
            Message::Failure { call, status, after_pushes } => {
                self.handle_failure(call, status, after_pushes, events)
            }
            Message::Gap(gap) => self.handle_gap(gap, events),
            Message::Goaway { .. } => {
                self.phase = Phase::Open { peer_leaving: true };
                Ok(())
            }
            Message::Hello(hello) => self.handle_hello(now, hello, events),
            Message::Ping { payload } => {
                self.life.count_cancel(now, self.limits.max_cancels_per_second)?;
                self.send(&Message::Pong { payload })
            }
            Message::Pong { .. } => Ok(()),
            push @ Message::Push { .. } => self.handle_push(push, events),
            Message::Request(request) => self.handle_request(now, request, inbox, events),
            Message::Reset { lane } => {
                if !self.is_wanted_reset(lane) {
                    self.life.count_cancel(now, self.limits.max_cancels_per_second)?;
                }
                let owner = self.lanes.handle_reset(lane)?;
                owner.map_or(Ok(()), |owner| self.finish_body(owner, None, events))
            }
            Message::Response(response) => self.handle_response(response, inbox, events),
        }
    }

    /// Does what time asks for.
    pub(crate) fn handle_timeout(&mut self, now: Instant, events: &mut Events) {
        if self.ending.as_ref().is_some_and(|ending| ending.until <= now) {
            return self.end_as_told(events);
        }
        match self.life.handle_timeout(now, self.is_open(), &self.limits) {
            life::Due::Nothing => {}
            life::Due::Ping(payload) => drop(self.send(&Message::Ping { payload })),
            life::Due::Close(close) => return self.close(close, events),
        }
        for call in self.calls.expire(now, events) {
            self.calls.give_up(call);
        }
        self.send_cancels(now);
        for (call, lane) in self.serving.expire(now, events) {
            let _ = self.lanes.discard(lane); // it is known, so there is room for it
            let status =
                Status::new(Code::DeadlineExceeded, Ran::No, "deadline passed before the arguments came");
            self.respond(call, Reply::failure(status));
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.closed().is_some() {
            return None;
        }
        let mut due = self.life.poll_timeout(&self.limits);
        let mut or = |other: Option<Instant>| due = other.map_or(due, |other| due.min(other));
        or(self.calls.next_deadline());
        or(self.serving.next_deadline());
        or(self.ending.as_ref().map(|ending| ending.until));
        or(self.calls.next_given_up().and_then(|_| self.pace.next()));
        Some(due)
    }

    /// Moves what must go out behind what `batch` still holds.
    pub(crate) fn poll_batch(&mut self, batch: &mut Batch) {
        if self.out.is_empty() && self.bulk.is_empty() {
            return;
        }
        let mut left = Vec::new();
        if self.closed().is_none() && !self.bulk.is_empty() {
            left = self.bulk.fill(batch, &mut self.out, self.peer.max_lanes);
        }
        let before = batch.len();
        batch.append(&mut self.out);
        let messages = left.iter().filter_map(|sender| match sender {
            Sender::Outbox(number) => Some(*number),
            Sender::Request(_) | Sender::Response(_) => None,
        });
        self.transit.handed(batch.len() - before, messages, &mut self.outbox);
        for sender in left {
            if let Sender::Response(call) = sender {
                self.serving.remove(call);
            }
        }
    }

    /// True if large bodies wait to be sent, and fewer than the link is given at once.
    pub(crate) fn gathers_bulk(&self) -> bool {
        (1..bulk::BULK_LEN).contains(&self.bulk.len())
    }

    /// True if [`poll_batch`](Self::poll_batch) would find something.
    pub(crate) fn has_output(&self) -> bool {
        !self.out.is_empty() || (self.closed().is_none() && !self.bulk.is_empty())
    }

    /// Notes that some of what was polled was sent, or none, and how much is not. What was sent makes room for pushes.
    pub(crate) fn handle_sent(&mut self, now: Instant, progressed: bool, remaining: usize) {
        self.life.handle_sent(now, progressed, remaining);
        self.unsent = remaining;
        self.transit.sent(remaining, &mut self.outbox);
        self.tell_missed();
    }

    fn send(&mut self, message: &Message<'_>) -> Result<(), Error> {
        wire::encode(message, &mut self.out)
    }
}

/// Room for what a small message holds beside body and metadata: its path and numbers.
const HEAD_ROOM: usize = 512;
