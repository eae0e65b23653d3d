//! Every contender under every load, interleaved, so that what else the machine does touches all of them.

use std::time::{Duration, Instant};

use crate::Failure;
use crate::command::Plan;
use crate::contenders::Contender;
use crate::load::{Kind, Load, Place};
use crate::measure::Measured;
use crate::process::{Server, output, writes};
use crate::report::{Report, Writes};
use crate::results::Run;

pub(crate) async fn run(plan: &Plan) -> Result<(), Failure> {
    let mut report = Report::new(plan.name);
    let steps = steps(plan);
    let (begin, mut done) = (Instant::now(), 0);
    for (repetition, load, contender) in &steps {
        done += 1;
        let outcome = match measure(plan, *contender, load, &[], &[]).await {
            Ok(measured) => {
                let run = Run::new(*contender, load, *repetition, measured);
                let outcome = format!("{:.1} {}", run.value, run.unit);
                report.results.add(run);
                outcome
            }
            Err(failure) => {
                let what = format!("{} by {}, repetition {}", load.name, contender.name(), repetition + 1);
                report.failures.push(format!("{what}: {failure}"));
                format!("FAILED: {failure}")
            }
        };
        let left = remaining(begin.elapsed(), done, steps.len());
        let (of, load, name) = (steps.len(), load.name, contender.name());
        eprintln!("[{done:>4} of {of}, {left} left] {load:<20} {name:<18} {outcome}");
        if done % SAVE_EVERY == 0 {
            report.save(&plan.output)?;
        }
    }
    count_writes(plan, &mut report).await?;
    report.results.compare_to_limits();
    report.save(&plan.output)?;
    report.publish(&plan.output)?;
    match report.failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} runs failed", steps.len()).into()),
    }
}

/// What to run, in order: within a repetition the contenders take turns, and another one begins in the next.
fn steps(plan: &Plan) -> Vec<(usize, Load, Contender)> {
    let mut steps = Vec::new();
    for repetition in 0..plan.repetitions {
        for load in &plan.loads {
            let able =
                plan.contenders.iter().copied().filter(|contender| contender.cannot(load.kind).is_none());
            let mut able: Vec<_> = able.collect();
            let turn = repetition % able.len().max(1);
            able.rotate_left(turn);
            steps.extend(able.into_iter().map(|contender| (repetition, *load, contender)));
        }
    }
    steps
}

fn remaining(elapsed: Duration, done: usize, all: usize) -> String {
    let seconds = elapsed.as_secs_f64() / done as f64 * (all - done) as f64;
    format!("{:.0}:{:02.0}", (seconds / 60.0).floor(), (seconds % 60.0).floor())
}

/// One run in two fresh processes, each under its tracer if it names one.
async fn measure(
    plan: &Plan,
    contender: Contender,
    load: &Load,
    client_tracer: &[String],
    server_tracer: &[String],
) -> Result<Measured, Failure> {
    let mut pin = Vec::new();
    if load.place == Place::OneCore {
        pin = vec!["--core".to_owned(), plan.core.to_string()];
    }
    let server =
        Server::start(server_tracer, &[vec![contender.name().to_owned()], pin.clone()].concat()).await?;
    let arguments = [
        contender.name().to_owned(),
        server.address().to_owned(),
        "--loads".to_owned(),
        load.name.to_owned(),
        "--millis".to_owned(),
        plan.measure.as_millis().to_string(),
        "--server-pid".to_owned(),
        server.pid()?.to_string(),
    ];
    let printed = output(client_tracer, "call", &[arguments.to_vec(), pin].concat()).await?;
    server.stop().await?;
    Ok(serde_json::from_str(&printed)?)
}

/// Counts writes per call at 64 in flight, in runs of their own, since counting disturbs.
async fn count_writes(plan: &Plan, report: &mut Report) -> Result<(), Failure> {
    let Some(load) = plan.loads.iter().find(|load| load.name == "unary-64") else { return Ok(()) };
    if !writes::can_be_counted() {
        eprintln!("no strace: writes per call are not counted");
        return Ok(());
    }
    std::fs::create_dir_all(&plan.output)?;
    let [client, server] = ["client", "server"].map(|side| plan.output.join(format!("{side}.strace")));
    for &contender in plan.contenders.iter().filter(|contender| contender.cannot(Kind::Unary).is_none()) {
        eprintln!("[writes per call] {}", contender.name());
        let measured =
            measure(plan, contender, load, &writes::tracer(&client), &writes::tracer(&server)).await?;
        let per_call = |file| -> Result<f64, Failure> {
            Ok(writes::parse(&std::fs::read_to_string(file)?)? as f64 / measured.operations_ever as f64)
        };
        report.writes.push(Writes {
            contender,
            client_per_call: per_call(&client)?,
            server_per_call: per_call(&server)?,
        });
    }
    std::fs::remove_file(client)?;
    Ok(std::fs::remove_file(server)?)
}

/// Often enough that little is lost, rarely enough to disturb nothing.
const SAVE_EVERY: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contenders_take_turns_and_skip_what_they_cannot_do() {
        let plan = Plan {
            name: "test",
            repetitions: 3,
            contenders: vec![Contender::Raw, Contender::Tarpc, Contender::Axum],
            loads: ["unary-1", "push"].into_iter().map(|name| Load::parse(name).unwrap()).collect(),
            core: 0,
            measure: Duration::ZERO,
            output: "unused".into(),
        };
        let order = steps(&plan).into_iter().map(|(at, load, contender)| (at, load.name, contender.name()));
        let expected = [
            (0, "unary-1", "raw"),
            (0, "unary-1", "tarpc"),
            (0, "push", "raw"),
            (0, "push", "axum"),
            (1, "unary-1", "tarpc"),
            (1, "unary-1", "raw"),
            (1, "push", "axum"),
            (1, "push", "raw"),
            (2, "unary-1", "raw"),
            (2, "unary-1", "tarpc"),
            (2, "push", "raw"),
            (2, "push", "axum"),
        ];
        assert_eq!(order.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_time_left_follows_from_the_time_taken() {
        assert_eq!(remaining(Duration::from_secs(30), 10, 51), "2:03");
        assert_eq!(remaining(Duration::from_secs(30), 10, 10), "0:00");
    }
}
