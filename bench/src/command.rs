//! The command line.

use std::time::Duration;

use crate::contenders::{Contender, Road};
use crate::load::Load;

pub(crate) const USAGE: &str = "\
usage: linkspan-bench quick                 the contenders over TCP at 1, 64 and 1,024 calls in flight, 3 repetitions
       linkspan-bench roads                 the same over WebSocket and QUIC
       linkspan-bench all                   every contender, 6 repetitions
       linkspan-bench beside [URL]          small calls while 4 MiB echoes run on the same connection (tcp://127.0.0.1:0)

options of quick, roads and all:
  --repetitions N      instead of 3 or 6
  --only NAME,NAME     contenders, of any road:
                       raw, linkspan-postcard, linkspan-json, tarpc, tonic, raw-ws, linkspan-ws, jsonrpsee, raw-quic, linkspan-quic
  --in-flight N,N      calls in flight (default: 1,64,1024)
  --core N             the core both processes are pinned to (default: the last)
  --unpinned           let both processes use every core

the two halves alone, for strace and perf:
       linkspan-bench serve NAME [--core N]                     prints its address; ends when its input does
       linkspan-bench call NAME ADDRESS --in-flight N [--core N] [--millis N] [--server-pid N]";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Beside(BesidePlan),
    /// One run of one contender's client.
    Call {
        contender: Contender,
        address: String,
        load: Load,
        core: Option<usize>,
    },
    CallBeside {
        address: String,
        load: Load,
    },
    Compare(Plan),
    Help,
    /// One contender's server.
    Serve {
        contender: Contender,
        url: Option<String>,
        core: Option<usize>,
    },
}

/// Which runs to compare.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) repetitions: usize,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) in_flight: Vec<usize>,
    pub(crate) core: Option<usize>,
    pub(crate) measure: Duration,
}

/// Which runs of the load beside to make.
#[derive(Debug)]
pub(crate) struct BesidePlan {
    pub(crate) url: String,
    pub(crate) repetitions: usize,
}

/// Options in any order, and what stands between them.
#[derive(Debug, Default)]
struct Options {
    positional: Vec<String>,
    repetitions: Option<usize>,
    contenders: Option<Vec<Contender>>,
    in_flight: Option<Vec<usize>>,
    core: Option<usize>,
    unpinned: bool,
    millis: Option<u64>,
    server: Option<u32>,
}

impl Command {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let options = Options::parse(arguments)?;
        let mut words = options.positional.iter().map(String::as_str);
        let mut word = |what: &str| words.next().map(str::to_owned).ok_or(format!("name {what}"));
        match word("a command")?.as_str() {
            "all" => options.plan("all", &[Road::Tcp, Road::WebSocket, Road::Quic], 6).map(Self::Compare),
            "quick" => options.plan("quick", &[Road::Tcp], 3).map(Self::Compare),
            "roads" => options.plan("roads", &[Road::WebSocket, Road::Quic], 3).map(Self::Compare),
            "beside" => {
                let url = word("a URL").unwrap_or_else(|_| "tcp://127.0.0.1:0".to_owned());
                let repetitions = options.repetitions.unwrap_or(3);
                Ok(Self::Beside(BesidePlan { url, repetitions }))
            }
            "serve" => {
                let contender = Contender::parse(&word("a contender")?)?;
                Ok(Self::Serve { contender, url: word("a URL").ok(), core: options.core })
            }
            "call" => {
                let contender = Contender::parse(&word("a contender")?)?;
                let address = word("an address")?;
                Ok(Self::Call { contender, address, load: options.load(), core: options.core })
            }
            "call-beside" => Ok(Self::CallBeside { address: word("an address")?, load: options.load() }),
            "help" => Ok(Self::Help),
            other => Err(format!("unknown command `{other}`")),
        }
    }
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--repetitions" => options.repetitions = Some(number(&value()?)?),
                "--in-flight" => {
                    options.in_flight = Some(value()?.split(',').map(number).collect::<Result<_, _>>()?);
                }
                "--only" => {
                    options.contenders =
                        Some(value()?.split(',').map(Contender::parse).collect::<Result<_, _>>()?);
                }
                "--core" => options.core = Some(number(&value()?)?),
                "--unpinned" => options.unpinned = true,
                "--millis" => options.millis = Some(number(&value()?)?),
                "--server-pid" => options.server = Some(number(&value()?)?),
                "--help" | "-h" => options.positional.insert(0, "help".to_owned()),
                option if option.starts_with('-') => return Err(format!("unknown option `{option}`")),
                _ => options.positional.push(argument),
            }
        }
        Ok(options)
    }

    fn plan(self, name: &'static str, roads: &[Road], repetitions: usize) -> Result<Plan, String> {
        let last = std::thread::available_parallelism().map_err(|error| error.to_string())?.get() - 1;
        Ok(Plan {
            name,
            repetitions: self.repetitions.unwrap_or(repetitions).max(1),
            contenders: self.contenders.unwrap_or_else(|| Contender::on(roads)),
            in_flight: self.in_flight.unwrap_or_else(|| vec![1, 64, 1024]),
            core: (!self.unpinned).then(|| self.core.unwrap_or(last)),
            measure: Duration::from_millis(self.millis.unwrap_or(MEASURE_MILLIS)),
        })
    }

    fn load(&self) -> Load {
        Load {
            in_flight: self.in_flight.iter().flatten().copied().next().unwrap_or(1),
            warm_up: WARM_UP,
            measure: Duration::from_millis(self.millis.unwrap_or(MEASURE_MILLIS)),
            server: self.server,
        }
    }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number"))
}

/// Long enough for buffers and slabs to reach their size, and for the scheduler to settle.
const WARM_UP: Duration = Duration::from_millis(300);
/// Long enough for a spread of 3 to 8 % between repetitions on one core.
const MEASURE_MILLIS: u64 = 800;
