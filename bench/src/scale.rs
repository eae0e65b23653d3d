//! What a server does with more cores: the same loads on one of them, on two, four, and all.

mod load;

use std::fmt::Write;
use std::iter::successors;

use serde::Serialize;

use crate::Failure;
use crate::command::ScalePlan;
use crate::contenders::Contender;
use crate::measure::{Measured, mixes};
use crate::process::{Cores, Server, output};
use crate::report::save;
use crate::statistics::Spread;

pub(crate) use load::Load;

/// One load on so many cores.
#[derive(Debug, Serialize)]
struct Run {
    load: Load,
    cores: usize,
    repetition: usize,
    measured: Measured,
}

pub(crate) async fn run(plan: &ScalePlan) -> Result<(), Failure> {
    let ScalePlan { url, repetitions, output, .. } = plan;
    let mut runs = Vec::new();
    for repetition in 1..=*repetitions {
        for load in Load::ALL {
            for cores in steps(Cores::available()) {
                let measured = measure(plan, load, cores).await?;
                let (name, speed) = (load.name(), measured.per_second());
                eprintln!("repetition {repetition} of {repetitions}: {name}, cores {cores}: {speed:.0}/s");
                runs.push(Run { load, cores, repetition, measured });
            }
        }
    }
    println!("\n### A server on more cores, {url}, {repetitions} repetitions\n\n{}", table(&runs)?);
    eprintln!("written to {}", save(&runs, output, "scale")?.display());
    Ok(())
}

/// One core, two, four, and all there are.
fn steps(available: usize) -> Vec<usize> {
    let doubled = successors(Some(1_usize), |cores| cores.checked_mul(2));
    doubled.take_while(|cores| *cores < available).chain([available]).collect()
}

async fn measure(plan: &ScalePlan, load: Load, cores: usize) -> Result<Measured, Failure> {
    if load == Load::Threads {
        let measured = mixes::without_calls(cores, &plan.timing).await?;
        let server_cpu_seconds = measured.client_cpu_seconds; // its threads stand for a server's
        return Ok(Measured { server_cpu_seconds, client_cpu_seconds: 0.0, ..measured });
    }
    let contender = Contender::LinkspanPostcard.name();
    let serve = [contender, &plan.url, "--cores", &cores.to_string()].map(str::to_owned);
    let server = Server::start(&[], &serve).await?;
    let (pid, millis) = (server.pid()?.to_string(), plan.timing.measure.as_millis().to_string());
    let call = [server.address(), load.name(), "--millis", &millis, "--server-pid", &pid].map(str::to_owned);
    let measured = serde_json::from_str(&output(&[], "call-scale", &call).await?)?;
    server.stop().await?;
    Ok(measured)
}

fn table(runs: &[Run]) -> Result<String, Failure> {
    let mut text = String::from(
        "| load | cores | calls/s | of one core's | server, CPU s per s | client, CPU s per s |\n",
    );
    text.push_str("|---|---:|---:|---:|---:|---:|\n");
    for run in runs.iter().filter(|run| run.repetition == 1) {
        let alike = || runs.iter().filter(|other| (other.load, other.cores) == (run.load, run.cores));
        let middle = |value: &dyn Fn(&Run) -> f64| {
            Spread::of(alike().map(value)).map_or(f64::NAN, |spread| spread.median)
        };
        writeln!(
            text,
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.2} |",
            if run.cores == 1 { run.load.title() } else { "" },
            run.cores,
            middle(&|run| run.measured.per_second()),
            middle(&|run| of_one_core(runs, run)),
            middle(&|run| run.measured.server_cpu_seconds / run.measured.seconds),
            middle(&|run| run.measured.client_cpu_seconds / run.measured.seconds),
        )?;
    }
    Ok(text)
}

/// What `run` brought, of what its repetition brought with one core.
fn of_one_core(runs: &[Run], run: &Run) -> f64 {
    let one = runs.iter().find(|one| (one.load, one.repetition, one.cores) == (run.load, run.repetition, 1));
    one.map_or(f64::NAN, |one| run.measured.per_second() / one.measured.per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_doubled_up_to_all_there_are() {
        assert_eq!(steps(1), [1]);
        assert_eq!(steps(2), [1, 2]);
        assert_eq!(steps(6), [1, 2, 4, 6]);
        assert_eq!(steps(8), [1, 2, 4, 8]);
    }

    #[test]
    fn ratios_are_taken_within_a_repetition() {
        let run = |repetition, cores, operations| Run {
            load: Load::Spawn,
            cores,
            repetition,
            measured: Measured { operations, seconds: 1.0, ..Measured::default() },
        };
        let runs = [(1, 1, 100), (1, 2, 190), (2, 1, 10), (2, 2, 18), (3, 1, 50), (3, 2, 100)];
        let text =
            table(&runs.map(|(repetition, cores, operations)| run(repetition, cores, operations))).unwrap();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("16 calls | 1 | 50 | 1.00 |"), "{text}");
        assert!(lines[1].starts_with("|  | 2 | 100 | 1.90 |"), "{text}");
    }
}
