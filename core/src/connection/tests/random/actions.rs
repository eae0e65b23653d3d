//! What an end may do.

use std::collections::HashMap;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::super::pair::{LARGE, Side, request};
use super::super::rng::Rng;
use super::end::{End, MAX_IN_FLIGHT, OurCall};
use crate::connection::{NoRoom, OutRequest, Reply, ReplyBody};
use crate::frame::RESET;
use crate::wire::MAX_INLINE_LEN;
use crate::{Code, Gap, GapReason, Lane, Metadata, Ran, Status};

impl End {
    pub(super) fn start_call(&mut self, now: Instant, rng: &mut Rng) {
        let token = self.next_token;
        let body = body([token, 0], rng);
        let timeout = rng.one_in(4).then(|| Duration::from_millis(1 + rng.next() % 500));
        let out = OutRequest { timeout, ..request(&body) };
        match self.side.connection.start_call(now, out, Waker::noop()) {
            Ok(call) => {
                self.next_token += 1;
                self.calls.push(OurCall { call, token, has_deadline: timeout.is_some() });
            }
            Err(failed) => assert_eq!(failed.0.code(), Code::ResourceExhausted),
        }
    }

    pub(super) fn start_one_way(&mut self, peer: &Self, rng: &mut Rng) {
        if self.one_way_sent - peer.one_way_ran == u64::from(MAX_IN_FLIGHT) {
            return;
        }
        let body = body([self.next_token, 0], rng);
        if self.side.one_way(&body) {
            self.next_token += 1;
            self.one_way_sent += 1;
        }
    }

    /// A handler of ours ends, with an answer that tells which pushes it must not overtake.
    pub(super) fn end_handler(&mut self, rng: &mut Rng) {
        if self.running.is_empty() {
            return;
        }
        let ended = self.running.swap_remove(rng.below(self.running.len()));
        let Some(call) = ended.call else {
            self.one_way_ran += 1;
            return self.side.connection.one_way_ended();
        };
        let after = if self.pushed == ended.pushed_before { 0 } else { self.pushed };
        let answer = body([ended.token, after], rng);
        let body = match rng.below(4) {
            0 => ReplyBody::ApplicationError(answer.into()),
            1 => ReplyBody::Failure(Status::new(Code::Aborted, Ran::Yes, ended.token.to_string())),
            _ => ReplyBody::Value(answer.into()),
        };
        self.side.connection.respond(call, Reply { body, metadata: Metadata::new() });
    }

    pub(super) fn push(&mut self, rng: &mut Rng) {
        if rng.one_in(10) {
            let count = 1 + rng.next() % 3;
            self.side.connection.push_gap(Gap::new(count, GapReason::UnsupportedCodec)).unwrap();
            self.pushed += count;
            return;
        }
        let body = body([self.pushed, 0], rng);
        let is_made = body.len() <= MAX_INLINE_LEN && rng.one_in(2);
        let pushed = if is_made { self.side.push_made(&body) } else { self.side.push(&body) };
        match pushed {
            Ok(()) => self.pushed += 1,
            Err(no_room) => assert_eq!(no_room, NoRoom::Full),
        }
    }

    pub(super) fn cancel(&mut self, now: Instant, rng: &mut Rng) {
        if !self.calls.is_empty() {
            let given_up = self.calls.swap_remove(rng.below(self.calls.len()));
            self.side.connection.cancel_call(now, given_up.call);
        }
    }

    /// The link takes some of what there is: some lanes are blocked, and a reset lane may lose what was on its way.
    pub(super) fn send(&mut self, now: Instant, peer: &mut Side, rng: &mut Rng) {
        self.side.connection.poll_batch(&mut self.side.batch);
        let before = self.side.batch.len();
        let mut blocked = HashMap::new();
        let mut most = if rng.one_in(3) { rng.below(20) } else { usize::MAX };
        self.side.batch.take_frames(|frame| {
            let is_blocked =
                *blocked.entry(frame.lane).or_insert_with(|| frame.lane != Lane::ZERO && rng.one_in(4));
            if is_blocked || most == 0 {
                blocked.insert(frame.lane, true);
                return false;
            }
            most -= 1;
            if frame.flags & RESET != 0 && rng.one_in(2) {
                peer.arriving.retain(|(lane, _)| *lane != frame.lane);
            }
            let mut bytes = Vec::new();
            frame.copy_to(&mut bytes);
            peer.arriving.push_back((frame.lane, bytes));
            true
        });
        let remaining = self.side.batch.len();
        self.side.connection.handle_sent(now, remaining < before, remaining);
    }
}

/// Two numbers, and often a tail that needs a lane of its own.
fn body(numbers: [u64; 2], rng: &mut Rng) -> Vec<u8> {
    let mut body = numbers.map(u64::to_le_bytes).concat();
    if rng.one_in(12) {
        body.resize(LARGE + rng.below(150_000), 7);
    }
    body
}
