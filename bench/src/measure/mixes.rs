//! Calls whose handlers compute, and the same computing without calls.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::repeat::{Work, finish, run};
use super::{Measured, Stage, Tally, Timing};
use crate::Failure;
use crate::contenders::{Caller, Stub, Where, mixed};

/// On each of so many connections, so many calls at once.
pub(crate) async fn calls(
    address: &str,
    declared: Where,
    (connections, in_flight): (usize, usize),
    timing: &Timing,
) -> Result<Measured, Failure> {
    let mut works = Vec::new();
    for _ in 0..connections {
        let stub = Stub::connect(address).await?;
        for _ in 0..in_flight {
            let seed = works.len() as u64;
            works.push(Mix { stub: stub.clone(), declared, seed, answer: mixed(seed) });
        }
    }
    run(works, timing).await
}

/// On so many threads of this process.
pub(crate) async fn without_calls(threads: usize, timing: &Timing) -> Result<Measured, Failure> {
    let stage = Arc::new(Stage::default());
    let mut tasks = JoinSet::new();
    for _ in 0..threads {
        let stage = stage.clone();
        tasks.spawn_blocking(move || Ok(compute(&stage)));
    }
    finish(tasks, &stage, timing).await
}

fn compute(stage: &Stage) -> Tally {
    let (mut tally, mut state) = (Tally::default(), 0);
    while !stage.is_over() {
        state = std::hint::black_box(mixed(state));
        tally.operations_ever += 1;
        tally.operations += u64::from(stage.is_measuring());
    }
    tally
}

#[derive(Debug)]
struct Mix {
    stub: Stub,
    declared: Where,
    seed: u64,
    /// What the server must say.
    answer: u64,
}

impl Work for Mix {
    const TIMED_EVERY: u64 = 1;

    async fn work(&mut self, _n: u64) -> Result<(), Failure> {
        let answer = self.stub.mix(self.seed, self.declared).await?;
        if answer == self.answer {
            Ok(())
        } else {
            Err(format!("{} became {answer}, not {}", self.seed, self.answer).into())
        }
    }
}
