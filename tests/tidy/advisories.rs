//! Nothing we are made of is of a version with a known hole that a peer could reach.
//!
//! `cargo deny check advisories` asks the database of RustSec, and needs it. This list is what was read there about the
//! crates that see a peer's bytes, so that no update, and no other branch of the tree, brings an old one back.

use crate::workspace::packages;

/// Crates, the first version without the holes, and which those are.
const FIXED: [(&str, &str, &str); 10] = [
    ("axum-core", "0.2.8", "RUSTSEC-2022-0055: no bound on a body"),
    ("bytes", "1.11.1", "RUSTSEC-2026-0007: overflow in reserve"),
    ("h2", "0.4.16", "RUSTSEC-2024-0332, -2026-0258: floods of CONTINUATION and of empty frames"),
    ("prost", "0.6.1", "RUSTSEC-2020-0002: recursion without a bound"),
    ("protobuf", "3.7.2", "RUSTSEC-2024-0437: recursion without a bound"),
    ("quinn-proto", "0.11.15", "RUSTSEC-2024-0373, -2026-0037, -2026-0185: panics, memory of reassembly"),
    ("rustls", "0.23.18", "RUSTSEC-2024-0336, -2024-0399: endless loop, panic at a hello in pieces"),
    ("rustls-webpki", "0.103.13", "RUSTSEC-2023-0053, -2026-0049, -0098, -0099, -0104: time, names, lists"),
    ("tonic", "0.12.3", "RUSTSEC-2024-0376: an error of accept ends the server"),
    ("tungstenite", "0.20.1", "RUSTSEC-2023-0065: time in the headers of a handshake"),
];

/// Crates that read foreign bytes and are not maintained.
const ABANDONED: [(&str, &str); 2] = [("bincode", "RUSTSEC-2025-0141"), ("serde_cbor", "RUSTSEC-2021-0127")];

#[test]
fn no_package_is_of_a_version_with_a_known_hole() {
    for package in packages() {
        let Some((name, fixed, why)) = FIXED.iter().find(|(name, ..)| *name == package.name()) else {
            continue;
        };
        let version = package.version();
        assert!(number(version) >= number(fixed), "{name} {version} is older than {fixed}: {why}");
    }
    for used in ["bytes", "quinn-proto", "rustls", "rustls-webpki", "tungstenite"] {
        assert!(
            packages().any(|package| package.name() == used),
            "{used} is no longer used: is the list right?"
        );
    }
}

#[test]
fn no_abandoned_package_reads_foreign_bytes() {
    for package in packages() {
        let abandoned = ABANDONED.iter().find(|(name, _)| *name == package.name());
        assert_eq!(abandoned, None, "{}", package.name());
    }
}

#[test]
fn versions_compare_by_number() {
    assert!(number("0.11.15") > number("0.11.9"));
    assert!(number("1.0.0") > number("0.103.13"));
    assert!(number("0.23.18-rc.1") < number("0.23.18"));
}

/// A version as what compares: its three numbers, and whether it is a release.
fn number(version: &str) -> ([u64; 3], bool) {
    let (release, rest) = version.split_once(['-', '+']).unwrap_or((version, ""));
    let is_release = rest.is_empty() || version.contains('+');
    let mut numbers = release.split('.').map(|part| part.parse().expect("a number"));
    (std::array::from_fn(|_| numbers.next().unwrap_or_default()), is_release)
}
