//! Programs that a test needs and not every machine has.

use std::io::{self, Write};
use std::path::PathBuf;

/// True if nothing may be skipped: `LINKSPAN_REQUIRE=all`.
pub fn everything() -> bool {
    std::env::var_os("LINKSPAN_REQUIRE").is_some_and(|value| value == "all")
}

/// Says that a test is skipped for want of `what`, and `how` it is installed. Where nothing may be skipped, it fails.
pub fn skip(what: &str, how: &str) {
    assert!(!everything(), "LINKSPAN_REQUIRE=all, and this machine has no {what} ({how})");
    // Not `println!`: what a passing test prints is kept from sight.
    let _ = writeln!(io::stderr(), "skipped: needs {what} ({how})");
}

/// The program at `path`, or none after [`skip`].
pub fn program(path: PathBuf, what: &str, how: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    skip(what, how);
    None
}

/// The directory that cargo builds into, which a test may keep things in that are costly to make.
pub fn target() -> PathBuf {
    let temporary = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().map_or_else(|| temporary.clone(), PathBuf::from)
}
