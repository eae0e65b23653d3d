//! Core is a house: each floor uses what stands below it, nothing points upward, and nothing runs in circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Source, assert_listed, rust};

/// The modules of core, lowest floor first.
const FLOORS: [&[&str]; 6] = [
    &["clock", "close", "endpoint", "error", "frame", "metadata", "rouse", "settings", "status"],
    &["codec", "config", "push", "stack", "transport", "wire"],
    &["connection", "session"],
    &["driver", "service"],
    &["client", "server"],
    &["typed"],
];

/// Arrows that point upward, and why they still do.
const UPWARD: [(&str, &str); 2] = [
    ("frame -> wire", "a lane's number is a varint: `wire/varint.rs` belongs into `frame`"),
    (
        "session -> service",
        "a session holds the tokens of its handlers: `service/cancellation.rs` belongs into `session`",
    ),
];

const CORE: &str = "core/src/";

#[test]
fn every_module_of_core_stands_on_a_floor() {
    let placed: BTreeSet<_> = FLOORS.concat().into_iter().collect();
    let found: BTreeSet<_> = core().map(|(module, _)| module).collect();
    assert_eq!(found, placed);
}

#[test]
fn no_arrow_points_upward() {
    let floor = |module: &str| FLOORS.iter().position(|floor| floor.contains(&module));
    let upward = arrows().into_iter().filter(|(from, to)| floor(from) < floor(to));
    let upward: Vec<_> = upward.map(|(from, to)| format!("{from} -> {to}")).collect();
    assert_listed("core uses what stands above", &upward, &UPWARD);
}

#[test]
fn no_circle_joins_two_modules() {
    let mut left: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in arrows() {
        if UPWARD.iter().all(|(known, _)| *known != format!("{from} -> {to}")) {
            left.entry(from).or_default().insert(to);
        }
    }
    // What uses nothing that is left goes, until nothing more does: what stays is a circle, or uses one.
    loop {
        let names: BTreeSet<_> = left.keys().map(|name| (*name).to_owned()).collect();
        let before = left.len();
        left.retain(|_, uses| uses.iter().any(|used| names.contains(used)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "these modules use each other in a circle: {left:#?}");
}

#[test]
fn core_is_named_from_its_root_and_not_by_climbing() {
    for (_, source) in core() {
        let top = !source.path.strip_prefix(CORE).unwrap_or_default().contains('/');
        let climbs = |line: &str| line.contains("super::super") || (top && line.starts_with("use super::"));
        let line = source.library().find(|line| climbs(line));
        assert_eq!(line, None, "{}: write `crate::`", source.path);
    }
}

/// Which module of core uses which.
fn arrows() -> BTreeSet<(&'static str, String)> {
    let modules: BTreeSet<_> = core().map(|(module, _)| module).collect();
    let exports = exports();
    let mut arrows = BTreeSet::new();
    for (module, source) in core() {
        let code = source.library().collect::<Vec<_>>().join("\n");
        for name in names(&code) {
            let used = if modules.contains(name.as_str()) { Some(&name) } else { exports.get(&name) };
            let used = used.unwrap_or_else(|| panic!("{}: whose is crate::{name}?", source.path));
            if used != module {
                arrows.insert((module, used.clone()));
            }
        }
    }
    assert!(arrows.len() > 20, "only {} arrows were found", arrows.len());
    arrows
}

/// The files of core's modules, each with its module.
fn core() -> impl Iterator<Item = (&'static str, &'static Source)> {
    rust().filter(|source| !source.is_test()).filter_map(|source| {
        let path = source.path.strip_prefix(CORE)?;
        let module = path.split(['/', '.']).next()?;
        (module != "lib").then_some((module, source))
    })
}

/// The module of each name that the crate's root exports.
fn exports() -> BTreeMap<String, String> {
    let root = rust().find(|source| source.path == "core/src/lib.rs").expect("core has a root");
    let code = root.library().collect::<Vec<_>>().join(" ");
    let mut exports = BTreeMap::new();
    for statement in code.split(';').filter_map(|statement| statement.split("use ").nth(1)) {
        if let Some((module, names)) = statement.split_once("::") {
            for name in names.trim_matches(['{', '}', ' ']).split(',') {
                exports.insert(name.trim().to_owned(), module.to_owned());
            }
        }
    }
    exports
}

/// What follows `crate::` in `code`: one name, or the first of each path of a list.
fn names(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, rest) in code.match_indices("crate::").map(|(at, found)| (at, &code[at + found.len()..])) {
        match rest.strip_prefix('{') {
            None => names.push(identifier(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut begins = true;
                for (at, letter) in list.char_indices() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => begins = true,
                        _ if begins && !letter.is_whitespace() => {
                            names.push(identifier(&list[at..]));
                            begins = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn identifier(code: &str) -> String {
    code.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}
