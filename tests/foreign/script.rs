//! A client in another language: a script that prints what it has checked.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::require;

/// One line of a script.
#[derive(Debug, Deserialize)]
pub(crate) struct Check {
    pub(crate) check: String,
    pub(crate) ok: bool,
    /// What went wrong.
    #[serde(default)]
    #[expect(dead_code, reason = "it is shown when the test fails")]
    detail: String,
}

pub(crate) struct Script {
    program: PathBuf,
    path: PathBuf,
    agent: &'static str,
}

impl Script {
    /// The Python client, in its virtual environment; none if the test is to be skipped.
    pub(crate) fn python() -> Option<Self> {
        let program = require::program(installed("python/bin/python"), "Python's websockets", INSTALL)?;
        Some(Self { program, path: source("python/scenario.py"), agent: "foreign-python/1" })
    }

    /// The Node client; it runs beside its libraries, where Node looks for them.
    pub(crate) fn node() -> Option<Self> {
        require::program(installed("node/node_modules/ws"), "Node's ws", INSTALL)?;
        for file in ["client.mjs", "scenario.mjs", "wire.mjs"] {
            std::fs::copy(source("node").join(file), installed("node").join(file)).unwrap();
        }
        Some(Self { program: "node".into(), path: installed("node/scenario.mjs"), agent: "foreign-node/1" })
    }

    /// The name it greets with.
    pub(crate) fn agent(&self) -> &str {
        self.agent
    }

    /// Runs it to its end, and adds its lines to `checks` as they come.
    pub(crate) async fn run(&self, arguments: [&str; 2], checks: &mut Vec<Check>) {
        let mut command = Command::new(&self.program);
        command.arg(&self.path).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        let mut child =
            command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            checks.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}")));
        }
        assert!(child.wait().await.unwrap().success());
    }
}

fn installed(path: &str) -> PathBuf {
    require::target().join("foreign").join(path)
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(path)
}

const INSTALL: &str = "run tests/foreign/install";
