//! Holds every promise against every saboteur.

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
    /// Saboteurs that did not break what they aim at.
    missed: Vec<(&'static str, &'static str)>,
}

#[derive(Clone, Debug)]
struct Row {
    promise: &'static str,
    /// Why it fails with nothing broken.
    unbroken: Option<Broken>,
    failed_by: Vec<&'static str>,
}

/// Shows that each of `promises` is kept when nothing is broken and failed by some saboteur, and that each saboteur breaks
/// the promise that it aims at. Runs no more than that takes.
pub fn check(promises: &[Promise]) -> SabotageReport {
    let saboteurs = saboteurs();
    let jobs = promises.iter().enumerate().collect();
    let rows = in_parallel(jobs, |(number, promise): (usize, &Promise)| {
        let (aimed, others): (Vec<_>, Vec<_>) =
            saboteurs.iter().partition(|saboteur| saboteur.aims_at == promise.name());
        let mut failed_by = broken_by(promise, &aimed);
        if failed_by.is_empty() {
            let first = others.iter().find(|saboteur| run_against(promise, Some(saboteur)).is_err());
            failed_by.extend(first.map(|saboteur| saboteur.name));
        }
        (number, Row { promise: promise.name(), unbroken: run_against(promise, None).err(), failed_by })
    });
    SabotageReport::new(rows, &saboteurs)
}

/// The same, holding each of `promises` against every saboteur, so that the report tells all that break it.
pub fn check_all(promises: &[Promise]) -> SabotageReport {
    let saboteurs = saboteurs();
    let jobs = promises.iter().enumerate().collect();
    let rows = in_parallel(jobs, |(number, promise): (usize, &Promise)| {
        let failed_by = broken_by(promise, &saboteurs.iter().collect::<Vec<_>>());
        (number, Row { promise: promise.name(), unbroken: run_against(promise, None).err(), failed_by })
    });
    SabotageReport::new(rows, &saboteurs)
}

fn broken_by(promise: &Promise, saboteurs: &[&Saboteur]) -> Vec<&'static str> {
    let breaking = saboteurs.iter().filter(|saboteur| run_against(promise, Some(saboteur)).is_err());
    breaking.map(|saboteur| saboteur.name).collect()
}

fn run_against(promise: &Promise, saboteur: Option<&Saboteur>) -> Result<(), Broken> {
    let codec =
        saboteur.map_or_else(|| Saboteur::new("nothing", "").codec, |saboteur| saboteur.codec.clone());
    let codec = codec.ok_or_else(|| Broken::new("the saboteur's codec is not in its set"))?;
    let plain = Loopback::new();
    let loopback = if promise.applies_to(plain.capabilities()) { plain } else { plain.claiming_tls() };
    let road = Road::new("loop", loopback, "loop://server-{n}");
    let sabotage = saboteur.map_or_else(Sabotage::default, |saboteur| saboteur.sabotage.clone());
    let stage = Stage { sabotage, seeds: 2, steps: 60, ..Stage::new(Arc::new(road), codec) };
    run(promise, &stage, Clock::Paused)
}

impl SabotageReport {
    fn new(mut rows: Vec<(usize, Row)>, saboteurs: &[Saboteur]) -> Self {
        rows.sort_unstable_by_key(|(number, _)| *number);
        let mut rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        rows.iter_mut().for_each(|row| row.failed_by.sort_unstable());
        let missed = saboteurs
            .iter()
            .filter(|saboteur| {
                let target = rows.iter().find(|row| row.promise == saboteur.aims_at);
                target.is_some_and(|row| !row.failed_by.contains(&saboteur.name))
            })
            .map(|saboteur| (saboteur.name, saboteur.aims_at))
            .collect();
        Self { rows, missed }
    }

    /// True if every promise is kept when nothing is broken and failed by something, and every saboteur breaks
    /// what it aims at.
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

    /// Promises that nothing breaks or that fail unbroken, and saboteurs that miss.
    pub fn failed(&self) -> usize {
        self.missed.len() + self.rows.iter().filter(|row| !row.is_honest()).count()
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
        for (name, aims_at) in &self.missed {
            writeln!(f, "FAILED: who {name} does not break what it aims at: {aims_at}")?;
        }
        writeln!(f, "{}", self.summary())
    }
}
