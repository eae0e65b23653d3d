//! Everything we are made of may be used by everybody, and comes from the one registry.

use std::fs;

use crate::workspace::{packages, root};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn every_licence_is_allowed() {
    let allowed = allowed();
    for package in packages() {
        let license = package.license().unwrap_or_default();
        assert!(satisfies(license, &allowed), "{}: {license:?} is not among {allowed:?}", package.name());
    }
}

#[test]
fn every_package_is_ours_or_of_the_registry() {
    for package in packages() {
        let source = package.source();
        assert!(source.is_none_or(|source| source == REGISTRY), "{} comes from {source:?}", package.name());
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = ["MIT".to_owned(), "ISC".to_owned()];
    for yes in
        ["MIT", "GPL-3.0 OR MIT", "Apache-2.0/MIT", "(Apache-2.0 OR MIT) AND ISC", "MIT AND ISC OR GPL-3.0"]
    {
        assert!(satisfies(yes, &allowed), "{yes}");
    }
    for no in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "MIT WITH exception"] {
        assert!(!satisfies(no, &allowed), "{no}");
    }
}

/// The list of `deny.toml`, so that there is one.
fn allowed() -> Vec<String> {
    let text = fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let (_, licenses) = text.split_once("[licenses]").expect("a section of licences");
    let (_, list) = licenses.split_once("allow = [").expect("a list of those allowed");
    let (list, _) = list.split_once(']').expect("its end");
    list.split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// True if an SPDX expression can be met by `allowed` licences alone. `AND` binds closer than `OR`; `/` is its old form.
fn satisfies(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let satisfied = any(&mut words, allowed);
    satisfied && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut satisfied = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        satisfied |= all(words, allowed);
    }
    satisfied
}

fn all(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut satisfied = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        satisfied &= one(words, allowed);
    }
    satisfied
}

fn one(words: &mut Words<'_>, allowed: &[String]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let satisfied = any(words, allowed);
        return words.next() == Some(")") && satisfied;
    }
    let mut name = words.next().unwrap_or_default().to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        name = format!("{name} WITH {}", words.next().unwrap_or_default());
    }
    allowed.contains(&name)
}
