//! Layers of the tower crate wrap a server's calls.

use std::sync::Arc;
use std::time::Duration;

use linkspan::{CallError, Client, Code, Context, Server};
use tokio::sync::Notify;
use tokio::time::timeout;

#[linkspan::service]
trait Gate {
    /// Answers once the gate was opened.
    async fn pass(&self, cx: &Context) -> u32;
    /// Opens the gate, behind the same layers.
    async fn open(&self);
}

#[derive(Debug, Default)]
struct Latch {
    opened: Arc<Notify>,
}

impl Gate for Latch {
    async fn pass(&self, _cx: &Context) -> u32 {
        self.opened.notified().await;
        7
    }

    async fn open(&self) {
        self.opened.notify_one();
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_timeout_layer_ends_a_call_that_takes_too_long() {
    let server = Server::builder()
        .service(GateServer::new(Latch::default()))
        .layer(tower::timeout::TimeoutLayer::new(Duration::from_millis(20)))
        .listen("mem://timeout-layer")
        .start()
        .await
        .unwrap();
    let client = Client::connect("mem://timeout-layer").await.unwrap();
    let result = timeout(PATIENCE, GateClient::new(&client).pass()).await.unwrap();
    let Err(CallError::Status(status)) = result else { panic!("{result:?}") };
    assert_eq!(status.code(), Code::Aborted);
    assert!(status.message().contains("timed out"), "{status}");
    timeout(PATIENCE, server.shutdown()).await.unwrap();
}

#[tokio::test]
async fn a_concurrency_limit_layer_holds_the_second_call_back() {
    let server = Server::builder()
        .service(GateServer::new(Latch::default()))
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(2))
        .listen("mem://limit-layer")
        .start()
        .await
        .unwrap();
    let client = Client::connect("mem://limit-layer").await.unwrap();
    let gate = GateClient::new(&client);
    let (one, two) = (tokio::spawn(gate.pass().into_owned()), tokio::spawn(gate.pass().into_owned()));
    let session = server.sessions().iter().next().unwrap();
    timeout(PATIENCE, async {
        while session.serving() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    // Both places are taken: opening the gate has to wait, and with it everything.
    let mut opening = Box::pin(gate.open());
    assert!(timeout(Duration::from_millis(50), &mut opening).await.is_err());
    one.abort();
    timeout(PATIENCE, opening).await.unwrap().unwrap();
    assert_eq!(timeout(PATIENCE, two).await.unwrap().unwrap(), Ok(7));
    timeout(PATIENCE, server.shutdown()).await.unwrap();
}
