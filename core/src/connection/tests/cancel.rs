//! Giving calls up, wherever they are.

use std::time::Duration;

use super::pair::{HUGE, LARGE, Pair, body};
use crate::connection::CancelReason;
use crate::wire::Message;
use crate::{CloseCode, Code, Lane, Limits, Ran, Status};

/// The status of a call whose caller gave it up, as the server says it on the wire.
fn told(pair: &mut Pair) -> Vec<Status> {
    let mut told = Vec::new();
    pair.server.flush(pair.now, &mut pair.client);
    for (_, frame) in &pair.client.arriving {
        if let Some(Message::Failure { status, .. }) = crate::wire::decode(frame).unwrap() {
            told.push(status);
        }
    }
    told
}

#[test]
fn a_request_cancelled_in_the_same_read_never_starts() {
    let mut pair = Pair::new();
    let call = pair.client.call(pair.now, b"");
    pair.client.connection.cancel_call(pair.now, call);
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    assert_eq!(pair.server.requests(), []);
    let status = told(&mut pair).remove(0);
    assert_eq!((status.code(), status.ran()), (Code::Cancelled, Ran::No));
    pair.run();
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn a_running_handler_is_given_up_and_holds_its_slot_until_it_ends() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.client.connection.cancel_call(pair.now, call);
    pair.run();
    assert_eq!(pair.server.events.cancelled, [(call, CancelReason::Caller)]);
    assert_eq!((pair.client.connection.in_flight(), pair.server.connection.serving()), (1, 1));
    pair.server.respond(call, b"too late");
    pair.run();
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn cancelled_while_its_arguments_arrive_a_call_does_not_run() {
    let mut pair = Pair::new();
    let call = pair.client.call(pair.now, &body("args", HUGE));
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    pair.client.connection.cancel_call(pair.now, call);
    assert!(pair.client.connection.bulk.is_empty());
    pair.run();
    assert_eq!(pair.server.requests(), []);
    assert_eq!(pair.server.events.cancelled, []);
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn cancelled_before_its_arguments_left_a_call_sends_none_of_them() {
    let mut pair = Pair::new();
    let call = pair.client.call(pair.now, &body("args", HUGE));
    pair.client.connection.cancel_call(pair.now, call);
    pair.client.flush(pair.now, &mut pair.server);
    let sent: usize = pair.server.arriving.iter().map(|(_, frame)| frame.len()).sum();
    assert!(sent < 100, "{sent} bytes");
    pair.run();
    assert_eq!(pair.server.requests(), []);
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn cancelled_while_its_answer_leaves_a_call_ends_with_the_lane() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.server.respond(call, &body("answer", HUGE));
    pair.server.flush(pair.now, &mut pair.client);
    pair.client.read(pair.now);
    pair.client.connection.cancel_call(pair.now, call);
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    assert!(pair.server.connection.bulk.is_empty());
    assert_eq!(pair.server.connection.serving(), 0);
    pair.run();
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn a_cancel_that_crosses_the_answer_changes_nothing() {
    for len in [5, LARGE] {
        let mut pair = Pair::new();
        let call = pair.running_call();
        pair.server.respond(call, &body("answer", len));
        pair.server.flush(pair.now, &mut pair.client);
        pair.client.connection.cancel_call(pair.now, call);
        pair.run();
        assert_eq!(pair.server.events.cancelled, []);
        assert!(pair.client.is_idle() && pair.server.is_idle());
        assert!(pair.client.connection.is_open() && pair.server.connection.is_open());
    }
}

#[test]
fn a_late_cancel_never_meets_the_next_call_of_its_number() {
    let mut pair = Pair::new();
    let first = pair.running_call();
    pair.server.respond(first, b"");
    pair.server.flush(pair.now, &mut pair.client);
    pair.client.connection.cancel_call(pair.now, first);
    pair.client.read(pair.now);
    let second = pair.client.call(pair.now, b"");
    assert_eq!(first, second);
    pair.run();
    assert_eq!(pair.server.requests(), [Some(second)]);
    assert_eq!(pair.server.events.cancelled, []);
}

#[test]
fn giving_up_twice_tells_the_peer_once() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.client.connection.cancel_call(pair.now, call);
    pair.client.connection.cancel_call(pair.now, call);
    pair.client.flush(pair.now, &mut pair.server);
    assert_eq!(pair.server.arriving.len(), 1);
}

#[test]
fn a_flood_of_cancels_closes_with_its_own_code() {
    let mut pair = Pair::with(
        Limits::default(),
        Limits::default().with_max_cancels_per_second(10).with_max_in_flight(5),
    );
    let flood = |pair: &mut Pair, cancels: usize| {
        for _ in 0..cancels {
            pair.server.read_messages(pair.now, &[Message::Cancel { call: 0 }]);
        }
    };
    flood(&mut pair, 10);
    pair.now += Duration::from_secs(1);
    flood(&mut pair, 10);
    assert_eq!(pair.server.close_code(), None);
    flood(&mut pair, 1);
    assert_eq!(pair.server.close_code(), Some(CloseCode::RATE));
    let close = pair.server.connection.closed().unwrap();
    assert!(close.reason().contains("max_cancels_per_second"), "{close}");
}

/// A client that gives up calls as fast as it can, for a while. Returns how many.
fn give_up_without_end(pair: &mut Pair, args: &[u8], for_seconds: u64) -> usize {
    let mut given_up = 0;
    for _ in 0..for_seconds * 100 {
        for _ in 0..3 {
            let now = pair.now;
            let request = pair.client.try_call(now, args);
            if let Some(call) = request {
                pair.client.connection.cancel_call(now, call);
                given_up += 1;
            }
        }
        pair.run();
        for (call, _) in std::mem::take(&mut pair.server.events.cancelled) {
            pair.server.respond(call, b"");
        }
        pair.server.requests();
        pair.wait(Duration::from_millis(10));
    }
    pair.run();
    given_up
}

#[test]
fn a_client_that_gives_everything_up_keeps_to_the_rate_of_its_server() {
    for args in [&b""[..], &body("args", LARGE)] {
        let mut pair = Pair::with(
            Limits::default(),
            Limits::default().with_max_cancels_per_second(20).with_max_in_flight(8),
        );
        let given_up = give_up_without_end(&mut pair, args, 30);
        assert!(given_up > 100, "{given_up}");
        assert_eq!(
            (pair.server.close_code(), pair.client.close_code()),
            (None, None),
            "{} bytes",
            args.len()
        );
    }
}

#[test]
fn a_cancel_that_waits_is_not_sent_once_its_answer_came() {
    let mut pair =
        Pair::with(Limits::default(), Limits::default().with_max_cancels_per_second(1).with_max_in_flight(2));
    let first = pair.running_call();
    let second = pair.client.call(pair.now, b"");
    pair.run();
    pair.server.requests();
    pair.client.connection.cancel_call(pair.now, first);
    pair.client.connection.cancel_call(pair.now, second);
    pair.run();
    assert_eq!(pair.server.events.cancelled, [(first, CancelReason::Caller), (second, CancelReason::Caller)]);
    pair.server.events.cancelled.clear();
    for call in [first, second] {
        pair.server.respond(call, b"");
    }
    pair.run();
    let third = pair.running_call();
    pair.client.connection.cancel_call(pair.now, third);
    pair.run();
    assert_eq!(pair.server.events.cancelled, [], "the rate is used up");
    assert_eq!(pair.client.connection.in_flight(), 1);
    pair.server.respond(third, b"");
    pair.run();
    // Numbers are used again in turn.
    let others = [(); 2].map(|()| pair.running_call());
    let fourth = others.into_iter().find(|call| *call == third).unwrap();
    pair.wait(Duration::from_secs(10));
    pair.run();
    assert_eq!(pair.server.events.cancelled, [], "the cancel of another call met this one");
    pair.client.connection.cancel_call(pair.now, fourth);
    pair.run();
    assert_eq!(pair.server.events.cancelled, [(fourth, CancelReason::Caller)]);
}

#[test]
fn answers_that_are_reset_because_they_were_given_up_count_against_nobody() {
    let mut pair =
        Pair::with(Limits::default().with_max_cancels_per_second(1).with_max_in_flight(4), Limits::default());
    for _ in 0..100 {
        let call = pair.running_call();
        pair.server.respond(call, &body("answer", HUGE));
        pair.server.flush(pair.now, &mut pair.client);
        pair.client.read(pair.now);
        pair.client.connection.cancel_call(pair.now, call);
        pair.run();
    }
    assert_eq!((pair.server.close_code(), pair.client.close_code()), (None, None));
}

#[test]
fn a_reset_that_was_asked_for_and_overtakes_its_head_counts_against_nobody() {
    let mut pair =
        Pair::with(Limits::default().with_max_cancels_per_second(1).with_max_in_flight(4), Limits::default());
    for _ in 0..100 {
        let call = pair.running_call();
        pair.server.respond(call, &body("answer", HUGE));
        pair.server.flush(pair.now, &mut pair.client);
        pair.client.connection.cancel_call(pair.now, call);
        pair.client.flush(pair.now, &mut pair.server);
        pair.server.read(pair.now);
        pair.server.flush(pair.now, &mut pair.client);
        let arriving = std::mem::take(&mut pair.client.arriving);
        let (heads, bodies): (Vec<_>, Vec<_>) =
            arriving.into_iter().partition(|(lane, _)| *lane == Lane::ZERO);
        pair.client.arriving.extend(bodies.into_iter().chain(heads));
        pair.run();
    }
    assert_eq!((pair.server.close_code(), pair.client.close_code()), (None, None));
    assert!(pair.client.is_idle() && pair.server.is_idle());
}
