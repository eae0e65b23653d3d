//! When the driver lets callers go first, so that one write carries what they are about to send.

use std::task::Context;
use std::time::{Duration, Instant};

use crate::rouse::when_idle;

/// Knows whom the driver waits for.
///
/// Whoever woke it with something to send goes on to send more, or others do that are about to run: it goes behind them once, unless
/// what waits is worth a write already.
/// Callers that a read answered mostly call again; it goes behind those a few times, until as many calls have begun as were
/// answered.
///
/// These are woken, and it goes behind them after the first time, once their worker has nothing else to do: then the runtime rouses
/// another worker for all of them at most, and not for each. A worker that proves to have much else to do is not trusted for a while.
#[derive(Debug, Default)]
#[repr(C)] // as the driver
pub(super) struct Patience {
    /// How often it went behind others since something was sent.
    turns: u32,
    /// Callers that were answered since something was sent, if they are several.
    answered: usize,
    /// Calls that had begun when they were.
    begun: u64,
    /// Since when something is to happen once the worker has nothing else to do.
    since: Option<Instant>,
    /// The worker has much else to do, presumably until then.
    busy_until: Option<Instant>,
}

impl Patience {
    /// A read brought so many callers small answers; so many calls had begun before. Returns true if they are to be woken once
    /// their worker has nothing else to do.
    pub(super) fn answered(&mut self, callers: usize, begun: u64, now: Instant) -> bool {
        if self.answered + callers < 2 {
            return false;
        }
        if self.answered == 0 {
            self.begun = begun;
        }
        self.answered += callers;
        self.defers(now)
    }

    /// True if it went behind others, and nothing was sent since.
    pub(super) fn is_giving_way(&self) -> bool {
        self.turns > 0
    }

    /// True if the driver is to go behind others now, before it sends. `nudged`: a caller woke it. `calls` says how many have
    /// begun, and if others are in flight; it is not asked for nothing, since what it looks at has left the cache.
    pub(super) fn gives_way(
        &mut self,
        nudged: bool,
        calls: impl FnOnce() -> (u64, bool),
        now: Instant,
    ) -> bool {
        if self.turns == 0 && !nudged {
            return false;
        }
        let (begun, others) = calls();
        if self.since.take().is_some_and(|since| now.saturating_duration_since(since) > MAX_DELAY) {
            self.busy_until = Some(now + PAUSE);
        }
        let awaits = self.answered as u64 > begun - self.begun.min(begun);
        let gives_way = match self.turns {
            0 => others || self.answered > 0,
            1..MAX_TURNS => awaits && !self.is_busy(now),
            _ => false,
        };
        if gives_way {
            self.turns += 1;
        } else {
            (self.turns, self.answered) = (0, 0);
        }
        gives_way
    }

    /// Has the driver polled again, behind others.
    pub(super) fn give_way(&mut self, cx: &Context<'_>, now: Instant) {
        // At first they stand in line here, so that the end of the line is behind them; later another worker has those that are missing.
        if self.answered > 0 && self.turns > 1 && self.defers(now) {
            when_idle(cx.waker());
        } else {
            cx.waker().wake_by_ref();
        }
    }

    /// True if the worker may be trusted to have nothing else to do soon.
    fn defers(&mut self, now: Instant) -> bool {
        let defers = !self.is_busy(now);
        self.since = defers.then_some(now);
        defers
    }

    fn is_busy(&self, now: Instant) -> bool {
        self.busy_until.is_some_and(|until| now < until)
    }
}

/// Times that the driver goes behind callers which were answered. Measured with both ends on one core: with one turn, half of a
/// hundred callers are written for apart if a second worker takes them over.
const MAX_TURNS: u32 = 4;
/// A worker that takes longer to have nothing to do is busy. Chosen above what a turn of 1,000 callers takes.
const MAX_DELAY: Duration = Duration::from_millis(2);
/// How long it is taken for busy: callers are delayed by its other work once in that time.
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;

    use super::*;
    use crate::clock::now;
    use crate::rouse::count::Count;

    #[test]
    fn whoever_woke_it_goes_first_once() {
        let (mut patience, now) = (Patience::default(), now());
        assert!(!patience.gives_way(true, || (1, false), now), "nobody else is there");
        for _ in 0..3 {
            assert!(
                patience.gives_way(true, || (1, true), now) && !patience.gives_way(false, || (1, true), now)
            );
        }
        assert!(!patience.gives_way(false, || (1, true), now), "the pipe woke it");
    }

    #[test]
    fn callers_that_were_answered_are_waited_for_a_few_times() {
        let (mut patience, now) = (Patience::default(), now());
        let turns = |patience: &mut Patience, begun: &[u64]| {
            begun
                .iter()
                .take_while(|begun| patience.gives_way(**begun == 101, || (**begun, false), now))
                .count()
        };
        assert!(!patience.answered(1, 100, now), "one is woken at once");
        assert!(patience.answered(3, 100, now));
        assert_eq!(turns(&mut patience, &[101, 102, 103, 104]), 2, "all have called again");
        assert_eq!(turns(&mut patience, &[101, 102]), 0);
        assert!(patience.answered(30, 100, now));
        assert_eq!(turns(&mut patience, &[101, 102, 103, 104, 105, 106]), MAX_TURNS as usize);
    }

    #[tokio::test]
    async fn it_goes_to_the_end_of_the_line_and_then_behind_all_that_is_ready() {
        let (mut patience, now, count) = (Patience::default(), now(), Arc::new(Count::default()));
        let waker = Waker::from(Arc::clone(&count));
        assert!(patience.answered(3, 0, now));
        for _ in 0..2 {
            assert!(patience.gives_way(true, || (1, false), now));
            patience.give_way(&Context::from_waker(&waker), now);
            assert_eq!(count.get(), 1, "at once the first time only");
        }
        tokio::task::yield_now().await;
        assert_eq!(count.get(), 2);
    }

    #[test]
    fn callers_do_not_wait_for_a_busy_worker() {
        let (mut patience, begin) = (Patience::default(), now());
        assert!(patience.answered(2, 0, begin));
        let late = begin + MAX_DELAY + Duration::from_micros(1);
        assert!(
            patience.gives_way(true, || (1, false), late) && !patience.gives_way(false, || (1, false), late)
        );
        assert!(!patience.answered(2, 2, late), "woken at once for now");
        assert!(patience.answered(2, 2, late + PAUSE));
    }
}
