//! Siblings look alike: who knows one transport finds his way in the next.

use crate::sources::{Source, rust};
use crate::workspace::{members, root};

/// Every transport has these in `src`; TLS and the like come beside them.
const TRANSPORT: [&str; 5] = ["lib.rs", "config.rs", "connect.rs", "link.rs", "listen.rs"];
const CODEC: [&str; 1] = ["lib.rs"];

#[test]
fn siblings_have_the_same_files() {
    for package in members() {
        let directory = package.directory();
        let files: &[&str] = match directory.split_once('/') {
            Some(("transports", _)) => &TRANSPORT,
            Some(("codecs", _)) => &CODEC,
            _ => continue,
        };
        for file in files {
            let path = format!("{directory}/src/{file}");
            assert!(root().join(&path).is_file(), "{path} is missing");
        }
        let tested = rust().any(|source| source.is_test() && source.path.starts_with(&directory));
        assert!(tested, "{directory} has no tests of its own");
    }
}

#[test]
fn a_crate_root_is_a_map() {
    for source in rust().filter(|source| source.path.ends_with("src/lib.rs")) {
        assert!(source.text.starts_with("//! "), "{} does not say what it is", source.path);
        if source.path.starts_with("codecs/") {
            continue; // a codec is little more than one type
        }
        let logic = source.library().find(|line| line.starts_with("impl") || line.starts_with("fn "));
        assert_eq!(logic, None, "{} holds logic", source.path);
    }
}

#[test]
fn no_file_of_a_crate_is_longer_than_one_can_hold_in_mind() {
    let lines = |source: &Source| source.text.lines().count();
    for source in rust().filter(|source| source.path.starts_with("src/") || source.path.contains("/src/")) {
        assert!(lines(source) <= MAX_LINES, "{}: {} lines; split it by concept", source.path, lines(source));
    }
}

/// Comfort is half of it.
const MAX_LINES: usize = 500;
