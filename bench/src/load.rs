//! Calls in a closed loop, as many at once as the load says, and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::Failure;
use crate::contenders::{Args, Caller};
use crate::process;

/// How to call.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) in_flight: usize,
    pub(crate) warm_up: Duration,
    pub(crate) measure: Duration,
    /// The server's process, for its CPU time.
    pub(crate) server: Option<u32>,
}

/// What one run brought.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) calls: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_micros: f64,
    pub(crate) p99_micros: f64,
    pub(crate) max_micros: f64,
    pub(crate) client_cpu_seconds: f64,
    pub(crate) server_cpu_seconds: f64,
}

/// What one task brought.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: u64,
    pub(crate) latencies: Vec<Duration>,
}

/// Tells every task which part of the run it is in.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU8);

impl Stage {
    const MEASURE: u8 = 1;
    const OVER: u8 = 2;

    pub(crate) fn is_measuring(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::MEASURE
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::OVER
    }

    /// Lets the tasks warm up, then measure, then end. Returns how long was measured, and the CPU seconds that client
    /// and server used meanwhile.
    pub(crate) async fn pass(&self, load: &Load) -> Result<(Duration, f64, f64), Failure> {
        let cpu = || -> Result<_, Failure> {
            let server = load.server.map_or(Ok(0.0), process::cpu_seconds)?;
            Ok((process::cpu_seconds(std::process::id())?, server))
        };
        tokio::time::sleep(load.warm_up).await;
        let before = cpu()?;
        let begin = Instant::now();
        self.0.store(Self::MEASURE, Ordering::Relaxed);
        tokio::time::sleep(load.measure).await;
        self.0.store(Self::OVER, Ordering::Relaxed);
        let elapsed = begin.elapsed();
        let after = cpu()?;
        Ok((elapsed, after.0 - before.0, after.1 - before.1))
    }
}

/// Calls through clones of `caller`, each in a task of its own.
pub(crate) async fn run(caller: impl Caller, load: &Load) -> Result<Measured, Failure> {
    let stage = Arc::new(Stage::default());
    let mut tasks = JoinSet::new();
    for task in 0..load.in_flight {
        tasks.spawn(call(caller.clone(), i64::try_from(task)?, stage.clone()));
    }
    let (elapsed, client_cpu_seconds, server_cpu_seconds) = stage.pass(load).await?;
    let mut all = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        all.add(tally??);
    }
    all.finish(elapsed, client_cpu_seconds, server_cpu_seconds)
}

/// Calls and checks every answer; only every eighth call is timed, since reading the clock costs a good part of a call.
pub(crate) async fn call(caller: impl Caller, task: i64, stage: Arc<Stage>) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let mut a = task;
    while !stage.is_over() {
        a = a.wrapping_add(1);
        let args = Args { a, b: task + 3 };
        let begin = (a % TIMED_EVERY == 0).then(Instant::now);
        let product = caller.mul(args).await?;
        if product.c != args.multiply().c {
            return Err(format!("{args:?} gave {product:?}").into());
        }
        if stage.is_measuring() {
            tally.calls += 1;
            tally.latencies.extend(begin.map(|begin| begin.elapsed()));
        }
    }
    Ok(tally)
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.latencies.extend(other.latencies);
    }

    pub(crate) fn finish(
        mut self,
        elapsed: Duration,
        client_cpu_seconds: f64,
        server_cpu_seconds: f64,
    ) -> Result<Measured, Failure> {
        self.latencies.sort_unstable();
        let quantile = |per_mille: usize| {
            let last = self.latencies.len().checked_sub(1).ok_or("no call was timed")?;
            let latency = self.latencies.get(last * per_mille / 1000).ok_or("no such quantile")?;
            Ok::<_, Failure>(latency.as_secs_f64() * 1e6)
        };
        Ok(Measured {
            calls: self.calls,
            seconds: elapsed.as_secs_f64(),
            p50_micros: quantile(500)?,
            p99_micros: quantile(990)?,
            max_micros: quantile(1000)?,
            client_cpu_seconds,
            server_cpu_seconds,
        })
    }
}

impl Measured {
    pub(crate) fn calls_per_second(&self) -> f64 {
        self.calls as f64 / self.seconds
    }

    /// CPU seconds of one side per million calls, which is microseconds per call.
    pub(crate) fn per_million(&self, cpu_seconds: f64) -> f64 {
        cpu_seconds / self.calls as f64 * 1e6
    }
}

const TIMED_EVERY: i64 = 8;
