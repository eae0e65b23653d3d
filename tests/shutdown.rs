//! How a server goes: what runs ends in time, what is new is refused, and everybody is told why.
#![cfg(all(unix, feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test may fail"
)]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use linkspan::{
    CallError, Client, Close, CloseCode, Code, Context, Endpoint, ErrorKind, Limits, Ran, Server, Verdict,
};
use support::{PATIENCE, ROADS, Road};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

/// Tests that count the descriptors of this process run alone.
static ALONE: Mutex<()> = Mutex::const_new(());

#[linkspan::service]
trait Work {
    async fn echo(&self, cx: &Context, text: String) -> String;
    /// Ends when the gate opens, with so many characters.
    async fn gated(&self, cx: &Context, len: usize) -> String;
    async fn hang(&self, cx: &Context) -> u64;
    #[call(cancel = "never")]
    async fn hang_on(&self, cx: &Context) -> u64;
    #[call(cancel = "token")]
    async fn hang_deaf(&self, cx: &Context) -> u64;
    #[call(one_way)]
    async fn note(&self, cx: &Context, text: String);
}

#[derive(Clone, Debug)]
struct Worker {
    gate: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
}

impl Worker {
    fn new() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), running: Arc::default() }
    }

    /// Counts while it is alive.
    fn run(&self) -> Running {
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(self.running.clone())
    }

    async fn until_running(&self, count: usize) {
        within(async {
            while self.running.load(Ordering::SeqCst) != count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Work for Worker {
    async fn echo(&self, _cx: &Context, text: String) -> String {
        text
    }

    async fn gated(&self, _cx: &Context, len: usize) -> String {
        let _running = self.run();
        let _open = self.gate.acquire().await.unwrap();
        "x".repeat(len)
    }

    async fn hang(&self, _cx: &Context) -> u64 {
        let _running = self.run();
        std::future::pending().await
    }

    async fn hang_on(&self, _cx: &Context) -> u64 {
        let _running = self.run();
        std::future::pending().await
    }

    async fn hang_deaf(&self, _cx: &Context) -> u64 {
        let _running = self.run();
        std::future::pending().await
    }

    async fn note(&self, _cx: &Context, _text: String) {
        let _running = self.run();
        std::future::pending().await
    }
}

async fn within<T>(case: impl Future<Output = T>) -> T {
    timeout(PATIENCE, case).await.expect("it ends in time")
}

/// A server on one road, what it does, and the closes that its hook saw.
struct Stage {
    road: Road,
    worker: Worker,
    server: Arc<Server>,
    endpoint: Endpoint,
    closes: Arc<std::sync::Mutex<Vec<Close>>>,
}

impl Stage {
    async fn new(scheme: &str, test: &str, limits: Limits) -> Self {
        let road = Road::new(scheme, &format!("shutdown-{test}"));
        let worker = Worker::new();
        let closes = Arc::new(std::sync::Mutex::new(Vec::new()));
        let server = road
            .server()
            .limits(limits)
            .service(WorkServer::new(worker.clone()))
            .on_close({
                let closes = closes.clone();
                move |_, close| closes.lock().unwrap().push(close)
            })
            .start()
            .await
            .unwrap();
        let endpoint = server.endpoints()[0].clone();
        Self { road, worker, server: Arc::new(server), endpoint, closes }
    }

    async fn connect(&self) -> Client {
        self.road.connect(&self.endpoint, "postcard").await
    }
}

fn failed<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> (Code, Ran) {
    match result {
        Err(CallError::Status(status)) => (status.code(), status.ran()),
        other => panic!("{other:?} is no status"),
    }
}

#[tokio::test]
async fn calls_in_flight_are_answered_new_ones_did_not_run_and_clients_learn_why() {
    let _alone = ALONE.lock().await;
    for scheme in ROADS {
        let stage = Stage::new(scheme, "drain", Limits::default()).await;
        let clients = [stage.connect().await, stage.connect().await];
        let calls: Vec<_> = clients
            .iter()
            .flat_map(|client| {
                [10, 1_000_000].map(|len| (len, WorkClient::new(client).gated(len).into_owned()))
            })
            .map(|(len, call)| (len, tokio::spawn(call)))
            .collect();
        stage.worker.until_running(calls.len()).await;
        let server = stage.server.clone();
        let shutting = tokio::spawn(async move { server.shutdown_with_reason("rolling restart").await });
        // Nobody new comes in; what they are told is worth another try.
        within(async {
            loop {
                match stage.road.client().connect(&stage.endpoint.to_string()).await {
                    Ok(late) => late.close(), // it was faster than the shutdown
                    Err(error) => {
                        let kind = error.kind();
                        assert!(
                            matches!(kind, ErrorKind::Unreachable | ErrorKind::Closed),
                            "{scheme}: {error:?}"
                        );
                        break;
                    }
                }
            }
        })
        .await;
        for client in &clients {
            let work = WorkClient::new(client);
            let mut answered = Ok(String::new());
            while answered.is_ok() {
                answered = within(work.echo("still there?".into())).await;
            }
            assert_eq!(failed(answered), (Code::Unavailable, Ran::No), "{scheme}");
        }
        assert!(!shutting.is_finished(), "{scheme}: calls are in flight");
        stage.worker.gate.add_permits(100);
        for (len, call) in calls {
            assert_eq!(within(call).await.unwrap().map(|text| text.len()), Ok(len), "{scheme}");
        }
        within(shutting).await.unwrap();
        for client in &clients {
            let close = within(client.closed()).await;
            assert_eq!(close, Close::new(CloseCode::SHUTDOWN, "rolling restart"), "{scheme}");
            assert_eq!(close.code().verdict(), Verdict::ReconnectNow);
        }
        let mut closes = stage.closes.lock().unwrap().clone();
        closes.retain(|close| close.code() == CloseCode::SHUTDOWN);
        assert_eq!(closes.len(), clients.len(), "{scheme}: one hook for each");
        assert!(stage.server.sessions().is_empty());
        within(stage.server.shutdown()).await; // again changes nothing
    }
}

#[tokio::test]
async fn what_exceeds_the_drain_timeout_is_dropped_and_its_caller_told() {
    let _alone = ALONE.lock().await;
    for scheme in ROADS {
        let limits = Limits::default().with_drain_timeout(Duration::from_millis(100));
        let stage = Stage::new(scheme, "late", limits).await;
        let client = stage.connect().await;
        let work = WorkClient::new(&client);
        let calls = [
            tokio::spawn(work.hang().without_timeout().into_owned()),
            tokio::spawn(work.hang_on().without_timeout().into_owned()),
            tokio::spawn(work.hang_deaf().without_timeout().into_owned()),
        ];
        work.note("never done".into()).await.unwrap();
        stage.worker.until_running(4).await;
        within(stage.server.shutdown()).await;
        assert_eq!(stage.worker.running.load(Ordering::SeqCst), 0, "{scheme}: a handler outlives its server");
        for call in calls {
            assert_eq!(failed(within(call).await.unwrap()), (Code::Unavailable, Ran::Maybe), "{scheme}");
        }
        assert_eq!(within(client.closed()).await.code(), CloseCode::SHUTDOWN, "{scheme}");
        assert_eq!(stage.closes.lock().unwrap().len(), 1, "{scheme}");
    }
}

#[tokio::test]
async fn a_client_amid_its_handshake_is_told_to_try_again() {
    let _alone = ALONE.lock().await;
    for scheme in ROADS {
        let road = Road::new(scheme, "shutdown-handshake");
        let asked = Arc::new(Semaphore::new(0));
        let hook = asked.clone();
        let server = road
            .server()
            .service(WorkServer::new(Worker::new()))
            .on_connect(move |_| {
                hook.add_permits(1);
                std::future::pending()
            })
            .start()
            .await
            .unwrap();
        let connecting = road.client();
        let url = server.endpoints()[0].to_string();
        let connecting = tokio::spawn(async move { connecting.connect(&url).await });
        let _asked = within(asked.acquire()).await.unwrap();
        within(server.shutdown()).await;
        let error = within(connecting).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{scheme}: {error}");
        assert!(error.is_retryable() && error.to_string().contains("shuts down"), "{error}");
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_and_no_descriptor_is_left() {
    let _alone = ALONE.lock().await;
    let mut counts = Vec::new();
    for _ in 0..3 {
        for scheme in ROADS {
            let limits = Limits::default().with_drain_timeout(Duration::from_millis(50));
            let stage = Stage::new(scheme, "leak", limits).await;
            let mut clients = Vec::new();
            for _ in 0..5 {
                let client = stage.connect().await;
                let work = WorkClient::new(&client);
                tokio::spawn(work.hang_on().without_timeout().into_owned());
                work.note("left behind".into()).await.unwrap();
                assert_eq!(within(work.echo("here".into())).await.as_deref(), Ok("here"));
                clients.push(client);
            }
            within(stage.server.shutdown()).await;
            for client in &clients {
                within(client.closed()).await;
            }
        }
        let tasks = tokio::runtime::Handle::current().metrics();
        // Clients wind down for a moment after their close; quinn's own tasks end with its sockets.
        within(async {
            while tasks.num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        counts.push(descriptors());
    }
    assert_eq!(counts[0], counts[2], "{counts:?}");
    assert_eq!(counts[0], counts[1], "{counts:?}");
}

/// The example, which `cargo test` builds beside the tests.
fn arith() -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let program = profile.join("examples/arith");
    assert!(program.exists(), "first: cargo build --example arith");
    let mut command = Command::new(program);
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).kill_on_drop(true).stdin(Stdio::null());
    command
}

#[tokio::test]
async fn a_server_process_that_is_told_to_end_says_so_to_its_clients() {
    let _alone = ALONE.lock().await;
    for signal in ["-TERM", "-INT"] {
        let mut serving = arith()
            .args(["serve", "--endpoint", "tcp://127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines();
        let url = within(async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the server serves");
                if let Some(url) = line.strip_prefix("listening on ") {
                    return url.to_owned();
                }
            }
        })
        .await;
        let client = within(Client::connect(&url)).await.unwrap();
        let id = serving.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let close = within(client.closed()).await;
        assert_eq!(close.code(), CloseCode::SHUTDOWN, "{signal}: {close}");
        assert!(within(serving.wait()).await.unwrap().success(), "{signal}");
    }
}
