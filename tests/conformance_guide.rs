//! The guide's tables say which promise covers what: here they are held against the kit.

#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet};

use linkspan_conformance::promises;

/// The rows of the tables below `heading`, cell by cell.
fn tables_below(heading: &str) -> Vec<Vec<String>> {
    let guide = include_str!("../docs/guide/conformance.md");
    let (_, section) = guide.split_once(&format!("\n{heading}\n")).expect("the guide has this heading");
    let end = ["\n## ", "\n### "].iter().filter_map(|next| section.find(next)).min();
    let lines = section.get(..end.unwrap_or(section.len())).into_iter().flat_map(str::lines);
    let rows = lines.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(str::to_owned).collect()).collect()
}

/// The names of promises in a cell.
fn named_in(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_promise_that_the_guide_names_exists() {
    let known: BTreeSet<_> = promises().iter().map(|promise| promise.name().to_owned()).collect();
    let headings =
        ["### The invariants of the design", "### Names known from other suites", "### What we ask besides"];
    for heading in headings {
        let rows = tables_below(heading);
        assert!(rows.len() > 10, "{heading}: only {} rows", rows.len());
        for row in rows.iter().skip(1) {
            let named = named_in(row.last().expect("a row has cells"));
            assert!(!named.is_empty(), "{row:?} names no promise");
            assert!(named.is_subset(&known), "no promise of the kit: {:?}", named.difference(&known));
        }
    }
}

#[test]
fn the_guide_names_every_promise_of_every_invariant() {
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for promise in promises() {
        for invariant in promise.invariants() {
            wanted.entry((*invariant).to_owned()).or_default().insert(promise.name().to_owned());
        }
    }
    let rows = tables_below("### The invariants of the design");
    let told: BTreeMap<_, _> = rows
        .iter()
        .filter_map(|row| Some((row.first()?.clone(), named_in(row.last()?))))
        .filter(|(invariant, _)| invariant.starts_with('I'))
        .collect();
    assert_eq!(told, wanted);
}

#[test]
fn the_promises_that_need_a_capability_are_those_of_the_guide() {
    use linkspan_core::Capabilities;
    let plain = Capabilities::byte_stream();
    let gated: BTreeSet<_> = promises()
        .iter()
        .filter(|promise| !promise.applies_to(plain))
        .map(|promise| promise.name().to_owned())
        .collect();
    let rows = tables_below("## What is asked of which road");
    let told: BTreeSet<_> =
        rows.iter().skip(1).filter_map(|row| row.get(1)).flat_map(|cell| named_in(cell)).collect();
    assert_eq!(told, gated);
}
