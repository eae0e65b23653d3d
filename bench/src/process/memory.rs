//! The memory a process holds, and how many files it may.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Failure;

/// Bytes resident.
pub(crate) fn resident(pid: u32) -> Result<u64, Failure> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("smaps_rollup has no Rss")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim_end().parse()?;
    Ok(kib * 1024)
}

/// Opens as many files as the system lets this process: a connection is one.
pub(crate) fn allow_many_files() -> Result<(), Failure> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_memory_is_resident() {
        let before = resident(std::process::id()).unwrap();
        let touched = std::hint::black_box(vec![1_u8; 32 * 1024 * 1024]);
        assert!(resident(std::process::id()).unwrap() >= before + 16 * 1024 * 1024);
        drop(touched);
    }
}
