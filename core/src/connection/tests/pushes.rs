//! Pushes: order, room, gaps.

use super::pair::{HUGE, LARGE, Pair, Side, body};
use crate::connection::{NoRoom, OutBody, OutPush};
use crate::wire::Message;
use crate::{Gap, GapReason, Limits, Metadata, Push};

#[test]
fn pushes_arrive_in_order_small_and_large() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_outbox_len(1 << 20));
    for (name, len) in
        [("a", 1), ("b", LARGE * 9), ("c", 1), ("d", LARGE), ("e", 1), ("f", LARGE * 2), ("g", 1)]
    {
        pair.server.push(&body(name, len)).unwrap();
    }
    pair.run();
    let received = pair.client.received();
    assert_eq!(received.iter().map(|name| &name[..1]).collect::<String>(), "abcdefg");
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn a_gap_stands_where_the_pushes_are_missing() {
    let mut pair = Pair::new();
    pair.server.push(b"1").unwrap();
    pair.server.push(&body("2", LARGE)).unwrap();
    pair.server.connection.push_gap(Gap::new(7, GapReason::UnsupportedCodec)).unwrap();
    pair.server.push(b"3").unwrap();
    pair.run();
    assert_eq!(pair.client.received(), ["1", "2\0", "-7", "3"]);
}

#[test]
fn an_abandoned_push_is_a_gap_in_its_place() {
    let mut pair = Pair::new();
    for (name, len) in [("1", 1), ("2", LARGE), ("3", 1)] {
        pair.server.push(&body(name, len)).unwrap();
    }
    pair.server.flush(pair.now, &mut pair.client);
    let lane = pair.client.arriving.iter().map(|(lane, _)| *lane).max().unwrap();
    pair.client.arriving.retain(|(of, _)| *of != lane);
    pair.client.read(pair.now);
    assert_eq!(pair.client.received(), ["1"]);
    pair.client.read_messages(pair.now, &[Message::Reset { lane }]);
    assert_eq!(pair.client.received(), ["-1", "3"]);
    assert!(pair.client.is_idle());
}

#[test]
fn a_full_outbox_has_room_again_once_it_was_sent() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_outbox_messages(2));
    pair.server.push(b"1").unwrap();
    pair.server.push(b"2").unwrap();
    assert_eq!(pair.server.push(b"3"), Err(NoRoom::Full));
    pair.server.connection.poll_batch(&mut pair.server.batch);
    assert_eq!(pair.server.push(b"3"), Err(NoRoom::Full), "polled is not sent");
    pair.server.take(&mut pair.client, usize::MAX);
    pair.server.connection.handle_sent(pair.now, true, 0);
    pair.server.push(b"3").unwrap();
    pair.run();
    assert_eq!(pair.client.received(), ["1", "2", "3"]);
}

#[test]
fn room_counts_bytes_too() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_outbox_len(10));
    pair.server.push(b"12345").unwrap();
    assert_eq!(pair.server.push(b"123456"), Err(NoRoom::Full));
    pair.server.push(b"12345").unwrap();
    assert_eq!(pair.server.push(b"1"), Err(NoRoom::Full));
    pair.run();
    pair.server.push(b"1").unwrap();
}

#[test]
fn room_comes_back_while_the_link_is_never_idle() {
    let limits = Limits::default().with_max_outbox_messages(10);
    let mut pair = Pair::with(Limits::default(), limits);
    for _ in 0..100 {
        // More is handed to the link before it has sent what it had.
        pair.server.push(b"1").unwrap();
        let before = pair.server.batch.len();
        pair.server.connection.poll_batch(&mut pair.server.batch);
        let added = pair.server.batch.len() - before;
        pair.server.batch.advance(before);
        pair.server.connection.handle_sent(pair.now, true, added);
    }
}

#[test]
fn large_one_way_calls_wait_for_room() {
    let mut pair = Pair::new();
    assert!(pair.client.one_way(&body("1", HUGE)));
    for _ in 0..10 {
        assert!(!pair.client.one_way(&body("2", HUGE)), "most of the first has not left");
        assert!(!pair.client.one_way(b""));
        pair.client.flush(pair.now, &mut pair.server);
    }
    pair.run();
    assert!(pair.client.one_way(&body("2", HUGE)));
}

#[test]
fn pushes_behind_a_large_one_count_as_long_as_it_leaves() {
    let limits = Limits::default().with_max_outbox_len(HUGE * 2).with_max_outbox_messages(10);
    let mut pair = Pair::with(Limits::default(), limits);
    pair.server.push(&body("1", HUGE)).unwrap();
    let mut taken = 1;
    while !pair.server.connection.bulk.is_empty() {
        taken += usize::from(pair.server.push(b"2").is_ok());
        pair.server.flush(pair.now, &mut pair.client);
    }
    assert_eq!(taken, 10, "the client holds them all until the first is there");
    pair.server.push(b"3").unwrap();
}

#[test]
fn an_empty_outbox_takes_any_push_the_peer_takes() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_outbox_len(10));
    pair.server.push(&body("1", HUGE)).unwrap();
    assert_eq!(pair.server.push(b"2"), Err(NoRoom::Full));
    pair.server.flush(pair.now, &mut pair.client);
    assert_eq!(pair.server.push(b"2"), Err(NoRoom::Full), "most of it has not left");
    pair.run();
    pair.server.push(b"2").unwrap();
    assert_eq!(pair.server.push(&body("3", HUGE + 1)), Err(NoRoom::TooLarge));
    pair.run();
    assert_eq!(pair.client.received(), ["1\0", "2"]);
}

#[test]
fn a_push_beyond_the_bounds_is_refused() {
    let mut pair = Pair::new();
    let (few, many) = (Metadata::new(), Metadata::new().with("key", [0; 8 * 1024]));
    let long = format!("Ticks/{}", "k".repeat(250));
    for (path, metadata) in [("Ticks/Tick", &many), (&long, &few), ("/Tick", &few), ("Ticks/", &few)] {
        let push = OutPush { path, metadata: Some(metadata), raw: false, body: OutBody::Small(&[]) };
        assert_eq!(pair.server.connection.push(push), Err(NoRoom::TooLarge));
    }
    assert!(!pair.server.connection.has_output());
}

#[test]
fn a_closed_connection_takes_no_push() {
    let mut pair = Pair::new();
    let close = crate::Close::new(crate::CloseCode::NORMAL, "");
    pair.server.connection.close(close, &mut pair.server.events);
    assert_eq!(pair.server.push(b"1"), Err(NoRoom::Closed));
    let gap = Gap::new(1, GapReason::Other);
    assert_eq!(pair.server.connection.push_gap(gap), Err(NoRoom::Closed));
}

#[test]
fn what_is_missed_for_want_of_room_becomes_one_gap_in_its_place() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_outbox_messages(2));
    let mut taken = Vec::new();
    for body in [b"1", b"2", b"3", b"4"] {
        let push = OutPush { path: "Ticks/Tick", metadata: None, raw: false, body: OutBody::Small(body) };
        taken.push(pair.server.push_or_miss(push).unwrap());
    }
    assert_eq!(taken, [true, true, false, false]);
    assert_eq!(pair.server.push(b"5"), Err(NoRoom::Full), "it would overtake the gap");
    pair.run();
    pair.server.push(b"6").unwrap();
    pair.run();
    assert_eq!(pair.client.received(), ["1", "2", "-2", "6"]);
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn one_too_large_for_its_receiver_is_a_gap_at_once() {
    let mut pair = Pair::with(Limits::default().with_max_message_len(100), Limits::default());
    for (body, taken) in [(&b"1"[..], true), (&[b'2'; 101], false), (b"3", true)] {
        let push = OutPush { path: "Ticks/Tick", metadata: None, raw: false, body: OutBody::Small(body) };
        assert_eq!(pair.server.push_or_miss(push), Ok(taken));
    }
    pair.run();
    assert_eq!(pair.client.received(), ["1", "-1", "3"]);
}

#[test]
fn one_whose_frame_was_made_before_counts_and_is_refused_as_any_other() {
    let limits = Limits::default().with_max_outbox_len(300).with_max_outbox_messages(4);
    let [any, made] = [Side::push, Side::push_made].map(|push| {
        let mut pair = Pair::with(Limits::default().with_max_message_len(200), limits.clone());
        let mut taken = Vec::new();
        for (name, len) in [("1", 200), ("2", 201), ("3", 99), ("4", 2), ("5", 1), ("", 0), ("6", 0)] {
            taken.push(push(&mut pair.server, &body(name, len)));
        }
        pair.run();
        taken.push(push(&mut pair.server, b"7"));
        let close = crate::Close::new(crate::CloseCode::NORMAL, "");
        pair.run();
        pair.server.connection.close(close, &mut pair.server.events);
        taken.push(push(&mut pair.server, b"8"));
        (taken, pair.client.received())
    });
    let (full, large) = (Err(NoRoom::Full), Err(NoRoom::TooLarge));
    assert_eq!(made.0, [Ok(()), large, Ok(()), full, Ok(()), Ok(()), full, Ok(()), Err(NoRoom::Closed)]);
    assert_eq!(made, any);
    let refused = Pair::new().server.connection.push_made("/Tick", &[0; 12], 0);
    assert_eq!(refused, large, "that is no path");
}

#[test]
fn pushes_that_go_to_many_keep_their_place_and_count_as_others_do() {
    let mut pair = Pair::with(Limits::default(), Limits::default().with_max_outbox_messages(4));
    let frame = |body: &'static [u8]| Push::raw("Ticks", "Tick", body);
    pair.server.push(b"1").unwrap();
    for body in [b"2", b"3"] {
        let (push, connection) = (frame(body), &mut pair.server.connection);
        connection.push_frame(push.frame("text").unwrap()).unwrap();
    }
    pair.server.push(b"4").unwrap();
    let (push, connection) = (frame(b"5"), &mut pair.server.connection);
    let full = connection.push_frame(push.frame("text").unwrap());
    assert_eq!(full, Err(NoRoom::Full));
    assert_eq!(connection.or_missed(full), Ok(false));
    pair.run();
    let (push, connection) = (frame(b"6"), &mut pair.server.connection);
    connection.push_frame(push.frame("text").unwrap()).unwrap();
    pair.run();
    assert_eq!(pair.client.received(), ["1", "2", "3", "4", "-1", "6"]);
    assert!(pair.client.is_idle() && pair.server.is_idle());
}

#[test]
fn one_that_goes_to_many_and_is_too_large_for_one_is_refused_there() {
    let mut pair = Pair::with(Limits::default().with_max_message_len(100), Limits::default());
    let push = Push::raw("Ticks", "Tick", vec![1; 101]);
    let (frame, connection) = (push.frame("text").unwrap(), &mut pair.server.connection);
    let refused = connection.push_frame(frame);
    assert_eq!((refused, connection.or_missed(refused)), (Err(NoRoom::TooLarge), Ok(false)));
    pair.run();
    assert_eq!(pair.client.received(), ["-1"]);
}
