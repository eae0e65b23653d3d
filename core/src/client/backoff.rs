//! How long to wait before connecting again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use crate::{Close, Limits, Verdict};

/// How long to wait before connecting again. A pure value: it reads no clock and sleeps for nobody.
///
/// Each wait is drawn evenly between nothing and a ceiling that doubles with every failure, from
/// [`Limits::reconnect_first`] to [`Limits::reconnect_max`]; so the clients of a server that restarts come back spread over
/// time. A connection that lived for ten seconds makes up for all failures before it.
///
/// A client that comes back whenever its connection ends, until it is told not to:
///
/// ```
/// use std::time::Instant;
/// use linkspan_core::{Backoff, Client, Error, Limits, Stack};
///
/// async fn stay_connected<K: Stack>(url: &str) -> Result<(), Error> {
///     let mut backoff = Backoff::new(&Limits::default());
///     loop {
///         let client = Client::<K>::builder().connect_when_ready(url).await?;
///         let since = Instant::now();
///         // Stubs and streams of the new connection are made here, in tasks of their own.
///         let close = client.closed().await;
///         match backoff.closed(&close, since.elapsed()) {
///             Some(wait) => tokio::time::sleep(wait).await,
///             None => return Ok(()), // the server's verdict: do not come back
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Without failures so far, and with randomness from the operating system.
    pub fn new(limits: &Limits) -> Self {
        Self::with_seed(limits, RandomState::new().build_hasher().finish())
    }

    /// The same with the waits that follow from `seed`.
    pub fn with_seed(limits: &Limits, seed: u64) -> Self {
        Self {
            first: limits.reconnect_first,
            max: limits.reconnect_max.max(limits.reconnect_first),
            failures: 0,
            random: seed,
        }
    }

    /// An attempt to connect failed: how long to wait before the next.
    pub fn failed(&mut self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures).and_then(|times| self.first.checked_mul(times));
        let ceiling = doubled.map_or(self.max, |ceiling| ceiling.min(self.max));
        self.failures = self.failures.saturating_add(1);
        self.draw(ceiling)
    }

    /// A connection that lived so long has ended: how long to wait before the next attempt, by the verdict of its
    /// [code](Close::code). `None` if that is *terminal*.
    ///
    /// *Back off* counts as a few failures, so that a server that is overloaded gets a rest; *reconnect now* waits for less
    /// than [`Limits::reconnect_first`], unless it is all that server ever says.
    pub fn closed(&mut self, close: &Close, lived: Duration) -> Option<Duration> {
        if lived >= HEALTHY {
            self.failures = 0;
        }
        match close.code().verdict() {
            Verdict::Terminal => return None,
            Verdict::BackOff => self.failures = self.failures.max(BACK_OFF),
            Verdict::ReconnectNow => {}
        }
        Some(self.failed())
    }

    /// Evenly between nothing and `ceiling`.
    fn draw(&mut self, ceiling: Duration) -> Duration {
        // SplitMix64, by Sebastiano Vigna: any seed will do, and clients with different ones never meet for long.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = self.random;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        drawn ^= drawn >> 31;
        let nanos = (ceiling.as_nanos().saturating_add(1).saturating_mul(u128::from(drawn))) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(ceiling)
    }
}

/// A connection that lived so long was a good one.
const HEALTHY: Duration = Duration::from_secs(10);
/// Failures that a close with *back off* counts as, at least: with the defaults, a ceiling of 0.8 s.
const BACK_OFF: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseCode;

    const SEEDS: u64 = 2000;

    /// The least, the mean and the most of what `wait` gives for many seeds.
    fn spread(wait: impl Fn(&mut Backoff) -> Duration) -> [Duration; 3] {
        let waits = (0..SEEDS).map(|seed| wait(&mut Backoff::with_seed(&Limits::default(), seed)));
        let mut waits: Vec<_> = waits.collect();
        waits.sort_unstable();
        let sum: Duration = waits.iter().sum();
        [waits[0], sum / u32::try_from(SEEDS).unwrap(), waits[waits.len() - 1]]
    }

    fn assert_spread(wait: impl Fn(&mut Backoff) -> Duration, ceiling: Duration) {
        let [least, mean, most] = spread(wait);
        assert!(least < ceiling / 50, "{least:?} is no full jitter below {ceiling:?}");
        assert!((ceiling * 9 / 20..ceiling * 11 / 20).contains(&mean), "{mean:?} of {ceiling:?}");
        assert!(ceiling * 49 / 50 < most && most <= ceiling, "{most:?} of {ceiling:?}");
    }

    fn close(code: CloseCode) -> Close {
        Close::new(code, "")
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_limit_and_waits_fill_all_below_it() {
        for (failures, ceiling) in [(0, 100), (1, 200), (5, 3200), (8, 25_600), (9, 30_000), (100, 30_000)] {
            let wait = |backoff: &mut Backoff| {
                (0..failures).for_each(|_| _ = backoff.failed());
                backoff.failed()
            };
            assert_spread(wait, Duration::from_millis(ceiling));
        }
    }

    #[test]
    fn reconnect_first_and_reconnect_max_bound_the_waits() {
        let limits = Limits::default()
            .with_reconnect_first(Duration::from_secs(3))
            .with_reconnect_max(Duration::from_secs(7));
        for (failures, ceiling) in [(0, 3), (1, 6), (2, 7), (50, 7)] {
            let most = (0..SEEDS).map(|seed| {
                let mut backoff = Backoff::with_seed(&limits, seed);
                (0..failures).for_each(|_| _ = backoff.failed());
                backoff.failed()
            });
            let most = most.max().unwrap();
            let ceiling = Duration::from_secs(ceiling);
            assert!(ceiling * 49 / 50 < most && most <= ceiling, "{most:?} of {ceiling:?}");
        }
    }

    #[test]
    fn one_seed_gives_the_same_waits_again_and_another_others() {
        let waits = |seed| {
            let mut backoff = Backoff::with_seed(&Limits::default(), seed);
            (0..10).map(|_| backoff.failed()).collect::<Vec<_>>()
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
        let limits = Limits::default();
        assert_ne!(Backoff::new(&limits).random, Backoff::new(&limits).random);
    }

    #[test]
    fn the_verdict_is_obeyed() {
        let mut backoff = Backoff::with_seed(&Limits::default(), 1);
        for code in [CloseCode::NORMAL, CloseCode::REFUSED, CloseCode::PROTOCOL] {
            assert_eq!(backoff.closed(&close(code), HEALTHY), None);
        }
        let after = |code| move |backoff: &mut Backoff| backoff.closed(&close(code), HEALTHY).unwrap();
        assert_spread(after(CloseCode::SHUTDOWN), Duration::from_millis(100));
        for code in [CloseCode::AT_CAPACITY, CloseCode::LOST, CloseCode::RATE] {
            assert_spread(after(code), Duration::from_millis(800));
        }
    }

    #[test]
    fn only_a_connection_that_lived_makes_up_for_failures() {
        let after = |lived| {
            move |backoff: &mut Backoff| {
                (0..20).for_each(|_| _ = backoff.failed());
                backoff.closed(&close(CloseCode::SHUTDOWN), lived).unwrap()
            }
        };
        assert_spread(after(HEALTHY), Duration::from_millis(100));
        // A server that admits and says `reconnect now` at once, again and again, is not hammered.
        assert_spread(after(HEALTHY - Duration::from_millis(1)), Duration::from_secs(30));
    }
}
