//! Every contender under every load, interleaved, so that what else the machine does touches all of them.

use crate::Failure;
use crate::command::Plan;
use crate::contenders::Contender;
use crate::load::Measured;
use crate::process::{Server, output};
use crate::report::{Report, Run};

pub(crate) async fn run(plan: &Plan) -> Result<(), Failure> {
    let mut report = Report::new(plan.name, plan.core);
    for repetition in 0..plan.repetitions {
        for &in_flight in &plan.in_flight {
            for place in 0..plan.contenders.len() {
                // Each contender comes first, second … in turn.
                let turned = (place + repetition) % plan.contenders.len();
                let Some(&contender) = plan.contenders.get(turned) else { continue };
                let measured = measure(plan, contender, in_flight).await?;
                eprintln!(
                    "repetition {} of {}: {:<18} {in_flight:>5} in flight {:>9.0} calls/s",
                    repetition + 1,
                    plan.repetitions,
                    contender.name(),
                    measured.calls_per_second(),
                );
                let (contender, limit) = (contender.name(), contender.limit().name());
                report.add(Run { contender, limit, in_flight, repetition, measured });
            }
        }
    }
    print!("{}", report.tables());
    eprintln!("written to {}", report.write()?.display());
    Ok(())
}

/// One run in two fresh processes.
async fn measure(plan: &Plan, contender: Contender, in_flight: usize) -> Result<Measured, Failure> {
    let mut pin = Vec::new();
    if let Some(core) = plan.core {
        pin = vec!["--core".to_owned(), core.to_string()];
    }
    let server = Server::start(&[vec![contender.name().to_owned()], pin.clone()].concat()).await?;
    let arguments = [
        contender.name().to_owned(),
        server.address().to_owned(),
        "--in-flight".to_owned(),
        in_flight.to_string(),
        "--millis".to_owned(),
        plan.measure.as_millis().to_string(),
        "--server-pid".to_owned(),
        server.pid()?.to_string(),
    ];
    let printed = output("call", &[arguments.to_vec(), pin].concat()).await?;
    server.stop().await?;
    Ok(serde_json::from_str(&printed)?)
}
