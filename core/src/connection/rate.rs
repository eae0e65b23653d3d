//! How often something may happen: so many at once, so many a second in the long run.

use std::time::{Duration, Instant};

use crate::Limits;

/// A rate with a burst, kept exactly: as the instant at which everything taken is paid for.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    /// Nanoseconds: a second and a ninth of one at most.
    interval: u32,
    burst: u32,
    paid: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self { interval: interval(per_second), burst, paid: now }
    }

    fn interval(&self) -> Duration {
        Duration::from_nanos(u64::from(self.interval))
    }

    /// How far `paid` may lie ahead of the time before one more is too many.
    fn slack(&self) -> Duration {
        self.interval().saturating_mul(self.burst.max(1) - 1)
    }

    /// What a side accepts of cancels, resets and pings. Giving up all that may be in flight is free: one cancel, and the
    /// reset of its body, for every call.
    pub(super) fn accepted(limits: &Limits, now: Instant) -> Self {
        let burst = burst(limits.max_in_flight, limits.max_cancels_per_second);
        Self::new(limits.max_cancels_per_second, burst, now)
    }

    /// What a side sends to a peer that accepts `per_second` and so many calls. Less than the peer accepts, since clocks
    /// differ, networks bunch, and there are pings: half of the burst, and nine tenths of the rate.
    pub(super) fn sent_to(max_in_flight: u32, per_second: u32, now: Instant) -> Self {
        let interval = interval(per_second);
        Self { interval: interval + interval / 9, burst: burst(max_in_flight, per_second) / 2, paid: now }
    }

    /// Takes one. False if that is too many; nothing is taken then.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        // The end of all time is the only reason for None, and it is far.
        let fits = now.checked_add(self.slack()).is_none_or(|limit| self.paid <= limit);
        if fits {
            self.charge(now);
        }
        fits
    }

    /// Takes one, even if that is too many.
    pub(super) fn charge(&mut self, now: Instant) {
        self.paid = self.paid.max(now) + self.interval();
    }

    /// Gives one back that was not to be paid for.
    pub(super) fn refund(&mut self) {
        self.paid = self.paid.checked_sub(self.interval()).unwrap_or(self.paid);
    }

    /// When the next may be taken; `None` if that lies before all time.
    pub(super) fn next(&self) -> Option<Instant> {
        self.paid.checked_sub(self.slack())
    }
}

fn interval(per_second: u32) -> u32 {
    (1_000_000_000 / per_second.max(1)).max(1)
}

/// Free at first: see [`Rate::accepted`].
fn burst(max_in_flight: u32, per_second: u32) -> u32 {
    max_in_flight.saturating_mul(2).max(per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `tries`, one every `step`, are let through.
    fn taken(rate: &mut Rate, now: &mut Instant, tries: u32, step: Duration) -> u32 {
        (0..tries)
            .filter(|_| {
                *now += step;
                rate.take(*now)
            })
            .count()
            .try_into()
            .unwrap()
    }

    #[test]
    fn the_burst_is_free_and_the_rest_comes_with_time() {
        let mut now = crate::clock::now();
        let mut rate = Rate::new(10, 5, now);
        assert_eq!(taken(&mut rate, &mut now, 100, Duration::ZERO), 5);
        now += Duration::from_millis(100);
        assert_eq!(taken(&mut rate, &mut now, 100, Duration::ZERO), 1);
        now += Duration::from_secs(3600);
        assert_eq!(taken(&mut rate, &mut now, 100, Duration::ZERO), 5, "a rest earns no more than the burst");
    }

    #[test]
    fn no_part_of_a_second_is_lost() {
        let mut now = crate::clock::now();
        let mut rate = Rate::new(1000, 1, now);
        // Tries that come a little early never lose what they waited for.
        assert_eq!(taken(&mut rate, &mut now, 10_000, Duration::from_micros(700)), 5000);
        assert_eq!(taken(&mut rate, &mut now, 10_000, Duration::from_micros(1000)), 10_000);
    }

    #[test]
    fn what_is_sent_is_always_less_than_what_is_accepted() {
        for (in_flight, per_second) in [(4096, 1000), (5, 10), (1, 1), (65_536, 1 << 31)] {
            let mut now = crate::clock::now();
            let limits =
                Limits::default().with_max_in_flight(in_flight).with_max_cancels_per_second(per_second);
            let mut accepted = Rate::accepted(&limits, now);
            let mut sent = Rate::sent_to(in_flight, per_second, now);
            for _ in 0..20_000 {
                if sent.take(now) {
                    assert!(accepted.take(now), "{in_flight} in flight, {per_second} a second");
                }
                now += Duration::from_micros(300);
            }
        }
    }
}
