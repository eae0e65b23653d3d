//! Whatever is encoded decodes to the same.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::frame;
use crate::wire::{
    BodyPlace, Gap, GapReason, Hello, MAX_INLINE_LEN, Message, Outcome, Request, Response, decode,
};
use crate::{Close, CloseCode, Code, Lane, Metadata, Ran, Status};

/// Messages hold what they are made of by reference, so the parts are kept beside.
#[derive(Clone, Debug)]
struct Parts {
    path: String,
    text: String,
    bytes: Vec<u8>,
    codec: Option<String>,
    metadata: Option<Metadata>,
    place: Option<BodyPlace>,
    numbers: (u32, u64, u64),
    flags: (bool, bool),
    status: Status,
    hello: Hello,
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let entries = vec((".{0,12}", vec(any::<u8>(), 0..40)), 0..6);
    entries.prop_map(|entries| {
        entries.into_iter().fold(Metadata::new(), |metadata, (key, value)| metadata.with(key, value))
    })
}

fn place() -> impl Strategy<Value = BodyPlace> {
    (1u64.., any::<u64>()).prop_map(|(lane, len)| BodyPlace { lane: Lane::new(lane), len })
}

fn status() -> impl Strategy<Value = Status> {
    (1u64..=16, 0u8..3, ".{0,200}")
        .prop_map(|(code, ran, message)| Status::new(Code::from_number(code), Ran::from_number(ran), message))
}

fn hello() -> impl Strategy<Value = Hello> {
    let numbers = (any::<(u64, u64)>(), any::<[u64; 4]>());
    (numbers, vec("[a-z0-9-]{0,32}", 0..8), ".{0,50}", option::of(any::<[u8; 16]>()), metadata()).prop_map(
        |((versions, limits), codecs, agent, session, metadata)| Hello {
            versions,
            codecs,
            agent,
            max_message_len: limits[0],
            max_in_flight: limits[1],
            max_lanes: limits[2],
            max_cancels_per_second: limits[3],
            session,
            metadata,
        },
    )
}

fn parts() -> impl Strategy<Value = Parts> {
    let path = "[A-Za-z0-9é._-]{1,80}/[A-Za-z0-9./_-]{1,80}";
    let body = vec(any::<u8>(), 0..MAX_INLINE_LEN);
    let heads =
        (path, ".{0,100}", body, option::of("[a-z]{1,8}"), option::of(metadata()), option::of(place()));
    (heads, any::<(u32, u64, u64)>(), any::<(bool, bool)>(), status(), hello()).prop_map(
        |((path, text, bytes, codec, metadata, place), numbers, flags, status, hello)| Parts {
            path,
            text,
            bytes,
            codec,
            metadata,
            place,
            numbers,
            flags,
            status,
            hello,
        },
    )
}

impl Parts {
    /// One message of each kind.
    fn messages(&self) -> Vec<Message<'_>> {
        let (call, number, other) = self.numbers;
        let (one, two) = self.flags;
        let (body, place) = (self.bytes.as_slice(), self.place);
        let (path, codec, metadata) = (self.path.as_str(), self.codec.as_deref(), self.metadata.clone());
        let lane = Lane::new(number.max(1));
        vec![
            Message::Body { lane, last: one, bytes: body },
            Message::Cancel { call },
            Message::Close(Close::new(CloseCode::from_number(self.port()), self.text.clone())),
            Message::Failure { call, status: self.status.clone(), after_pushes: one },
            Message::Gap(Gap::new(number, GapReason::from_number(other % 5))),
            Message::Goaway { reason: &self.text },
            Message::Hello(self.hello.clone()),
            Message::Ping { payload: number },
            Message::Pong { payload: number },
            Message::Push { path, codec, metadata: metadata.clone(), body, place },
            Message::Request(Request {
                call,
                one_way: one,
                timeout: two.then(|| Duration::from_micros(other.max(1))),
                path,
                metadata: metadata.clone(),
                codec,
                body,
                place,
            }),
            Message::Reset { lane },
            Message::Response(Response {
                call,
                outcome: if one { Outcome::Value } else { Outcome::ApplicationError },
                after_pushes: two,
                metadata,
                codec,
                body,
                place,
            }),
        ]
    }

    fn port(&self) -> u16 {
        u16::try_from(self.numbers.1 % 65_536).unwrap()
    }
}

proptest! {
    #[test]
    fn every_generated_message_survives_the_wire(parts in parts()) {
        for message in parts.messages() {
            let bytes = frame(&message);
            prop_assert_eq!(decode(&bytes).unwrap(), Some(message));
        }
    }
}

#[test]
fn a_timeout_too_short_to_write_is_not_endless() {
    let parts = Request {
        call: 0,
        one_way: false,
        timeout: Some(Duration::from_nanos(1)),
        path: "A/B",
        metadata: None,
        codec: None,
        body: b"",
        place: None,
    };
    let bytes = frame(&Message::Request(parts));
    let Some(Message::Request(request)) = decode(&bytes).unwrap() else { panic!("no request") };
    assert_eq!(request.timeout, Some(Duration::from_micros(1)));
}

#[test]
fn text_for_a_person_is_cut_at_a_character() {
    let long = "é".repeat(700);
    let status = Status::new(Code::Internal, Ran::No, long.clone());
    let bytes = frame(&Message::Failure { call: 0, status, after_pushes: false });
    let Some(Message::Failure { status, .. }) = decode(&bytes).unwrap() else { panic!("no failure") };
    assert_eq!(status.message(), &long[..1024]);
    let bytes = frame(&Message::Goaway { reason: &long });
    assert_eq!(decode(&bytes).unwrap(), Some(Message::Goaway { reason: &long[..1024] }));
}
