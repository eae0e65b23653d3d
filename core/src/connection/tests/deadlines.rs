//! Deadlines, which both ends keep.

use std::task::Waker;
use std::time::Duration;

use super::pair::{HUGE, Pair, body, request};
use crate::connection::{CancelReason, OutRequest};
use crate::{Code, Ran};

const SECOND: Duration = Duration::from_secs(1);

fn call(pair: &mut Pair, timeout: Duration, body: &[u8]) -> u32 {
    let out = OutRequest { timeout: Some(timeout), ..request(body) };
    pair.client.connection.start_call(pair.now, out, Waker::noop()).unwrap()
}

#[test]
fn the_caller_stops_waiting_at_the_deadline() {
    let mut pair = Pair::new();
    let call = call(&mut pair, SECOND, b"");
    pair.run();
    pair.client.tick(pair.now + SECOND / 2);
    assert!(pair.client.answer(call).is_none());
    assert_eq!(pair.client.connection.poll_timeout(), Some(pair.now + SECOND));
    pair.client.tick(pair.now + SECOND);
    let status = pair.client.status(call);
    assert_eq!((status.code(), status.ran()), (Code::DeadlineExceeded, Ran::Maybe));
    assert_eq!(pair.client.connection.in_flight(), 1, "the number is taken until the handler has ended");
    pair.server.respond(call, b"late");
    pair.run();
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn the_handler_is_given_up_at_the_deadline() {
    let mut pair = Pair::new();
    let call = call(&mut pair, SECOND, b"");
    pair.run();
    let incoming = pair.server.incoming().remove(0);
    assert_eq!(incoming.deadline, Some(pair.now + SECOND));
    pair.server.tick(pair.now + SECOND);
    pair.server.tick(pair.now + SECOND * 2);
    assert_eq!(pair.server.events.cancelled, [(call, CancelReason::Deadline)]);
}

#[test]
fn the_deadline_counts_from_the_read() {
    let mut pair = Pair::new();
    call(&mut pair, SECOND, b"");
    pair.client.flush(pair.now, &mut pair.server);
    pair.now += SECOND * 5;
    pair.server.read(pair.now);
    assert_eq!(pair.server.incoming().remove(0).deadline, Some(pair.now + SECOND));
}

#[test]
fn a_deadline_passes_while_the_arguments_leave() {
    let mut pair = Pair::new();
    let call = call(&mut pair, SECOND, &body("args", HUGE));
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    pair.client.tick(pair.now + SECOND);
    assert_eq!(pair.client.status(call).code(), Code::DeadlineExceeded);
    assert!(pair.client.connection.bulk.is_empty());
    pair.run();
    assert_eq!(pair.server.requests(), []);
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn a_deadline_passes_while_the_arguments_arrive() {
    let mut pair = Pair::new();
    let call = call(&mut pair, SECOND, &body("args", HUGE));
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    pair.server.tick(pair.now + SECOND);
    assert_eq!(pair.server.connection.serving(), 0);
    pair.run();
    assert_eq!(pair.server.requests(), [], "nobody waits for it any more");
    assert_eq!(pair.server.events.cancelled, []);
    let status = pair.client.status(call);
    assert_eq!((status.code(), status.ran()), (Code::DeadlineExceeded, Ran::No));
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn an_answer_in_time_leaves_nothing_to_wait_for() {
    let mut pair = Pair::new();
    let call = call(&mut pair, SECOND, b"");
    pair.run();
    pair.server.respond(call, b"in time");
    pair.run();
    pair.wait(SECOND);
    assert_eq!(pair.client.value(call), "in time");
    assert_eq!(pair.server.events.cancelled, []);
    assert!(pair.client.connection.poll_timeout() > Some(pair.now));
    assert!(pair.server.connection.poll_timeout() > Some(pair.now));
}

#[test]
fn a_call_without_a_deadline_waits_for_ever() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    for _ in 0..1000 {
        pair.wait(SECOND * 10);
        pair.run();
    }
    assert!(pair.client.answer(call).is_none());
    pair.server.respond(call, b"at last");
    pair.run();
    assert_eq!(pair.client.value(call), "at last");
}
