//! Keepalive, stalls, and what counts as life.

use std::time::Duration;

use super::pair::Pair;
use crate::{CloseCode, Limits, Verdict};

const PING_AFTER: Duration = Duration::from_secs(20);

#[test]
fn an_idle_link_is_pinged_and_lives() {
    let mut pair = Pair::new();
    for _ in 0..100 {
        pair.wait(PING_AFTER / 2);
        pair.run();
    }
    assert!(pair.client.connection.is_open() && pair.server.connection.is_open());
}

#[test]
fn a_busy_link_is_not_pinged() {
    let mut pair = Pair::new();
    for _ in 0..10 {
        let call = pair.running_call();
        pair.server.respond(call, b"");
        pair.run();
        pair.client.value(call);
        pair.now += PING_AFTER - Duration::from_millis(1);
        for side in [&mut pair.client, &mut pair.server] {
            side.tick(pair.now);
            assert!(!side.connection.has_output());
        }
    }
}

#[test]
fn a_silent_peer_is_dead_after_two_pings() {
    let mut pair = Pair::new();
    let call = pair.running_call();
    for pings in 1..=2 {
        let due = pair.client.connection.poll_timeout().unwrap();
        assert_eq!(due, pair.now + PING_AFTER * pings);
        pair.client.tick(due);
        pair.client.connection.poll_batch(&mut pair.client.batch);
        assert_eq!(pair.client.batch.frames(), usize::try_from(pings).unwrap());
        assert_eq!(pair.client.close_code(), None);
    }
    pair.client.tick(pair.now + PING_AFTER * 3);
    assert_eq!(pair.client.close_code(), Some(CloseCode::TIMEOUT));
    assert_eq!(CloseCode::TIMEOUT.verdict(), Verdict::BackOff);
    assert!(pair.client.answer(call).unwrap().is_err());
    assert_eq!(pair.client.connection.poll_timeout(), None);
}

#[test]
fn any_frame_counts_as_life() {
    let mut pair = Pair::new();
    pair.client.tick(pair.now + PING_AFTER);
    pair.client.tick(pair.now + PING_AFTER * 2);
    pair.now += PING_AFTER * 3 - Duration::from_millis(1);
    pair.server.push(b"1").unwrap();
    pair.server.flush(pair.now, &mut pair.client);
    pair.client.read(pair.now);
    assert_eq!(pair.client.connection.poll_timeout(), Some(pair.now + PING_AFTER));
}

#[test]
fn a_peer_that_takes_nothing_is_given_up() {
    let mut pair = Pair::new();
    let limit = Limits::default().write_timeout;
    pair.server.push(b"1").unwrap();
    pair.server.connection.poll_batch(&mut pair.server.batch);
    pair.server.connection.handle_sent(pair.now, false, 100);
    pair.wait(limit / 2);
    pair.server.connection.handle_sent(pair.now, true, 50);
    pair.wait(limit / 2);
    pair.server.connection.handle_sent(pair.now, false, 50);
    assert_eq!(pair.server.close_code(), None);
    assert_eq!(pair.server.connection.poll_timeout(), Some(pair.now + limit / 2));
    pair.wait(limit / 2);
    assert_eq!(pair.server.close_code(), Some(CloseCode::SLOW));
}

#[test]
fn a_peer_that_took_everything_may_rest() {
    let mut pair = Pair::new();
    pair.server.connection.handle_sent(pair.now, false, 100);
    pair.server.connection.handle_sent(pair.now, true, 0);
    pair.wait(Limits::default().write_timeout);
    assert_eq!(pair.server.close_code(), None);
}
