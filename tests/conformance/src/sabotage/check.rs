//! Holds every promise against every saboteur.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use linkspan_core::Transport;

use super::{Saboteur, saboteurs};
use crate::broken::Broken;
use crate::harness::Road;
use crate::loopback::Loopback;
use crate::matrix::in_parallel;
use crate::promise::Promise;
use crate::run::{Clock, run};
use crate::stage::{Sabotage, Stage};

/// Which saboteurs fail which promises.
#[derive(Clone, Debug)]
pub struct SabotageReport {
    rows: Vec<Row>,
    idle: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Row {
    promise: &'static str,
    /// Why it fails with nothing broken.
    unbroken: Option<Broken>,
    failed_by: Vec<&'static str>,
}

/// Holds each of `promises` against every saboteur.
pub fn check(promises: &[Promise]) -> SabotageReport {
    let saboteurs = saboteurs();
    let jobs: VecDeque<_> = (0..promises.len())
        .flat_map(|promise| (0..=saboteurs.len()).map(move |saboteur| (promise, saboteur)))
        .filter_map(|(promise, saboteur)| Some((promise, promises.get(promise)?, saboteur)))
        .collect();
    let results = in_parallel(jobs, |(row, promise, number)| {
        let saboteur = saboteurs.get(number);
        (row, saboteur.map(|saboteur| saboteur.name), run_against(promise, saboteur))
    });
    let mut rows: Vec<_> = promises
        .iter()
        .map(|promise| Row { promise: promise.name(), unbroken: None, failed_by: Vec::new() })
        .collect();
    for (row, saboteur, result) in results {
        let (Some(row), Err(broken)) = (rows.get_mut(row), result) else { continue };
        match saboteur {
            None => row.unbroken = Some(broken),
            Some(name) => row.failed_by.push(name),
        }
    }
    rows.iter_mut().for_each(|row| row.failed_by.sort_unstable());
    let names = saboteurs.iter().map(|saboteur| saboteur.name);
    let idle = names.filter(|name| !rows.iter().any(|row| row.failed_by.contains(name))).collect();
    SabotageReport { rows, idle }
}

fn run_against(promise: &Promise, saboteur: Option<&Saboteur>) -> Result<(), Broken> {
    let codec = saboteur.map_or_else(|| Saboteur::new("nothing").codec, |saboteur| saboteur.codec.clone());
    let codec = codec.ok_or_else(|| Broken::new("the saboteur's codec is not in its set"))?;
    let plain = Loopback::new();
    let loopback = if promise.applies_to(plain.capabilities()) { plain } else { plain.claiming_tls() };
    let road = Road::new("loop", loopback, "loop://server-{n}");
    let sabotage = saboteur.map_or_else(Sabotage::default, |saboteur| saboteur.sabotage.clone());
    let stage = Stage { sabotage, seeds: 2, steps: 60, ..Stage::new(Arc::new(road), codec) };
    run(promise, &stage, Clock::Paused)
}

impl SabotageReport {
    /// True if every promise is kept when nothing is broken and failed by something, and no saboteur is idle.
    pub fn is_honest(&self) -> bool {
        self.failed() == 0
    }

    /// Every promise, and what its saboteurs do.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static str, &[&'static str])> {
        self.rows.iter().map(|row| (row.promise, row.failed_by.as_slice()))
    }

    /// How many promises are kept unbroken, and can be broken.
    pub(crate) fn summary(&self) -> String {
        let honest = self.rows.iter().filter(|row| row.is_honest()).count();
        format!("sabotage: {honest} of {} promises are kept, and can be broken", self.rows.len())
    }

    /// The same, blaming no saboteur for breaking nothing.
    pub(crate) fn without_idle(mut self) -> Self {
        self.idle.clear();
        self
    }

    /// Promises that nothing breaks or that fail unbroken, and saboteurs that break nothing.
    pub fn failed(&self) -> usize {
        self.idle.len() + self.rows.iter().filter(|row| !row.is_honest()).count()
    }
}

impl Row {
    fn is_honest(&self) -> bool {
        self.unbroken.is_none() && !self.failed_by.is_empty()
    }
}

impl fmt::Display for SabotageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.promise.chars().count()).max().unwrap_or(0);
        for row in &self.rows {
            write!(f, "{:width$}  ", row.promise)?;
            match row.failed_by.as_slice() {
                [] => writeln!(f, "FAILED: no saboteur breaks it")?,
                names => writeln!(f, "broken by who {}", names.join("; "))?,
            }
            if let Some(broken) = &row.unbroken {
                writeln!(f, "FAILED: {} is broken by nobody: {broken}", row.promise)?;
            }
        }
        for name in &self.idle {
            writeln!(f, "FAILED: who {name} breaks nothing")?;
        }
        writeln!(f, "{}", self.summary())
    }
}
