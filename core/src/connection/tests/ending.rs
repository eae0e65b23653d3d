//! Going away, and the end.

use super::pair::{HUGE, LARGE, Pair, body, request};
use crate::connection::CancelReason;
use crate::{Close, CloseCode, Code, Ran};
use std::task::Waker;

fn close(reason: &'static str) -> Close {
    Close::new(CloseCode::SHUTDOWN, reason)
}

#[test]
fn a_request_after_goaway_did_not_run() {
    let mut pair = Pair::new();
    let running = pair.running_call();
    pair.server.connection.leave("restart");
    let crossing = pair.client.call(pair.now, b"");
    let large = pair.client.call(pair.now, &body("", LARGE));
    pair.run();
    for refused in [crossing, large] {
        let status = pair.client.status(refused);
        assert_eq!((status.code(), status.ran()), (Code::Unavailable, Ran::No));
        assert!(status.is_retryable());
    }
    let after = pair.client.connection.start_call(pair.now, request(b""), Waker::noop()).unwrap_err();
    assert!(after.0.is_retryable());
    pair.server.respond(running, b"done");
    pair.run();
    assert_eq!(pair.client.value(running), "done");
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn a_close_ends_every_call_at_both_ends() {
    for by_client in [true, false] {
        let mut pair = Pair::new();
        let running = pair.running_call();
        let arriving = pair.client.call(pair.now, &body("", HUGE));
        pair.client.flush(pair.now, &mut pair.server);
        pair.server.read(pair.now);
        let side = if by_client { &mut pair.client } else { &mut pair.server };
        side.connection.close(close("done"), &mut side.events);
        side.connection.close(Close::new(CloseCode::NORMAL, "again"), &mut side.events);
        pair.run();
        for call in [running, arriving] {
            let status = pair.client.status(call);
            assert_eq!((status.code(), status.ran()), (Code::Unavailable, Ran::Maybe));
            assert!(status.message().contains("done"), "{status}");
        }
        assert!(pair.server.events.cancelled.contains(&(running, CancelReason::Closed)));
        for side in [&mut pair.client, &mut pair.server] {
            assert_eq!(side.connection.closed(), Some(&close("done")));
            assert!(side.is_idle());
            assert!(
                side.connection
                    .start_call(pair.now, request(b""), Waker::noop())
                    .unwrap_err()
                    .0
                    .is_retryable()
            );
            assert_eq!(side.connection.poll_timeout(), None);
        }
    }
}

#[test]
fn an_answer_after_the_end_goes_nowhere() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.server.connection.close(close(""), &mut pair.server.events);
    pair.server.flush(pair.now, &mut pair.client);
    pair.server.respond(call, b"late");
    assert!(!pair.server.connection.has_output());
}

#[test]
fn what_was_queued_goes_out_before_the_close() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.server.push(b"1").unwrap();
    pair.server.respond(call, b"done");
    pair.server.connection.close(close(""), &mut pair.server.events);
    pair.run();
    assert_eq!(pair.client.received(), ["1"]);
    assert_eq!(pair.client.value(call), "done");
    assert!(pair.client.is_idle());
}

#[test]
fn nothing_is_read_after_a_close() {
    let mut pair = Pair::new();
    pair.server.connection.close(close(""), &mut pair.server.events);
    pair.client.call(pair.now, b"");
    pair.run();
    assert_eq!(pair.server.requests(), []);
}

#[test]
fn one_way_calls_do_not_outlive_the_count() {
    let mut pair = Pair::new();
    assert!(pair.client.one_way(b""));
    pair.run();
    pair.server.connection.end(close(""), &mut pair.server.events);
    assert_eq!(pair.server.connection.serving(), 1, "its handler runs on");
    pair.server.connection.one_way_ended();
    assert_eq!(pair.server.connection.serving(), 0);
}

/// Lane 0 arrives with an answer, a push and a close; the bodies do not yet.
fn closed_before_the_bodies() -> (Pair, u32) {
    let mut pair = Pair::new();
    let call = pair.running_call();
    pair.server.push(&body("1", LARGE)).unwrap();
    pair.server.respond(call, &body("2", LARGE));
    pair.server.flush(pair.now, &mut pair.client);
    pair.server.connection.close(close("done"), &mut pair.server.events);
    pair.server.flush(pair.now, &mut pair.client);
    let (heads, bodies): (Vec<_>, Vec<_>) =
        pair.client.arriving.drain(..).partition(|(lane, _)| *lane == crate::Lane::ZERO);
    pair.client.arriving = heads.into();
    pair.client.read(pair.now);
    pair.client.arriving = bodies.into();
    (pair, call)
}

#[test]
fn a_close_waits_for_the_bodies_that_were_announced_before() {
    let (mut pair, call) = closed_before_the_bodies();
    assert_eq!(pair.client.connection.closed(), None);
    let refused = pair.client.connection.start_call(pair.now, request(b""), Waker::noop()).unwrap_err();
    assert!(refused.0.is_retryable());
    pair.client.read(pair.now);
    assert_eq!(pair.client.received(), ["1\0"]);
    assert_eq!(pair.client.value(call).len(), LARGE);
    assert_eq!(pair.client.connection.closed(), Some(&close("done")));
}

#[test]
fn a_close_waits_no_longer_than_the_link_or_a_second() {
    for link_ends in [true, false] {
        let (mut pair, call) = closed_before_the_bodies();
        if link_ends {
            let lost = Close::new(CloseCode::LOST, "no close");
            pair.client.connection.end(lost, &mut pair.client.events);
        } else {
            pair.wait(std::time::Duration::from_millis(1001));
            pair.client.tick(pair.now);
        }
        assert_eq!(pair.client.status(call).code(), Code::Unavailable);
        assert_eq!(pair.client.connection.closed(), Some(&close("done")));
    }
}
