//! The CPU time a process used.

use crate::Failure;

/// CPU seconds, user and system, of all threads that a process has: what the scheduler counted, in nanoseconds. Runtimes keep
/// their threads while they are measured.
pub(crate) fn seconds(pid: u32) -> Result<f64, Failure> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the two.
        let Ok(text) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        // Kernel documentation, sched-stats: the time spent on a CPU stands first.
        let first = text.split_whitespace().next().ok_or("schedstat is empty")?;
        nanos += first.parse::<u64>()?;
    }
    Ok(nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_cpu_time() {
        let before = seconds(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while seconds(std::process::id()).unwrap() <= before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
