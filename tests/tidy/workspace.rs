//! The workspace as cargo sees it.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// Where the workspace is.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every package, third parties' included.
pub(crate) fn packages() -> impl Iterator<Item = Package> {
    static METADATA: LazyLock<Value> = LazyLock::new(metadata);
    METADATA["packages"].as_array().into_iter().flatten().map(Package)
}

/// The packages of this workspace.
pub(crate) fn members() -> impl Iterator<Item = Package> {
    packages().filter(|package| package.source().is_none())
}

// Not `--offline`: a test run on a fresh machine downloads only what its platform needs, and this wants every platform's.
fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// One package of `cargo metadata`.
pub(crate) struct Package(&'static Value);

impl Package {
    pub(crate) fn name(&self) -> &'static str {
        text(&self.0["name"])
    }

    pub(crate) fn version(&self) -> &'static str {
        text(&self.0["version"])
    }

    /// Its directory below the root, such as `transports/tcp`; empty for the facade.
    pub(crate) fn directory(&self) -> String {
        let manifest = Path::new(text(&self.0["manifest_path"]));
        let directory = manifest.parent().and_then(|parent| parent.strip_prefix(root()).ok());
        directory.unwrap_or(manifest).to_string_lossy().replace('\\', "/")
    }

    /// Where it comes from; `None` for a path.
    pub(crate) fn source(&self) -> Option<&'static str> {
        self.0["source"].as_str()
    }

    pub(crate) fn license(&self) -> Option<&'static str> {
        self.0["license"].as_str()
    }

    pub(crate) fn description(&self) -> Option<&'static str> {
        self.0["description"].as_str()
    }

    /// What it depends on when it is used, not when it is tested.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = Dependency> {
        let all = self.0["dependencies"].as_array().into_iter().flatten();
        all.filter(|dependency| dependency["kind"].as_str() != Some("dev")).map(Dependency)
    }

    pub(crate) fn has_examples(&self) -> bool {
        let targets = self.0["targets"].as_array().into_iter().flatten();
        targets.flat_map(|target| target["kind"].as_array()).flatten().any(|kind| kind == "example")
    }
}

/// One line of a package's dependencies.
pub(crate) struct Dependency(&'static Value);

impl Dependency {
    pub(crate) fn name(&self) -> &'static str {
        text(&self.0["name"])
    }

    /// True if it is of this workspace.
    pub(crate) fn is_ours(&self) -> bool {
        self.0["path"].is_string()
    }

    pub(crate) fn features(&self) -> impl Iterator<Item = &'static str> {
        self.0["features"].as_array().into_iter().flatten().map(text)
    }

    pub(crate) fn uses_default_features(&self) -> bool {
        self.0["uses_default_features"] == true
    }
}

fn text(value: &'static Value) -> &'static str {
    value.as_str().unwrap_or_default()
}
