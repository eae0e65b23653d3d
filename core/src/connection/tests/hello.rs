//! The exchange of hellos.

use super::pair::{LARGE, Pair, SESSION, body, frame, offer};
use crate::codec::choose;
use crate::connection::NoRoom;
use crate::wire::{DEFAULT_RATE, Hello, Message};
use crate::{CloseCode, Lane, Limits, Metadata};
use std::task::Waker;

pub(super) fn strangers() -> Pair {
    Pair::strangers(Limits::default(), Limits::default())
}

pub(super) fn hello(codecs: &[&str]) -> Hello {
    Hello {
        versions: (1, 1),
        codecs: codecs.iter().map(|&codec| codec.to_owned()).collect(),
        agent: "test".into(),
        max_message_len: 1 << 20,
        max_in_flight: 10,
        max_lanes: 4,
        max_cancels_per_second: DEFAULT_RATE,
        session: None,
        metadata: Metadata::new(),
    }
}

#[test]
fn hellos_bring_codec_session_and_metadata() {
    let mut pair = strangers();
    let mut offered = offer(&["postcard", "json"]);
    offered.metadata = Metadata::new().with("token", "secret");
    pair.client.connection.offer(&offered).unwrap();
    pair.run();
    let opened = pair.server.events.opened.take().unwrap();
    assert_eq!(opened.codecs, ["postcard", "json"]);
    assert_eq!(opened.metadata, offered.metadata);
    assert!(!pair.server.connection.is_open() && !pair.client.connection.is_open());

    let (_, codec) = choose(&opened.codecs, None, &["json", "postcard"]).unwrap();
    pair.server.connection.admit(codec, SESSION);
    pair.run();
    let answer = pair.client.events.opened.take().unwrap();
    assert_eq!((answer.codecs, answer.session), (vec!["postcard".to_owned()], Some(SESSION)));
    assert!(pair.server.connection.is_open() && pair.client.connection.is_open());
}

#[test]
fn no_common_version_closes_with_its_own_code() {
    for versions in [(2, 3), (0, 0)] {
        let mut pair = strangers();
        let later = Hello { versions, ..hello(&["json"]) };
        pair.server.read_messages(pair.now, &[Message::Hello(later)]);
        assert_eq!(pair.server.close_code(), Some(CloseCode::UNSUPPORTED_VERSION));
        pair.run();
        assert_eq!(pair.client.close_code(), Some(CloseCode::UNSUPPORTED_VERSION));
    }
}

#[test]
fn a_range_of_versions_that_holds_ours_will_do() {
    let mut pair = strangers();
    let both = Hello { versions: (1, 9), ..hello(&["json"]) };
    pair.server.read_messages(pair.now, &[Message::Hello(both)]);
    assert!(pair.server.events.opened.is_some());
}

#[test]
fn a_hello_with_too_much_metadata_is_refused() {
    let mut pair = strangers();
    let metadata = Metadata::new().with("token", vec![7; 8 * 1024]);
    pair.server.read_messages(pair.now, &[Message::Hello(Hello { metadata, ..hello(&["json"]) })]);
    assert_eq!(pair.server.close_code(), Some(CloseCode::TOO_LARGE));
}

#[test]
fn nothing_can_be_called_or_pushed_before_the_hellos() {
    let mut pair = strangers();
    for side in [&mut pair.client, &mut pair.server] {
        let failed =
            side.connection.start_call(pair.now, super::pair::request(b""), Waker::noop()).unwrap_err();
        assert!(failed.0.is_retryable());
        assert_eq!(side.push(b"1"), Err(NoRoom::Closed));
    }
}

#[test]
fn pushes_of_the_connect_hook_follow_the_answer() {
    let mut pair = strangers();
    pair.client.connection.offer(&offer(&["json"])).unwrap();
    pair.run();
    pair.server.push(b"a").unwrap();
    pair.server.push(&body("b", LARGE)).unwrap();
    pair.server.push(b"c").unwrap();
    pair.server.connection.admit("json", SESSION);
    pair.run();
    assert!(pair.client.connection.is_open());
    assert_eq!(pair.client.received().iter().map(|name| &name[..1]).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn a_body_may_overtake_the_answer_to_the_hello() {
    let mut pair = strangers();
    pair.client.connection.offer(&offer(&["json"])).unwrap();
    pair.run();
    pair.server.push(&body("a", LARGE)).unwrap();
    pair.server.connection.admit("json", SESSION);
    pair.server.flush(pair.now, &mut pair.client);
    let (lane, body) = pair.client.arriving.pop_back().unwrap();
    assert_eq!(lane, Lane::new(2));
    pair.client.read_frames(pair.now, &[body]);
    assert_eq!(pair.client.close_code(), None);
    pair.run();
    assert_eq!(pair.client.received(), ["a\0"]);
}

#[test]
fn a_handshake_has_a_deadline() {
    let mut pair = strangers();
    pair.client.connection.offer(&offer(&["json"])).unwrap();
    pair.wait(Limits::default().handshake_timeout);
    assert_eq!(pair.client.close_code(), Some(CloseCode::TIMEOUT));
    assert_eq!(pair.server.close_code(), Some(CloseCode::TIMEOUT));
}

#[test]
fn only_a_hello_comes_before_the_hellos() {
    for message in [
        Message::Ping { payload: 0 },
        Message::Request(super::violations::request(0)),
        Message::Cancel { call: 0 },
        Message::Goaway { reason: "" },
        Message::Gap(crate::Gap::new(1, crate::GapReason::Other)),
    ] {
        let mut pair = strangers();
        pair.server.read_messages(pair.now, &[message]);
        assert_eq!(pair.server.close_code(), Some(CloseCode::PROTOCOL));
    }
}

#[test]
fn the_client_waits_for_the_answer_before_it_sends() {
    for early in [
        // Its answer would overtake ours to the hello.
        Message::Ping { payload: 0 },
        Message::Request(super::violations::request(0)),
        Message::Body { lane: Lane::new(1), last: true, bytes: b"" },
    ] {
        let mut pair = strangers();
        pair.server.read_messages(pair.now, &[Message::Hello(hello(&["json"])), early]);
        assert_eq!(pair.server.close_code(), Some(CloseCode::PROTOCOL));
    }
}

#[test]
fn a_second_hello_is_a_violation() {
    let mut pair = Pair::new();
    let again = frame(&Message::Hello(hello(&["json"])));
    pair.server.read_frames(pair.now, std::slice::from_ref(&again));
    pair.client.read_frames(pair.now, &[again]);
    assert_eq!(pair.server.close_code(), Some(CloseCode::PROTOCOL));
    assert_eq!(pair.client.close_code(), Some(CloseCode::PROTOCOL));
}
