//! Small calls beside large ones: what a stream of 4 MiB echoes on the same connection does to a multiplication.

use std::sync::Arc;

use bytes::Bytes;
use linkspan::Blob;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::command::BesidePlan;
use crate::contenders::{Contender, connect};
use crate::load::{self, Load, Measured, Stage};
use crate::process::{Server, output};
use crate::report::{median, write_json};

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
        let server = Server::start(&[contender, plan.url.clone()]).await?;
        let pid = server.pid()?.to_string();
        let arguments = [server.address(), "--millis", "2000", "--server-pid", &pid].map(str::to_owned);
        let run: Beside = serde_json::from_str(&output("call-beside", &arguments).await?)?;
        server.stop().await?;
        eprintln!(
            "repetition {} of {}: p99 {:.0} µs alone, {:.0} µs beside {:.0} MB/s each way",
            repetition + 1,
            plan.repetitions,
            run.alone.p99_micros,
            run.beside.p99_micros,
            run.megabytes_per_second(),
        );
        runs.push(run);
    }
    let middle = |value: &dyn Fn(&Beside) -> f64| median(runs.iter().map(value).collect());
    println!("\n### One small call in flight on {}, {} repetitions, unpinned\n", plan.url, runs.len());
    println!("| | calls/s | p50 µs | p99 µs | max µs | echoes MB/s each way |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (name, part) in [("alone", Beside::alone as Part), ("beside 4 MiB echoes", Beside::beside)] {
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {} |",
            middle(&|run| part(run).calls_per_second()),
            middle(&|run| part(run).p50_micros),
            middle(&|run| part(run).p99_micros),
            middle(&|run| part(run).max_micros),
            if name == "alone" {
                "-".into()
            } else {
                format!("{:.0}", middle(&Beside::megabytes_per_second))
            },
        );
    }
    eprintln!("written to {}", write_json("beside", &runs)?.display());
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
pub(crate) async fn call(address: &str, load: &Load) -> Result<Beside, Failure> {
    let stub = connect(address, "postcard").await?;
    let alone = load::run(stub.clone(), load).await?;

    let stage = Arc::new(Stage::default());
    let body = Bytes::from_iter((0..=250).cycle().take(ECHO_LEN));
    let (echoing, echo_stage) = (stub.clone(), stage.clone());
    let echoes = tokio::spawn(async move {
        let mut echoes = 0;
        while !echo_stage.is_over() {
            let echo = echoing.echo(Blob::from(body.clone())).await?;
            if *echo != *body {
                return Err(Failure::from("an echo differs from what was sent"));
            }
            echoes += u64::from(echo_stage.is_measuring());
        }
        Ok(echoes)
    });
    let calls = tokio::spawn(load::call(stub, 0, stage.clone()));
    let (elapsed, client, server) = stage.pass(load).await?;
    let beside = calls.await??.finish(elapsed, client, server)?;
    Ok(Beside { alone, beside, echoes: echoes.await?? })
}

const ECHO_LEN: usize = 4 * 1024 * 1024;
