//! What the server pushes: every subscriber gets every note, in order, each once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{Measured, Stage, Tally, Timing, Work, repeat};
use crate::Failure;
use crate::contenders::{Notes, Publisher, Subscriber};
use crate::load::{Kind, Load, Pace};

pub(crate) async fn run<S: Subscriber>(
    address: &str,
    load: &Load,
    timing: &Timing,
) -> Result<Measured, Failure> {
    let publisher = S::publisher(address).await?;
    let shared = Arc::new(Shared::new(load.connections));
    let mut readers = JoinSet::new();
    for _ in 0..load.connections {
        let notes = S::subscribe(address).await?;
        let shared = shared.clone();
        match load.kind {
            Kind::Notes(Pace::LockStep) => readers.spawn(step_along(notes, shared)),
            _ => readers.spawn(count(notes, shared)),
        };
    }
    if load.kind == Kind::Notes(Pace::LockStep) {
        return lock_step(publisher, shared, readers, timing).await;
    }
    publisher.flow().await?;
    let passed = shared.stage.pass(timing).await?;
    let mut all = Tally::default();
    while let Some(tally) = readers.join_next().await {
        all.add(tally??);
    }
    all.finish(passed)
}

/// What readers have in common.
#[derive(Debug)]
struct Shared {
    stage: Stage,
    readers: usize,
    /// Who still has to get the note of this step.
    missing: AtomicUsize,
    /// Everybody has it.
    complete: Notify,
}

impl Shared {
    fn new(readers: usize) -> Self {
        Self { stage: Stage::default(), readers, missing: AtomicUsize::new(readers), complete: Notify::new() }
    }

    fn got_one(&self) {
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.missing.store(self.readers, Ordering::Release);
            self.complete.notify_one();
        }
    }
}

/// Counts notes until the stage is over, checking that none is missing.
async fn count(mut notes: impl Notes, shared: Arc<Shared>) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    while !shared.stage.is_over() {
        expect(&mut notes, &mut tally).await?;
        tally.operations += u64::from(shared.stage.is_measuring());
    }
    Ok(tally)
}

/// Says of each note that it came.
async fn step_along(mut notes: impl Notes, shared: Arc<Shared>) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    loop {
        expect(&mut notes, &mut tally).await?;
        shared.got_one();
    }
}

async fn expect(notes: &mut impl Notes, tally: &mut Tally) -> Result<(), Failure> {
    let (sequence, expected) = (notes.next().await?, tally.operations_ever);
    if sequence != expected {
        return Err(format!("note {sequence} came in the place of note {expected}").into());
    }
    tally.operations_ever += 1;
    Ok(())
}

async fn lock_step<P: Publisher>(
    publisher: P,
    shared: Arc<Shared>,
    mut readers: JoinSet<Result<Tally, Failure>>,
    timing: &Timing,
) -> Result<Measured, Failure> {
    let stage = Arc::new(Stage::default());
    let mut stepping = tokio::spawn(repeat(Step { publisher, shared: shared.clone() }, stage.clone()));
    let passing = async { Ok::<_, Failure>((stage.pass(timing).await?, (&mut stepping).await??)) };
    let (passed, mut tally) = tokio::select! {
        passed = passing => passed?,
        Some(ended) = readers.join_next() => {
            ended??;
            return Err("a reader ended".into());
        }
    };
    tally.operations *= shared.readers as u64;
    tally.operations_ever *= shared.readers as u64;
    tally.finish(passed)
}

/// One note to everybody.
#[derive(Debug)]
struct Step<P> {
    publisher: P,
    shared: Arc<Shared>,
}

impl<P: Publisher> Work for Step<P> {
    const TIMED_EVERY: u64 = 1;

    async fn work(&mut self, _n: u64) -> Result<(), Failure> {
        self.publisher.step().await?;
        self.shared.complete.notified().await;
        Ok(())
    }
}
