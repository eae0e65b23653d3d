//! Which part of the run it is.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::Timing;
use crate::Failure;
use crate::process::cpu;

/// Tells every task which part of the run it is in.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU8);

/// How long was measured, and what it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    pub(crate) elapsed: Duration,
    pub(crate) client_cpu_seconds: f64,
    pub(crate) server_cpu_seconds: f64,
}

impl Stage {
    const MEASURE: u8 = 1;
    const OVER: u8 = 2;

    pub(crate) fn is_measuring(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::MEASURE
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::OVER
    }

    /// Lets the tasks warm up, then measure, then end.
    pub(crate) async fn pass(&self, timing: &Timing) -> Result<Passed, Failure> {
        let spent = || -> Result<_, Failure> {
            let server = timing.server.map_or(Ok(0.0), cpu::seconds)?;
            Ok((cpu::seconds(std::process::id())?, server))
        };
        tokio::time::sleep(timing.warm_up).await;
        let before = spent()?;
        let begin = Instant::now();
        self.0.store(Self::MEASURE, Ordering::Relaxed);
        tokio::time::sleep(timing.measure).await;
        self.0.store(Self::OVER, Ordering::Relaxed);
        let elapsed = begin.elapsed();
        let after = spent()?;
        Ok(Passed { elapsed, client_cpu_seconds: after.0 - before.0, server_cpu_seconds: after.1 - before.1 })
    }
}
