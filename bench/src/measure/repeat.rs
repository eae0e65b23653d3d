//! A closed loop: each task begins the next operation when its last one has ended.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::{Measured, Stage, Tally, Timing};
use crate::Failure;

/// What a task does over and over.
pub(crate) trait Work: Send + 'static {
    /// Does it for the `n`th time, and checks what it brings.
    fn work(&mut self, n: u64) -> impl Future<Output = Result<(), Failure>> + Send;
    /// One in so many is timed.
    const TIMED_EVERY: u64;
}

/// Repeats each work in a task of its own.
pub(crate) async fn run<W: Work>(works: Vec<W>, timing: &Timing) -> Result<Measured, Failure> {
    let stage = Arc::new(Stage::default());
    let mut tasks = JoinSet::new();
    for work in works {
        tasks.spawn(repeat(work, stage.clone()));
    }
    finish(tasks, &stage, timing).await
}

/// Lets `tasks`, which go by `stage`, run to its end. Returns what they did together.
pub(super) async fn finish(
    mut tasks: JoinSet<Result<Tally, Failure>>,
    stage: &Stage,
    timing: &Timing,
) -> Result<Measured, Failure> {
    let passed = stage.pass(timing).await?;
    let mut all = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        all.add(tally??);
    }
    all.finish(passed)
}

/// Repeats `work` until the stage is over.
pub(crate) async fn repeat<W: Work>(mut work: W, stage: Arc<Stage>) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    while !stage.is_over() {
        tally.operations_ever += 1;
        let begin = (tally.operations_ever % W::TIMED_EVERY == 0).then(Instant::now);
        work.work(tally.operations_ever).await?;
        if stage.is_measuring() {
            tally.operations += 1;
            tally.latencies.extend(begin.map(|begin| begin.elapsed()));
        }
    }
    Ok(tally)
}
