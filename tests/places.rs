//! What one call leaves for the next is seen by nobody.
#![cfg(feature = "memory")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use linkspan::{Client, Context, Metadata, Server};
use tokio::time::timeout;

#[linkspan::service]
trait Work {
    /// Keeps its context, and adds a header to the answers of the calls whose contexts it kept before.
    async fn keep(&self, cx: &Context);
    /// Adds a header and panics, or does nothing.
    async fn fail(&self, cx: &Context, fails: bool);
    /// Answers with its header; gives it back if it is asked to, pends if it is.
    async fn header(&self, cx: &Context, back: bool, pends: bool) -> String;
    async fn zero(&self, text: String) -> String;
    async fn one(&self, number: u64) -> u64;
    async fn two(&self, numbers: Vec<u64>) -> u64;
    async fn three(&self) -> Result<u64, String>;
    async fn four(&self, cx: &Context) -> bool;
    async fn five(&self, left: u64, right: u64) -> u64;
    async fn six(&self) -> Option<u64>;
    async fn seven(&self) -> (u64, String);
}

#[derive(Debug, Default)]
struct Worker {
    kept: Mutex<Vec<Context>>,
}

impl Work for Worker {
    async fn keep(&self, cx: &Context) {
        let mut kept = self.kept.lock().unwrap();
        kept.iter().for_each(|earlier| earlier.add_response_metadata("text", "too late"));
        kept.push(cx.clone());
    }

    async fn fail(&self, cx: &Context, fails: bool) {
        if fails {
            cx.add_response_metadata("text", "lost");
        }
        assert!(!fails, "as it was asked to");
    }

    async fn header(&self, cx: &Context, back: bool, pends: bool) -> String {
        if pends {
            tokio::task::yield_now().await;
        }
        let text = cx.metadata().text("text").unwrap_or_default();
        if back {
            cx.add_response_metadata("text", text);
        }
        text.to_owned()
    }

    async fn zero(&self, text: String) -> String {
        text
    }

    async fn one(&self, number: u64) -> u64 {
        number
    }

    async fn two(&self, numbers: Vec<u64>) -> u64 {
        numbers.iter().sum()
    }

    async fn three(&self) -> Result<u64, String> {
        Err("three".to_owned())
    }

    async fn four(&self, cx: &Context) -> bool {
        cx.is_cancelled()
    }

    async fn five(&self, left: u64, right: u64) -> u64 {
        left * right
    }

    async fn six(&self) -> Option<u64> {
        None
    }

    async fn seven(&self) -> (u64, String) {
        (7, "seven".to_owned())
    }
}

/// A server and a client of it on the memory road at `name`.
async fn pair(name: &str, worker: Arc<Worker>) -> (Server, Client) {
    let url = format!("mem://{name}");
    let server = Server::builder().service(WorkServer::from_arc(worker)).listen(&url).start().await.unwrap();
    (server, Client::connect(&url).await.unwrap())
}

fn text(text: &str) -> Metadata {
    Metadata::new().with("text", text)
}

#[tokio::test]
async fn a_context_that_a_handler_keeps_stays_that_of_its_call() {
    let worker = Arc::new(Worker::default());
    let (_server, client) = pair("places-kept", worker.clone()).await;
    let work = WorkClient::new(&client);
    for number in 0..8 {
        let call = match number {
            0..5 => work.keep().with_metadata(text(&number.to_string())),
            5 => work.keep().without_timeout(),
            _ => work.keep(),
        };
        let response = timeout(PATIENCE, call.into_response()).await.unwrap().unwrap();
        assert!(
            response.metadata.is_empty(),
            "call {number} is answered with what was added to an earlier one"
        );
    }
    let kept = worker.kept.lock().unwrap();
    let texts: Vec<_> = kept.iter().map(|context| context.metadata().text("text")).collect();
    assert_eq!(texts, [Some("0"), Some("1"), Some("2"), Some("3"), Some("4"), None, None, None]);
    let deadlines: Vec<_> = kept.iter().map(|context| context.deadline().is_some()).collect();
    assert_eq!(deadlines, [true, true, true, true, true, false, true, true]);
}

#[tokio::test]
async fn what_a_handler_added_before_it_panicked_is_not_in_the_next_answer() {
    let (_server, client) = pair("places-panic", Arc::default()).await;
    let work = WorkClient::new(&client);
    for fails in [false, true, false, false] {
        let answered = timeout(PATIENCE, work.fail(fails).into_response()).await.unwrap();
        assert_eq!(answered.is_err(), fails);
        assert!(answered.is_ok_and(|response| response.metadata.is_empty()) || fails);
    }
}

#[tokio::test]
async fn headers_of_one_call_are_not_those_of_the_next() {
    let (_server, client) = pair("places-headers", Arc::default()).await;
    let work = WorkClient::new(&client);
    for (given, back, pends) in [
        ("a", true, false),
        ("", false, false),
        ("b", false, false),
        ("c", true, true),
        ("", false, true),
        ("d", false, false),
        ("", false, false),
    ] {
        let mut call = work.header(back, pends);
        if !given.is_empty() {
            call = call.with_metadata(text(given));
        }
        let response = timeout(PATIENCE, call.into_response()).await.unwrap().unwrap();
        assert_eq!(response.value, given);
        assert_eq!(response.metadata.text("text"), back.then_some(given));
    }
}

#[tokio::test]
async fn more_methods_than_a_connection_keeps_answer_in_turn() {
    let (_server, client) = pair("places-turn", Arc::default()).await;
    let work = WorkClient::new(&client);
    let turns = async {
        for turn in 0..5_u64 {
            assert_eq!(work.zero(turn.to_string()).await, Ok(turn.to_string()));
            assert_eq!(work.one(turn).await, Ok(turn));
            assert_eq!(work.two(vec![turn; 3]).await, Ok(3 * turn));
            assert_eq!(work.three().await, Err(linkspan::CallError::Application("three".to_owned())));
            assert_eq!(work.four().await, Ok(false));
            assert_eq!(work.five(turn, 2).await, Ok(2 * turn));
            assert_eq!(work.six().await, Ok(None));
            assert_eq!(work.seven().await, Ok((7, "seven".to_owned())));
            assert_eq!(work.header(false, turn % 2 == 0).await, Ok(String::new()));
            assert_eq!(work.keep().await, Ok(()));
        }
    };
    timeout(PATIENCE, turns).await.expect("every call is answered");
}

#[tokio::test]
async fn a_service_goes_with_its_server() {
    let worker = Arc::new(Worker::default());
    let (server, client) = pair("places-gone", worker.clone()).await;
    let work = WorkClient::new(&client);
    for pends in [false, true, false] {
        timeout(PATIENCE, work.header(false, pends)).await.unwrap().unwrap();
    }
    timeout(PATIENCE, server.shutdown()).await.unwrap();
    drop(server);
    assert_eq!(Arc::strong_count(&worker), 1, "nothing that was kept for the next call holds it");
}

/// Longer than any event here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
