//! A configuration file as a user meets it: what it says, what is wrong with it, and what it drives.
#![cfg(all(
    feature = "config",
    feature = "memory",
    feature = "tcp",
    feature = "websocket",
    feature = "quic",
    feature = "tls"
))]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod certificates;
mod documented;
mod driving;
mod errors;
mod overrides;
mod schema;

use std::path::PathBuf;

use linkspan::config::Config;

/// The whole check of `text`, as of a file that no variable completes.
fn checked(text: &str) -> Result<(), linkspan::Error> {
    Config::from_toml(text)?.check()
}

/// What is wrong with `text`.
fn refused(text: &str) -> String {
    checked(text).unwrap_err().to_string()
}

/// An empty directory of the test called `name`.
fn directory(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("config").join(name);
    let _ = std::fs::remove_dir_all(&directory); // of an earlier run
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
