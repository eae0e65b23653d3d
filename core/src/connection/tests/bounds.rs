//! Memory that a peer can make us hold is bounded, whatever it sends and however little it reads.

use super::pair::{Pair, body};
use super::violations::{piece, place, request};
use crate::wire::{Message, Request};
use crate::{CloseCode, Lane, Limits};

/// Sends messages to a server until it closes; how many it took, and the code.
fn flood<'a>(limits: Limits, message: impl Fn(u64) -> Message<'a>) -> (u64, CloseCode) {
    let mut pair = Pair::with(Limits::default(), limits);
    for number in 0..200_000 {
        pair.server.read_messages(pair.now, &[message(number)]);
        pair.server.events.requests.clear();
        if let Some(code) = pair.server.close_code() {
            return (number, code);
        }
        pair.now += std::time::Duration::from_millis(2);
    }
    panic!("no bound holds");
}

fn few() -> Limits {
    Limits::default()
        .with_max_in_flight(8)
        .with_max_lanes(2)
        .with_max_message_len(20_000)
        .with_max_outbox_messages(8)
}

#[test]
fn whole_bodies_that_nobody_announced_are_bounded() {
    let bytes = body("", 20_000);
    let (taken, code) = flood(few(), |number| piece(number * 2 + 1, true, &bytes));
    assert_eq!((taken, code), (4, CloseCode::TOO_LARGE));
}

#[test]
fn bodies_that_never_end_are_bounded() {
    let bytes = body("", 10_000);
    let (taken, code) = flood(few(), |number| piece(number * 2 + 1, false, &bytes));
    assert_eq!((taken, code), (8, CloseCode::TOO_LARGE));
}

#[test]
fn lanes_that_nobody_announced_are_bounded() {
    let empty = flood(few(), |number| piece(number * 2 + 1, false, b""));
    let ended = flood(few(), |number| piece(number * 2 + 1, true, b""));
    let reset = flood(few(), |number| Message::Reset { lane: Lane::new(number * 2 + 1) });
    for (taken, code) in [empty, ended, reset] {
        assert!(taken < 5000, "{taken}");
        assert_eq!(code, CloseCode::PROTOCOL);
    }
}

#[test]
fn bodies_of_refused_requests_are_bounded() {
    let (taken, code) = flood(few(), |number| {
        let refused = Request { place: place(number * 2 + 1, 20_000), ..request(9) };
        Message::Request(refused)
    });
    assert!(taken < 5000, "{taken}");
    assert_eq!(code, CloseCode::PROTOCOL);
}

#[test]
fn a_flood_of_pings_is_a_flood() {
    let limits = Limits::default().with_max_cancels_per_second(20).with_max_in_flight(10);
    let (taken, code) = flood(limits.clone(), |number| Message::Ping { payload: number });
    assert_eq!((taken, code), (20, CloseCode::RATE));
}

#[test]
fn a_peer_that_asks_and_does_not_read_is_given_up() {
    let (taken, code) = flood(few(), |_| Message::Request(request(9)));
    assert!(taken > 100, "{taken}");
    assert_eq!(code, CloseCode::SLOW);
}

#[test]
fn what_the_link_holds_counts_as_unread() {
    let mut pair = Pair::with(Limits::default(), few());
    pair.server.connection.handle_sent(pair.now, true, 1 << 30);
    pair.server.read_messages(pair.now, &[Message::Pong { payload: 0 }]);
    assert_eq!(pair.server.close_code(), Some(CloseCode::SLOW));
}

#[test]
fn a_peer_may_use_all_its_limits_at_once() {
    let mut pair = Pair::with(few(), few());
    let now = pair.now;
    let largest = body("", crate::wire::MAX_INLINE_LEN);
    for _ in 0..8 {
        pair.server.call(now, &largest);
        pair.client.call(now, &largest);
    }
    pair.client.flush(now, &mut pair.server);
    pair.server.read(now);
    for call in pair.server.requests() {
        pair.server.respond(call.unwrap(), &largest);
    }
    while pair.server.push(&body("", 1000)).is_ok() {}
    pair.client.one_way(&body("", 20_000));
    pair.client.flush(now, &mut pair.server);
    pair.server.read(now);
    assert_eq!(pair.server.close_code(), None);
}
