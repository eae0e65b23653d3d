//! Fresh processes for every run: started, pinned, stopped; and what they used.

pub(crate) mod cpu;
pub(crate) mod memory;
pub(crate) mod writes;

use std::num::NonZero;
use std::process::Stdio;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::Failure;

/// Which cores a process may use, and how many workers its runtime has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Every core, with a worker for each.
    All,
    /// The first so many, with a worker for each.
    First(usize),
    /// This one, with as many workers as the machine has cores.
    One(usize),
}

impl Cores {
    /// How many there are for us.
    pub(crate) fn available() -> usize {
        std::thread::available_parallelism().map_or(1, NonZero::get)
    }

    /// Keeps this thread on them, and those that it starts.
    fn pin(self) -> Result<(), Failure> {
        let mut chosen = CpuSet::new();
        match self {
            Self::All => return Ok(()),
            Self::First(count) => {
                let ours = sched_getaffinity(None)?;
                (0..CpuSet::MAX_CPU)
                    .filter(|core| ours.is_set(*core))
                    .take(count)
                    .for_each(|core| chosen.set(core));
                if count == 0 || chosen.count() as usize != count {
                    return Err(format!("{count} cores of {}", ours.count()).into());
                }
            }
            Self::One(core) if core >= CpuSet::MAX_CPU => return Err(format!("no core {core}").into()),
            Self::One(core) => chosen.set(core),
        }
        Ok(sched_setaffinity(None, &chosen)?)
    }
}

/// A multi-thread runtime on `cores`.
pub(crate) fn runtime(cores: Cores) -> Result<Runtime, Failure> {
    let workers = match cores {
        Cores::First(count) => count,
        Cores::All | Cores::One(_) => Cores::available(), // before pinning, which lowers it
    };
    memory::allow_many_files()?;
    cores.pin()?;
    Ok(Builder::new_multi_thread().worker_threads(workers).enable_all().build()?)
}

/// Runs `half` of a measurement. Its tasks end with the process: some never would.
pub(crate) fn run_once<T>(
    cores: Cores,
    half: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = runtime(cores)?;
    let result = runtime.block_on(half);
    runtime.shutdown_background();
    result
}

/// A server in a process of its own. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    address: String,
}

impl Server {
    /// Starts `serve` with `arguments`, under `tracer` if it names one, and waits for its address.
    pub(crate) async fn start(tracer: &[String], arguments: &[String]) -> Result<Self, Failure> {
        let mut child = this_program(tracer, "serve", arguments)?.stdin(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("server has no output")?;
        let mut lines = BufReader::new(output).lines();
        let address = timeout(PATIENCE, lines.next_line()).await??.ok_or("server ended at once")?;
        Ok(Self { input: child.stdin.take(), child, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Result<u32, Failure> {
        Ok(self.child.id().ok_or("server ended")?)
    }

    /// Ends its input, at which it ends.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        drop(self.input.take());
        let status = timeout(PATIENCE, self.child.wait()).await??;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

/// Runs `command` with `arguments` in a process of its own, under `tracer` if it names one, and returns what it printed.
pub(crate) async fn output(
    tracer: &[String],
    command: &str,
    arguments: &[String],
) -> Result<String, Failure> {
    let running =
        this_program(tracer, command, arguments)?.stdin(Stdio::null()).stderr(Stdio::piped()).output();
    let output = timeout(PATIENCE, running).await??;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{command} {}` failed: {}", arguments.join(" "), complaint.trim()).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn this_program(tracer: &[String], command: &str, arguments: &[String]) -> Result<Command, Failure> {
    let this = std::env::current_exe()?;
    let mut program = match tracer.split_first() {
        Some((tracer, options)) => {
            let mut program = Command::new(tracer);
            program.args(options).arg(this);
            program
        }
        None => Command::new(this),
    };
    program.arg(command).args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    Ok(program)
}

/// Longer than any run.
const PATIENCE: Duration = Duration::from_secs(60);
