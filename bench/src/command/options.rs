//! Options in any order, and what stands between them.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::Plan;
use crate::contenders::Contender;
use crate::load::{Kind, Load};
use crate::measure::Timing;
use crate::process::Cores;

#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) positional: Vec<String>,
    pub(super) repetitions: Option<usize>,
    core: Option<usize>,
    cores: Option<usize>,
    contenders: Option<Vec<Contender>>,
    loads: Option<Vec<Load>>,
    in_flight: Option<usize>,
    millis: Option<u64>,
    server: Option<u32>,
    output: Option<PathBuf>,
}

impl Options {
    pub(super) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--repetitions" => options.repetitions = Some(number(&value()?)?),
                "--in-flight" => options.in_flight = Some(number(&value()?)?),
                "--only" => options.contenders = Some(list(&value()?, Contender::parse)?),
                "--loads" => options.loads = Some(list(&value()?, Load::parse)?),
                "--core" => options.core = Some(number(&value()?)?),
                "--cores" => options.cores = Some(number(&value()?)?),
                "--millis" => options.millis = Some(number(&value()?)?),
                "--server-pid" => options.server = Some(number(&value()?)?),
                "--output" => options.output = Some(value()?.into()),
                "--help" | "-h" => options.positional.insert(0, "help".to_owned()),
                option if option.starts_with('-') => return Err(format!("unknown option `{option}`")),
                _ => options.positional.push(argument),
            }
        }
        Ok(options)
    }

    pub(super) fn plan(
        self,
        name: &'static str,
        repetitions: usize,
        (contenders, loads): (&[Contender], &[Load]),
        millis: u64,
    ) -> Result<Plan, String> {
        let last = std::thread::available_parallelism().map_err(|error| error.to_string())?.get() - 1;
        Ok(Plan {
            name,
            repetitions: self.repetitions.unwrap_or(repetitions).max(1),
            output: self.output(),
            measure: self.measure(millis),
            contenders: self.contenders.unwrap_or_else(|| contenders.to_vec()),
            loads: self.loads.unwrap_or_else(|| loads.to_vec()),
            core: self.core.unwrap_or(last),
        })
    }

    /// How long each run is measured: `millis`, if nothing is said.
    pub(super) fn measure(&self, millis: u64) -> Duration {
        Duration::from_millis(self.millis.unwrap_or(millis))
    }

    /// The cores of a half alone.
    pub(super) fn cores(&self) -> Result<Cores, String> {
        match (self.core, self.cores) {
            (None, None) => Ok(Cores::All),
            (Some(core), None) => Ok(Cores::One(core)),
            (None, Some(count)) => Ok(Cores::First(count)),
            (Some(_), Some(_)) => Err("--core and --cores exclude each other".to_owned()),
        }
    }

    /// Where files go.
    pub(super) fn output(&self) -> PathBuf {
        self.output.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("results"))
    }

    /// The load of a half alone.
    pub(super) fn load(&self) -> Result<Load, String> {
        let mut load = match self.loads.as_deref() {
            None => Load::parse("unary-1")?,
            Some([load]) => *load,
            Some(_) => return Err("a half alone takes one load".to_owned()),
        };
        load.in_flight = self.in_flight.unwrap_or(load.in_flight).max(1);
        Ok(load)
    }

    pub(super) fn timing(&self, load: &Load) -> Timing {
        let full = matches!(load.kind, Kind::Notes(_)) && load.connections > 1;
        Timing {
            warm_up: if full { FILL } else { WARM_UP },
            measure: self.measure(MEASURE_MILLIS),
            server: self.server,
        }
    }
}

fn list<T>(text: &str, parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(parse).collect()
}

fn number<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number"))
}

/// Long enough for buffers and slabs to reach their size, and for the scheduler to settle.
const WARM_UP: Duration = Duration::from_millis(250);
/// Long enough for a thousand outboxes to fill.
const FILL: Duration = Duration::from_millis(600);
const MEASURE_MILLIS: u64 = 800;
