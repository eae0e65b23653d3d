//! Small calls beside large ones, and beside handlers that compute: what they do to a multiplication.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::command::BesidePlan;
use crate::contenders::{Caller, Contender, Stub, with_codec};
use crate::measure::calls::Multiply;
use crate::measure::{Measured, Stage, Timing, repeat};
use crate::process::{Server, output};
use crate::report::save;
use crate::statistics::Spread;

/// What runs beside the small calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Neighbour {
    Nothing,
    /// Echoes of 4 MiB on the same connection.
    Echoes,
    /// Handlers that compute for 10 ms, called from another connection, one after the other.
    Computing,
    /// The same, declared `spawn`.
    ComputingSpawned,
    /// One that computes for 10 ms after 300 of its method that did not.
    ComputingRarely,
}

const NEIGHBOURS: [Neighbour; 5] = [
    Neighbour::Nothing,
    Neighbour::Echoes,
    Neighbour::Computing,
    Neighbour::ComputingSpawned,
    Neighbour::ComputingRarely,
];

/// Small calls beside one neighbour.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Beside {
    neighbour: Neighbour,
    small: Measured,
    /// Calls of the neighbour meanwhile.
    calls: u64,
}

pub(crate) async fn run(plan: &BesidePlan) -> Result<(), Failure> {
    let mut runs = Vec::new();
    for repetition in 0..plan.repetitions {
        let contender = Contender::LinkspanPostcard.name().to_owned();
        let server = Server::start(&[], &[contender, plan.url.clone()]).await?;
        let pid = server.pid()?.to_string();
        let arguments = [server.address(), "--millis", "2000", "--server-pid", &pid].map(str::to_owned);
        let run: Vec<Beside> = serde_json::from_str(&output(&[], "call-beside", &arguments).await?)?;
        server.stop().await?;
        let p99s = run.iter().map(|part| format!("{:.0}", part.small.p99_micros.unwrap_or(f64::NAN)));
        let p99s = p99s.collect::<Vec<_>>().join(", ");
        eprintln!("repetition {} of {}: p99 {p99s} µs", repetition + 1, plan.repetitions);
        runs.push(run);
    }
    println!("\n### One small call in flight on {}, {} repetitions, unpinned\n", plan.url, runs.len());
    println!("| beside | calls/s | p50 µs | p99 µs | max µs | neighbours per second |");
    println!("|---|---:|---:|---:|---:|---:|");
    for neighbour in NEIGHBOURS {
        let parts = || runs.iter().flatten().filter(|part| part.neighbour == neighbour);
        let middle = |value: &dyn Fn(&Beside) -> Option<f64>| {
            Spread::of(parts().filter_map(value)).map_or(f64::NAN, |spread| spread.median)
        };
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
            neighbour.title(),
            middle(&|part| Some(part.small.per_second())),
            middle(&|part| part.small.p50_micros),
            middle(&|part| part.small.p99_micros),
            middle(&|part| part.small.max_micros),
            middle(&|part| Some(part.calls as f64 / part.small.seconds)),
        );
    }
    eprintln!("written to {}", save(&runs, &plan.output, "beside")?.display());
    Ok(())
}

impl Neighbour {
    fn title(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Echoes => "4 MiB echoes on its connection",
            Self::Computing => "10 ms handlers on another",
            Self::ComputingSpawned => "the same, declared `spawn`",
            Self::ComputingRarely => "one such behind 300 quick ones",
        }
    }

    /// Calls until `stage` is over. Returns how many were answered while it was measured.
    async fn call(self, near: Stub, far: Stub, stage: Arc<Stage>) -> Result<u64, Failure> {
        let body = Bytes::from_iter((0..=250).cycle().take(ECHO_LEN));
        let mut calls = 0;
        while !stage.is_over() {
            match self {
                Self::Nothing => break,
                Self::Echoes if near.echo(body.clone()).await? != body => {
                    return Err("an echo differs from what was sent".into());
                }
                Self::Echoes => {}
                Self::Computing | Self::ComputingSpawned | Self::ComputingRarely => {
                    let steps = match self {
                        Self::ComputingRarely => far.compute_rarely().await?,
                        _ => far.compute(self == Self::ComputingSpawned).await?,
                    };
                    if steps == 0 {
                        return Err("a handler did not compute".into());
                    }
                }
            }
            calls += u64::from(stage.is_measuring());
        }
        Ok(calls)
    }
}

/// The client's half.
pub(crate) async fn call(address: &str, timing: &Timing) -> Result<Vec<Beside>, Failure> {
    let address = with_codec(address, "postcard");
    let (near, far) = (Stub::connect(&address).await?, Stub::connect(&address).await?);
    let mut parts = Vec::new();
    for neighbour in NEIGHBOURS {
        let stage = Arc::new(Stage::default());
        let calls = tokio::spawn(neighbour.call(near.clone(), far.clone(), stage.clone()));
        let small = one_at_a_time(&near, stage, timing).await?;
        parts.push(Beside { neighbour, small, calls: calls.await?? });
    }
    Ok(parts)
}

async fn one_at_a_time(stub: &Stub, stage: Arc<Stage>, timing: &Timing) -> Result<Measured, Failure> {
    let calls = tokio::spawn(repeat(Multiply::new(stub.clone()), stage.clone()));
    let passed = stage.pass(timing).await?;
    calls.await??.finish(passed)
}

const ECHO_LEN: usize = 4 * 1024 * 1024;
