//! A client in another language: a script that prints what it has checked.

use std::fs;
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
        let environment = installed("python", &["requirements.txt"], "Python's websockets and msgpack")?;
        let program = environment.join("bin/python");
        Some(Self { program, path: source("python/scenario.py"), agent: "foreign-python/1" })
    }

    /// The Node client, in a copy beside its libraries: there Node looks for them. Each run in parallel has a `name`.
    pub(crate) fn node(name: &str) -> Option<Self> {
        let program = require::program("node", INSTALL)?;
        let directory = installed("node", &["package.json", "package-lock.json"], "Node's ws and msgpack")?;
        let copy = directory.join(name);
        fs::create_dir_all(&copy).unwrap();
        for file in ["client.mjs", "scenario.mjs", "wire.mjs"] {
            fs::copy(source("node").join(file), copy.join(file)).unwrap();
        }
        Some(Self { program, path: copy.join("scenario.mjs"), agent: "foreign-node/1" })
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

/// Where `install` put what `language` needs; none if it did not, or if that was for another list of `requirements`.
fn installed(language: &str, requirements: &[&str], what: &str) -> Option<PathBuf> {
    let directory = require::target().join("foreign").join(language);
    let wanted: String =
        requirements.iter().map(|file| fs::read_to_string(source(language).join(file)).unwrap()).collect();
    if fs::read_to_string(directory.join("stamp")).is_ok_and(|stamp| stamp == wanted) {
        return Some(directory);
    }
    require::skip(what, INSTALL);
    None
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(path)
}

const INSTALL: &str = "run tests/foreign/install";
