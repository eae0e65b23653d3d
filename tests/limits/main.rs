//! Every limit, crossed as a real peer would: each side is told which one it was, and the server goes on serving others.
#![cfg(all(unix, feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a test may fail"
)]

mod bodies;
mod buffers;
mod calls;
mod connections;
mod floods;
mod handshake;
mod life;
#[path = "../support/raw.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod raw;
#[path = "../support/mod.rs"]
mod support;
mod work;

use linkspan::Limits;

/// Fields of the limits that other tests cross, and where.
const ELSEWHERE: [(&str, &str); 6] = [
    ("drain_timeout", "tests/shutdown.rs"),
    ("max_blocking_handlers", "tests/heavy.rs"),
    ("max_depth", "tests/nesting/limits.rs"),
    ("max_reserve_len", "tests/nesting/limits.rs"),
    ("reconnect_first", "core/src/client/backoff.rs"),
    ("reconnect_max", "core/src/client/backoff.rs"),
];

#[test]
fn no_limit_is_without_a_test() {
    let sources = [
        include_str!("bodies.rs"),
        include_str!("buffers.rs"),
        include_str!("calls.rs"),
        include_str!("connections.rs"),
        include_str!("floods.rs"),
        include_str!("handshake.rs"),
        include_str!("life.rs"),
    ];
    let limits = serde_json::to_value(Limits::default()).unwrap();
    for name in limits.as_object().unwrap().keys() {
        if let Some((_, file)) = ELSEWHERE.iter().find(|(field, _)| field == name) {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let text = std::fs::read_to_string(path).unwrap();
            // A test's file is tests only; one of the implementation mentions what it implements, tested or not.
            let tests = match file.starts_with("tests/") {
                true => text.as_str(),
                false => text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests),
            };
            assert!(tests.contains(name.as_str()), "no test in {file} mentions {name}");
            continue;
        }
        let set = format!("with_{name}(");
        assert!(sources.iter().any(|source| source.contains(&set)), "no test crosses {name}");
    }
}
