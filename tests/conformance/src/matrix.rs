//! Every promise on every road with every codec.

mod arguments;

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
use crate::sabotage;
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
    roads: Vec<OneRoad>,
    codecs: Vec<CodecChoice>,
    promises: Vec<Promise>,
    known: Vec<Known>,
}

/// A road, and its codecs if they are not the matrix's.
struct OneRoad {
    harness: Arc<dyn Harness>,
    codecs: Option<Vec<CodecChoice>>,
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

    /// Adds a road, to be held to every promise in every codec of the matrix.
    #[must_use]
    pub fn road(mut self, road: impl Harness) -> Self {
        self.roads.push(OneRoad { harness: Arc::new(road), codecs: None });
        self
    }

    /// Adds a road, to be held to every promise in the codecs of the set `C` only: for roads that differ from another of
    /// the matrix in nothing that a codec sees.
    ///
    /// ```
    /// use linkspan_conformance::{Loopback, Matrix, Plain, Road};
    ///
    /// let road = Road::new("loop", Loopback::new(), "loop://{n}");
    /// let report = Matrix::new().road_in::<(Plain,)>(road).run(Some("empty values"));
    /// assert_eq!((report.cells(), report.failed()), (1, 0));
    /// ```
    #[must_use]
    pub fn road_in<C: Speaks>(mut self, road: impl Harness) -> Self {
        self.roads.push(OneRoad { harness: Arc::new(road), codecs: Some(CodecChoice::all_of::<C>()) });
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
            .flat_map(|OneRoad { harness, codecs }| {
                let codecs = codecs.as_ref().unwrap_or(&self.codecs);
                codecs.iter().map(|codec| Stage::new(harness.clone(), codec.clone()))
            })
            .map(scaled)
            .collect();
        let columns = stages.iter().map(Stage::name).collect();
        let began = now();
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
        Report::new(&self.promises, columns, cells, began.elapsed())
    }

    /// Runs as the body of a `#[test]`: prints the table, and panics with everything that failed.
    ///
    /// With `LINKSPAN_PROMISE` in the environment, only the cells whose promise or column contains its value run; with
    /// `LINKSPAN_REPORT`, `NAME.md` and `NAME.html` are written into that directory.
    ///
    /// # Panics
    /// A promise was not kept, a known failure was, or nothing ran.
    pub fn assert_kept(&self, name: &str) {
        let wanted = arguments::wanted();
        let report = self.run(wanted.as_deref());
        println!("{report}");
        write_pages(&report, name);
        assert!(report.cells() > 0, "{name}: no promise and no column contains {wanted:?}");
        assert!(
            report.is_kept(),
            "{name}: {} of {} promises are not kept\n\n{}\nTo run one alone, set LINKSPAN_PROMISE to a part of its name.",
            report.failed(),
            report.cells(),
            report.failures()
        );
    }

    /// Runs as the `main` of a test without a harness: prints the report, and fails if a promise was not kept or cannot be
    /// broken.
    ///
    /// Knows `--list`; `--saboteurs`, which runs nothing else; and one filter, with which no saboteur runs unless asked
    /// for. Other options, which `cargo test` passes to every
    /// test, change nothing. With `LINKSPAN_REPORT` in the environment, `conformance.md` and `conformance.html` are
    /// written into that directory.
    pub fn main(&self) -> ExitCode {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        if arguments.iter().any(|argument| argument == "--list") {
            for promise in &self.promises {
                println!("{}: {} {}", promise.name(), promise.says(), promise.invariants().join(" "));
            }
            return ExitCode::SUCCESS;
        }
        let filter = arguments::filter(&arguments);
        if arguments.iter().any(|argument| argument == "--saboteurs") {
            return self.only_saboteurs(filter);
        }
        let mut report = self.run(filter);
        if filter.is_none() {
            report = report.with_sabotage(if crate::is_long() {
                sabotage::check_all(&self.promises)
            } else {
                sabotage::check(&self.promises)
            });
        }
        write_pages(&report, "conformance");
        println!("{report}");
        if report.is_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Only the saboteurs, against the promises whose name contains `filter`.
    fn only_saboteurs(&self, filter: Option<&str>) -> ExitCode {
        let wanted = |promise: &&Promise| filter.is_none_or(|filter| promise.name().contains(filter));
        let promises: Vec<_> = self.promises.iter().filter(wanted).cloned().collect();
        let found = sabotage::check_all(&promises);
        println!("{found}");
        if found.is_honest() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

/// Writes pages, if they are wanted.
fn write_pages(report: &Report, name: &str) {
    let Some(directory) = arguments::report_directory() else { return };
    match report.write_to(&directory, name) {
        Ok(()) => println!("report: {}", directory.join(name).with_extension("html").display()),
        Err(error) => println!("report: cannot be written to {}: {error}", directory.display()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ask, Broken, Loopback, Plain, Road};

    fn matrix() -> Matrix {
        let kept = Promise::new("kept", "", async |pair| {
            pair.client.run(Ask::new(1)).await?;
            Ok(())
        });
        let broken = Promise::new("broken", "", async |_| Err(Broken::new("as always")));
        let beyond = Promise::new("beyond", "", async |_| Ok(())).needs(|road| road.independent_lanes);
        let road = Road::new("loop", Loopback::new(), "loop://{n}");
        Matrix { promises: vec![kept, broken, beyond], ..Matrix::default() }.road(road).codecs::<(Plain,)>()
    }

    #[test]
    fn a_known_failure_fails_nothing_until_it_passes() {
        assert_eq!(matrix().run(None).failed(), 1);
        let known = matrix().known_failure("broken", "loop", "work in progress");
        assert!(known.run(None).to_string().ends_with("passed: 1, known failures: 1, failed: 0"));
        let outdated = known.known_failure("kept", "plain", "was so once");
        assert!(outdated.run(None).to_string().contains("take it off the list"));
        assert_eq!(outdated.run(None).failed(), 1);
    }

    #[test]
    fn a_road_may_have_codecs_of_its_own() {
        let other = Road::new("other", Loopback::new(), "loop://{n}");
        let report = matrix().codecs::<(Plain,)>().road_in::<(Plain,)>(other).run(Some("kept"));
        assert_eq!(report.cells(), 3, "two columns of the first road, one of the other");
    }

    #[test]
    fn a_filter_picks_promises_or_columns() {
        for (wanted, cells) in [("kept", 1), ("loop·plain", 2), ("no such", 0)] {
            let last = format!("cells: {cells}, passed: {}", cells.min(1));
            assert!(matrix().run(Some(wanted)).to_string().contains(&last), "{wanted}");
        }
    }
}
