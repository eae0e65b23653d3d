//! Bytes read as steps: what the peer sends, and what is done here.

use std::time::Duration;

use crate::wire::tests::frame;
use crate::wire::{BodyPlace, Hello, Message, Outcome, Request, Response};
use crate::{Close, CloseCode, Code, Gap, GapReason, Lane, Metadata, Ran, Status};

/// One step.
#[derive(Debug)]
pub(super) enum Step {
    Call(usize),
    Cancel(usize),
    Close,
    Fail(usize),
    Leave,
    OneWayEnds,
    Poll,
    Push(usize),
    /// What was sent so far is read at once.
    Read,
    Respond(usize, usize),
    /// The peer sends this frame.
    Sends(Vec<u8>),
    /// The link takes everything, or nothing.
    Sent(bool),
    Wait(Duration),
}

/// The steps of an input.
pub(super) struct Script<'a> {
    rest: &'a [u8],
    greeted: bool,
}

impl<'a> Script<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { rest: input, greeted: false }
    }

    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *byte
    }

    fn bytes(&mut self, len: u8) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(usize::from(len).min(self.rest.len()));
        self.rest = rest;
        bytes
    }

    /// A length: mostly small, now and then beyond a bound.
    fn len(&mut self) -> usize {
        match self.byte() {
            byte @ 0..200 => usize::from(byte) % 32,
            byte => usize::from(byte - 199) * 400,
        }
    }

    /// A place: few lanes, so that they meet; mostly none.
    fn place(&mut self) -> Option<BodyPlace> {
        let byte = self.byte();
        (byte % 3 == 0).then(|| BodyPlace { lane: self.lane(), len: self.len() as u64 })
    }

    fn lane(&mut self) -> Lane {
        Lane::new(u64::from(self.byte() % 8) + 1)
    }

    fn metadata(&mut self) -> Option<Metadata> {
        let byte = self.byte();
        (byte % 8 == 0).then(|| (0..byte / 64).fold(Metadata::new(), |all, _| all.with("key", [byte; 3])))
    }

    /// A frame as any peer may send it.
    fn frame(&mut self) -> Vec<u8> {
        let path = if self.byte() % 16 == 0 { "none" } else { "Arith/Mul" };
        let call = u32::from(self.byte() % 6);
        let zeros = vec![0; 16_000];
        let message = match self.byte() % 16 {
            0..4 => Message::Request(Request {
                call,
                one_way: self.byte() % 4 == 0,
                timeout: Some(u64::from(self.byte())).filter(|&ms| ms > 0).map(Duration::from_millis),
                path,
                metadata: self.metadata(),
                codec: (self.byte() % 8 == 0).then_some("raw"),
                body: b"",
                place: self.place(),
            }),
            4 => Message::Response(Response {
                call,
                outcome: if self.byte() % 2 == 0 { Outcome::Value } else { Outcome::ApplicationError },
                after_pushes: self.byte() % 2 == 0,
                metadata: self.metadata(),
                codec: None,
                body: b"answer",
                place: self.place(),
            }),
            5 => Message::Failure {
                call,
                status: Status::new(Code::Aborted, Ran::Maybe, ""),
                after_pushes: self.byte() % 2 == 0,
            },
            6 => Message::Cancel { call },
            7 | 8 => Message::Push {
                path,
                codec: None,
                metadata: self.metadata(),
                body: &zeros[..self.len() % 64],
                place: self.place(),
            },
            9..12 => Message::Body {
                lane: self.lane(),
                last: self.byte() % 2 == 0,
                bytes: &zeros[..self.len().min(zeros.len())],
            },
            12 => Message::Reset { lane: self.lane() },
            13 => Message::Gap(Gap::new(self.byte().into(), GapReason::Other)),
            14 => Message::Ping { payload: self.byte().into() },
            _ => match self.byte() % 4 {
                0 => Message::Goaway { reason: "" },
                1 => Message::Pong { payload: 1 },
                2 => Message::Close(Close::new(CloseCode::NORMAL, "")),
                _ => return self.raw(),
            },
        };
        frame(&message)
    }

    /// A frame of bytes as they come.
    fn raw(&mut self) -> Vec<u8> {
        let (kind, flags, len) = (self.byte(), self.byte(), self.byte());
        let fields = self.bytes(len);
        let len = u16::try_from(fields.len() + 2).unwrap();
        [&len.to_le_bytes()[..], &[kind, flags], fields].concat()
    }

    fn step(&mut self) -> Step {
        match self.byte() {
            0..100 => Step::Sends(self.frame()),
            100..130 => Step::Sends(self.raw()),
            130..160 => Step::Read,
            160..180 => Step::Sent(!self.byte().is_multiple_of(8)),
            180..190 => Step::Poll,
            190..200 => Step::Call(self.len()),
            200..205 => Step::Cancel(self.byte().into()),
            205..220 => Step::Respond(self.byte().into(), self.len()),
            220..225 => Step::Fail(self.byte().into()),
            225..235 => Step::Push(self.len()),
            235..240 => Step::OneWayEnds,
            240..252 => Step::Wait(Duration::from_millis(u64::from(self.byte()) * 10)),
            252..254 => Step::Leave,
            _ => Step::Close,
        }
    }
}

impl Iterator for Script<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.rest.is_empty() {
            return None;
        }
        // Most peers greet first: those that do not are soon through.
        if !std::mem::replace(&mut self.greeted, true) && self.byte() > 8 {
            return Some(Step::Sends(frame(&hello())));
        }
        Some(self.step())
    }
}

fn hello() -> Message<'static> {
    Message::Hello(Hello {
        versions: (1, 1),
        codecs: vec!["json".into()],
        agent: String::new(),
        max_message_len: 20_000,
        max_in_flight: 4,
        max_lanes: 2,
        max_cancels_per_second: 1000,
        session: Some([1; 16]),
        metadata: Metadata::new(),
    })
}
