//! What the server pushes: every subscriber gets every note, in order, each once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::stage::Passed;
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
    let shared = Arc::new(Shared::new(load));
    let (mut readers, mut counts) = (JoinSet::new(), Vec::new());
    for _ in 0..load.connections {
        let count = Arc::new(AtomicU64::new(0));
        readers.spawn(read(S::subscribe(address).await?, shared.clone(), count.clone()));
        counts.push(count);
    }
    let measuring = async {
        if shared.in_step {
            return lock_step(publisher, shared.clone(), timing).await;
        }
        publisher.flow().await?;
        Ok((shared.stage.pass(timing).await?, Vec::new()))
    };
    // Readers read to the very end: one that stopped earlier would stop the server, and so the others.
    let (passed, latencies) = tokio::select! {
        measured = measuring => measured?,
        Some(ended) = readers.join_next() => return Err(ended?.err().unwrap_or_else(|| "a reader ended".into())),
    };
    let operations = counts.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    Tally { operations, operations_ever: operations, latencies }.finish(passed)
}

/// What readers have in common.
#[derive(Debug)]
struct Shared {
    stage: Arc<Stage>,
    in_step: bool,
    readers: usize,
    /// Who still has to get the note of this step.
    missing: AtomicUsize,
    /// Everybody has it.
    complete: Notify,
}

impl Shared {
    fn new(load: &Load) -> Self {
        Self {
            stage: Arc::default(),
            in_step: load.kind == Kind::Notes(Pace::LockStep),
            readers: load.connections,
            missing: AtomicUsize::new(load.connections),
            complete: Notify::new(),
        }
    }

    fn got_one(&self) {
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.missing.store(self.readers, Ordering::Release);
            self.complete.notify_one();
        }
    }
}

/// Reads for ever, checking that no note is missing; `count` says how many came while it was measured.
async fn read<N: Notes>(mut notes: N, shared: Arc<Shared>, count: Arc<AtomicU64>) -> Result<(), Failure> {
    let mut measured = 0;
    for expected in 0.. {
        let sequence = notes.next().await?;
        if sequence != expected {
            return Err(format!("note {sequence} came in the place of note {expected}").into());
        }
        if shared.stage.is_measuring() {
            measured += 1;
            count.store(measured, Ordering::Relaxed);
        }
        if shared.in_step {
            shared.got_one();
        }
    }
    Ok(())
}

async fn lock_step<P: Publisher>(
    publisher: P,
    shared: Arc<Shared>,
    timing: &Timing,
) -> Result<(Passed, Vec<Duration>), Failure> {
    let stepping = repeat(Step { publisher, shared: shared.clone() }, shared.stage.clone());
    let (passed, stepped) = tokio::join!(shared.stage.pass(timing), tokio::spawn(stepping));
    Ok((passed?, stepped??.latencies))
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
