//! How many writes a call takes, as strace counts them.

use std::path::Path;

use crate::Failure;

/// The system calls with which any contender writes, whether to a socket or to wake a thread.
pub(crate) const TRACED: &str = "trace=write,writev,sendto,sendmsg,sendmmsg";

/// What to put before a program to have its writes counted into `file`. Only they are stopped at, so the rest runs as ever.
pub(crate) fn tracer(file: &Path) -> Vec<String> {
    let file = file.to_string_lossy();
    ["strace", "--seccomp-bpf", "-f", "-qq", "-c", "-e", TRACED, "-o", &file].map(str::to_owned).to_vec()
}

/// True if there is a strace.
pub(crate) fn can_be_counted() -> bool {
    std::process::Command::new("strace").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The writes that `summary` counts, which strace wrote.
pub(crate) fn parse(summary: &str) -> Result<u64, Failure> {
    let mut calls = None;
    for line in summary.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        if let [_, _, _, count, .., "total"] = words[..] {
            calls = Some(count.parse()?);
        }
    }
    calls.ok_or_else(|| "strace counted nothing".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_what_counts() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 97.21    0.012345           2      5000         3 sendto
  2.79    0.000355          71         5           write
------ ----------- ----------- --------- --------- ----------------
100.00    0.012700           2      5005         3 total
";
        assert_eq!(parse(summary).unwrap(), 5005);
        assert_eq!(parse("100.00    0.012700           2      7           total\n").unwrap(), 7);
        assert!(parse("").is_err());
    }
}
