//! What this side sends: requests, answers, cancels, pushes.

use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::bulk::Sender;
use super::calls::{CallFailed, Ended};
use super::serving::State;
use super::{Connection, Phase};
use crate::codec::Parts;
use crate::push::Frame;
use crate::wire::{self, BodyPlace, Fields, Gap, GapReason, MAX_INLINE_LEN, Message, Outcome};
use crate::{Body, Code, Metadata, RAW, Ran, Status};

/// A call to start.
#[derive(Debug)]
pub(crate) struct OutRequest<'a> {
    pub(crate) path: &'static str,
    /// Not empty.
    pub(crate) metadata: Option<&'a Metadata>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) raw: bool,
    pub(crate) body: OutBody<'a>,
}

/// Encoded arguments: small ones are copied under the lock, large ones handed over.
#[derive(Debug)]
pub(crate) enum OutBody<'a> {
    Large(Box<Parts>),
    Small(&'a [u8]),
}

impl<'a> OutBody<'a> {
    /// What `body` holds; a large one takes its memory along.
    pub(crate) fn take(body: &'a mut Body) -> Self {
        Self::take_from(body, 0)
    }

    /// As [`take`](Self::take), what was written since its bytes ended at `start`.
    pub(crate) fn take_from(body: &'a mut Body, start: usize) -> Self {
        match body.take_large(start) {
            None => Self::Small(body.bytes().get(start..).unwrap_or_default()),
            Some(parts) => Self::Large(parts),
        }
    }

    /// What `body` holds, by reference.
    pub(crate) fn share(body: &'a Bytes) -> Self {
        if body.len() <= MAX_INLINE_LEN {
            Self::Small(body)
        } else {
            Self::Large(Box::new(body.clone().into()))
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Large(body) => body.len(),
            Self::Small(body) => body.len(),
        }
    }
}

/// An answer to a call of the peer.
#[derive(Debug)]
pub struct Reply {
    pub(crate) body: ReplyBody,
    pub(crate) metadata: Metadata,
}

/// What a handler brought, encoded.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    ApplicationError(Body),
    Failure(Status),
    Value(Body),
}

impl Reply {
    pub(crate) fn failure(status: Status) -> Self {
        Self { body: ReplyBody::Failure(status), metadata: Metadata::new() }
    }

    pub(crate) fn of(outcome: Outcome, body: Body, metadata: Metadata) -> Self {
        let body = match outcome {
            Outcome::ApplicationError => ReplyBody::ApplicationError(body),
            Outcome::Value => ReplyBody::Value(body),
        };
        Self { body, metadata }
    }
}

/// A push to send, encoded.
#[derive(Debug)]
pub(crate) struct OutPush<'a> {
    pub(crate) path: &'a str,
    /// Not empty.
    pub(crate) metadata: Option<&'a Metadata>,
    pub(crate) raw: bool,
    pub(crate) body: OutBody<'a>,
}

/// Why a push was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Closed,
    Full,
    TooLarge,
}

impl Connection {
    /// Sends a request and takes a number for it; the end of the call wakes `waker`.
    ///
    /// # Errors
    /// The status to give to the caller; nothing was sent.
    pub(crate) fn start_call(
        &mut self,
        now: Instant,
        request: OutRequest<'_>,
        waker: &Waker,
    ) -> Result<u32, CallFailed> {
        let plain = self.is_plain(&request);
        let alike = plain && self.last_made.is_like(request.path, request.timeout);
        if !alike {
            self.check_call(&request, plain)?;
        }
        let deadline = request.timeout.and_then(|timeout| now.checked_add(timeout));
        let call = self.calls.start(self.peer.max_in_flight, deadline, waker)?;
        match request.body {
            OutBody::Small(body) if alike => {
                // So small that it fits a frame.
                let _ = wire::encode_request_with(call, self.last_made.middle(), body, &mut self.out);
            }
            _ => {
                self.last_made.learn(request.path, request.timeout);
                self.send_request(Some(call), request);
            }
        }
        Ok(call)
    }

    /// Sends a one-way request. False if it must wait, since the peer takes nothing at present.
    ///
    /// # Errors
    /// The status to give to the caller; nothing was sent.
    pub(crate) fn start_one_way(&mut self, request: OutRequest<'_>) -> Result<bool, CallFailed> {
        let plain = self.is_plain(&request);
        self.check_call(&request, plain)?;
        if !self.has_room(request.body.len()) {
            return Ok(false);
        }
        self.send_request(None, request);
        Ok(true)
    }

    /// True if nothing can be wrong with `request` but its path: it may be sent now, is small, and has no metadata.
    #[inline]
    fn is_plain(&self, request: &OutRequest<'_>) -> bool {
        matches!(self.phase, Phase::Open { peer_leaving: false })
            && request.body.len() <= MAX_INLINE_LEN.min(self.peer.max_message_len)
            && request.metadata.is_none()
            && !request.raw
    }

    fn check_call(&mut self, request: &OutRequest<'_>, plain: bool) -> Result<(), CallFailed> {
        if plain && self.called.knows(request.path.as_bytes()) {
            Ok(())
        } else {
            self.check_any_call(request)
        }
    }

    fn check_any_call(&mut self, request: &OutRequest<'_>) -> Result<(), CallFailed> {
        let failed = |code, message: String| Err(CallFailed(Status::new(code, Ran::No, message)));
        match &self.phase {
            Phase::Closed(close) => return failed(Code::Unavailable, format!("connection {close}")),
            Phase::Opening { .. } => return failed(Code::Unavailable, "hellos are not exchanged".into()),
            Phase::Open { peer_leaving: true } => {
                return failed(Code::Unavailable, "peer is going away".into());
            }
            Phase::Open { .. } => {}
        }
        if !self.called.accepts(request.path) {
            return failed(Code::InvalidArgument, format!("{:?} is not Service/Method", request.path));
        }
        if request.body.len() > self.peer.max_message_len {
            let max = self.peer.max_message_len;
            return failed(
                Code::ResourceExhausted,
                format!(
                    "arguments of {} bytes; the peer takes {max} (its max_message_len)",
                    request.body.len()
                ),
            );
        }
        if !self.has_bulk_room(request.body.len()) {
            let max = self.limits.max_bulk_len;
            return failed(
                Code::ResourceExhausted,
                format!("{max} bytes of large bodies wait to be sent (max_bulk_len)"),
            );
        }
        let (len, entries) = (self.limits.max_metadata_len, self.limits.max_metadata_entries);
        let checked = request.metadata.map_or(Ok(()), |metadata| metadata.check(len, entries));
        checked.or_else(|error| failed(Code::ResourceExhausted, error.to_string()))
    }

    fn send_request(&mut self, call: Option<u32>, request: OutRequest<'_>) {
        let (body, place) = self.place_body(call, request.body);
        let fields = Fields { metadata: request.metadata, codec: request.raw.then_some(RAW), place };
        let head = (call.unwrap_or(0), call.is_none(), request.timeout);
        let _ = wire::encode_request(head, request.path, fields, body, &mut self.out); // checked, so it fits a frame
    }

    /// A small body inline, or the place of a large one. What belongs to no call counts in the outbox.
    fn place_body<'a>(&mut self, call: Option<u32>, body: OutBody<'a>) -> (&'a [u8], Option<BodyPlace>) {
        match (call, body) {
            (Some(_), OutBody::Small(body)) => (body, None),
            (None, OutBody::Small(body)) => {
                self.outbox.put_small(body.len());
                (body, None)
            }
            (Some(call), OutBody::Large(body)) => (&[], Some(self.bulk.push(Sender::Request(call), body))),
            (None, OutBody::Large(body)) => {
                let sender = Sender::Outbox(self.outbox.put_large(body.len(), &mut self.transit));
                (&[], Some(self.bulk.push(sender, body)))
            }
        }
    }

    /// The end of `call`, once it came; a plain body is put into `body`, which is empty.
    pub(crate) fn poll_call(&mut self, call: u32, cx: &Context<'_>, body: &mut Vec<u8>) -> Poll<Ended> {
        self.calls.poll(call, cx, body)
    }

    /// The caller gave `call` up: the peer is told, and the number stays taken until the peer's terminal frame.
    ///
    /// A peer takes so many cancels a second and closes above that; so those beyond wait their turn, and one whose answer
    /// comes meanwhile is not sent at all.
    pub(crate) fn cancel_call(&mut self, now: Instant, call: u32) {
        if self.calls.abandon(call) {
            self.calls.give_up(call);
            self.send_cancels(now);
        }
    }

    /// True if the peer is to be told of calls that were given up, at the pace that it lets us.
    pub(crate) fn has_cancels_to_send(&self) -> bool {
        self.calls.next_given_up().is_some()
    }

    /// Tells the peer of the calls that were given up, as fast as it lets us.
    pub(super) fn send_cancels(&mut self, now: Instant) {
        while let Some(call) = self.calls.next_given_up()
            && self.is_open()
            && self.pace.take(now)
        {
            if self.bulk.cancel(Sender::Request(call), &mut self.out) {
                self.pace.charge(now);
            }
            let _ = self.send(&Message::Cancel { call });
            self.calls.told();
        }
    }

    /// Answers `call`. An answer to a call that is not running is dropped: the connection ended meanwhile.
    pub(crate) fn respond(&mut self, call: u32, reply: Reply) {
        match reply.body {
            ReplyBody::Failure(status) => self.respond_failure(call, &status),
            ReplyBody::ApplicationError(mut body) => {
                self.respond_body(call, Outcome::ApplicationError, OutBody::take(&mut body), &reply.metadata);
            }
            ReplyBody::Value(mut body) => {
                self.respond_body(call, Outcome::Value, OutBody::take(&mut body), &reply.metadata);
            }
        }
    }

    /// As [`respond`](Self::respond), with what the framework says.
    pub(crate) fn respond_failure(&mut self, call: u32, status: &Status) {
        self.tell_missed_anyway();
        if let Some(pushes_made) = self.serving.end(call) {
            self.send_failure(call, status, pushes_made != self.pushes_made);
        }
    }

    /// As [`respond`](Self::respond), with what the handler brought.
    pub(crate) fn respond_body(
        &mut self,
        call: u32,
        outcome: Outcome,
        body: OutBody<'_>,
        metadata: &Metadata,
    ) {
        if let Some(status) = self.unanswerable(body.len(), metadata) {
            return self.respond_failure(call, &status);
        }
        self.tell_missed_anyway();
        let metadata = (!metadata.is_empty()).then_some(metadata);
        match body {
            OutBody::Small(body) => {
                let Some(pushes_made) = self.serving.end(call) else { return };
                let head = (call, outcome, pushes_made != self.pushes_made);
                let fields = Fields { metadata, ..Fields::default() };
                let _ = wire::encode_response(head, fields, body, &mut self.out);
            }
            OutBody::Large(body) => {
                let Some(served) = self.serving.get_mut(call) else { return };
                served.state = State::Sending;
                let head = (call, outcome, served.pushes_made != self.pushes_made);
                let place = Some(self.bulk.push(Sender::Response(call), body));
                let fields = Fields { metadata, codec: None, place };
                let _ = wire::encode_response(head, fields, &[], &mut self.out);
            }
        }
    }

    /// Answers `call` with `frame`, which holds nothing but a small body, if it may be sent; whoever calls [sends](Self::send_frames)
    /// it then, before anything else. If not, the caller is told why, or nobody waits for it.
    pub(crate) fn answers_with(&mut self, call: u32, frame: &mut [u8]) -> bool {
        if frame.len() > self.peer.max_message_len {
            let body = wire::plain_response(frame).map_or(frame.len(), |(_, _, body)| body.len());
            if let Some(status) = self.unanswerable(body, &Metadata::new()) {
                self.respond_failure(call, &status);
                return false;
            }
        }
        self.tell_missed_anyway();
        let Some(pushes_made) = self.serving.end(call) else { return false };
        if pushes_made != self.pushes_made {
            wire::order_response(frame);
        }
        true
    }

    /// Sends whole frames that lie side by side.
    pub(crate) fn send_frames(&mut self, frames: &[u8], count: usize) {
        self.out.push_frames(frames, count);
    }

    /// Why an answer cannot be sent, if it cannot.
    fn unanswerable(&self, len: usize, metadata: &Metadata) -> Option<Status> {
        let max = self.peer.max_message_len;
        let message = if len > max {
            format!("answer of {len} bytes; the caller takes {max} (its max_message_len)")
        } else if !self.has_bulk_room(len) {
            format!("{} bytes of large answers wait to be read (max_bulk_len)", self.limits.max_bulk_len)
        } else if metadata.is_empty() {
            return None;
        } else {
            let checked = metadata.check(self.limits.max_metadata_len, self.limits.max_metadata_entries);
            checked.err()?.to_string()
        };
        Some(Status::new(Code::ResourceExhausted, Ran::Yes, message))
    }

    pub(super) fn send_failure(&mut self, call: u32, status: &Status, after_pushes: bool) {
        let _ = self.send(&Message::Failure { call, status: status.clone(), after_pushes });
    }

    /// Sends a push, if there is room for it.
    pub(crate) fn push(&mut self, push: OutPush<'_>) -> Result<(), NoRoom> {
        let (max_len, max_entries) = (self.limits.max_metadata_len, self.limits.max_metadata_entries);
        let in_bounds = push.metadata.is_none_or(|metadata| metadata.check(max_len, max_entries).is_ok())
            && self.called.accepts(push.path);
        self.admit_push(push.body.len(), in_bounds)?;
        let fields = Fields { metadata: push.metadata, codec: push.raw.then_some(RAW), place: None };
        let _ = match push.body {
            OutBody::Small(body) => {
                self.outbox.put_small(body.len());
                wire::encode_push(push.path, fields, body, &mut self.out)
            }
            body @ OutBody::Large(_) => {
                let (body, place) = self.place_body(None, body);
                wire::encode_push(push.path, Fields { place, ..fields }, body, &mut self.out)
            }
        };
        Ok(())
    }

    /// As [`push`](Self::push), a small one whose `frame` is made; `body_len` bytes of it are its body.
    pub(crate) fn push_made(&mut self, path: &str, frame: &[u8], body_len: usize) -> Result<(), NoRoom> {
        let in_bounds = self.called.accepts(path);
        self.admit_push(body_len, in_bounds)?;
        self.outbox.put_small(body_len);
        self.out.push_frames(frame, 1);
        Ok(())
    }

    /// As [`push`](Self::push), a push that goes to others too.
    pub(crate) fn push_frame(&mut self, frame: &Frame) -> Result<(), NoRoom> {
        self.admit_push(frame.body_len, true)?;
        self.outbox.put_small(frame.body_len);
        self.out.push_shared(&frame.shared);
        Ok(())
    }

    /// Says that pushes are missing here.
    pub(crate) fn push_gap(&mut self, gap: Gap) -> Result<(), NoRoom> {
        self.admit_push(0, true)?;
        self.send_gap(gap);
        Ok(())
    }

    /// Counts a push of `len` bytes, if it may be sent: now, and to this peer. What else it has is `in_bounds`.
    fn admit_push(&mut self, len: usize, in_bounds: bool) -> Result<(), NoRoom> {
        if !self.takes_pushes() {
            return Err(NoRoom::Closed);
        }
        if len > self.peer.max_message_len || !in_bounds {
            return Err(NoRoom::TooLarge);
        }
        self.tell_missed();
        if self.missed > 0 || !self.has_room(len) {
            return Err(NoRoom::Full);
        }
        self.pushes_made += 1;
        Ok(())
    }

    /// What came of a push; one that found no room is missing from now on, and the peer is told in its place. False then.
    pub(crate) fn or_missed(&mut self, pushed: Result<(), NoRoom>) -> Result<bool, NoRoom> {
        match pushed {
            Ok(()) => Ok(true),
            Err(NoRoom::Closed) => Err(NoRoom::Closed),
            Err(NoRoom::Full) => {
                self.missed += 1; // told once something was sent, together with those that follow
                Ok(false)
            }
            Err(NoRoom::TooLarge) => {
                self.missed += 1;
                self.tell_missed();
                Ok(false)
            }
        }
    }

    /// Tells the peer how many pushes are missing here, if any are and there is room to say it.
    pub(super) fn tell_missed(&mut self) {
        if self.missed > 0 && self.has_room(0) {
            self.tell_missed_anyway();
        }
    }

    /// The same without room: what follows must not overtake the gap.
    pub(super) fn tell_missed_anyway(&mut self) {
        if self.missed == 0 {
            return;
        }
        let count = std::mem::take(&mut self.missed);
        if self.takes_pushes() {
            self.pushes_made += 1;
            self.send_gap(Gap::new(count, GapReason::OutboxFull));
        }
    }

    fn send_gap(&mut self, gap: Gap) {
        self.outbox.put_small(0);
        let _ = self.send(&Message::Gap(gap));
    }

    /// While the connect hook decides, pushes are kept; they follow our answer to the hello.
    fn takes_pushes(&self) -> bool {
        self.ending.is_none() && matches!(self.phase, Phase::Open { .. } | Phase::Opening { heard: true })
    }

    /// True if a body of `len` bytes may join the large ones that leave.
    fn has_bulk_room(&self, len: usize) -> bool {
        len <= MAX_INLINE_LEN || self.bulk.is_empty() || self.bulk.len() + len <= self.limits.max_bulk_len
    }

    /// Drops what waits to be sent: the peer is turned away before it was admitted.
    pub(crate) fn forget_output(&mut self) {
        self.out.clear();
        self.bulk.clear();
    }

    /// True if several calls or answers wait for their end, or several pushes or one-way calls, and less than is worth a write:
    /// others may be about to follow.
    pub(crate) fn is_busy(&self) -> bool {
        self.in_flight() + self.serving() > 1 || (self.outbox.has_several() && self.out.len() < WORTH_A_WRITE)
    }

    /// True if so much of the outbox is free that whoever waits should be woken: it then pushes many in one go.
    pub(crate) fn has_much_room(&self) -> bool {
        self.outbox.is_half_empty(&self.limits)
    }

    /// True if a push of `len` bytes fits the outbox. An empty outbox takes any push the peer takes.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.outbox.has_room(len, &self.limits)
    }
}

/// Bytes. Chosen below what a task pushes in one turn, 128 notes of 128 bytes, and above what waits for each of a thousand sessions.
const WORTH_A_WRITE: usize = 12 * 1024;
