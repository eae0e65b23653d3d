//! The table of what each path may cost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, process};

use serde::Deserialize;

use crate::loads::Failure;

/// Instructions of both sides for one unit of a load.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Sides {
    pub(crate) client: u64,
    pub(crate) server: u64,
}

/// `instructions.toml`.
#[derive(Debug, Deserialize)]
pub(crate) struct Table {
    /// Largest difference that passes, in percent.
    pub(crate) tolerance: f64,
    /// The compiler that the figures are of.
    pub(crate) rustc: String,
    pub(crate) instructions: BTreeMap<String, Sides>,
}

impl Table {
    pub(crate) fn read() -> Result<Self, Failure> {
        Ok(toml::from_str(&fs::read_to_string(file())?)?)
    }

    pub(crate) fn write(&self) -> Result<(), Failure> {
        let mut text = String::from(HEAD);
        text += &format!("tolerance = {:.1}\nrustc = {:?}\n\n[instructions]\n", self.tolerance, self.rustc);
        for (path, Sides { client, server }) in &self.instructions {
            let name = format!("{path:?}");
            text += &format!("{name:<18} = {{ client = {client:>6}, server = {server:>6} }}\n");
        }
        Ok(fs::write(file(), text)?)
    }
}

/// The compiler at work.
pub(crate) fn rustc() -> Result<String, Failure> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = process::Command::new(compiler).arg("--version").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

pub(crate) fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.toml")
}

const HEAD: &str = "\
# Instructions per call, or per note that arrived, of each side, on x86_64. `cargo bench -p linkspan-cost` compares.
# Written by `LINKSPAN_BLESS=1 cargo bench -p linkspan-cost`: what became dearer wants a reason in the commit.
";
