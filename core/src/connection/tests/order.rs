//! A response never overtakes a push that its handler made before returning.

use super::pair::{LARGE, Pair, body};
use crate::{Code, Gap, GapReason, Limits, Ran, Status};

/// Lane 0 arrives, the bodies do not yet.
fn deliver_heads(pair: &mut Pair) {
    pair.server.flush(pair.now, &mut pair.client);
    let (heads, bodies): (Vec<_>, Vec<_>) =
        pair.client.arriving.drain(..).partition(|(lane, _)| *lane == crate::Lane::ZERO);
    pair.client.arriving = heads.into();
    pair.client.read(pair.now);
    pair.client.arriving = bodies.into();
}

#[test]
fn an_answer_waits_for_a_large_push_made_before() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.server.push(&body("1", LARGE)).unwrap();
    pair.server.respond(call, b"done");
    deliver_heads(&mut pair);
    assert!(pair.client.answer(call).is_none());
    pair.client.read(pair.now);
    assert_eq!(pair.client.received(), ["1\0"]);
    assert_eq!(pair.client.value(call), "done");
}

#[test]
fn a_large_answer_waits_too() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.server.push(&body("1", LARGE)).unwrap();
    pair.server.respond(call, &body("done", LARGE));
    deliver_heads(&mut pair);
    let answer: Vec<_> = pair.client.arriving.drain(1..).map(|(_, frame)| frame).collect();
    pair.client.read_frames(pair.now, &answer);
    assert!(pair.client.answer(call).is_none());
    pair.client.read(pair.now);
    assert_eq!(pair.client.received(), ["1\0"]);
    assert_eq!(pair.client.value(call).len(), LARGE);
}

#[test]
fn a_failure_waits_too() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.server.push(&body("1", LARGE)).unwrap();
    pair.server.fail(call, Status::new(Code::Aborted, Ran::Yes, ""));
    deliver_heads(&mut pair);
    assert!(pair.client.answer(call).is_none());
    pair.run();
    assert_eq!(pair.client.received(), ["1\0"]);
    assert_eq!(pair.client.status(call).code(), Code::Aborted);
}

#[test]
fn an_answer_without_pushes_of_its_own_waits_for_none() {
    let mut pair = Pair::new();
    pair.server.push(&body("1", LARGE)).unwrap();
    let call = pair.running_call();
    pair.server.push(&body("2", LARGE)).unwrap();
    pair.run();
    let quick = pair.running_call();
    pair.server.push(&body("3", LARGE)).unwrap();
    pair.server.respond(call, b"waits");
    deliver_heads(&mut pair);
    assert!(pair.client.answer(call).is_none());
    let quicker = pair.client.call(pair.now, b"");
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    pair.server.respond(quicker, b"");
    deliver_heads(&mut pair);
    assert!(pair.client.answer(quicker).is_some());
    assert!(pair.client.answer(quick).is_none());
}

#[test]
fn an_answer_waits_for_a_small_push_that_waits_for_an_earlier_large_one() {
    let mut pair = Pair::new();
    pair.server.push(&body("1", LARGE)).unwrap();
    let call = pair.client.call(pair.now, b"");
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    pair.server.push(b"2").unwrap();
    pair.server.respond(call, b"done");
    deliver_heads(&mut pair);
    assert!(pair.client.received().is_empty());
    assert!(pair.client.answer(call).is_none(), "it overtakes the push 2");
    pair.run();
    assert_eq!(pair.client.received(), ["1\0", "2"]);
    assert_eq!(pair.client.value(call), "done");
}

#[test]
fn an_answer_waits_for_a_gap_too() {
    let mut pair = Pair::new();
    pair.server.push(&body("1", LARGE)).unwrap();
    let call = pair.client.call(pair.now, b"");
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    pair.server.connection.push_gap(Gap::new(1, GapReason::UnsupportedCodec)).unwrap();
    pair.server.respond(call, b"done");
    deliver_heads(&mut pair);
    assert!(pair.client.answer(call).is_none());
    pair.run();
    assert_eq!(pair.client.received(), ["1\0", "-1"]);
}

#[test]
fn a_cancelled_answer_that_waits_frees_its_number() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.server.push(&body("1", LARGE)).unwrap();
    pair.server.respond(call, b"done");
    deliver_heads(&mut pair);
    pair.client.connection.cancel_call(pair.now, call);
    assert_eq!(pair.client.connection.in_flight(), 1);
    pair.run();
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn a_small_answer_is_to_be_had_without_the_lock_unless_notifications_came_with_it() {
    let mut pair = Pair::new();
    for pushed in [false, true] {
        let call = pair.client.call(pair.now, b"");
        pair.client.flush(pair.now, &mut pair.server);
        if pushed {
            pair.server.push(b"first").unwrap(); // before the call, which waits for it as little as for any other
        }
        pair.server.read(pair.now);
        assert_eq!(pair.server.requests(), [Some(call)]);
        pair.server.respond(call, b"done");
        pair.run();
        let taken = pair.client.connection.cells().unwrap().take(call);
        assert_eq!(taken.is_some_and(|answer| answer.body() == b"done"), !pushed);
        if pushed {
            assert_eq!(
                (pair.client.received(), &pair.client.value(call)[..]),
                (vec!["fi".into()], &b"done"[..])
            );
        }
    }
}

#[test]
fn a_number_has_no_new_call_before_its_answer_was_taken() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_in_flight(2));
    let [first, second] = [(); 2].map(|()| pair.running_call());
    for call in [first, second] {
        pair.server.respond(call, b"done");
    }
    pair.run();
    assert_eq!(pair.client.connection.in_flight(), 0);
    assert_eq!(pair.client.try_call(pair.now, b""), None, "both answers wait");
    assert_eq!(pair.client.value(second), "done");
    assert_eq!(pair.client.try_call(pair.now, b""), Some(second), "the other is passed over");
    assert_eq!(pair.client.value(first), "done");
    assert_eq!(pair.client.try_call(pair.now, b""), Some(first));
}
