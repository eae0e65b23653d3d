//! Every promise on every road with every codec.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::codecs::{CodecChoice, Speaks};
use crate::harness::Harness;
use crate::promise::Promise;
use crate::promises::promises;
use crate::report::{Cell, Outcome, Report};
use crate::run::{Clock, run};
use crate::stage::Stage;

/// Which promises to hold against which roads and codecs.
///
/// ```no_run
/// use linkspan_conformance::{Loopback, Matrix, Plain, Road};
///
/// let report = Matrix::new().road(Road::new("loop", Loopback::new(), "loop://{n}")).codecs::<(Plain,)>().run(None);
/// println!("{report}");
/// assert!(report.is_kept());
/// ```
#[derive(Default)]
pub struct Matrix {
    roads: Vec<Arc<dyn Harness>>,
    codecs: Vec<CodecChoice>,
    promises: Vec<Promise>,
    known: Vec<Known>,
}

/// A promise that a column is known not to keep.
#[derive(Clone, Copy, Debug)]
struct Known {
    promise: &'static str,
    column: &'static str,
    reason: &'static str,
}

impl Matrix {
    /// The kit's promises, on no road yet.
    pub fn new() -> Self {
        Self { promises: promises(), ..Self::default() }
    }

    /// Adds a road.
    #[must_use]
    pub fn road(mut self, road: impl Harness) -> Self {
        self.roads.push(Arc::new(road));
        self
    }

    /// Adds every codec of the set `C`.
    #[must_use]
    pub fn codecs<C: Speaks>(mut self) -> Self {
        self.codecs.extend(CodecChoice::all_of::<C>());
        self
    }

    /// Adds a promise of one's own.
    #[must_use]
    pub fn promise(mut self, promise: Promise) -> Self {
        self.promises.push(promise);
        self
    }

    /// Says that `column` (a road, a codec, or `road·codec`) is known not to keep `promise`, and why. The case still
    /// runs, and fails the run once it passes.
    #[must_use]
    pub fn known_failure(
        mut self,
        promise: &'static str,
        column: &'static str,
        reason: &'static str,
    ) -> Self {
        self.known.push(Known { promise, column, reason });
        self
    }

    /// The promises.
    pub fn promises(&self) -> &[Promise] {
        &self.promises
    }

    /// Runs every cell whose promise or column contains `filter`; all without one.
    pub fn run(&self, filter: Option<&str>) -> Report {
        let stages: Vec<Stage> = self
            .roads
            .iter()
            .flat_map(|road| self.codecs.iter().map(|codec| Stage::new(road.clone(), codec.clone())))
            .map(scaled)
            .collect();
        let columns = stages.iter().map(Stage::name).collect();
        let rows = self.promises.iter().map(Promise::name).collect();
        let jobs: VecDeque<_> = (0..self.promises.len())
            .flat_map(|row| (0..stages.len()).map(move |column| (row, column)))
            .filter_map(|(row, column)| Some((row, column, self.promises.get(row)?, stages.get(column)?)))
            .filter(|(_, _, promise, stage)| {
                filter.is_none_or(|filter| promise.name().contains(filter) || stage.name().contains(filter))
            })
            .collect();
        let cells = in_parallel(jobs, |(row, column, promise, stage)| {
            let (outcome, took) = self.hold(promise, stage);
            Cell { row, column, outcome, took }
        });
        Report::new(rows, columns, cells)
    }

    /// Runs as the `main` of a test without a harness: prints the report, and fails if a promise was not kept.
    ///
    /// Knows `--list` and one filter; other options, which `cargo test` passes to every test, change nothing.
    pub fn main(&self) -> ExitCode {
        let mut filter = None;
        for argument in std::env::args().skip(1) {
            if argument == "--list" {
                self.promises.iter().for_each(|promise| println!("{}: {}", promise.name(), promise.says()));
                return ExitCode::SUCCESS;
            }
            if !argument.starts_with('-') {
                filter = Some(argument);
            }
        }
        let report = self.run(filter.as_deref());
        println!("{report}");
        if report.is_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn hold(&self, promise: &Promise, stage: &Stage) -> (Outcome, Duration) {
        if !promise.applies_to(stage.capabilities()) {
            return (Outcome::NotApplicable, Duration::ZERO);
        }
        let began = now();
        let result = run(promise, stage, Clock::Real);
        let (road, codec, name) = (stage.harness.name(), stage.codec.name(), stage.name());
        let known = self.known.iter().find(|known| {
            known.promise == promise.name() && [road, codec, name.as_str()].contains(&known.column)
        });
        let outcome = match (result, known) {
            (Ok(()), None) => Outcome::Passed,
            (Ok(()), Some(known)) => Outcome::Failed(format!(
                "is kept now, although it is listed as a known failure ({}); take it off the list",
                known.reason
            )),
            (Err(broken), None) => Outcome::Failed(broken.to_string()),
            (Err(_), Some(known)) => Outcome::KnownFailure(known.reason.to_owned()),
        };
        (outcome, began.elapsed())
    }
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matrix").field("promises", &self.promises.len()).finish_non_exhaustive()
    }
}

/// The stage with longer scenarios, if asked for.
fn scaled(stage: Stage) -> Stage {
    if crate::is_long() { Stage { seeds: 200, steps: 1000, ..stage } } else { stage }
}

/// Does every job, several at once; results come in the order in which they were done.
pub(crate) fn in_parallel<J: Send, R: Send>(jobs: VecDeque<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get() * 3 / 2);
    let (jobs, results) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(job) = next else { return };
                    let result = work(job);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "the report says how long cells took")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
