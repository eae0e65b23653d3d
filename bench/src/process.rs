//! Fresh processes for every run: started, pinned, stopped; and the CPU time they used.

use std::num::NonZero;
use std::process::Stdio;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::Failure;

/// A multi-thread runtime with as many workers as the machine has cores, all of them pinned to `core` if there is one.
pub(crate) fn runtime(core: Option<usize>) -> Result<Runtime, Failure> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get); // before pinning, which lowers it
    if let Some(core) = core {
        let mut cores = CpuSet::new();
        if core >= CpuSet::MAX_CPU {
            return Err(format!("no core {core}").into());
        }
        cores.set(core);
        sched_setaffinity(None, &cores)?; // threads started later inherit it
    }
    Ok(Builder::new_multi_thread().worker_threads(workers).enable_all().build()?)
}

/// A server in a process of its own. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    address: String,
}

impl Server {
    /// Starts `serve` with `arguments` and waits for its address.
    pub(crate) async fn start(arguments: &[String]) -> Result<Self, Failure> {
        let mut child = this_program("serve", arguments)?.stdin(Stdio::piped()).spawn()?;
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
        timeout(PATIENCE, self.child.wait()).await??;
        Ok(())
    }
}

/// Runs `command` with `arguments` in a process of its own and returns what it printed.
pub(crate) async fn output(command: &str, arguments: &[String]) -> Result<String, Failure> {
    let running = this_program(command, arguments)?.stdin(Stdio::null()).output();
    let output = timeout(PATIENCE, running).await??;
    if !output.status.success() {
        return Err(format!("`{command} {}` failed", arguments.join(" ")).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn this_program(command: &str, arguments: &[String]) -> Result<Command, Failure> {
    let mut program = Command::new(std::env::current_exe()?);
    program.arg(command).args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    Ok(program)
}

/// CPU seconds, user and system, that a process has used; from `/proc`, so in steps of a hundredth.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces. proc(5): utime and stime are fields 14 and 15, the 12th and 13th after the name.
    let (_, fields) = stat.rsplit_once(')').ok_or("stat has no name")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Longer than any run.
const PATIENCE: Duration = Duration::from_secs(60);
