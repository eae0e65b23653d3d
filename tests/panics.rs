//! Code of the application that panics, wherever it can: its own call fails, and nothing else.
#![cfg(all(unix, feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test may fail")]

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};

use linkspan::{
    BoxError, CallError, CallRequest, Calls, Client, CloseCode, Code, Context, Metadata, Ran, Reply, Server,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use support::PATIENCE;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::{Layer, Service};

/// A value that panics where it is told to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bomb {
    Decoding,
    Dropping,
    Encoding,
}

impl Serialize for Bomb {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(*self != Self::Encoding, "a bomb in the encoder");
        serializer.serialize_u8(u8::from(*self == Self::Decoding))
    }
}

impl<'de> Deserialize<'de> for Bomb {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        assert!(u8::deserialize(deserializer)? != 1, "a bomb in the decoder");
        Ok(Self::Dropping)
    }
}

struct DropBomb;

impl Drop for DropBomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a bomb that was dropped");
    }
}

#[linkspan::service]
trait Work {
    async fn echo(&self, cx: &Context, text: String) -> String;
    /// Waits for the gate.
    async fn gated(&self, cx: &Context) -> u64;
    async fn panics_at_once(&self, cx: &Context) -> u64;
    async fn panics_later(&self, cx: &Context) -> u64;
    async fn takes(&self, cx: &Context, bomb: Bomb) -> u64;
    async fn gives(&self, cx: &Context) -> Bomb;
    /// Holds what panics when dropped, and waits for ever.
    async fn holds(&self, cx: &Context) -> u64;
    #[call(one_way)]
    async fn told(&self, cx: &Context, later: bool);
}

#[derive(Clone, Debug)]
struct Worker(Arc<Semaphore>);

impl Work for Worker {
    async fn echo(&self, _cx: &Context, text: String) -> String {
        text
    }

    async fn gated(&self, _cx: &Context) -> u64 {
        let _open = self.0.acquire().await.unwrap();
        42
    }

    async fn panics_at_once(&self, _cx: &Context) -> u64 {
        panic!("at once")
    }

    async fn panics_later(&self, _cx: &Context) -> u64 {
        tokio::task::yield_now().await;
        panic!("later")
    }

    async fn takes(&self, _cx: &Context, _bomb: Bomb) -> u64 {
        1
    }

    async fn gives(&self, _cx: &Context) -> Bomb {
        Bomb::Encoding
    }

    async fn holds(&self, _cx: &Context) -> u64 {
        let _bomb = DropBomb;
        std::future::pending().await
    }

    async fn told(&self, _cx: &Context, later: bool) {
        if later {
            tokio::task::yield_now().await;
        }
        panic!("told to")
    }
}

/// Panics where the call's metadata says.
#[derive(Clone, Debug)]
struct Minefield;

impl Layer<Calls> for Minefield {
    type Service = Mined;

    fn layer(&self, inner: Calls) -> Mined {
        Mined(inner)
    }
}

#[derive(Clone, Debug)]
struct Mined(Calls);

impl Service<CallRequest> for Mined {
    type Response = Reply;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: CallRequest) -> Self::Future {
        let mine = request.context().metadata().text("mine").map(str::to_owned);
        assert!(mine.as_deref() != Some("call"), "a mine in the layer");
        let answering = self.0.call(request);
        Box::pin(async move {
            let reply = answering.await;
            assert!(mine.as_deref() != Some("future"), "a mine behind the handler");
            reply
        })
    }
}

async fn within<T>(case: impl Future<Output = T>) -> T {
    timeout(PATIENCE, case).await.expect("it ends in time")
}

/// Keeps the log of the tests readable: a thousand panics on the runtime's threads are what is wanted.
fn expect_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some("tokio-rt-worker") {
            print(panic);
        }
    }));
}

async fn server(road: &str) -> (Server, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let server = Server::builder()
        .service(WorkServer::new(Worker(gate.clone())))
        .layer(Minefield)
        .listen(road)
        .start()
        .await
        .unwrap();
    (server, gate)
}

fn assert_internal<T: std::fmt::Debug, E: std::fmt::Debug>(what: &str, result: Result<T, CallError<E>>) {
    let Err(CallError::Status(status)) = result else { panic!("{what}: {result:?}") };
    assert_eq!((status.code(), status.ran()), (Code::Internal, Ran::Maybe), "{what}: {status}");
    assert!(!status.message().contains("mine") && !status.message().contains("bomb"), "{what}: {status}");
}

/// One call of every kind that panics.
async fn panic_everywhere(work: &WorkClient) {
    assert_internal("in place", within(work.panics_at_once()).await);
    assert_internal("in a task", within(work.panics_later()).await);
    assert_internal("decoding", within(work.takes(Bomb::Decoding)).await);
    assert_internal("encoding", within(work.gives()).await);
    for mine in ["call", "future"] {
        let call = work.echo(String::new()).with_metadata(Metadata::new().with("mine", mine));
        assert_internal(mine, within(call).await);
    }
    for later in [false, true] {
        within(work.told(later)).await.unwrap();
    }
    drop(
        within(async { tokio::time::timeout(std::time::Duration::from_millis(2), work.holds()).await }).await,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_panics_fail_a_thousand_calls_and_leave_nothing() {
    expect_panics();
    for road in ["mem://panics", "tcp://127.0.0.1:0"] {
        let (server, gate) = server(road).await;
        let url = server.endpoints()[0].to_string();
        let client = within(Client::connect(&format!("{url}?codec=postcard"))).await.unwrap();
        let work = WorkClient::new(&client);
        let sibling = tokio::spawn(work.gated().without_timeout().into_owned());
        for _ in 0..1000 / 9 + 1 {
            panic_everywhere(&work).await;
        }
        let session = server.sessions().iter().next().unwrap();
        within(async {
            while session.serving() > 1 || client.session().in_flight() > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        gate.add_permits(1);
        assert_eq!(within(sibling).await.unwrap(), Ok(42), "the sibling was in flight all the while");
        assert_eq!(within(work.echo("after".into())).await.as_deref(), Ok("after"));
        assert_eq!((session.serving(), client.session().in_flight()), (0, 0));
        within(server.shutdown()).await;
    }
}

#[tokio::test]
async fn a_hook_that_panics_refuses_its_client_and_nobody_else() {
    for later in [false, true] {
        let server = Server::builder()
            .service(WorkServer::new(Worker(Arc::new(Semaphore::new(0)))))
            .on_connect(move |session| {
                let bad = session.hello_metadata().text("bad").is_some();
                assert!(later || !bad, "at once");
                async move {
                    tokio::task::yield_now().await;
                    assert!(!bad, "later");
                    Ok(())
                }
            })
            .listen("tcp://127.0.0.1:0")
            .start()
            .await
            .unwrap();
        let url = server.endpoints()[0].to_string();
        let healthy = within(Client::connect(&url)).await.unwrap();
        let bad = Client::builder().metadata(Metadata::new().with("bad", "yes"));
        let error = within(bad.connect(&url)).await.unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
        for client in [&healthy, &within(Client::connect(&url)).await.unwrap()] {
            assert_eq!(within(WorkClient::new(client).echo("fine".into())).await.as_deref(), Ok("fine"));
        }
        within(server.shutdown()).await;
    }
}

#[tokio::test]
async fn a_close_hook_that_panics_ends_no_other_session() {
    let closes = Arc::new(AtomicUsize::new(0));
    let counted = closes.clone();
    let server = Server::builder()
        .service(WorkServer::new(Worker(Arc::new(Semaphore::new(0)))))
        .on_close(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            panic!("in the close hook");
        })
        .listen("tcp://127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let url = server.endpoints()[0].to_string();
    let clients =
        [within(Client::connect(&url)).await.unwrap(), within(Client::connect(&url)).await.unwrap()];
    clients[0].close();
    within(async {
        while closes.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(within(WorkClient::new(&clients[1]).echo("fine".into())).await.as_deref(), Ok("fine"));
    within(server.shutdown()).await;
    assert_eq!(within(clients[1].closed()).await.code(), CloseCode::SHUTDOWN);
    assert_eq!(closes.load(Ordering::SeqCst), 2);
    assert!(server.sessions().is_empty());
}
