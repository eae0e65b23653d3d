//! Everything at once, at random: calls, pushes and cancels both ways over lanes that overtake each other.

mod actions;
mod checks;
mod end;

use end::World;

/// Steps of one run; [`SEEDS`] runs make more than 100,000.
const STEPS: usize = 20_000;
const SEEDS: u64 = 8;

#[test]
fn every_call_has_one_outcome_and_every_push_arrives_once_in_order() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.settle();
        for end in &world.ends {
            assert!(end.calls.is_empty() && end.running.is_empty(), "seed {seed}: {end:?}");
            assert!(end.side.is_idle(), "seed {seed}: {:?}", end.side.connection);
            assert!(end.side.connection.is_open(), "seed {seed}: {:?}", end.side.connection.closed());
            let (outcomes, received) = (end.outcomes, end.received);
            assert!(outcomes > 300 && received > 300, "seed {seed}: {outcomes} outcomes, {received} pushes");
        }
        let [client, server] = &world.ends;
        assert_eq!((client.received, server.received), (server.pushed, client.pushed), "seed {seed}");
        assert_eq!((client.one_way_ran, server.one_way_ran), (server.one_way_sent, client.one_way_sent));
    }
}

#[test]
fn a_close_at_any_moment_ends_every_call() {
    for seed in 100..160 {
        let mut world = World::new(seed);
        for _ in 0..200 + seed * 2 {
            world.step();
        }
        world.close();
        for end in &world.ends {
            assert!(end.calls.is_empty(), "seed {seed}: {end:?}");
            assert_eq!(end.side.connection.in_flight(), 0, "seed {seed}");
            assert!(end.side.connection.lanes.is_empty() && end.side.connection.bulk.is_empty());
        }
    }
}
