//! One message of each shape, and a whole connection: what the golden files hold and `docs/wire.md` explains.

use std::time::Duration;

use crate::wire::*;
use crate::{Close, CloseCode, Code, Lane, Metadata, Ran, Status};

#[expect(clippy::too_many_lines, reason = "a list of every message")]
pub(super) fn samples() -> Vec<(&'static str, Message<'static>)> {
    let place = BodyPlace { lane: Lane::new(3), len: 70_000 };
    let metadata = Metadata::new().with("trace", "a1");
    let hello = Hello {
        versions: (1, 1),
        codecs: vec!["json".into(), "postcard".into()],
        agent: "sample/1".into(),
        max_message_len: 4_194_304,
        max_in_flight: 4096,
        max_lanes: 64,
        max_cancels_per_second: DEFAULT_RATE,
        session: None,
        metadata: Metadata::new(),
    };
    let answer = Hello {
        codecs: vec!["json".into()],
        session: Some([0x11; 16]),
        metadata: metadata.clone(),
        ..hello.clone()
    };
    let request = Request {
        call: 5,
        one_way: false,
        timeout: Some(Duration::from_secs(30)),
        path: "Arith/Mul",
        metadata: None,
        codec: None,
        body: br#"{"a":10,"b":20}"#,
        place: None,
    };
    let large = Request {
        one_way: true,
        timeout: None,
        metadata: Some(metadata.clone()),
        body: b"",
        place: Some(place),
        ..request.clone()
    };
    let response = Response {
        call: 5,
        outcome: Outcome::Value,
        after_pushes: false,
        metadata: None,
        codec: None,
        body: br#"{"c":200}"#,
        place: None,
    };
    let error = Response {
        outcome: Outcome::ApplicationError,
        after_pushes: true,
        codec: Some("raw"),
        ..response.clone()
    };
    let large_response = Response { body: b"", place: Some(place), ..response.clone() };
    vec![
        ("hello", Message::Hello(hello)),
        ("hello_answer", Message::Hello(answer)),
        ("request", Message::Request(request)),
        ("request_large", Message::Request(large)),
        ("response", Message::Response(response)),
        ("response_error", Message::Response(error)),
        ("response_large", Message::Response(large_response)),
        (
            "failure",
            Message::Failure {
                call: 5,
                status: Status::new(Code::Unimplemented, Ran::No, "no method Arith/Pow"),
                after_pushes: false,
            },
        ),
        ("cancel", Message::Cancel { call: 5 }),
        ("push", Message::Push { path: "Ticks/Tick", codec: None, metadata: None, body: b"7", place: None }),
        (
            "push_raw",
            Message::Push {
                path: "Log/Line",
                codec: Some("raw"),
                metadata: Some(metadata),
                body: b"hello",
                place: None,
            },
        ),
        (
            "push_large",
            Message::Push {
                path: "Files/File",
                codec: None,
                metadata: None,
                body: b"",
                place: Some(BodyPlace { lane: Lane::new(4), len: 20_000 }),
            },
        ),
        ("gap", Message::Gap(Gap::new(3, GapReason::UnsupportedCodec))),
        ("body", Message::Body { lane: Lane::new(3), last: true, bytes: b"rest" }),
        ("reset", Message::Reset { lane: Lane::new(300) }),
        ("ping", Message::Ping { payload: 300 }),
        ("pong", Message::Pong { payload: 300 }),
        ("goaway", Message::Goaway { reason: "rolling restart" }),
        ("close", Message::Close(Close::new(CloseCode::SHUTDOWN, "bye"))),
    ]
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Acceptor,
    Connector,
}

/// A whole connection: hello, a call whose handler pushes before it returns, and a close.
pub(crate) fn transcript() -> Vec<(From, Message<'static>)> {
    let hello = |codecs: &[&str]| Hello {
        versions: (1, 1),
        codecs: codecs.iter().map(|&codec| codec.to_owned()).collect(),
        agent: "sample/1".into(),
        max_message_len: 4_194_304,
        max_in_flight: 4096,
        max_lanes: 64,
        max_cancels_per_second: DEFAULT_RATE,
        session: None,
        metadata: Metadata::new(),
    };
    let answer = Hello { session: Some([0x11; 16]), ..hello(&["json"]) };
    let request = Request {
        call: 0,
        one_way: false,
        timeout: Some(Duration::from_secs(30)),
        path: "Arith/Mul",
        metadata: None,
        codec: None,
        body: br#"{"a":10,"b":20}"#,
        place: None,
    };
    let push = Message::Push { path: "Ticks/Tick", codec: None, metadata: None, body: b"7", place: None };
    let response = Response {
        call: 0,
        outcome: Outcome::Value,
        after_pushes: true,
        metadata: None,
        codec: None,
        body: br#"{"c":200}"#,
        place: None,
    };
    vec![
        (From::Connector, Message::Hello(hello(&["json", "postcard"]))),
        (From::Acceptor, Message::Hello(answer)),
        (From::Connector, Message::Request(request)),
        (From::Acceptor, push),
        (From::Acceptor, Message::Response(response)),
        (From::Connector, Message::Close(Close::new(CloseCode::NORMAL, "done"))),
    ]
}
