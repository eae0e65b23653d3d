//! Any peer, as bytes that are read as what it sends and what is done here meanwhile. Whatever it does, nothing panics, no
//! call is answered twice, no bound is exceeded, and nothing happens behind a close.

mod script;

use std::collections::HashMap;
use std::task::Waker;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use script::{Script, Step};

use super::pair::{SESSION, Side, offer};
use crate::connection::{Connection, NoRoom, Role};
use crate::wire::{Message, decode};
use crate::{Close, CloseCode, Limits, Ran, Status};

proptest! {
    #![proptest_config(effort())]

    #[test]
    fn no_connector_can_break_an_acceptor(input in vec(any::<u8>(), 0..MAX_LEN)) {
        End::new(Role::Acceptor).play(&input);
    }

    #[test]
    fn no_acceptor_can_break_a_connector(input in vec(any::<u8>(), 0..MAX_LEN)) {
        End::new(Role::Connector).play(&input);
    }
}

/// One end, and what it must not forget.
struct End {
    role: Role,
    limits: Limits,
    side: Side,
    now: Instant,
    /// The peer's requests and our answers, by number.
    asked: HashMap<u32, usize>,
    answered: HashMap<u32, usize>,
    /// Calls of ours that wait for their answer.
    calls: Vec<u32>,
    /// Calls of the peer that run here.
    running: Vec<u32>,
    one_way: usize,
}

impl End {
    fn new(role: Role) -> Self {
        let now = crate::clock::now();
        let limits = limits();
        let mut side = Side::new(Connection::new(role, limits.clone(), MAX_LANES, now));
        if role == Role::Connector {
            side.connection.offer(&offer(&["json"])).unwrap();
        }
        Self {
            role,
            limits,
            side,
            now,
            asked: HashMap::new(),
            answered: HashMap::new(),
            calls: Vec::new(),
            running: Vec::new(),
            one_way: 0,
        }
    }

    fn play(mut self, input: &[u8]) {
        let mut frames = Vec::new();
        for step in Script::new(input) {
            match step {
                Step::Sends(frame) => {
                    self.count(&frame);
                    frames.push(frame);
                }
                Step::Read => self.read(&std::mem::take(&mut frames)),
                here => self.step(&here),
            }
            self.check();
        }
        self.read(&frames);
        self.side.connection.end(Close::new(CloseCode::LOST, ""), &mut self.side.events);
        self.take_events();
        self.check();
        assert!(self.calls.iter().all(|&call| self.side.answer(call).is_some()), "a call is left over");
        assert_eq!((self.side.connection.in_flight(), self.side.connection.lanes.held().0), (0, 0));
    }

    fn count(&mut self, frame: &[u8]) {
        if let Ok(Some(Message::Request(request))) = decode(frame)
            && !request.one_way
        {
            *self.asked.entry(request.call).or_default() += 1;
        }
    }

    fn read(&mut self, frames: &[Vec<u8>]) {
        let was_closed = self.side.close_code().is_some();
        self.side.read_frames(self.now, frames);
        if was_closed {
            let events = &self.side.events;
            assert!(events.requests.is_empty() && events.received.is_empty(), "{events:?} behind a close");
            assert!(events.opened.is_none() && events.cancelled.is_empty());
        }
        self.take_events();
    }

    /// What a driver would do with what was reported.
    fn take_events(&mut self) {
        if self.side.events.opened.take().is_some() && self.role == Role::Acceptor {
            self.side.connection.admit("json", SESSION);
        }
        self.side.events.received.clear();
        self.side.events.wakers.clear();
        for incoming in std::mem::take(&mut self.side.events.requests) {
            match incoming.call {
                Some(call) => self.running.push(call),
                None => self.one_way += 1,
            }
        }
        let cancelled = std::mem::take(&mut self.side.events.cancelled);
        if self.side.close_code().is_none() {
            let running = |call| self.running.contains(&call);
            assert!(cancelled.iter().all(|(call, _)| running(*call)), "{cancelled:?} do not run");
        }
    }

    fn step(&mut self, step: &Step) {
        let (now, side) = (self.now, &mut self.side);
        match *step {
            Step::Call(len) => {
                let body = vec![7; len];
                if let Ok(call) = side.connection.start_call(now, super::pair::request(&body), Waker::noop())
                {
                    self.calls.push(call);
                }
            }
            Step::Cancel(which) if !self.calls.is_empty() => {
                side.connection.cancel_call(now, self.calls.swap_remove(which % self.calls.len()));
            }
            Step::Close => {
                side.connection.close(Close::new(CloseCode::NORMAL, "done"), &mut side.events);
                self.take_events();
            }
            Step::Fail(which) if !self.running.is_empty() => {
                let call = self.running.swap_remove(which % self.running.len());
                side.fail(call, Status::new(crate::Code::Aborted, Ran::Yes, "no"));
            }
            Step::Leave => side.connection.leave("rest"),
            Step::Poll => {
                self.calls.retain(|&call| side.answer(call).is_none());
            }
            Step::Push(len) => {
                let pushed = side.push(&vec![7; len]);
                assert!(side.close_code().is_none() || pushed == Err(NoRoom::Closed));
            }
            Step::Respond(which, len) if !self.running.is_empty() => {
                let call = self.running.swap_remove(which % self.running.len());
                side.respond(call, &vec![7; len]);
            }
            Step::OneWayEnds if self.one_way > 0 => {
                self.one_way -= 1;
                side.connection.one_way_ended();
            }
            Step::Sent(all) => self.send(all),
            Step::Wait(time) => {
                self.now += time;
                side.tick(self.now);
                self.take_events();
            }
            _ => {}
        }
    }

    /// The link takes all there is, or none.
    fn send(&mut self, all: bool) {
        self.side.connection.poll_batch(&mut self.side.batch);
        if !all {
            let waiting = self.side.batch.len();
            return self.side.connection.handle_sent(self.now, false, waiting);
        }
        let mut answers = Vec::new();
        self.side.batch.take_frames(|frame| {
            let mut bytes = Vec::new();
            frame.copy_to(&mut bytes);
            match decode(&bytes).expect("what is sent can be read") {
                Some(Message::Response(response)) => answers.push(response.call),
                Some(Message::Failure { call, .. }) => answers.push(call),
                _ => {}
            }
            true
        });
        for call in answers {
            *self.answered.entry(call).or_default() += 1;
        }
        self.side.connection.handle_sent(self.now, true, 0);
    }

    fn check(&self) {
        let connection = &self.side.connection;
        let (held, max_held) = connection.lanes.held();
        assert!(held <= max_held, "{held} bytes of bodies are held");
        let limits = &self.limits;
        let (messages, bytes) = (limits.max_event_buffer_messages, limits.max_event_buffer_len);
        assert!(!connection.ordered.exceeds(messages, bytes), "too much waits: {connection:?}");
        let max_calls = limits.max_in_flight as usize;
        assert!(connection.serving() <= 2 * max_calls && connection.in_flight() <= max_calls);
        for (call, answered) in &self.answered {
            let asked = self.asked.get(call).copied().unwrap_or_default();
            assert!(
                *answered <= asked,
                "call {call} is answered {answered} times, and was asked {asked} times"
            );
        }
        if connection.closed().is_some() {
            assert!(connection.poll_timeout().is_none() && !connection.is_open());
            assert_eq!((held, connection.serving()), (0, connection.serving.one_way));
            assert!(connection.in_flight() <= self.calls.len(), "only answers that nobody took are left");
        }
    }
}

/// Small, so that a few frames reach every bound.
fn limits() -> Limits {
    Limits::default()
        .with_max_in_flight(4)
        .with_max_lanes(MAX_LANES)
        .with_max_message_len(20_000)
        .with_max_bulk_len(50_000)
        .with_max_metadata_len(16)
        .with_max_metadata_entries(2)
        .with_max_event_buffer_messages(4)
        .with_max_event_buffer_len(100)
        .with_max_outbox_messages(4)
        .with_max_outbox_len(30_000)
        .with_max_cancels_per_second(20)
        .with_ping_after(Duration::from_secs(1))
}

const MAX_LANES: u32 = 2;
/// Bytes of a script: some hundred steps.
const MAX_LEN: usize = 600;

/// Short in every run, long on demand.
fn effort() -> ProptestConfig {
    let cases = if std::env::var_os("LINKSPAN_LONG").is_some() { 50_000 } else { 500 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}
