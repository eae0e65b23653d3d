//! Everything one invocation measured, and the files it becomes.

mod figure;
mod plots;
mod svg;
mod tables;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::contenders::Contender;
use crate::process::Cores;
use crate::results::Results;

/// Everything one invocation measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) machine: Machine,
    pub(crate) results: Results,
    pub(crate) writes: Vec<Writes>,
    /// Runs that brought nothing, and why.
    pub(crate) failures: Vec<String>,
}

/// Where it was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
}

/// System calls that write, counted in a run of its own at 64 calls in flight on one core.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Writes {
    pub(crate) contender: Contender,
    pub(crate) client_per_call: f64,
    pub(crate) server_per_call: f64,
}

impl Report {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            machine: Machine::this(),
            results: Results::default(),
            writes: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// The report that `file` holds.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        Ok(serde_json::from_str(&std::fs::read_to_string(file)?)?)
    }

    /// By both sides together.
    pub(crate) fn writes_per_call(&self, contender: Contender) -> Option<f64> {
        let writes = self.writes.iter().find(|writes| writes.contender == contender)?;
        Some(writes.client_per_call + writes.server_per_call)
    }

    /// Writes it into `directory` as JSON, so that a long run is not lost whatever comes.
    pub(crate) fn save(&self, directory: &Path) -> Result<(), Failure> {
        save(self, directory, &self.name).map(drop)
    }

    /// Prints the tables, and writes them and the plots into `directory`.
    pub(crate) fn publish(&self, directory: &Path) -> Result<(), Failure> {
        let tables = tables::all(self);
        print!("{tables}");
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join(format!("{}.md", self.name)), tables)?;
        for (name, svg) in plots::all(self) {
            std::fs::write(directory.join(format!("{}-{name}.svg", self.name)), svg)?;
        }
        eprintln!("written to {}", directory.display());
        Ok(())
    }
}

/// Writes `results` into `directory` as JSON. Returns the file.
pub(crate) fn save(results: &impl Serialize, directory: &Path, name: &str) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(directory)?;
    let file = directory.join(format!("{name}.json"));
    std::fs::write(&file, serde_json::to_string_pretty(results)?)?;
    Ok(file)
}

impl Machine {
    fn this() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|line| line.strip_prefix("model name"));
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: model.map_or("unknown", |line| line.trim_start_matches([' ', '\t', ':'])).to_owned(),
            cores: Cores::available(),
            kernel: release.trim().to_owned(),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} cores, Linux {}", self.cpu, self.cores, self.kernel)
    }
}
