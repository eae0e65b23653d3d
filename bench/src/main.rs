//! How fast Linkspan is, beside hand-written loops and beside its peers, in one run. `README.md` says how to read it.
//!
//! - `command` reads the command line; `compare` and `beside` are the two measurements.
//! - `process` starts the processes that are measured, pins them, and reads the CPU time they used.
//! - `contenders` are what is compared; `load` calls them; `report` turns the runs into tables and JSON.

mod beside;
mod command;
mod compare;
mod contenders;
mod load;
mod process;
mod report;

use std::process::ExitCode;

use command::Command;

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
        Command::Compare(plan) => process::runtime(None)?.block_on(compare::run(&plan)),
        Command::Beside(plan) => process::runtime(None)?.block_on(beside::run(&plan)),
        Command::Serve { contender, url, core } => {
            process::runtime(core)?.block_on(contenders::serve(contender, url.as_deref()))
        }
        Command::Call { contender, address, load, core } => {
            let measured = process::runtime(core)?.block_on(contenders::call(contender, &address, &load))?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        Command::CallBeside { address, load } => {
            let measured = process::runtime(None)?.block_on(beside::call(&address, &load))?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
    }
}
