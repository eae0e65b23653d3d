//! The command line.

mod options;

use std::path::PathBuf;
use std::time::Duration;

use crate::contenders::Contender;
use crate::load::Load;
use crate::measure::Timing;
use crate::process::Cores;
use crate::scale;
use options::Options;

pub(crate) const USAGE: &str = "\
usage: linkspan-bench all                   every contender under every load, 6 repetitions
       linkspan-bench quick                 the loads and contenders that say most, 2 repetitions
       linkspan-bench beside [URL]          small calls beside 4 MiB echoes and busy handlers (tcp://127.0.0.1:0)
       linkspan-bench scale [URL]           one server on one core, on two, four and all of them (tcp://127.0.0.1:0)
       linkspan-bench render FILE           tables and plots of an earlier run, from its JSON

options of all and quick; beside and scale take --repetitions and --output, scale --millis too:
  --repetitions N      instead of 6 or 2
  --only NAME,NAME     contenders: raw, raw-inplace, linkspan-postcard, linkspan-static, linkspan-json, tarpc, tonic,
                       raw-ws, raw-ws-frames, linkspan-ws, linkspan-ws-json, jsonrpsee, axum, raw-quic, linkspan-quic
  --loads NAME,NAME    loads: unary-1, unary-64, unary-1024, unary-1-unpinned, unary-64-unpinned, unary-1024-unpinned,
                       unary-64x16, echo-16k, echo-1m, echo-16k-unpinned, push, push-unpinned, broadcast,
                       broadcast-unpinned, lockstep, connect, memory
  --millis N           how long each run is measured, instead of 500 or 400
  --core N             the core that pinned processes share (default: the last)
  --output DIR         where files go (default: bench/results)

the two halves alone, for strace and perf:
       linkspan-bench serve NAME [URL] [--core N | --cores N]   prints its address; ends when its input does
       linkspan-bench call NAME ADDRESS [--loads NAME] [--in-flight N] [--core N] [--millis N] [--server-pid N]
                                                                unary-1, if it names no load; prints JSON
  --cores N            the first N cores, with a worker for each";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Beside(BesidePlan),
    /// One run of one contender's client.
    Call {
        contender: Contender,
        address: String,
        load: Load,
        timing: Timing,
        cores: Cores,
    },
    CallBeside {
        address: String,
        timing: Timing,
    },
    CallScale {
        address: String,
        load: scale::Load,
        timing: Timing,
    },
    Compare(Plan),
    Help,
    Render {
        file: PathBuf,
        output: PathBuf,
    },
    Scale(ScalePlan),
    /// One contender's server.
    Serve {
        contender: Contender,
        url: Option<String>,
        cores: Cores,
    },
}

/// Which runs to compare.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) repetitions: usize,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) loads: Vec<Load>,
    pub(crate) core: usize,
    pub(crate) measure: Duration,
    pub(crate) output: PathBuf,
}

/// Which runs of the load beside to make.
#[derive(Debug)]
pub(crate) struct BesidePlan {
    pub(crate) url: String,
    pub(crate) repetitions: usize,
    pub(crate) output: PathBuf,
}

/// Which runs of one server on more and more cores to make.
#[derive(Debug)]
pub(crate) struct ScalePlan {
    pub(crate) url: String,
    pub(crate) repetitions: usize,
    pub(crate) timing: Timing,
    pub(crate) output: PathBuf,
}

impl Command {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let options = Options::parse(arguments)?;
        let mut words = options.positional.clone().into_iter();
        let mut word = |what: &str| words.next().ok_or(format!("name {what}"));
        match word("a command")?.as_str() {
            "all" => options.plan("all", 6, (Contender::ALL, Load::ALL), 500).map(Self::Compare),
            "quick" => {
                let loads: Vec<_> = QUICK_LOADS.iter().filter_map(|load| Load::parse(load).ok()).collect();
                options.plan("quick", 2, (QUICK_CONTENDERS, &loads), 400).map(Self::Compare)
            }
            "beside" => {
                let url = word("a URL").unwrap_or_else(|_| TCP.to_owned());
                let repetitions = options.repetitions.unwrap_or(3);
                Ok(Self::Beside(BesidePlan { url, repetitions, output: options.output() }))
            }
            "scale" => {
                let url = word("a URL").unwrap_or_else(|_| TCP.to_owned());
                let timing = Timing { measure: options.measure(1500), ..options.timing(&options.load()?) };
                let repetitions = options.repetitions.unwrap_or(3).max(1);
                Ok(Self::Scale(ScalePlan { url, repetitions, timing, output: options.output() }))
            }
            "render" => Ok(Self::Render { file: word("a file")?.into(), output: options.output() }),
            "serve" => {
                let contender = Contender::parse(&word("a contender")?)?;
                Ok(Self::Serve { contender, url: word("a URL").ok(), cores: options.cores()? })
            }
            "call" => {
                let contender = Contender::parse(&word("a contender")?)?;
                let (address, load) = (word("an address")?, options.load()?);
                Ok(Self::Call {
                    contender,
                    address,
                    load,
                    timing: options.timing(&load),
                    cores: options.cores()?,
                })
            }
            "call-beside" => {
                let (address, load) = (word("an address")?, options.load()?);
                Ok(Self::CallBeside { address, timing: options.timing(&load) })
            }
            "call-scale" => {
                let (address, load) = (word("an address")?, scale::Load::parse(&word("a load")?)?);
                Ok(Self::CallScale { address, load, timing: options.timing(&options.load()?) })
            }
            "help" => Ok(Self::Help),
            other => Err(format!("unknown command `{other}`")),
        }
    }
}

const TCP: &str = "tcp://127.0.0.1:0";
const QUICK_CONTENDERS: &[Contender] = &[
    Contender::Raw,
    Contender::RawInplace,
    Contender::LinkspanPostcard,
    Contender::Tarpc,
    Contender::RawWs,
    Contender::LinkspanWs,
    Contender::Axum,
    Contender::RawQuic,
    Contender::LinkspanQuic,
];
const QUICK_LOADS: &[&str] =
    &["unary-1", "unary-64", "unary-1024", "echo-16k", "push", "broadcast", "lockstep", "memory"];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        Command::parse(line.split_whitespace().map(str::to_owned))
    }

    fn plan(line: &str) -> Option<Plan> {
        if let Ok(Command::Compare(plan)) = parse(line) { Some(plan) } else { None }
    }

    #[test]
    fn all_runs_everything_six_times() {
        let plan = plan("all").unwrap();
        assert_eq!((plan.repetitions, plan.contenders.len()), (6, Contender::ALL.len()));
        assert_eq!(plan.loads, Load::ALL);
        assert!(plan.output.ends_with("bench/results"));
    }

    #[test]
    fn options_narrow_it_down() {
        let line =
            "quick --only raw,tarpc --loads unary-64,push --repetitions 5 --millis 70 --core 0 --output x";
        let plan = plan(line).unwrap();
        assert_eq!(plan.contenders, [Contender::Raw, Contender::Tarpc]);
        assert_eq!(plan.loads.iter().map(|load| load.name).collect::<Vec<_>>(), ["unary-64", "push"]);
        assert_eq!((plan.repetitions, plan.core), (5, 0));
        assert_eq!((plan.measure, plan.output), (Duration::from_millis(70), PathBuf::from("x")));
    }

    #[test]
    fn a_half_alone_calls_as_often_as_it_is_told() {
        let line = "call raw 127.0.0.1:1 --in-flight 64 --millis 70 --core 1";
        let seen = match parse(line) {
            Ok(Command::Call { load, timing, cores, .. }) => {
                Some((load.name, load.in_flight, timing.measure, cores))
            }
            _ => None,
        };
        assert_eq!(seen, Some(("unary-1", 64, Duration::from_millis(70), Cores::One(1))));
    }

    #[test]
    fn a_server_runs_on_every_core_or_on_those_it_is_told() {
        let cores = |options: &str| match parse(&format!("serve raw {options}")) {
            Ok(Command::Serve { cores, .. }) => Some(cores),
            _ => None,
        };
        assert_eq!(cores(""), Some(Cores::All));
        assert_eq!(cores("--core 0"), Some(Cores::One(0)));
        assert_eq!(cores("--cores 2"), Some(Cores::First(2)));
    }

    #[test]
    fn scaling_is_measured_three_times_over_tcp_unless_told_otherwise() {
        let scale = |line: &str| match parse(line) {
            Ok(Command::Scale(plan)) => Some((plan.url, plan.repetitions, plan.timing.measure.as_millis())),
            _ => None,
        };
        assert_eq!(scale("scale"), Some((TCP.to_owned(), 3, 1500)));
        let line = "scale ws://127.0.0.1:0 --repetitions 5 --millis 70";
        assert_eq!(scale(line), Some(("ws://127.0.0.1:0".to_owned(), 5, 70)));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, problem) in [
            ("", "name a command"),
            ("fast", "unknown command `fast`"),
            ("all --only raw,udp", "unknown contender `udp`"),
            ("all --loads unary-2", "unknown load `unary-2`"),
            ("all --repetitions", "--repetitions needs a value"),
            ("all --repetitions two", "`two` is not a whole number"),
            ("all --fast", "unknown option `--fast`"),
            ("call raw", "name an address"),
            ("call-scale tcp://127.0.0.1:1 unary-1", "unknown load `unary-1`"),
            ("serve raw --core 1 --cores 2", "--core and --cores"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.starts_with(problem), "{line}: {error}");
        }
    }

    #[test]
    fn the_usage_names_every_contender_and_load() {
        for name in Contender::ALL
            .iter()
            .map(|contender| contender.name())
            .chain(Load::ALL.iter().map(|load| load.name))
        {
            assert!(USAGE.contains(name), "{name}");
        }
    }
}
