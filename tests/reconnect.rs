//! Clients that wait for their server, and come back to it.
#![cfg(all(unix, feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
#![expect(clippy::expect_used, reason = "a test may fail")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use linkspan::{Backoff, Client, ErrorKind, Limits, Server, Verdict};
use support::PATIENCE;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[linkspan::service]
trait Work {
    async fn echo(&self, text: String) -> String;
}

#[derive(Debug)]
struct Worker;

impl Work for Worker {
    async fn echo(&self, text: String) -> String {
        text
    }
}

async fn within<T>(case: impl Future<Output = T>) -> T {
    timeout(PATIENCE, case).await.expect("it ends in time")
}

/// Short waits, so that tests are short.
fn eager() -> Limits {
    Limits::default()
        .with_reconnect_first(Duration::from_millis(2))
        .with_reconnect_max(Duration::from_millis(50))
}

async fn serve(url: &str) -> Server {
    within(async {
        loop {
            match Server::builder().service(WorkServer::new(Worker)).listen(url).start().await {
                Ok(server) => return server,
                // The port of the server before it may be taken for a moment.
                Err(error) => assert_eq!(error.kind(), ErrorKind::AddressInUse, "{error}"),
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_client_that_is_there_first_waits_for_its_server() {
    // Roads whose addresses nobody else takes; a port that is free now may not be in a moment.
    let file = support::socket_file();
    for url in ["mem://reconnect".to_owned(), format!("unix://{}", file.display())] {
        let mut waiting = tokio::spawn({
            let url = url.clone();
            async move { Client::builder().limits(eager()).connect_when_ready(&url).await }
        });
        let early = timeout(Duration::from_millis(30), &mut waiting).await;
        assert!(early.is_err(), "{url}: {early:?}");
        let server = serve(&url).await;
        let client = within(waiting).await.unwrap().unwrap();
        let answer = within(WorkClient::new(&client).echo("at last".into())).await;
        assert_eq!(answer.as_deref(), Ok("at last"), "{url}");
        within(server.shutdown()).await;
    }
}

#[tokio::test]
async fn a_client_waits_for_a_place() {
    let limits = Limits::default().with_max_connections(1);
    let server = Server::builder()
        .limits(limits)
        .service(WorkServer::new(Worker))
        .listen("tcp://127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let url = server.endpoints()[0].to_string();
    let first = within(Client::connect(&url)).await.unwrap();
    let mut second =
        tokio::spawn(async move { Client::builder().limits(eager()).connect_when_ready(&url).await });
    let early = timeout(Duration::from_millis(30), &mut second).await;
    assert!(early.is_err(), "{early:?}");
    first.close();
    within(second).await.unwrap().unwrap();
    within(server.shutdown()).await;
}

#[tokio::test]
async fn what_no_waiting_repairs_is_told_at_once() {
    let server = Server::builder()
        .service(WorkServer::new(Worker))
        .on_connect(|_| async { Err("not you".to_owned()) })
        .listen("tcp://127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let refusing = server.endpoints()[0].to_string();
    for (url, kind) in [
        (refusing.as_str(), ErrorKind::Refused),
        ("nowhere://a", ErrorKind::UnknownScheme),
        ("tcp://127.0.0.1", ErrorKind::Configuration),
        ("tcp://127.0.0.1:1?codec=none", ErrorKind::UnsupportedCodec),
    ] {
        let error = within(Client::builder().connect_when_ready(url)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{url}: {error}");
    }
    within(server.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_clients_comes_back_to_a_server_that_restarts_again_and_again() {
    let connected = Arc::new(AtomicUsize::new(0));
    let mut server = serve("tcp://127.0.0.1:0").await;
    let url = server.endpoints()[0].to_string();
    let mut crowd = JoinSet::new();
    for _ in 0..50 {
        let (url, connected) = (url.clone(), connected.clone());
        crowd.spawn(async move {
            let builder = Client::builder().limits(eager());
            let mut backoff = Backoff::new(&eager());
            loop {
                let client = builder.clone().connect_when_ready(&url).await.unwrap();
                #[expect(clippy::disallowed_methods, reason = "as an application does")]
                let since = Instant::now();
                connected.fetch_add(1, Ordering::SeqCst);
                let close = client.closed().await;
                match backoff.closed(&close, since.elapsed()) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return close.code().verdict(),
                }
            }
        });
    }
    for round in 1..=5 {
        within(async {
            while server.sessions().len() < 50 || connected.load(Ordering::SeqCst) < 50 * round {
                tokio::task::yield_now().await;
            }
        })
        .await;
        if round < 5 {
            within(server.shutdown()).await;
            server = serve(&url).await;
        }
    }
    // Told not to come back, nobody does.
    for session in server.sessions().iter() {
        session.close(linkspan::Close::new(linkspan::CloseCode::REFUSED, "enough"));
    }
    assert!(within(crowd.join_all()).await.iter().all(|verdict| *verdict == Verdict::Terminal));
    within(server.shutdown()).await;
}
