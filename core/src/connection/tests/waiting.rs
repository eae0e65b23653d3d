//! What waits behind the body of a push: bounded, and never lost without a word.

use bytes::Bytes;

use super::pair::{LARGE, Pair, Side, body, frame};
use crate::wire::{BodyPlace, Message};
use crate::{Close, CloseCode, Inbox, Lane, Limits};

/// Lets arrive what is on lane 0 and on `lanes`.
fn deliver(pair: &mut Pair, lanes: &[u64]) {
    pair.server.flush(pair.now, &mut pair.client);
    let all = std::mem::take(&mut pair.client.arriving);
    let (now, later): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(lane, _)| lanes.contains(&lane.number()) || *lane == Lane::ZERO);
    pair.client.arriving = now.into();
    pair.client.read(pair.now);
    pair.client.arriving = later.into();
}

fn names(side: &mut Side) -> String {
    side.received().iter().map(|name| name.trim_end_matches('\0')).collect::<Vec<_>>().join(" ")
}

#[test]
fn pushes_beyond_the_bound_turn_the_one_they_wait_for_into_a_gap() {
    let mut pair = Pair::with(Limits::default().with_max_event_buffer_messages(4), Limits::default());
    pair.server.push(&body("a", LARGE)).unwrap();
    for name in ["b", "c", "d"] {
        pair.server.push(name.as_bytes()).unwrap();
    }
    deliver(&mut pair, &[]);
    assert_eq!(names(&mut pair.client), "");
    pair.server.push(b"e").unwrap();
    deliver(&mut pair, &[]);
    assert_eq!(names(&mut pair.client), "-1 b c d e");
    pair.run();
    assert!(pair.client.is_idle() && pair.client.connection.is_open());
}

#[test]
fn large_bodies_that_wait_count() {
    let limits = Limits::default().with_max_event_buffer_len(LARGE * 2);
    let mut pair = Pair::with(limits, Limits::default());
    for name in ["a", "b", "c", "d"] {
        pair.server.push(&body(name, LARGE)).unwrap();
    }
    deliver(&mut pair, &[4, 6]);
    assert_eq!(names(&mut pair.client), "");
    deliver(&mut pair, &[]);
    pair.server.push(b"e").unwrap();
    deliver(&mut pair, &[]);
    assert_eq!(names(&mut pair.client), "-1 b c");
    pair.run();
    assert_eq!(names(&mut pair.client), "d e");
    assert!(pair.client.is_idle() && pair.client.connection.is_open());
}

#[test]
fn what_was_handed_on_counts_no_longer() {
    let limits = Limits::default().with_max_event_buffer_messages(4);
    let mut pair = Pair::with(limits, Limits::default().with_max_outbox_len(1 << 24));
    pair.server.push(&body("a", LARGE)).unwrap();
    for lane in 1..50 {
        pair.server.push(b"b").unwrap();
        pair.server.push(&body("a", LARGE)).unwrap();
        deliver(&mut pair, &[]);
        let body = pair.client.arriving.pop_front().unwrap();
        assert_eq!(body.0, Lane::new(lane * 2));
        pair.client.read_frames(pair.now, &[body.1]);
        assert_eq!(names(&mut pair.client), "a b");
    }
}

#[test]
fn answers_that_wait_turn_nothing_into_a_gap() {
    let limits = Limits::default().with_max_event_buffer_messages(2);
    let mut pair = Pair::with(limits, Limits::default());
    let calls: Vec<_> = (0..100).map(|_| pair.running_call()).collect();
    pair.server.push(&body("a", LARGE)).unwrap();
    for &call in &calls {
        pair.server.respond(call, b"done");
    }
    pair.server.push(b"b").unwrap();
    deliver(&mut pair, &[]);
    assert_eq!(names(&mut pair.client), "");
    pair.run();
    assert_eq!(names(&mut pair.client), "a b");
    assert!(calls.into_iter().all(|call| pair.client.value(call) == "done"));
}

#[test]
fn what_came_before_the_end_is_handed_on() {
    let mut pair = Pair::new();
    let (call, other) = (pair.running_call(), pair.running_call());
    pair.server.push(&body("a", LARGE)).unwrap();
    pair.server.push(b"b").unwrap();
    pair.server.respond(call, b"done");
    deliver(&mut pair, &[]);
    pair.client.connection.end(Close::new(CloseCode::LOST, ""), &mut pair.client.events);
    assert_eq!(names(&mut pair.client), "-1 b");
    assert_eq!(pair.client.value(call), "done");
    assert!(pair.client.answer(other).unwrap().is_err());
    assert!(pair.client.is_idle());
}

#[test]
fn heads_that_wait_hold_no_read_buffer() {
    let mut pair = Pair::new();
    let place = |lane| Some(BodyPlace { lane: Lane::new(lane), len: 20_000 });
    let request = super::violations::request(0);
    let push = |place| Message::Push { path: "Ticks/Tick", codec: None, metadata: None, body: b"b", place };
    for message in [
        Message::Request(crate::wire::Request { place: place(1), ..request.clone() }),
        Message::Request(crate::wire::Request { place: place(3), one_way: true, ..request }),
        push(place(5)),
        push(None),
    ] {
        let chunk = Bytes::from(frame(&message));
        let mut inbox = Inbox::new();
        inbox.fill_from_message(chunk.clone()).unwrap();
        pair.server.connection.handle_inbox(pair.now, &mut inbox, &mut pair.server.events).unwrap();
        drop(inbox);
        assert!(chunk.is_unique(), "{message:?}");
    }
}
