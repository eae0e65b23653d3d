//! Chaos stays within the contract, and is the same from the same seed.

use std::task::Poll;

use linkspan_core::{ErrorKind, Lane, Transport};

use super::{End, endpoint, once, pair, within};
use crate::{Chaos, Memory};

/// What a reader saw: for each poll, the frames it brought; `None` if it brought none.
type Trace = Vec<Option<Vec<(u64, u32)>>>;

const FRAMES: usize = 120;

fn fill(end: &mut End) {
    for number in 0..FRAMES / 6 {
        for lane in 0..6 {
            end.push(lane, number * 97 % 3000);
        }
    }
}

/// Steps both ends by hand, so that the order of polls is the same each time.
async fn trace(chaos: Chaos, name: &str) -> Trace {
    let (mut client, mut server) = pair(&Memory::new().with_chaos(chaos), name).await;
    fill(&mut client);
    let mut trace = Trace::new();
    for _ in 0..100_000 {
        let _full = once(|cx| client.poll_send(cx));
        let before = server.received.len();
        match once(|cx| server.poll_recv(cx)) {
            Poll::Ready(more) => {
                assert!(more.unwrap());
                trace.push(Some(server.received_numbers().split_off(before)));
            }
            Poll::Pending => trace.push(None),
        }
        if server.received.len() == FRAMES {
            server.check_against(&client);
            return trace;
        }
    }
    panic!("{} of {FRAMES} frames came", server.received.len());
}

#[tokio::test]
async fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        let chaos = Chaos::harmless(seed).with_stall(20);
        assert_eq!(trace(chaos, "same-seed").await, trace(chaos, "same-seed").await);
        assert_ne!(trace(chaos, "same-seed").await, trace(Chaos { seed: !seed, ..chaos }, "same-seed").await);
    }
}

#[tokio::test]
async fn shuffling_reorders_lanes_and_never_breaks_one() {
    for seed in 0..50 {
        // `trace` checks the order within each lane.
        let trace = trace(Chaos::new(seed).with_shuffled_lanes(true), "shuffles").await;
        let lanes: Vec<_> = trace.into_iter().flatten().flatten().map(|(lane, _)| lane).collect();
        assert!(!lanes.chunks(6).all(|round| round == [0, 1, 2, 3, 4, 5]), "seed {seed}");
    }
}

#[tokio::test]
async fn without_shuffling_batch_order_holds() {
    for seed in 0..20 {
        let chaos = Chaos::new(seed).with_delay(3).with_splits(true).with_stall(9);
        let trace = trace(chaos, "batch-order").await;
        let lanes: Vec<_> = trace.into_iter().flatten().flatten().map(|(lane, _)| lane).collect();
        assert!(lanes.chunks(6).all(|round| round == [0, 1, 2, 3, 4, 5]), "seed {seed}");
    }
}

#[tokio::test]
async fn delays_and_stalls_are_bounded_in_polls() {
    let idle = |trace: &Trace| trace.split(Option::is_some).map(<[_]>::len).max().unwrap();
    assert_eq!(idle(&trace(Chaos::new(1), "bounds").await), 0);
    assert_eq!(idle(&trace(Chaos::new(1).with_delay(3), "bounds").await), 3);
    assert_eq!(idle(&trace(Chaos::new(1).with_stall(50), "bounds").await), 50);
}

#[tokio::test]
async fn a_stalled_peer_fills_the_link() {
    // Seed by seed until the first delivery is a stall: one in 16 is.
    for seed in 0..1000 {
        let memory = Memory::new().with_capacity(1000).with_chaos(Chaos::new(seed).with_stall(100));
        let (mut client, mut server) = pair(&memory, "stalls").await;
        fill(&mut client);
        let mut waited = 0;
        while once(|cx| server.poll_recv(cx)).is_pending() && waited < 100 {
            assert!(once(|cx| client.poll_send(cx)).is_pending());
            waited += 1;
        }
        if waited == 100 {
            assert!(client.outgoing.frames() > 0);
            within(async { tokio::try_join!(client.run(0), server.run(FRAMES)) }).await.unwrap();
            return server.check_against(&client);
        }
    }
    panic!("no seed stalls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn harmless_chaos_loses_nothing_between_tasks() {
    within(async {
        for seed in 0..20 {
            let memory = Memory::new().with_capacity(20_000).with_chaos(Chaos::harmless(seed).with_stall(30));
            let (mut client, mut server) = pair(&memory, "tasks").await;
            fill(&mut client);
            fill(&mut server);
            client.push(3, 65_000);
            let client = tokio::spawn(async move { client.run(FRAMES).await.map(|()| client) });
            let server = tokio::spawn(async move { server.run(FRAMES + 1).await.map(|()| server) });
            let (client, server) = (client.await.unwrap().unwrap(), server.await.unwrap().unwrap());
            client.check_against(&server);
            server.check_against(&client);
        }
    })
    .await;
}

#[tokio::test]
async fn an_end_comes_behind_all_frames() {
    within(async {
        for seed in 0..20 {
            let memory = Memory::new().with_chaos(Chaos::harmless(seed));
            let (mut client, mut server) = pair(&memory, "ends").await;
            fill(&mut client);
            client.run(0).await.unwrap();
            client.close().unwrap();
            while server.recv().await.unwrap() {}
            server.check_against(&client);
        }
    })
    .await;
}

#[tokio::test]
async fn a_cut_is_an_error_on_both_sides_after_so_many_frames() {
    within(async {
        for seed in 0..20 {
            for chaos in [Chaos::new(seed), Chaos::harmless(seed)] {
                let chaos = chaos.with_cut_after_frames(50);
                let (mut client, mut server) = pair(&Memory::new().with_chaos(chaos), "cuts").await;
                fill(&mut client);
                client.run(0).await.unwrap();
                let error = server.run(FRAMES).await.unwrap_err();
                assert_eq!((error.kind(), server.received.len()), (ErrorKind::Closed, 50));
                assert_eq!(error.to_string(), "link was cut");
                client.push(0, 1);
                for end in [&mut client, &mut server] {
                    assert_eq!(end.recv().await.unwrap_err().kind(), ErrorKind::Closed);
                }
                assert_eq!(client.run(0).await.unwrap_err().kind(), ErrorKind::Closed);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_cut_wakes_the_side_that_waits() {
    within(async {
        let memory = Memory::new().with_capacity(100).with_chaos(Chaos::new(1).with_cut_after_frames(3));
        let (mut client, mut server) = pair(&memory, "cut-wakes").await;
        fill(&mut client);
        let waiting = tokio::spawn(async move { client.run(1).await });
        assert!(server.run(FRAMES).await.is_err());
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    })
    .await;
}

#[tokio::test]
async fn a_reset_lane_may_lose_what_was_on_its_way_and_others_lose_nothing() {
    let mut lost = 0;
    for seed in 0..20 {
        let memory = Memory::new().with_chaos(Chaos::new(seed).with_shuffled_lanes(true).with_splits(true));
        let (mut client, mut server) = pair(&memory, "resets").await;
        for _ in 0..10 {
            client.push(0, 100);
            client.push(1, 100);
        }
        client.push_reset(1);
        within(client.run(0)).await.unwrap();
        client.close().unwrap();
        while within(server.recv()).await.unwrap() {}
        let numbers = server.received_numbers();
        let of = |wanted| numbers.iter().filter(move |(lane, _)| *lane == wanted).map(|(_, number)| *number);
        assert!(of(0).eq(0..10));
        assert!(of(1).is_sorted() && of(1).next_back() == Some(10));
        lost += 11 - of(1).count();
    }
    assert!(lost > 0);
}

#[tokio::test]
async fn chaos_at_either_end_troubles_both_directions() {
    within(async {
        for (server_text, client_text) in
            [("mem://either?seed=3", "mem://either"), ("mem://either", "mem://either?seed=3")]
        {
            let mut listener = Memory::new().listen(&endpoint(server_text)).await.unwrap();
            assert_eq!(listener.endpoint().to_string(), "mem://either");
            let mut client = End::new(Memory::new().connect(&endpoint(client_text)).await.unwrap());
            let mut server = End::new(listener.accept().await.unwrap().await.unwrap());
            for end in [&mut client, &mut server] {
                assert!(end.peer.capabilities().independent_lanes);
                fill(end);
            }
            tokio::try_join!(client.run(FRAMES), server.run(FRAMES)).unwrap();
            for end in [&client, &server] {
                let ordered: Vec<_> = (0..FRAMES as u64).map(|number| Lane::new(number % 6)).collect();
                assert!(!end.received_lanes().eq(ordered));
            }
            client.check_against(&server);
            server.check_against(&client);
        }
    })
    .await;
}

#[tokio::test]
async fn a_seed_in_the_endpoint_keeps_the_chosen_troubles() {
    let memory = Memory::new().with_chaos(Chaos::new(1).with_delay(2));
    let configured = memory.configured_by(&endpoint("mem://a?seed=9")).unwrap();
    assert_eq!(configured.chaos(), Some(Chaos::new(9).with_delay(2)));
    let plain = Memory::new().configured_by(&endpoint("mem://a?seed=9")).unwrap();
    assert_eq!(plain.chaos(), Some(Chaos::harmless(9)));
}
