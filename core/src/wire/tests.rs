use std::time::Duration;

use super::*;
use crate::{Batch, Close, CloseCode, Code, Lane, Metadata, Ran, Status};

#[expect(clippy::too_many_lines, reason = "a list of every message")]
pub(crate) fn samples() -> Vec<(&'static str, Message<'static>)> {
    let place = BodyPlace { lane: Lane::new(3), len: 70_000 };
    let metadata = Metadata::new().with("trace", "a1");
    let hello = Hello {
        versions: (1, 1),
        codecs: vec!["json".into(), "postcard".into()],
        agent: "sample/1".into(),
        max_message_len: 4_194_304,
        max_in_flight: 4096,
        max_lanes: 64,
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
    vec![
        ("hello", Message::Hello(hello)),
        ("hello_answer", Message::Hello(answer)),
        ("request", Message::Request(request)),
        ("request_large", Message::Request(large)),
        ("response", Message::Response(response)),
        ("response_error", Message::Response(error)),
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
        ("gap", Message::Gap(Gap::new(3, GapReason::UnsupportedCodec))),
        ("body", Message::Body { lane: Lane::new(3), last: true, bytes: b"rest" }),
        ("reset", Message::Reset { lane: Lane::new(300) }),
        ("ping", Message::Ping { payload: 300 }),
        ("pong", Message::Pong { payload: 300 }),
        ("goaway", Message::Goaway { reason: "rolling restart" }),
        ("close", Message::Close(Close::new(CloseCode::SHUTDOWN, "bye"))),
    ]
}

fn frame(message: &Message<'_>) -> Vec<u8> {
    let mut batch = Batch::new();
    encode(message, &mut batch).unwrap();
    let mut bytes = Vec::new();
    batch.take_frames(|frame| {
        frame.copy_to(&mut bytes);
        true
    });
    bytes
}

#[test]
fn every_message_survives_the_wire() {
    for (name, message) in samples() {
        assert_eq!(decode(&frame(&message)).unwrap(), Some(message), "{name}");
    }
}

#[test]
fn a_truncated_frame_never_panics() {
    for (_, message) in samples() {
        let bytes = frame(&message);
        for cut in 0..bytes.len() {
            let _ = decode(&bytes[..cut]);
        }
    }
}

#[test]
fn unknown_kinds_and_fields_are_ignored_or_refused_as_they_ask() {
    assert_eq!(decode(&[2, 0, 0x9a, 0]).unwrap(), None);
    assert!(decode(&[2, 0, 0x1a, 0]).is_err());
    let request =
        |tag: u8| [&[17u8, 0, kind::REQUEST, flag::FIELDS, 5, 0, 9][..], b"Arith/Mul", &[2, tag, 0]].concat();
    assert!(matches!(decode(&request(7)), Ok(Some(Message::Request(_)))));
    assert!(decode(&request(8)).is_err());
}
