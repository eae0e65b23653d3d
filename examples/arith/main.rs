//! The main job: one service on every road at once, called and pushed to in three codecs.
//!
//! - `arith` proves it all in one process and prints a table;
//! - `arith serve --endpoint URL…` and `arith call --endpoint URL A B` are the two halves, in two terminals;
//! - with `--config FILE` both take everything from one file, which `arith schema` describes.

#![expect(unreachable_pub, reason = "in a program, pub says what other modules use")]

mod arguments;
mod call;
mod configured;
mod development;
mod prove;
mod serve;
mod service;

use std::io::Write;
use std::process::ExitCode;

use arguments::Command;
use linkspan::config::Config;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let command = match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(problem) => {
            eprintln!("arith: {problem}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let result = match command {
        Command::Prove => prove::run().await,
        Command::Serve { endpoints } => serve::run(&endpoints).await,
        Command::ServeConfigured { file } => configured::serve(&file).await,
        Command::Call(call) => call::run(call).await,
        Command::CallConfigured { file, call } => configured::call(&file, &call).await,
        // It is long, so people look at its beginning: a reader that leaves early is no reason to panic.
        Command::Schema => writeln!(std::io::stdout(), "{:#}", Config::schema()).map_err(Failure::from),
        Command::Help => {
            println!("{}", arguments::USAGE);
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("arith: {}", chain(&*failure));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
