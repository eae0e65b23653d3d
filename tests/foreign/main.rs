//! Clients in other languages, made from `docs/wire.md` alone, against a server of ours.
//!
//! `tests/foreign/install` fetches what they need.
#![cfg(feature = "websocket")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what fails here fails the test"
)]

#[path = "../support/require.rs"]
mod require;
mod script;
mod server;

use std::time::Duration;

use linkspan::Server;
use script::Script;
use server::Seen;
use tokio::time::timeout;

/// What every script must have checked, and found right.
const CHECKS: [&str; 30] = [
    "hello",
    "the_first_common_codec_is_chosen",
    "call",
    "typed_error",
    "values_of_every_shape",
    "no_argument_and_several",
    "unknown_names",
    "unreadable_arguments",
    "metadata_both_ways",
    "one_way",
    "deadline",
    "cancel",
    "panic_of_a_handler",
    "large_answers_at_once",
    "large_arguments",
    "too_large_arguments",
    "arguments_that_are_given_up",
    "a_large_answer_that_is_given_up",
    "a_thousand_calls_at_once",
    "pushes_in_order",
    "no_answer_overtakes_a_push",
    "pushes_to_a_newcomer",
    "pings_of_the_server",
    "pings_of_the_client",
    "what_is_ignorable_is_ignored",
    "messages_of_any_shape",
    "refusals",
    "violations",
    "doors_that_stay_shut",
    "the_server_goes_away",
];
/// What the server must have seen meanwhile, so that a script cannot only say so.
const SEEN: [&str; 10] = [
    "began given up",
    "began late",
    "began until the end",
    "ended given up",
    "ended late",
    "ended until the end",
    "leave",
    "noted 01234567",
    "noted inline",
    "release",
];
const PATIENCE: Duration = Duration::from_secs(300);

/// Shuts the server down as soon as a client asks for it.
async fn leave(server: &Server, seen: &Seen) {
    seen.wait(server::LEAVE).await;
    server.shutdown().await;
    std::future::pending().await
}

async fn proves(script: Script, codec: &str) {
    let seen = Seen::default();
    let server = server::start(&seen).await;
    let url = server.endpoints()[0].to_string();
    let mut checks = Vec::new();
    let proof = timeout(PATIENCE, async {
        tokio::select! {
            () = script.run([&url, codec], &mut checks) => {}
            () = leave(&server, &seen) => {}
        }
    });
    let ended = proof.await.is_ok();
    let wrong: Vec<_> = checks.iter().filter(|check| !check.ok).collect();
    assert!(wrong.is_empty(), "{codec}: {wrong:#?}");
    assert!(ended, "{codec}: the script hangs after {checks:#?}");
    assert_eq!(checks.iter().map(|check| &check.check[..]).collect::<Vec<_>>(), CHECKS);
    let mut happened = seen.all();
    let closed = format!("{} closed: ", script.agent());
    assert!(happened.iter().any(|what| what.starts_with(&closed)), "{happened:#?}");
    happened.retain(|what| !what.contains(" closed: "));
    assert_eq!(Vec::from_iter(happened), SEEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_client_in_json_finds_everything_as_documented() {
    if let Some(script) = Script::python() {
        proves(script, "json").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_client_in_messagepack_finds_everything_as_documented() {
    if let Some(script) = Script::python() {
        proves(script, "messagepack").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_client_in_json_finds_everything_as_documented() {
    if let Some(script) = Script::node("json") {
        proves(script, "json").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_client_in_messagepack_finds_everything_as_documented() {
    if let Some(script) = Script::node("messagepack") {
        proves(script, "messagepack").await;
    }
}
