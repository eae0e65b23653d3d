//! Bodies on lanes of their own, on their way out and in.

use super::pair::{HUGE, LARGE, Pair, body, body_of};
use crate::frame::MAX_FRAME_LEN;
use crate::{Code, Lane, Limits, Ran};

#[test]
fn large_bodies_travel_both_ways() {
    let mut pair = Pair::new();
    for len in [LARGE - 1, LARGE, 65_472, 65_473, 500_000, HUGE] {
        let arguments = body("arguments", len);
        let call = pair.client.call(pair.now, &arguments);
        pair.run();
        let incoming = pair.server.incoming().remove(0);
        assert!(body_of(&incoming) == arguments);
        pair.server.respond(call, &body("answer", len));
        pair.run();
        assert!(pair.client.value(call) == body("answer", len));
        assert!(pair.client.is_idle() && pair.server.is_idle());
    }
}

#[test]
fn a_body_leaves_in_frames_the_link_takes() {
    let mut pair = Pair::new();
    pair.client.call(pair.now, &body("arguments", HUGE));
    let mut lens = Vec::new();
    while pair.client.connection.has_output() {
        pair.client.flush(pair.now, &mut pair.server);
        let read: Vec<_> = pair.server.arriving.iter().map(|(_, frame)| frame.len()).collect();
        assert!(read.iter().sum::<usize>() < 320 * 1024, "one fill holds back small messages");
        lens.extend(read);
        pair.server.read(pair.now);
    }
    assert!(lens.iter().all(|&len| len <= MAX_FRAME_LEN));
    assert_eq!(pair.server.requests().len(), 1);
}

#[test]
fn each_end_opens_lanes_of_its_own() {
    let mut pair = Pair::new();
    for _ in 0..2 {
        pair.client.call(pair.now, &body("", LARGE));
        pair.server.call(pair.now, &body("", LARGE));
    }
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.flush(pair.now, &mut pair.client);
    let lanes = |side: &super::pair::Side| {
        let lanes = side.arriving.iter().map(|(lane, _)| *lane);
        lanes.filter(|&lane| lane != Lane::ZERO).map(Lane::number).collect::<Vec<_>>()
    };
    assert_eq!((lanes(&pair.server), lanes(&pair.client)), (vec![1, 3], vec![2, 4]));
}

#[test]
fn a_small_call_passes_a_large_body() {
    let mut pair = Pair::new();
    pair.client.call(pair.now, &body("large", HUGE));
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    let small = pair.client.call(pair.now, b"small");
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    assert_eq!(pair.server.requests(), [Some(small)]);
    pair.server.respond(small, b"small");
    pair.server.flush(pair.now, &mut pair.client);
    pair.client.read(pair.now);
    assert_eq!(pair.client.value(small), "small");
    assert!(!pair.client.connection.bulk.is_empty());
}

#[test]
fn large_bodies_take_turns() {
    let mut pair = Pair::new();
    let calls = [(); 3].map(|()| pair.client.call(pair.now, &body("large", HUGE)));
    let shorter = pair.client.call(pair.now, &body("large", LARGE));
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    assert_eq!(pair.server.requests(), [Some(shorter)], "it waits for no longer one");
    pair.run();
    assert_eq!(pair.server.requests(), calls.map(Some));
}

#[test]
fn no_more_bodies_leave_at_once_than_the_peer_takes() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_lanes(2));
    for _ in 0..5 {
        pair.client.call(pair.now, &body("large", HUGE));
    }
    pair.client.flush(pair.now, &mut pair.server);
    let mut lanes: Vec<_> = pair.server.arriving.iter().map(|(lane, _)| *lane).collect();
    lanes.retain(|&lane| lane != Lane::ZERO);
    lanes.dedup();
    lanes.sort_unstable();
    lanes.dedup();
    assert_eq!(lanes, [Lane::new(1), Lane::new(3)]);
    pair.run();
    assert_eq!(pair.server.requests().len(), 5);
}

#[test]
fn a_lane_the_link_holds_back_gets_nothing_more() {
    let mut pair = Pair::new();
    pair.client.call(pair.now, &body("large", HUGE));
    pair.client.connection.poll_batch(&mut pair.client.batch);
    let held = pair.client.batch.len();
    for _ in 0..10 {
        pair.client.connection.poll_batch(&mut pair.client.batch);
    }
    assert_eq!(pair.client.batch.len(), held);
    let small = pair.client.call(pair.now, b"small");
    pair.client.connection.poll_batch(&mut pair.client.batch);
    pair.client.take(&mut pair.server, usize::MAX);
    pair.server.read(pair.now);
    assert_eq!(pair.server.requests(), [Some(small)]);
}

#[test]
fn arguments_above_the_callees_limit_are_refused_unread() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_message_len(16_384));
    // A peer that does not look at the limit we announced.
    pair.client.connection.peer.max_message_len = usize::MAX;
    let call = pair.client.call(pair.now, &body("large", HUGE));
    pair.run();
    let status = pair.client.status(call);
    assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::No));
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn an_answer_or_push_above_the_limit_costs_no_connection() {
    let mut pair = Pair::with(Limits::default().with_max_message_len(16_384), Limits::default());
    pair.server.connection.peer.max_message_len = usize::MAX;
    let call = pair.running_call();
    pair.server.push(&body("large", HUGE)).unwrap();
    pair.server.respond(call, &body("large", HUGE));
    pair.run();
    assert_eq!(pair.client.received(), ["-1"]);
    let status = pair.client.status(call);
    assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::Yes));
    assert!(pair.client.is_idle() && pair.server.is_idle());
}
