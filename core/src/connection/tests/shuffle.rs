//! Lanes promise nothing to each other: whatever overtakes whatever, everything arrives, and in order where it matters.

use super::pair::{LARGE, Pair, body, body_of};
use super::rng::Rng;
use crate::Limits;

const SEEDS: u64 = 60;

fn with_room() -> Limits {
    Limits::default().with_max_outbox_len(1 << 24)
}

#[test]
fn calls_with_large_bodies_survive_any_shuffle() {
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let mut pair = Pair::new();
        let mut calls = Vec::new();
        for _ in 0..8 {
            let body = body("", [5, LARGE, LARGE * 7][rng.below(3)]);
            calls.push((pair.client.call(pair.now, &body), body));
        }
        for _ in 0..3 {
            pair.run_shuffled(rng);
            let mut incoming = pair.server.incoming();
            while !incoming.is_empty() {
                let incoming = incoming.swap_remove(rng.below(incoming.len()));
                pair.server.respond(incoming.call.unwrap(), &body_of(&incoming));
            }
        }
        for (call, body) in calls {
            assert!(pair.client.value(call) == body, "seed {seed}");
        }
        assert!(pair.client.is_idle() && pair.server.is_idle(), "seed {seed}");
    }
}

#[test]
fn pushes_stay_in_order_in_any_shuffle() {
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let mut pair = Pair::with(with_room(), with_room());
        let names: Vec<_> = (10..40).map(|number| number.to_string()).collect();
        for name in &names {
            pair.server.push(&body(name, [2, 2, LARGE, LARGE * 5][rng.below(4)])).unwrap();
        }
        pair.run_shuffled(rng);
        assert_eq!(pair.client.received(), names, "seed {seed}");
        assert!(pair.client.is_idle() && pair.server.is_idle(), "seed {seed}");
    }
}

#[test]
fn no_answer_overtakes_a_push_in_any_shuffle() {
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let mut pair = Pair::with(with_room(), with_room());
        let calls = [(); 4].map(|()| pair.running_call());
        let names: Vec<_> = (10..30).map(|number| number.to_string()).collect();
        let mut waiting = Vec::new();
        for (index, name) in names.iter().enumerate() {
            pair.server.push(&body(name, [2, 2, LARGE, LARGE * 5][rng.below(4)])).unwrap();
            if index % 5 == 4 {
                let call = calls[index / 5];
                pair.server.respond(call, &body("answer", [6, LARGE][rng.below(2)]));
                waiting.push((call, index + 1));
            }
        }
        let mut received = 0;
        for _ in 0..100_000 {
            pair.server.flush(pair.now, &mut pair.client);
            if !pair.client.read_some(pair.now, rng) {
                break;
            }
            received += pair.client.received().len();
            waiting.retain(|&(call, pushes)| match pair.client.answer(call) {
                None => true,
                Some(answer) => {
                    assert!(received >= pushes, "seed {seed}: {received} of {pushes} pushes");
                    answer.unwrap();
                    false
                }
            });
        }
        assert_eq!((received, waiting), (names.len(), vec![]), "seed {seed}");
    }
}

#[test]
fn a_cancel_in_any_shuffle_leaves_nothing_behind() {
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let mut pair = Pair::new();
        let calls = [(); 6].map(|()| {
            let body = body("", [5, LARGE, LARGE * 12][rng.below(3)]);
            pair.client.call(pair.now, &body)
        });
        for call in calls {
            for _ in 0..rng.below(6) {
                pair.client.flush(pair.now, &mut pair.server);
                pair.server.read_some(pair.now, rng);
                pair.server.flush(pair.now, &mut pair.client);
                pair.client.read_some(pair.now, rng);
            }
            for incoming in pair.server.incoming() {
                pair.server.respond(incoming.call.unwrap(), &body_of(&incoming));
            }
            pair.client.connection.cancel_call(pair.now, call);
        }
        pair.run_shuffled(rng);
        for incoming in pair.server.incoming() {
            pair.server.respond(incoming.call.unwrap(), &body_of(&incoming));
        }
        pair.run_shuffled(rng);
        assert!(pair.client.is_idle() && pair.server.is_idle(), "seed {seed}");
        assert!(pair.client.connection.is_open() && pair.server.connection.is_open(), "seed {seed}");
    }
}
