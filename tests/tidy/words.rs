//! Words that have no place in the repository, and habits that have none in tests.

use crate::sources::{Source, assert_listed, rust, sources};

/// Says what a thing is next to, not what it is.
const TYPE_ENDINGS: [&str; 7] = ["Base", "Helper", "Helpers", "Impl", "Manager", "Util", "Utils"];

/// Names of drawers, where anything may lie.
const DRAWERS: [&str; 7] = ["common", "helper", "helpers", "misc", "types", "util", "utils"];

/// Where an `#[allow]` stands: unlike `#[expect]`, it stays when its cause is gone.
const ALLOWS: [(&str, &str); 12] = [
    ("core/macros/src/service.rs", GENERATED),
    ("core/macros/src/service/server.rs", GENERATED),
    ("core/macros/src/service/trait_item.rs", GENERATED),
    ("core/macros/tests/fake/mod.rs", SHARED),
    (
        "core/macros/tests/hygiene.rs",
        "lints are turned up for the generated code, and not for what is around it",
    ),
    ("tests/answers.rs", SHARED),
    ("tests/drain.rs", SHARED),
    ("tests/limits/main.rs", SHARED),
    ("core/src/settings/table.rs", GENERATED),
    ("tests/support/mod.rs", SHARED),
    ("tests/support/require.rs", SHARED),
    ("transports/websocket/tests/support/mod.rs", SHARED),
];
const GENERATED: &str = "it is written into code that may or may not need it";
const SHARED: &str = "each test file uses another part";

/// Tests with a `sleep` in them.
const SLEEPS: [(&str, &str); 10] = [
    ("core/src/service/lookout.rs", "what it tests looks now and then; no event tells"),
    ("tests/crowd.rs", "that a thousand handlers pend is asked of the session; no event tells"),
    ("tests/descriptors.rs", "how much a process does while nothing happens is what is tested"),
    ("tests/drain.rs", "the clock is paused, and time is what is tested"),
    ("tests/heavy.rs", "handlers that hold their thread are what is tested"),
    ("tests/limits/floods.rs", "the clock is paused, and time is what is tested"),
    ("tests/limits/handshake.rs", "its peers dawdle: that is what is tested"),
    ("tests/limits/life.rs", "the clock is paused, and time is what is tested"),
    ("tests/reconnect.rs", "its clients wait before they come back, as applications do"),
    ("transports/tcp/src/connect.rs", "the clock is paused, and time is what is tested"),
];

/// The first parts of paths that exist on somebody's machine only.
const PRIVATE_ROOTS: [&str; 5] = ["Users", "home", "mnt", "root", "work"];

#[test]
fn types_say_what_they_are() {
    for source in rust() {
        for line in source.text.lines() {
            let words: Vec<_> =
                line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
            for pair in words.windows(2).filter(|pair| ["struct", "enum", "trait", "type"].contains(&pair[0]))
            {
                let vague = TYPE_ENDINGS.iter().any(|ending| pair[1].ends_with(ending));
                assert!(!vague, "{}: {} says nothing", source.path, pair[1]);
            }
        }
    }
}

#[test]
fn files_are_named_after_what_is_in_them() {
    for source in rust() {
        let drawer = source.path.split(['/', '.']).find(|part| DRAWERS.contains(part));
        assert_eq!(drawer, None, "{} is a drawer", source.path);
    }
}

#[test]
fn tests_are_sentences() {
    let prefix = concat!("fn ", "test_");
    for source in rust() {
        let line = source.text.lines().find(|line| line.contains(prefix));
        assert_eq!(line, None, "{}: that it is a test is known", source.path);
    }
}

#[test]
fn tests_wait_for_events_and_not_for_time() {
    let sleeps = |line: &str| line.contains(concat!("sleep", "("));
    let found = rust().filter(|source| source.tests().any(sleeps));
    assert_listed("these tests sleep", &paths(found), &SLEEPS);
}

#[test]
fn lints_are_expected_to_fire_where_they_are_silenced() {
    let allows = |line: &str| line.contains(concat!("[", "allow("));
    let found = rust().filter(|source| source.text.lines().any(allows));
    assert_listed("write #[expect(.., reason = ..)]", &paths(found), &ALLOWS);
}

#[test]
fn no_path_of_somebodys_machine_is_named() {
    for source in sources() {
        for (number, line) in (1..).zip(source.text.lines()) {
            let private = PRIVATE_ROOTS.iter().find(|root| is_path(line, root));
            assert_eq!(private, None, "{}:{number}: {line}", source.path);
        }
    }
}

/// True if `line` has an absolute path that begins with `root`: nothing that could be a directory stands before it.
fn is_path(line: &str, root: &str) -> bool {
    let needle = format!("/{root}/");
    line.match_indices(&needle).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-{}*<>~)".contains(before))
    })
}

#[test]
fn paths_are_told_from_parts_of_them() {
    let path = ["see /ro", "ot/x"].concat();
    assert!(is_path(&path, "root"));
    assert!(!is_path(&path.replace("see ", "https://host"), "root"));
}

fn paths(sources: impl Iterator<Item = &'static Source>) -> Vec<String> {
    sources.map(|source| source.path.clone()).collect()
}
