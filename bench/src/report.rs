//! Runs to tables and JSON. Ratios are taken within a repetition, and then the median.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::Failure;
use crate::contenders::Contender;
use crate::load::Measured;

/// Everything one invocation measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    name: &'static str,
    /// The core both processes were pinned to.
    core: Option<usize>,
    cores: usize,
    cpu: String,
    runs: Vec<Run>,
}

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    pub(crate) contender: &'static str,
    /// The contender that ratios are taken to.
    pub(crate) limit: &'static str,
    pub(crate) in_flight: usize,
    pub(crate) repetition: usize,
    pub(crate) measured: Measured,
}

impl Report {
    pub(crate) fn new(name: &'static str, core: Option<usize>) -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = model.map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':'])).to_owned();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { name, core, cores, cpu, runs: Vec::new() }
    }

    pub(crate) fn add(&mut self, run: Run) {
        self.runs.push(run);
    }

    /// One Markdown table per limit, which is one per road, and number of calls in flight.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        for (limit, in_flight) in distinct(self.runs.iter().map(|run| (run.limit, run.in_flight))) {
            let is_of_it = |run: &&Run| (run.limit, run.in_flight) == (limit, in_flight);
            let runs: Vec<_> = self.runs.iter().filter(is_of_it).collect();
            let repetitions = distinct(runs.iter().map(|run| run.repetition)).len();
            let place =
                self.core.map_or("unpinned".to_owned(), |core| format!("both processes on core {core}"));
            let peers = peers(&runs);
            let peer_names: String = peers.iter().map(|peer| format!(" of {peer} |")).collect();
            let peer_rules = "---:|".repeat(peers.len());
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "\n### {in_flight} in flight beside {limit}, one connection, {place}, {repetitions} repetitions\n\n\
                 | contender | calls/s | of {limit} | (min..max) |{peer_names} p50 µs | p99 µs | client µs CPU/call | server |\n\
                 |---|---:|---:|---:|{peer_rules}---:|---:|---:|---:|",
            );
            for contender in distinct(runs.iter().map(|run| run.contender)) {
                let _ = writeln!(text, "{}", row(&runs, contender, limit));
            }
        }
        text
    }

    /// Writes a file of its own below `results/`.
    pub(crate) fn write(&self) -> Result<PathBuf, Failure> {
        write_json(self.name, self)
    }
}

/// Writes `value` to a file of its own below `results/`.
pub(crate) fn write_json(name: &str, value: &impl Serialize) -> Result<PathBuf, Failure> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    std::fs::create_dir_all(&directory)?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let file = directory.join(format!("{name}-{seconds}.json"));
    std::fs::write(&file, serde_json::to_string_pretty(value)?)?;
    Ok(file)
}

fn row(runs: &[&Run], contender: &str, limit: &str) -> String {
    let own = || runs.iter().filter(|run| run.contender == contender).map(|run| &run.measured);
    let middle = |value: &dyn Fn(&Measured) -> f64| median(own().map(value).collect());
    let to_limit = ratios(runs, contender, limit);
    let range = match (to_limit.iter().copied().reduce(f64::min), to_limit.iter().copied().reduce(f64::max)) {
        (Some(min), Some(max)) => format!("({min:.2}..{max:.2})"),
        _ => String::new(),
    };
    let to_peers: String =
        peers(runs).iter().map(|peer| format!(" {} |", ratio(ratios(runs, contender, peer)))).collect();
    format!(
        "| {contender} | {:.0} | {} | {range} |{to_peers} {:.1} | {:.1} | {:.2} | {:.2} |",
        middle(&Measured::calls_per_second),
        ratio(to_limit),
        middle(&|measured| measured.p50_micros),
        middle(&|measured| measured.p99_micros),
        middle(&|measured| measured.per_million(measured.client_cpu_seconds)),
        middle(&|measured| measured.per_million(measured.server_cpu_seconds)),
    )
}

/// The names of the peers that ran: each takes one road only.
fn peers(runs: &[&Run]) -> Vec<&'static str> {
    let names = Contender::PEERS.iter().map(|peer| peer.name());
    names.filter(|name| runs.iter().any(|run| run.contender == *name)).collect()
}

/// Calls per second of `contender` to those of `base`, repetition by repetition.
fn ratios(runs: &[&Run], contender: &str, base: &str) -> Vec<f64> {
    let of = |name: &str, repetition: usize| {
        let run = runs.iter().find(|run| run.contender == name && run.repetition == repetition)?;
        Some(run.measured.calls_per_second())
    };
    let repetitions = distinct(runs.iter().map(|run| run.repetition));
    repetitions.into_iter().filter_map(|at| Some(of(contender, at)? / of(base, at)?)).collect()
}

fn ratio(ratios: Vec<f64>) -> String {
    if ratios.is_empty() { "-".to_owned() } else { format!("{:.2}x", median(ratios)) }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.wrapping_sub(1)), at(half)) }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(contender: &'static str, repetition: usize, calls: u64) -> Run {
        let measured = Measured {
            calls,
            seconds: 1.0,
            p50_micros: 1.0,
            p99_micros: 2.0,
            max_micros: 3.0,
            client_cpu_seconds: 0.5,
            server_cpu_seconds: 0.25,
        };
        Run { contender, limit: "raw", in_flight: 64, repetition, measured }
    }

    #[test]
    fn ratios_are_taken_within_a_repetition() {
        let runs = [run("raw", 0, 100), run("x", 0, 50), run("raw", 1, 10), run("x", 1, 10)];
        let runs: Vec<_> = runs.iter().collect();
        assert_eq!(ratios(&runs, "x", "raw"), [0.5, 1.0]);
        assert!(ratios(&runs, "x", "tarpc").is_empty());
    }

    #[test]
    fn each_limit_has_a_table_of_its_own() {
        let mut report = Report::new("test", None);
        report.add(run("raw", 0, 100));
        report.add(run("tarpc", 0, 25));
        report.add(Run { limit: "raw-ws", ..run("raw-ws", 0, 50) });
        report.add(Run { limit: "raw-ws", ..run("linkspan-ws", 0, 40) });
        let tables = report.tables();
        let rows: Vec<_> = tables.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(rows.len(), 6);
        assert!(rows[0].contains("of raw |") && rows[0].contains("of tarpc"), "{tables}");
        assert!(rows[2].starts_with("| tarpc | 25 | 0.25x | (0.25..0.25) | 1.00x |"), "{tables}");
        assert!(rows[3].contains("of raw-ws |") && !rows[3].contains("of tarpc"), "{tables}");
        assert!(rows[5].starts_with("| linkspan-ws | 40 | 0.80x | (0.80..0.80) | 1.0 |"), "{tables}");
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }
}
