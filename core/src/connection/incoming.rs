//! What the peer's messages do to calls, pushes and bodies.

use std::time::Instant;

use bytes::Bytes;

use super::Connection;
use super::calls::Answer;
use super::events::{CancelReason, Content, Events, Headers, Incoming};
use super::lanes::Owner;
use super::notification::Notification;
use super::outgoing::Reply;
use super::serving::State;
use crate::frame::frame_kind;
use crate::wire::{self, BodyPlace, Gap, GapReason, Message, PlainRequest, Request, Response, kind};
use crate::{Code, Error, ErrorKind, Inbox, Lane, Metadata, Ran, Status};

impl Connection {
    /// Takes the frame of `inbox` at `index` if it is of the kinds that make up nearly all of a busy connection, and nothing
    /// about it is out of the ordinary; with those behind it that are alike. Returns how many it took: zero if it is to be
    /// decoded and handled like any other.
    pub(super) fn handle_plain(
        &mut self,
        now: Instant,
        frame: &[u8],
        (inbox, index): (&Inbox, usize),
        events: &mut Events,
    ) -> Result<usize, Error> {
        let taken = match frame_kind(frame) {
            Some(kind::REQUEST) => self.accept_plain(now, frame, inbox, events).is_some(),
            Some(kind::RESPONSE) => match wire::plain_response(frame) {
                Some((call, outcome, body)) if body.len() <= MAX_COPIED => {
                    self.calls.finish_plain((call, outcome), body, events)?;
                    true
                }
                _ => false,
            },
            Some(kind::PUSH) if self.ordered.is_empty() => {
                return Ok(events.received.push_again(inbox, index));
            }
            _ => false,
        };
        Ok(usize::from(taken))
    }

    /// Accepts a call of a method that was called before. None if something may be wrong with it.
    #[inline]
    fn accept_plain(&mut self, now: Instant, frame: &[u8], inbox: &Inbox, events: &mut Events) -> Option<()> {
        let (call, rest) = wire::plain_request(frame)?;
        let alike = self.last_accepted.matches(rest);
        let (request, path_number) = alike.or_else(|| self.learn_request(rest))?;
        let PlainRequest { timeout, path, body } = request;
        let max = self.limits.max_in_flight;
        let in_order = self.ending.is_none()
            && match call {
                Some(call) => call < max && !self.leaving && !self.serving.contains(call),
                None => self.serving.one_way < max as usize,
            };
        if !in_order {
            return None;
        }
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        match call {
            Some(call) => self.serving.insert(call, State::Running, self.pushes_made, deadline),
            None => self.serving.one_way += 1,
        }
        let content = Content::Inbox { path: inbox.locate(path), body: inbox.locate(body) };
        events.requests.push(Incoming { call, deadline, content, path_number, headers: None });
        Some(())
    }

    /// Reads a request that is not like the one before, and learns it if its path is known.
    #[inline(never)]
    fn learn_request<'a>(&mut self, rest: &'a [u8]) -> Option<(PlainRequest<'a>, u64)> {
        let request = PlainRequest::read(rest).filter(|request| self.paths.knows(request.path))?;
        let number = self.last_accepted.learn(&request);
        Some((request, number))
    }

    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        request: Request<'_>,
        inbox: &Inbox,
        events: &mut Events,
    ) -> Result<(), Error> {
        let deadline = request.timeout.and_then(|timeout| now.checked_add(timeout));
        let call = (!request.one_way).then_some(request.call);
        let refused = self.check_request(&request);
        self.paths.learn(request.path.as_bytes());
        let content = match request.place {
            None => Content::Inbox {
                path: inbox.locate(request.path.as_bytes()),
                body: inbox.locate(request.body),
            },
            // It waits for its body, and must not hold the whole read meanwhile.
            Some(_) => Content::owned(request.path.as_bytes(), Bytes::new()),
        };
        let headers = Headers::of(request.metadata, request.codec);
        let incoming = Incoming { call, deadline, content, path_number: 0, headers };
        match (call, refused) {
            (Some(call), _) if self.serving.contains(call) => {
                Err(Error::protocol(format!("call {call} is in flight already")))
            }
            (Some(call), Err(error)) => {
                self.refuse_body(request.place)?;
                let code = match error.kind() {
                    ErrorKind::Closed => Code::Unavailable,
                    _ => Code::ResourceExhausted,
                };
                self.send_failure(call, &Status::new(code, Ran::No, error.to_string()), false);
                Ok(())
            }
            // Nobody would be told, so the connection says it.
            (None, Err(error)) => Err(Error::new(error.kind(), format!("one-way call refused: {error}"))),
            (_, Ok(())) => self.accept_request(incoming, request.place, events),
        }
    }

    /// Why a request cannot be accepted.
    fn check_request(&self, request: &Request<'_>) -> Result<(), Error> {
        let max = self.limits.max_in_flight;
        if self.leaving && !request.one_way {
            return Err(Error::closed("server is going away"));
        }
        let number_too_high = !request.one_way && request.call >= max;
        if number_too_high || (request.one_way && self.serving.one_way >= max as usize) {
            return Err(Error::new(
                ErrorKind::AtCapacity,
                format!("{max} calls are in flight, and no more may be (max_in_flight)"),
            ));
        }
        self.check_len(request.place)?;
        request.metadata.as_ref().map_or(Ok(()), |metadata| self.check_metadata(metadata))
    }

    fn check_len(&self, place: Option<BodyPlace>) -> Result<(), Error> {
        let max = self.limits.max_message_len;
        match place {
            Some(place) if place.len > max as u64 => Err(Error::new(
                ErrorKind::FrameTooLarge,
                format!("message of {} bytes; {max} are taken (max_message_len)", place.len),
            )),
            _ => Ok(()),
        }
    }

    fn check_metadata(&self, metadata: &Metadata) -> Result<(), Error> {
        metadata.check(self.limits.max_metadata_len, self.limits.max_metadata_entries)
    }

    fn accept_request(
        &mut self,
        incoming: Incoming,
        place: Option<BodyPlace>,
        events: &mut Events,
    ) -> Result<(), Error> {
        let pushes = self.pushes_made;
        let (call, deadline) = (incoming.call, incoming.deadline);
        match (call, place) {
            (Some(call), None) => self.serving.insert(call, State::Running, pushes, deadline),
            (None, None) => self.serving.one_way += 1,
            (Some(call), Some(place)) => {
                self.serving.insert(call, State::Arriving(place.lane, Box::new(incoming)), pushes, deadline);
                return self.announce(place, Owner::Request(call), events);
            }
            (None, Some(place)) => {
                self.serving.one_way += 1;
                let number = self.next_one_way;
                self.next_one_way += 1;
                self.one_way_arriving.insert(number, incoming);
                return self.announce(place, Owner::OneWay(number), events);
            }
        }
        events.requests.push(incoming);
        Ok(())
    }

    pub(super) fn handle_response(
        &mut self,
        response: Response<'_>,
        inbox: &Inbox,
        events: &mut Events,
    ) -> Result<(), Error> {
        let Response { call, outcome, after_pushes, metadata, codec, body, place } = response;
        self.calls.claim(call)?;
        let metadata = metadata.unwrap_or_default();
        // Our bounds are not in the hello, so the peer broke none: the call pays, not the connection.
        if let Err(error) = self.check_len(place).and_then(|()| self.check_metadata(&metadata)) {
            self.refuse_body(place)?;
            let status = Status::new(Code::ResourceExhausted, Ran::Yes, format!("answer: {error}"));
            self.finish_call(call, Err(status), after_pushes, events);
            return Ok(());
        }
        let answer = Answer { outcome, metadata, codec: codec.map(str::to_owned), body: inbox.share(body) };
        let Some(place) = place else {
            self.finish_call(call, Ok(answer), after_pushes, events);
            return Ok(());
        };
        self.answers.insert(call, (answer, after_pushes));
        self.announce(place, Owner::Response(call), events)
    }

    pub(super) fn handle_failure(
        &mut self,
        call: u32,
        status: Status,
        after_pushes: bool,
        events: &mut Events,
    ) -> Result<(), Error> {
        self.calls.claim(call)?;
        self.finish_call(call, Err(status), after_pushes, events);
        Ok(())
    }

    fn finish_call(
        &mut self,
        call: u32,
        answer: Result<Answer, Status>,
        after_pushes: bool,
        events: &mut Events,
    ) {
        if after_pushes && !self.ordered.is_empty() {
            self.ordered.answer(call, answer);
        } else {
            self.calls.finish(call, answer, events);
        }
    }

    pub(super) fn handle_cancel(
        &mut self,
        now: Instant,
        call: u32,
        events: &mut Events,
    ) -> Result<(), Error> {
        self.life.count_cancel(now, self.limits.max_cancels_per_second)?;
        let Some(served) = self.serving.get_mut(call) else { return Ok(()) };
        let cancelled = |ran| Status::new(Code::Cancelled, ran, "caller cancelled");
        match served.state {
            State::Arriving(lane, _) => {
                self.lanes.discard(lane)?;
                self.respond(call, Reply::failure(cancelled(Ran::No)));
            }
            State::Running => match events.requests.iter().position(|request| request.call == Some(call)) {
                // The same read brought the request: it has not started, and never will.
                Some(index) => {
                    events.requests.remove(index);
                    self.respond(call, Reply::failure(cancelled(Ran::No)));
                }
                None => events.cancelled.push((call, CancelReason::Caller)),
            },
            State::Sending => {
                self.bulk.cancel(super::bulk::Sender::Response(call), &mut self.out);
                self.serving.remove(call);
            }
        }
        Ok(())
    }

    pub(super) fn handle_push(&mut self, message: Message<'_>, events: &mut Events) -> Result<(), Error> {
        let Message::Push { path, codec, metadata, body, place } = message else { return Ok(()) };
        let plain = metadata.is_none() && place.is_none() && self.ordered.is_empty();
        if plain && events.received.push_small(path, codec, body) {
            return Ok(());
        }
        let checked = self
            .check_len(place)
            .and_then(|()| metadata.as_ref().map_or(Ok(()), |it| self.check_metadata(it)));
        if checked.is_err() {
            self.refuse_body(place)?;
            return self.handle_gap(Gap::new(1, GapReason::Other), events);
        }
        let head = Notification::new(path, codec, metadata);
        match place {
            None => self.ordered.notification(head.with_body(Bytes::copy_from_slice(body)), events),
            Some(place) => {
                let owner = self.ordered.arriving(head, place.lane);
                self.announce(place, owner, events)?;
            }
        }
        self.bound_ordered(events)
    }

    pub(super) fn handle_gap(&mut self, gap: Gap, events: &mut Events) -> Result<(), Error> {
        self.ordered.gap(gap, events);
        self.bound_ordered(events)
    }

    /// What waits for the body of a push is bounded as the event buffer is: beyond that, the oldest becomes a gap.
    fn bound_ordered(&mut self, events: &mut Events) -> Result<(), Error> {
        let (messages, bytes) = (self.limits.max_event_buffer_messages, self.limits.max_event_buffer_len);
        while self.ordered.exceeds(messages, bytes)
            && let Some(lane) = self.ordered.give_up_oldest(&mut self.calls, events)
        {
            self.lanes.discard(lane)?;
        }
        Ok(())
    }

    fn announce(&mut self, place: BodyPlace, owner: Owner, events: &mut Events) -> Result<(), Error> {
        match self.lanes.announce(place, owner)? {
            None => Ok(()),
            Some(body) => {
                if body.is_none() && self.is_given_up(owner) {
                    self.life.refund_cancel(); // the reset overtook its head, so nobody knew that it was wanted
                }
                self.finish_body(owner, body, events)
            }
        }
    }

    /// True if `lane` held the answer to a call that the peer knows to be given up: its reset was asked for.
    pub(super) fn is_wanted_reset(&self, lane: Lane) -> bool {
        self.lanes.owner(lane).is_some_and(|owner| self.is_given_up(owner))
    }

    fn is_given_up(&self, owner: Owner) -> bool {
        matches!(owner, Owner::Response(call) if self.calls.is_told(call))
    }

    fn refuse_body(&mut self, place: Option<BodyPlace>) -> Result<(), Error> {
        place.map_or(Ok(()), |place| self.lanes.refuse(place.lane))
    }

    /// The body of `owner` is whole, or will not come.
    pub(super) fn finish_body(
        &mut self,
        owner: Owner,
        body: Option<Bytes>,
        events: &mut Events,
    ) -> Result<(), Error> {
        match owner {
            Owner::Push(number) => {
                self.ordered.finish(number, body, &mut self.calls, events);
                return self.bound_ordered(events);
            }
            Owner::OneWay(number) => match (self.one_way_arriving.remove(&number), body) {
                (Some(incoming), Some(body)) => events.requests.push(incoming.with_body(body)),
                _ => self.serving.one_way = self.serving.one_way.saturating_sub(1),
            },
            Owner::Request(call) => self.finish_arguments(call, body, events),
            Owner::Response(call) => {
                let Some((answer, after_pushes)) = self.answers.remove(&call) else { return Ok(()) };
                let lost = || Status::new(Code::Cancelled, Ran::Yes, "answer was abandoned on its way");
                let answer = body.map(|body| Answer { body, ..answer }).ok_or_else(lost);
                self.finish_call(call, answer, after_pushes, events);
            }
        }
        Ok(())
    }

    fn finish_arguments(&mut self, call: u32, body: Option<Bytes>, events: &mut Events) {
        let Some(served) = self.serving.get_mut(call) else { return };
        let State::Arriving(_, incoming) = std::mem::replace(&mut served.state, State::Running) else {
            return;
        };
        match body {
            Some(body) => events.requests.push(incoming.with_body(body)),
            None => {
                let status = Status::new(Code::Cancelled, Ran::No, "arguments were abandoned on their way");
                self.respond(call, Reply::failure(status));
            }
        }
    }

    /// A one-way handler ended.
    pub(crate) fn one_way_ended(&mut self) {
        self.serving.one_way = self.serving.one_way.saturating_sub(1);
    }
}

/// Longest answer that is copied out of the read that brought it, in bytes. A longer one keeps up to 64 KiB of its read alive,
/// sixteen times its own length at most, until its caller has taken it.
const MAX_COPIED: usize = 4 * 1024;
