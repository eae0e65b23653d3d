//! What tasks counted, and what a run of them comes to.

use std::time::Duration;

use super::Measured;
use super::stage::Passed;
use crate::Failure;

/// What one task brought.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    pub(crate) operations_ever: u64,
    pub(crate) latencies: Vec<Duration>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.operations += other.operations;
        self.operations_ever += other.operations_ever;
        self.latencies.extend(other.latencies);
    }

    pub(crate) fn finish(mut self, passed: Passed) -> Result<Measured, Failure> {
        if self.operations == 0 {
            return Err("nothing was done while it was measured".into());
        }
        self.latencies.sort_unstable();
        let quantile = |per_mille: usize| {
            let last = self.latencies.len().checked_sub(1)?;
            Some(self.latencies.get(last * per_mille / 1000)?.as_secs_f64() * 1e6)
        };
        Ok(Measured {
            operations: self.operations,
            operations_ever: self.operations_ever,
            seconds: passed.elapsed.as_secs_f64(),
            p50_micros: quantile(500),
            p99_micros: quantile(990),
            max_micros: quantile(1000),
            client_cpu_seconds: passed.client_cpu_seconds,
            server_cpu_seconds: passed.server_cpu_seconds,
            resident_bytes: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: Passed =
        Passed { elapsed: Duration::from_secs(2), client_cpu_seconds: 0.5, server_cpu_seconds: 0.25 };

    #[test]
    fn quantiles_are_of_what_all_tasks_timed() {
        let tally = |micros: std::ops::Range<u64>| Tally {
            operations: 10,
            operations_ever: 20,
            latencies: micros.map(Duration::from_micros).collect(),
        };
        let mut all = tally(501..1002);
        all.add(tally(1..501));
        let measured = all.finish(PASSED).unwrap();
        assert_eq!((measured.operations, measured.operations_ever), (20, 40));
        let rounded =
            [measured.p50_micros, measured.p99_micros, measured.max_micros].map(|at| at.map(f64::round));
        assert_eq!(rounded, [Some(501.0), Some(991.0), Some(1001.0)]);
        assert_eq!(measured.per_second(), 10.0);
    }

    #[test]
    fn a_run_that_did_nothing_is_a_failure_and_one_that_timed_nothing_has_no_quantiles() {
        assert!(Tally::default().finish(PASSED).is_err());
        let measured = Tally { operations: 1, ..Tally::default() }.finish(PASSED).unwrap();
        assert_eq!(measured.p99_micros, None);
    }
}
