//! Calls and answers, one-way calls, numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use super::pair::{LARGE, PATH, Pair, SESSION, body, body_of, request};
use crate::connection::{NoRoom, OutRequest, Reply, ReplyBody};
use crate::wire::Outcome;
use crate::{Body, CloseCode, Code, Inbox, Limits, Metadata, Ran, Status};

#[test]
fn answers_come_in_any_order() {
    let mut pair = Pair::new();
    let calls: Vec<_> = [b"one", b"two", b"six"].map(|body| pair.client.call(pair.now, body)).into();
    pair.run();
    let mut incoming = pair.server.incoming();
    assert!(incoming.iter().all(|incoming| incoming.content.path(&Inbox::new()) == PATH.as_bytes()));
    incoming.rotate_left(1);
    for incoming in incoming.iter().rev() {
        pair.server.respond(incoming.call.unwrap(), &body_of(incoming));
        pair.run();
    }
    let values: Vec<_> = calls.iter().map(|&call| pair.client.value(call)).collect();
    assert_eq!(values, ["one", "two", "six"]);
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn both_ends_call_with_the_same_number() {
    let mut pair = Pair::new();
    let ours = pair.client.call(pair.now, b"up");
    let theirs = pair.server.call(pair.now, b"down");
    assert_eq!(ours, theirs);
    pair.run();
    pair.client.respond(theirs, b"down!");
    pair.server.respond(ours, b"up!");
    pair.run();
    assert_eq!((pair.client.value(ours), pair.server.value(theirs)), ("up!".into(), "down!".into()));
}

#[test]
fn an_answer_wakes_its_caller() {
    struct Counter(AtomicUsize);
    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let counter = Arc::new(Counter(AtomicUsize::new(0)));
    let waker = Waker::from(counter.clone());
    let mut pair = Pair::new();
    let call = pair.running_call();
    assert!(
        pair.client.connection.poll_call(call, &Context::from_waker(&waker), &mut Vec::new()).is_pending()
    );
    pair.server.respond(call, b"done");
    pair.run();
    pair.client.events.wakers.drain(..).for_each(Waker::wake);
    assert_eq!(counter.0.load(Ordering::Relaxed), 1);
    assert_eq!(pair.client.value(call), "done");
}

#[test]
fn a_methods_own_error_and_a_status_arrive_as_such() {
    let mut pair = Pair::new();
    let own = pair.running_call();
    let body = ReplyBody::ApplicationError(b"overdrawn".to_vec().into());
    pair.server.connection.respond(own, Reply { body, metadata: Metadata::new().with("why", "42") });
    let failed = pair.running_call();
    let status = Status::new(Code::NotFound, Ran::Yes, "no such account");
    pair.server.fail(failed, status.clone());
    pair.run();
    let answer = pair.client.answer(own).unwrap().unwrap();
    assert_eq!((answer.outcome, answer.body), (Outcome::ApplicationError, "overdrawn".into()));
    assert_eq!(answer.metadata.text("why"), Some("42"));
    assert_eq!(pair.client.status(failed), status);
}

#[test]
fn metadata_and_codec_travel_with_a_request() {
    let mut pair = Pair::new();
    let metadata = Metadata::new().with("trace", "a1").with("shard", [0, 255]);
    let out = OutRequest { metadata: Some(&metadata), raw: true, ..request(b"") };
    pair.client.connection.start_call(pair.now, out, Waker::noop()).unwrap();
    pair.run();
    let headers = pair.server.incoming().remove(0).headers.unwrap();
    assert_eq!((headers.metadata, headers.codec.as_deref()), (metadata, Some("raw")));
}

#[test]
fn a_number_is_free_only_after_the_terminal_frame() {
    let mut pair = Pair::new();
    let first = pair.running_call();
    pair.client.connection.cancel_call(pair.now, first);
    let second = pair.client.call(pair.now, b"");
    assert_ne!(first, second);
    pair.run();
    pair.server.fail(first, Status::new(Code::Cancelled, Ran::Maybe, ""));
    pair.run();
    assert_eq!(pair.client.call(pair.now, b""), first);
}

#[test]
fn an_answer_nobody_took_keeps_its_number() {
    let mut pair = Pair::new();
    let first = pair.running_call();
    pair.server.respond(first, b"waits");
    pair.run();
    let second = pair.client.call(pair.now, b"");
    assert_ne!(first, second);
    assert_eq!(pair.client.value(first), "waits");
    pair.run();
    pair.server.respond(second, b"");
    pair.run();
    pair.client.connection.cancel_call(pair.now, second);
    assert!(pair.client.is_idle());
}

#[test]
fn the_peers_limit_bounds_our_calls() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_in_flight(2));
    let calls = [pair.client.call(pair.now, b""), pair.client.call(pair.now, b"")];
    assert_eq!(calls, [0, 1]);
    let failed = pair.client.connection.start_call(pair.now, request(b""), Waker::noop()).unwrap_err();
    assert_eq!((failed.0.code(), failed.0.ran()), (Code::ResourceExhausted, Ran::No));
    pair.run();
    pair.server.respond(1, b"");
    pair.run();
    pair.client.value(1);
    assert_eq!(pair.client.call(pair.now, b""), 1);
}

#[test]
fn what_exceeds_a_bound_is_refused_before_it_is_sent() {
    let limits = Limits::default().with_max_message_len(16_384);
    let mut pair = Pair::with(Limits::default(), limits);
    let now = pair.now;
    let mut refuse = |out: OutRequest<'_>| {
        let status = pair.client.connection.start_call(now, out, Waker::noop()).unwrap_err().0;
        assert_eq!(status.ran(), Ran::No);
        status.code()
    };
    assert_eq!(refuse(request(&[0; 16_385])), Code::ResourceExhausted);
    let metadata = Metadata::new().with("key", [0; 8 * 1024]);
    assert_eq!(refuse(OutRequest { metadata: Some(&metadata), ..request(b"") }), Code::ResourceExhausted);
    let metadata = (0..65).fold(Metadata::new(), |metadata, _| metadata.with("k", ""));
    assert_eq!(refuse(OutRequest { metadata: Some(&metadata), ..request(b"") }), Code::ResourceExhausted);
    assert!(!pair.client.connection.has_output());
    assert_eq!(pair.client.connection.in_flight(), 0);
}

#[test]
fn an_answer_beyond_the_callers_limit_fails_its_call_alone() {
    let mut pair = Pair::with(Limits::default().with_max_message_len(16_384), Limits::default());
    let call = pair.running_call();
    pair.server.respond(call, &[0; 16_385]);
    pair.run();
    let status = pair.client.status(call);
    assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::Yes));
    assert!(pair.client.is_idle() && pair.server.is_idle());
    assert!(pair.client.connection.is_open());
}

#[test]
fn a_path_that_is_none_is_refused_before_it_is_sent() {
    let mut pair = Pair::new();
    let long: &str = format!("Arith/{}", "m".repeat(250)).leak();
    for path in ["", "Arith", "/Mul", "Arith/", "Arith/M\nul", long] {
        let out = OutRequest { path, ..request(b"") };
        let status = pair.client.connection.start_call(pair.now, out, Waker::noop()).unwrap_err().0;
        assert_eq!((status.code(), status.ran()), (Code::InvalidArgument, Ran::No), "{path:?}");
    }
    assert!(!pair.client.connection.has_output());
}

#[test]
fn response_metadata_beyond_the_bounds_fails_its_call_alone() {
    let mut pair = Pair::new();
    for metadata in [
        Metadata::new().with("key", [0; 9000]),
        Metadata::new().with("key", [0; 70_000]),
        (0..65).fold(Metadata::new(), |metadata, _| metadata.with("k", "")),
    ] {
        let call = pair.running_call();
        let body = ReplyBody::Value(Body::new());
        pair.server.connection.respond(call, Reply { body, metadata });
        pair.run();
        let status = pair.client.status(call);
        assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::Yes));
    }
    assert!(pair.client.is_idle() && pair.server.is_idle());
    assert!(pair.client.connection.is_open());
}

#[test]
fn a_peer_without_lanes_gets_nothing_large() {
    for (allowed, possible) in [(0, 64), (64, 0)] {
        let hello = crate::wire::Hello { max_lanes: allowed, ..super::hello::hello(&["json"]) };
        let mut pair = super::hello::strangers();
        pair.server.connection.peer.max_lanes = possible;
        pair.server.read_messages(pair.now, &[crate::wire::Message::Hello(hello)]);
        pair.server.connection.admit("json", SESSION);
        assert_eq!(pair.server.push(&body("", LARGE)), Err(NoRoom::TooLarge));
        assert_eq!(pair.server.push(&body("", LARGE - 1)), Ok(()));
    }
}

#[test]
fn a_one_way_call_is_never_answered() {
    let mut pair = Pair::new();
    assert!(pair.client.one_way(b"note"));
    assert!(pair.client.one_way(&body("large", LARGE)));
    pair.run();
    assert_eq!(pair.server.requests(), [None, None]);
    assert_eq!(pair.server.connection.serving(), 2);
    pair.server.connection.one_way_ended();
    pair.server.connection.one_way_ended();
    pair.run();
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn one_way_calls_beyond_the_limit_close_the_connection() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_in_flight(2));
    for _ in 0..3 {
        assert!(pair.client.one_way(b""));
    }
    pair.run();
    assert_eq!(pair.server.close_code(), Some(CloseCode::RATE));
}
