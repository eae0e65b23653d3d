//! What a peer must not do, and how the connection ends then; what it may do though we do not know it.

use super::pair::{LARGE, Pair, body, body_of, frame};
use crate::wire::{BodyPlace, MAX_INLINE_LEN, Message, Outcome, Request, Response, flag, kind};
use crate::{Close, CloseCode, Code, Gap, GapReason, Lane, Limits, Metadata, Ran, Status, Verdict};

pub(super) fn request(call: u32) -> Request<'static> {
    Request {
        call,
        one_way: false,
        timeout: None,
        path: "Arith/Mul",
        metadata: None,
        codec: None,
        body: b"",
        place: None,
    }
}

fn response(call: u32) -> Response<'static> {
    Response {
        call,
        outcome: Outcome::Value,
        after_pushes: false,
        metadata: None,
        codec: None,
        body: b"",
        place: None,
    }
}

fn failure(call: u32) -> Message<'static> {
    Message::Failure { call, status: Status::new(Code::Aborted, Ran::No, ""), after_pushes: false }
}

pub(super) fn place(lane: u64, len: usize) -> Option<BodyPlace> {
    Some(BodyPlace { lane: Lane::new(lane), len: len as u64 })
}

pub(super) fn piece(lane: u64, last: bool, bytes: &[u8]) -> Message<'_> {
    Message::Body { lane: Lane::new(lane), last, bytes }
}

/// The code with which a server closes that reads `messages`.
fn code(messages: &[Message<'_>]) -> Option<CloseCode> {
    let mut pair = Pair::new();
    pair.server.read_messages(pair.now, messages);
    pair.server.close_code()
}

#[test]
fn a_request_that_reuses_a_number_in_flight_is_a_violation() {
    let again = [Message::Request(request(3)), Message::Request(request(3))];
    assert_eq!(code(&again), Some(CloseCode::PROTOCOL));
}

#[test]
fn a_number_beyond_the_limit_did_not_run() {
    let mut pair = Pair::new();
    pair.server.read_messages(pair.now, &[Message::Request(request(4096))]);
    assert_eq!(pair.server.close_code(), None);
    assert_eq!(pair.server.requests(), []);
    pair.server.flush(pair.now, &mut pair.client);
    let (_, frame) = pair.client.arriving.pop_front().unwrap();
    let Some(Message::Failure { call: 4096, status, .. }) = crate::wire::decode(&frame).unwrap() else {
        panic!("no failure");
    };
    assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::No));
}

#[test]
fn an_answer_to_an_unknown_call_is_a_violation() {
    assert_eq!(code(&[Message::Response(response(0))]), Some(CloseCode::PROTOCOL));
    assert_eq!(code(&[failure(0)]), Some(CloseCode::PROTOCOL));
    let large = Response { place: place(1, LARGE), ..response(0) };
    assert_eq!(code(&[Message::Response(large)]), Some(CloseCode::PROTOCOL));
}

#[test]
fn a_second_answer_is_a_violation() {
    let large = Message::Response(Response { place: place(2, LARGE), ..response(0) });
    let waiting = Message::Response(Response { after_pushes: true, ..response(0) });
    let push = Message::Push { path: "A/B", codec: None, metadata: None, body: b"", place: place(4, 9) };
    for answers in [
        vec![Message::Response(response(0)), failure(0)],
        vec![large.clone(), failure(0)],
        vec![large.clone(), Message::Response(response(0))],
        vec![push, waiting, failure(0)],
    ] {
        let mut pair = Pair::new();
        pair.running_call();
        pair.client.read_messages(pair.now, &answers);
        assert_eq!(pair.client.close_code(), Some(CloseCode::PROTOCOL), "{answers:?}");
    }
}

#[test]
fn one_way_calls_that_are_refused_close_with_the_code_of_the_bound() {
    let one_way = Request { one_way: true, ..request(0) };
    let large = Request { place: place(1, 1 << 30), ..one_way.clone() };
    let metadata = Some(Metadata::new().with("key", [0; 9000]));
    assert_eq!(code(&[Message::Request(large)]), Some(CloseCode::TOO_LARGE));
    assert_eq!(code(&[Message::Request(Request { metadata, ..one_way })]), Some(CloseCode::TOO_LARGE));
}

#[test]
fn metadata_beyond_our_bounds_costs_its_message_and_no_more() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    let metadata = Some(Metadata::new().with("key", [0; 9000]));
    let answer = Response { metadata: metadata.clone(), place: place(2, LARGE), ..response(call) };
    let push = Message::Push { path: "A/B", codec: None, metadata, body: b"", place: place(4, LARGE) };
    pair.client.read_messages(pair.now, &[push, Message::Response(answer)]);
    assert_eq!(pair.client.received(), ["-1"]);
    let status = pair.client.status(call);
    assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::Yes));
    let bytes = body("", LARGE);
    pair.client.read_messages(pair.now, &[piece(2, true, &bytes), piece(4, true, &bytes)]);
    assert_eq!(pair.client.close_code(), None);
    assert!(pair.client.is_idle());
}

#[test]
fn a_cancel_of_an_unknown_call_is_fine() {
    assert_eq!(code(&[Message::Cancel { call: 7 }]), None);
    assert_eq!(code(&[Message::Cancel { call: u32::MAX }]), None);
}

#[test]
fn two_bodies_on_one_lane_are_a_violation() {
    let heads = [0, 1].map(|call| Message::Request(Request { place: place(1, LARGE), ..request(call) }));
    assert_eq!(code(&heads), Some(CloseCode::PROTOCOL));
}

#[test]
fn a_lane_that_has_an_owner_cannot_be_named_by_a_head_that_is_refused() {
    let owner = Message::Request(Request { place: place(1, LARGE), ..request(0) });
    let too_large = Message::Request(Request { place: place(1, 1 << 30), ..request(1) });
    let push =
        Message::Push { path: "A/B", codec: None, metadata: None, body: b"", place: place(1, 1 << 30) };
    for refused in [too_large, push] {
        assert_eq!(code(&[owner.clone(), refused]), Some(CloseCode::PROTOCOL));
    }
}

#[test]
fn what_may_be_ignored_may_not_come_before_the_hellos() {
    let mut pair = Pair::strangers(Limits::default(), Limits::default());
    pair.server.read_frames(pair.now, &[vec![2, 0, 0x80, 0]]);
    assert_eq!(pair.server.close_code(), Some(CloseCode::PROTOCOL));
    pair.client.read_frames(pair.now, &[vec![3, 0, 0x80, crate::frame::LANE, 2]]);
    assert_eq!(pair.client.close_code(), None, "lanes overtake each other");
    pair.client.read_frames(pair.now, &[vec![2, 0, 0x80, 0]]);
    assert_eq!(pair.client.close_code(), Some(CloseCode::PROTOCOL));
}

#[test]
fn that_a_link_is_lost_is_not_said_on_it() {
    let mut pair = Pair::new();
    pair.server.connection.close(Close::new(CloseCode::LOST, "lost"), &mut pair.server.events);
    assert!(!pair.server.connection.has_output());
    assert_eq!(pair.server.close_code(), Some(CloseCode::LOST));
}

#[test]
fn a_body_must_be_as_long_as_its_head_says() {
    let head = Message::Request(Request { place: place(1, 10), ..request(0) });
    assert_eq!(code(&[head.clone(), piece(1, true, b"short")]), Some(CloseCode::PROTOCOL));
    assert_eq!(code(&[head.clone(), piece(1, false, b"much too long")]), Some(CloseCode::TOO_LARGE));
    assert_eq!(code(&[piece(1, true, b"short"), head.clone()]), Some(CloseCode::PROTOCOL));
    assert_eq!(code(&[piece(1, false, b"much too long"), head.clone()]), Some(CloseCode::TOO_LARGE));
    assert_eq!(code(&[piece(1, false, b"exac"), head, piece(1, true, b"tly 10")]), None);
}

#[test]
fn a_body_without_a_head_is_as_short_as_any_message() {
    let mut pair = Pair::new();
    let bytes = body("", 60_000);
    for _ in 0..80 {
        pair.server.read_messages(pair.now, &[piece(1, false, &bytes)]);
    }
    assert_eq!(pair.server.close_code(), Some(CloseCode::TOO_LARGE));
}

#[test]
fn a_body_goes_on_after_its_end_is_a_violation() {
    assert_eq!(code(&[piece(1, true, b""), piece(1, false, b"")]), Some(CloseCode::PROTOCOL));
    let reset = Message::Reset { lane: Lane::new(1) };
    assert_eq!(code(&[reset, piece(1, false, b"")]), Some(CloseCode::PROTOCOL));
}

#[test]
fn frames_that_cannot_be_read_are_violations() {
    let critical = vec![2, 0, 0x1a, 0];
    let reserved = vec![3, 0, kind::PING, flag::RESERVED, 0];
    let cut = vec![2, 0, kind::CANCEL, 0];
    let body_on_zero = vec![2, 0, kind::BODY, 0];
    let ping_on_lane = vec![3, 0, kind::PING, crate::frame::LANE, 1];
    let bad_path = frame(&Message::Request(Request { path: "no method", ..request(0) }));
    for bytes in [critical, reserved, cut, body_on_zero, ping_on_lane, bad_path] {
        let mut pair = Pair::new();
        pair.server.read_frames(pair.now, std::slice::from_ref(&bytes));
        assert_eq!(pair.server.close_code(), Some(CloseCode::PROTOCOL), "{bytes:02x?}");
        pair.run();
        assert_eq!(pair.client.close_code(), Some(CloseCode::PROTOCOL));
        assert_eq!(CloseCode::PROTOCOL.verdict(), Verdict::Terminal);
    }
}

#[test]
fn grease_is_ignored() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    let path = b"Ticks/Tick";
    let fields = [2u8, 77, 0]; // an odd tag that nobody knows
    let push = [&[kind::PUSH, flag::FIELDS, 10][..], path, &fields, b"1"].concat();
    let push = [&[u8::try_from(push.len()).unwrap(), 0][..], &push].concat();
    let frames = [
        vec![2, 0, 0x80, 0],
        vec![6, 0, 0xff, 0xff, 1, 2, 3, 4],
        push,
        frame(&Message::Gap(Gap::new(2, GapReason::Other))),
        vec![4, 0, kind::GAP, 0, 3, 99],
        vec![4, 0, kind::PONG, 0, 1, 0xaa],
        frame(&failure(call)),
    ];
    pair.client.read_frames(pair.now, &frames);
    assert_eq!(pair.client.close_code(), None);
    assert_eq!(pair.client.received(), ["1", "-2", "-3"]);
    assert_eq!(pair.client.status(call).code(), Code::Aborted);
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let mut pair = Pair::new();
    pair.server.read_messages(pair.now, &[Message::Ping { payload: 1 << 40 }]);
    pair.server.flush(pair.now, &mut pair.client);
    let expected = frame(&Message::Pong { payload: 1 << 40 });
    assert_eq!(pair.client.arriving.pop_front().unwrap().1, expected);
}

#[test]
fn a_body_beyond_16_kib_may_come_inline() {
    let mut pair = Pair::new();
    let inline = body("", MAX_INLINE_LEN * 3);
    pair.server.read_messages(pair.now, &[Message::Request(Request { body: &inline, ..request(0) })]);
    assert!(body_of(&pair.server.incoming()[0]) == inline);
}

#[test]
fn metadata_beyond_the_bounds_did_not_run() {
    let mut pair = Pair::new();
    let metadata = Some(Metadata::new().with("key", [0; 9000]));
    pair.server.read_messages(pair.now, &[Message::Request(Request { metadata, ..request(0) })]);
    pair.server.flush(pair.now, &mut pair.client);
    let Some((_, frame)) = pair.client.arriving.pop_front() else { panic!("no failure") };
    let Some(Message::Failure { status, .. }) = crate::wire::decode(&frame).unwrap() else {
        panic!("no failure");
    };
    assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::No));
    assert_eq!(pair.server.close_code(), None);
}
