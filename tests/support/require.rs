//! Programs that a test needs and not every machine has.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io::{self, Write};
use std::path::PathBuf;

/// The program called `name`. None if this machine has none: then the test is skipped, as of [`skip`].
pub fn program(name: &str, how: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|directory| directory.join(name).with_extension(std::env::consts::EXE_EXTENSION))
        .find(|program| program.is_file());
    if found.is_none() {
        skip(name, how);
    }
    found
}

/// Says that a test is skipped for want of `what`, and `how` that is installed.
///
/// # Panics
/// Under `LINKSPAN_REQUIRE=all` a test that cannot run has failed.
pub fn skip(what: &str, how: &str) {
    let all = std::env::var_os("LINKSPAN_REQUIRE").is_some_and(|value| value == "all");
    assert!(!all, "needs {what} ({how}), and LINKSPAN_REQUIRE=all allows no test to be skipped");
    // Not `println!`: what a passing test prints is kept from sight.
    let _ = writeln!(io::stderr(), "skipped: needs {what} ({how})");
}

/// Where cargo builds, for what is costly to install and is kept from one run to the next.
pub fn target() -> PathBuf {
    let temporary = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().map_or_else(|| temporary.clone(), PathBuf::from)
}
