//! The two ends, and what each must remember to judge the other.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::super::pair::{Pair, Side};
use super::super::rng::Rng;
use crate::{Close, CloseCode, Limits};

#[derive(Debug)]
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) now: Instant,
    pub(super) ends: [End; 2],
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) side: Side,
    /// Our calls that have no outcome.
    pub(super) calls: Vec<OurCall>,
    /// The peer's calls that a handler has.
    pub(super) running: Vec<Running>,
    /// Tokens of the peer's calls that ever ran.
    pub(super) ran: HashSet<u64>,
    pub(super) next_token: u64,
    pub(super) outcomes: usize,
    /// Pushes and what gaps stand for.
    pub(super) pushed: u64,
    pub(super) received: u64,
    pub(super) one_way_sent: u64,
    pub(super) one_way_ran: u64,
}

#[derive(Debug)]
pub(super) struct OurCall {
    pub(super) call: u32,
    pub(super) token: u64,
    pub(super) has_deadline: bool,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) call: Option<u32>,
    pub(super) token: u64,
    /// What its end had pushed when it started.
    pub(super) pushed_before: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let limits = Limits::default()
            .with_max_in_flight(MAX_IN_FLIGHT)
            .with_max_lanes(6)
            .with_max_message_len(400_000)
            .with_max_outbox_len(300_000)
            .with_max_outbox_messages(40)
            .with_max_event_buffer_len(1 << 30)
            .with_max_event_buffer_messages(1 << 20)
            .with_max_cancels_per_second(1000);
        let Pair { now, client, server } = Pair::with(limits.clone(), limits);
        Self { rng: Rng::new(seed), now, ends: [End::new(client), End::new(server)] }
    }

    /// One random action of one end.
    pub(super) fn step(&mut self) {
        let Self { rng, now, ends: [first, second] } = self;
        let (end, peer) = if rng.one_in(2) { (first, second) } else { (second, first) };
        match rng.below(30) {
            0..=2 => end.start_call(*now, rng),
            3 => end.start_one_way(peer, rng),
            4..=6 => end.end_handler(rng),
            7..=8 => end.push(rng),
            9 => end.cancel(*now, rng),
            10 => {
                *now += Duration::from_millis(rng.next() % 20);
                end.side.tick(*now);
                peer.side.tick(*now);
            }
            11..=15 => end.send(*now, &mut peer.side, rng),
            _ => {
                end.side.read_some(*now, rng);
            }
        }
        end.observe();
        peer.observe();
    }

    /// Everything that was begun comes to its end; nothing new begins.
    pub(super) fn settle(&mut self) {
        for _ in 0..1_000_000 {
            let Self { rng, now, ends: [first, second] } = self;
            let mut moved = false;
            for _ in 0..2 {
                while !first.running.is_empty() {
                    first.end_handler(rng);
                }
                moved |= first.side.connection.has_output() || !first.side.batch.is_empty();
                first.send(*now, &mut second.side, rng);
                moved |= second.side.read_some(*now, rng);
                first.observe();
                second.observe();
                std::mem::swap(first, second);
            }
            if !moved {
                return;
            }
        }
        panic!("the ends never come to rest");
    }

    /// One end closes, and the other hears of it.
    pub(super) fn close(&mut self) {
        let Self { rng, now, ends: [first, second] } = self;
        first.side.connection.close(Close::new(CloseCode::NORMAL, "enough"), &mut first.side.events);
        while first.side.connection.has_output() || !first.side.batch.is_empty() {
            first.send(*now, &mut second.side, rng);
        }
        while second.side.read_some(*now, rng) {}
        // Bodies that were announced before the close are waited for; these never come.
        *now += Duration::from_secs(2);
        second.side.tick(*now);
        first.observe();
        second.observe();
        assert_eq!(second.side.close_code(), Some(CloseCode::NORMAL));
    }
}

impl End {
    fn new(side: Side) -> Self {
        Self {
            side,
            calls: Vec::new(),
            running: Vec::new(),
            ran: HashSet::new(),
            next_token: 0,
            outcomes: 0,
            pushed: 0,
            received: 0,
            one_way_sent: 0,
            one_way_ran: 0,
        }
    }
}

pub(super) const MAX_IN_FLIGHT: u32 = 32;
