//! How fast Linkspan is, beside hand-written loops and beside its peers, in one run. `README.md` says how to read it.
//!
//! - `command` reads the command line; `compare`, `beside` and `scale` are the measurements.
//! - `process` starts the processes that are measured, pins them, and reads what they used.
//! - `contenders` are what is compared, `load` what is asked of them, `measure` the client's half that asks it.
//! - `results` are the runs and their ratios, `budget` what these should be, `report` turns them into tables and plots.

mod beside;
mod budget;
mod command;
mod compare;
mod contenders;
mod load;
mod measure;
mod process;
mod report;
mod results;
mod scale;
mod statistics;

use std::process::ExitCode;

use command::Command;
use process::Cores;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("bench: {problem}\n\n{}", command::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Help => {
            println!("{}", command::USAGE);
            Ok(())
        }
        Command::Compare(plan) => process::runtime(Cores::All)?.block_on(compare::run(&plan)),
        Command::Beside(plan) => process::runtime(Cores::All)?.block_on(beside::run(&plan)),
        Command::Scale(plan) => process::runtime(Cores::All)?.block_on(scale::run(&plan)),
        Command::Render { file, output } => report::Report::read(&file)?.publish(&output),
        Command::Serve { contender, url, cores } => {
            process::run_once(cores, contenders::serve(contender, url.as_deref()))
        }
        Command::Call { contender, address, load, timing, cores } => {
            print(&process::run_once(cores, contenders::measure(contender, &address, &load, &timing))?)
        }
        Command::CallBeside { address, timing } => {
            print(&process::run_once(Cores::All, beside::call(&address, &timing))?)
        }
        Command::CallScale { address, load, timing } => {
            print(&process::run_once(Cores::All, load.call(&address, &timing))?)
        }
    }
}

/// For the process that started this one.
fn print(measured: &impl serde::Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(measured)?);
    Ok(())
}
