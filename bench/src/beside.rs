//! Small calls beside large ones: what a stream of 4 MiB echoes on the same connection does to a multiplication.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::command::BesidePlan;
use crate::contenders::{Caller, Contender, Stub, with_codec};
use crate::measure::calls::Multiply;
use crate::measure::{Measured, Stage, Timing, repeat};
use crate::process::{Server, output};
use crate::statistics::Spread;

/// Small calls alone and beside the echoes, in one process, one after the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Beside {
    alone: Measured,
    beside: Measured,
    echoes: u64,
}

pub(crate) async fn run(plan: &BesidePlan) -> Result<(), Failure> {
    let mut runs = Vec::new();
    for repetition in 0..plan.repetitions {
        let contender = Contender::LinkspanPostcard.name().to_owned();
        let server = Server::start(&[], &[contender, plan.url.clone()]).await?;
        let pid = server.pid()?.to_string();
        let arguments = [server.address(), "--millis", "2000", "--server-pid", &pid].map(str::to_owned);
        let run: Beside = serde_json::from_str(&output(&[], "call-beside", &arguments).await?)?;
        server.stop().await?;
        eprintln!(
            "repetition {} of {}: p99 {:.0} µs alone, {:.0} µs beside {:.0} MB/s each way",
            repetition + 1,
            plan.repetitions,
            run.alone.p99_micros.unwrap_or(f64::NAN),
            run.beside.p99_micros.unwrap_or(f64::NAN),
            run.megabytes_per_second(),
        );
        runs.push(run);
    }
    let middle = |value: &dyn Fn(&Beside) -> Option<f64>| {
        Spread::of(runs.iter().filter_map(value)).map_or(f64::NAN, |spread| spread.median)
    };
    println!("\n### One small call in flight on {}, {} repetitions, unpinned\n", plan.url, runs.len());
    println!("| | calls/s | p50 µs | p99 µs | max µs | echoes MB/s each way |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (name, part) in [("alone", Beside::alone as Part), ("beside 4 MiB echoes", Beside::beside)] {
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {} |",
            middle(&|run| Some(part(run).per_second())),
            middle(&|run| part(run).p50_micros),
            middle(&|run| part(run).p99_micros),
            middle(&|run| part(run).max_micros),
            if name == "alone" {
                "-".into()
            } else {
                format!("{:.0}", middle(&|run| Some(run.megabytes_per_second())))
            },
        );
    }
    std::fs::create_dir_all(&plan.output)?;
    let file = plan.output.join("beside.json");
    std::fs::write(&file, serde_json::to_string_pretty(&runs)?)?;
    eprintln!("written to {}", file.display());
    Ok(())
}

type Part = fn(&Beside) -> &Measured;

impl Beside {
    fn alone(&self) -> &Measured {
        &self.alone
    }

    fn beside(&self) -> &Measured {
        &self.beside
    }

    fn megabytes_per_second(&self) -> f64 {
        self.echoes as f64 * ECHO_LEN as f64 / self.beside.seconds / 1e6
    }
}

/// The client's half.
pub(crate) async fn call(address: &str, timing: &Timing) -> Result<Beside, Failure> {
    let stub = Stub::connect(&with_codec(address, "postcard")).await?;
    let alone = one_at_a_time(&stub, Arc::default(), timing).await?;

    let stage = Arc::new(Stage::default());
    let body = Bytes::from_iter((0..=250).cycle().take(ECHO_LEN));
    let (echoing, echo_stage) = (stub.clone(), stage.clone());
    let echoes = tokio::spawn(async move {
        let mut echoes = 0;
        while !echo_stage.is_over() {
            let echo = echoing.echo(body.clone()).await?;
            if echo != body {
                return Err(Failure::from("an echo differs from what was sent"));
            }
            echoes += u64::from(echo_stage.is_measuring());
        }
        Ok(echoes)
    });
    let beside = one_at_a_time(&stub, stage, timing).await?;
    Ok(Beside { alone, beside, echoes: echoes.await?? })
}

async fn one_at_a_time(stub: &Stub, stage: Arc<Stage>, timing: &Timing) -> Result<Measured, Failure> {
    let calls = tokio::spawn(repeat(Multiply::new(stub.clone()), stage.clone()));
    let passed = stage.pass(timing).await?;
    calls.await??.finish(passed)
}

const ECHO_LEN: usize = 4 * 1024 * 1024;
