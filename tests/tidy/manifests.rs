//! Dependencies point one way, and every package says the same about itself.

use std::fs;

use crate::workspace::{Package, members, root};

/// What `linkspan-core` may need: no socket, and no codec library.
const CORE_NEEDS: [&str; 12] = [
    "async-trait",
    "bytes",
    "futures-core",
    "pin-project-lite",
    "serde",
    "slab",
    "thiserror",
    "tokio",
    "tokio-util",
    "tower-layer",
    "tower-service",
    "tracing",
];

/// The features it may ask of them, where features decide what they are.
const CORE_FEATURES: [(&str, &[&str]); 2] =
    [("tokio", &["macros", "rt", "rt-multi-thread", "sync", "time"]), ("tokio-util", &["io", "rt"])];

/// Stands between core and the roads: three of them need the same identities and trust, and roads may not depend on each
/// other, nor core on a library for certificates.
const TLS: &str = "linkspan-tls";

/// Directories whose packages meet the rest at core alone; transports at `TLS` too.
const BESIDE_EACH_OTHER: [&str; 5] = ["transports/", "codecs/", "backplanes/", "gateways/", "tests/"];

fn ours(package: &Package) -> Vec<&'static str> {
    package
        .dependencies()
        .filter(|dependency| dependency.is_ours())
        .map(|dependency| dependency.name())
        .collect()
}

#[test]
fn transports_and_codecs_depend_on_core_and_never_sideways() {
    let mut seen = 0;
    for package in members() {
        if BESIDE_EACH_OTHER.iter().any(|directory| package.directory().starts_with(directory)) {
            let mut ours = ours(&package);
            if package.directory().starts_with("transports/") {
                ours.retain(|name| *name != TLS);
            }
            assert_eq!(ours, ["linkspan-core"], "{}", package.name());
            seen += 1;
        }
    }
    assert!(seen >= 7, "only {seen} packages beside each other were found");
}

#[test]
fn tls_stands_on_core_alone() {
    let tls = members().find(|package| package.name() == TLS).expect("it exists");
    assert_eq!((tls.directory().as_str(), ours(&tls)), ("tls", vec!["linkspan-core"]));
}

#[test]
fn core_and_its_macros_depend_on_nothing_of_ours() {
    for package in members().filter(|package| package.directory().starts_with("core")) {
        assert_eq!(ours(&package), [""; 0], "{}", package.name());
    }
}

#[test]
fn core_knows_no_socket_and_no_codec_library() {
    let core = members().find(|package| package.directory() == "core").expect("core exists");
    for dependency in core.dependencies() {
        let name = dependency.name();
        assert!(CORE_NEEDS.contains(&name), "core may not need {name}");
        if let Some((_, allowed)) = CORE_FEATURES.iter().find(|(known, _)| *known == name) {
            let excess: Vec<_> = dependency.features().filter(|feature| !allowed.contains(feature)).collect();
            assert!(excess.is_empty(), "core may not ask {name} for {excess:?}");
            assert!(!dependency.uses_default_features(), "core names the features of {name} that it needs");
        }
    }
}

#[test]
fn every_package_describes_itself_and_inherits_the_lints() {
    for package in members() {
        let name = package.name();
        assert!(package.description().is_some_and(|text| text.ends_with('.')), "{name} has no description");
        assert_eq!(package.license(), Some("MIT OR Apache-2.0"), "{name}");
        let manifest = root().join(package.directory()).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a manifest");
        assert!(manifest.contains("\n[lints]\nworkspace = true\n"), "{name} does not inherit the lints");
        for inherited in ["version", "edition", "rust-version", "license", "repository"] {
            let line = format!("\n{inherited}.workspace = true\n");
            assert!(manifest.contains(&line), "{name} does not inherit its {inherited}");
        }
    }
}

#[test]
fn examples_are_where_they_are_run() {
    for package in members().filter(Package::has_examples) {
        assert_eq!(package.directory(), "", "{}: .ci/run runs the examples of the root", package.name());
    }
}
