//! What a shutdown waits for, on roads that are slow. The clock stands still and jumps to what is due.
#![cfg(all(unix, feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    reason = "a test may fail"
)]

#[path = "support/raw.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod raw;
mod support;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use linkspan::frame::{KIND_CLOSE, KIND_HELLO, KIND_RESET, LAST, RESET};
use linkspan::memory::Memory;
use linkspan::{
    Client, Close, CloseCode, Context, Endpoint, Limits, Push, PushSink, Server, Session, Transport,
};
use raw::{BODY, FIELDS, Frame, ONE_WAY, REQUEST, Raw, field, number, place, request};
use support::PATIENCE;
use tokio::time::{Instant, sleep, timeout};

const GOAWAY: u8 = 0x0b;

#[linkspan::service]
trait Work {
    /// So many characters.
    async fn large(&self, cx: &Context, len: usize) -> String;
    /// Shuts the server down and waits for it, which is to wait for itself.
    async fn stop(&self, cx: &Context) -> u64;
}

#[derive(Clone, Debug, Default)]
struct Worker {
    server: Arc<OnceLock<Weak<Server>>>,
}

impl Work for Worker {
    async fn large(&self, _cx: &Context, len: usize) -> String {
        "x".repeat(len)
    }

    async fn stop(&self, _cx: &Context) -> u64 {
        let server = self.server.get().and_then(Weak::upgrade).unwrap();
        server.shutdown_with_reason("asked to").await;
        0
    }
}

/// A server in this process, and where it is.
async fn server(name: &str, limits: Limits) -> (Arc<Server>, Endpoint) {
    let worker = Worker::default();
    let server = Server::builder()
        .limits(limits)
        .service(WorkServer::new(worker.clone()))
        .listen(format!("mem://drain-{name}"))
        .start()
        .await
        .unwrap();
    let endpoint = server.endpoints()[0].clone();
    let server = Arc::new(server);
    worker.server.set(Arc::downgrade(&server)).unwrap();
    (server, endpoint)
}

/// A peer behind a road that holds little, and the server's session of it.
async fn stranger(server: &Server, endpoint: &Endpoint) -> (Raw, Session) {
    let narrow = Memory::new().with_capacity(1000);
    let mut raw = Raw::new(narrow.connect(endpoint).await.unwrap());
    raw.hello(&[]).await.unwrap();
    raw.next_of(KIND_HELLO).await;
    let session = server.sessions().iter().last().unwrap();
    (raw, session)
}

/// Reads to the end as a slow line does: ten kilobytes a second.
async fn read_slowly(raw: &mut Raw) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(frame) = raw.next().await {
        sleep(Duration::from_micros(100 * frame.fields.len() as u64)).await;
        frames.push(frame);
    }
    frames
}

fn shut_down(server: &Arc<Server>) -> tokio::task::JoinHandle<()> {
    let server = server.clone();
    tokio::spawn(async move { server.shutdown().await })
}

#[expect(clippy::disallowed_methods, reason = "the clock is paused: it tells what is due when")]
fn now() -> Instant {
    Instant::now()
}

fn close_code(frame: &Frame) -> u64 {
    assert_eq!(frame.kind, KIND_CLOSE);
    number(&mut frame.fields.as_slice())
}

#[tokio::test(start_paused = true)]
async fn answers_that_wait_for_a_slow_road_arrive_whole_before_the_close() {
    // Ten answers that go with their heads; one whose body has a lane of its own.
    for (calls, len) in [(10, 10_000), (1, 150_000)] {
        let (server, endpoint) = server(&format!("slow-{calls}"), Limits::default()).await;
        let (mut raw, session) = stranger(&server, &endpoint).await;
        let start = now();
        for call in 0..calls {
            raw.request(call, "Work/Large", len.to_string().as_bytes()).await.unwrap();
        }
        let shutting = shut_down(&server);
        let frames = read_slowly(&mut raw).await;
        let bytes: usize = frames.iter().map(|frame| frame.fields.len()).sum();
        assert!(bytes > calls as usize * len, "{bytes} bytes of {calls} answers of {len}");
        let responses = frames.iter().filter(|frame| frame.kind == 0x03).count();
        assert_eq!(responses, calls as usize);
        assert_eq!(close_code(frames.last().unwrap()), u64::from(CloseCode::SHUTDOWN.number()));
        assert!(start.elapsed() > Duration::from_secs(9), "{:?}", start.elapsed());
        drop(raw);
        timeout(PATIENCE, shutting).await.unwrap().unwrap();
        assert_eq!(session.closed().await.code(), CloseCode::SHUTDOWN);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_now_and_then_holds_no_closed_connection_for_ever() {
    let limits = Limits::default().with_drain_timeout(Duration::from_secs(60));
    let (server, endpoint) = server("trickle", limits).await;
    let (mut raw, session) = stranger(&server, &endpoint).await;
    for _ in 0..20 {
        session.push(Push::raw("Feed", "Item", vec![0; 10_000])).await.unwrap();
    }
    let start = now();
    session.close(Close::new(CloseCode::NORMAL, "enough"));
    // Always something within the write timeout, and never all: it would take twenty times nine seconds.
    while raw.next().await.is_some() {
        sleep(Duration::from_secs(9)).await;
    }
    let held = start.elapsed();
    assert!((60..90).contains(&held.as_secs()), "{held:?}");
    timeout(PATIENCE, server.shutdown()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pushes_that_never_end_do_not_prolong_a_drain() {
    let (server, endpoint) = server("pushes", Limits::default()).await;
    let (mut raw, session) = stranger(&server, &endpoint).await;
    let pushing =
        tokio::spawn(
            async move { while session.push(Push::raw("Feed", "Item", vec![0; 5000])).await.is_ok() {} },
        );
    // The outbox is full before the shutdown begins: what it holds is what the drain waits for.
    let full = Limits::default().max_outbox_len as u64;
    sleep(Duration::from_millis(1)).await;
    let start = now();
    let shutting = shut_down(&server);
    let mut taken = 0;
    while let Some(frame) = raw.next().await {
        taken += frame.fields.len() as u64;
        sleep(Duration::from_millis(1)).await;
        if frame.kind == KIND_CLOSE {
            break;
        }
    }
    assert!(start.elapsed() < Limits::default().drain_timeout, "{:?}", start.elapsed());
    assert!((full..3 * full).contains(&taken), "{taken} bytes went before the close");
    drop(raw);
    timeout(PATIENCE, shutting).await.unwrap().unwrap();
    pushing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_holds_a_shutdown_no_longer_than_the_drain() {
    let limits = Limits::default()
        .with_drain_timeout(Duration::from_secs(5))
        .with_write_timeout(Duration::from_secs(60));
    let (server, endpoint) = server("stuck", limits).await;
    let (mut raw, session) = stranger(&server, &endpoint).await;
    raw.request(0, "Work/Large", b"10000").await.unwrap();
    session.try_push(Push::raw("Feed", "Item", vec![0; 5000])).unwrap();
    let start = now();
    server.shutdown().await;
    let took = start.elapsed().as_secs();
    assert!((5..=8).contains(&took), "{took} s");
    assert_eq!(session.closed().await.code(), CloseCode::SHUTDOWN);
    drop(raw);
}

#[tokio::test(start_paused = true)]
async fn what_was_pushed_before_a_close_arrives_on_a_slow_road() {
    let (server, endpoint) = server("close", Limits::default()).await;
    let (mut raw, session) = stranger(&server, &endpoint).await;
    for _ in 0..10 {
        session.try_push(Push::raw("Feed", "Item", vec![0; 5000])).unwrap();
    }
    session.close(linkspan::Close::new(CloseCode::NORMAL, "done"));
    let frames = read_slowly(&mut raw).await;
    assert_eq!(frames.iter().filter(|frame| frame.kind == 0x06).count(), 10);
    assert_eq!(close_code(frames.last().unwrap()), u64::from(CloseCode::NORMAL.number()));
    assert!(frames.iter().all(|frame| frame.kind != BODY));
    drop(raw);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_waits_for_the_shutdown_does_not_keep_it_from_its_end() {
    let (server, endpoint) = server("admin", Limits::default()).await;
    let client = Client::connect(&endpoint.to_string()).await.unwrap();
    let start = now();
    let call = tokio::spawn(WorkClient::new(&client).stop().without_timeout().into_owned());
    timeout(PATIENCE, server.stopped()).await.expect("the server has stopped");
    assert!(start.elapsed() >= Limits::default().drain_timeout, "{:?}", start.elapsed());
    let close = timeout(PATIENCE, client.closed()).await.unwrap();
    assert_eq!((close.code(), close.reason()), (CloseCode::SHUTDOWN, "asked to"));
    assert!(timeout(PATIENCE, call).await.unwrap().unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_nobody_waits_for_goes_on() {
    let (server, endpoint) = server("dropped", Limits::default()).await;
    let client = Client::connect(&endpoint.to_string()).await.unwrap();
    assert!(timeout(Duration::ZERO, server.shutdown()).await.is_err(), "a session is open");
    timeout(PATIENCE, server.stopped()).await.expect("the server has stopped");
    assert_eq!(timeout(PATIENCE, client.closed()).await.unwrap().code(), CloseCode::SHUTDOWN);
}

#[tokio::test(start_paused = true)]
async fn a_one_way_call_whose_arguments_are_abandoned_ends_the_drain() {
    let (server, endpoint) = server("reset", Limits::default()).await;
    let (mut raw, session) = stranger(&server, &endpoint).await;
    let head = request(0, "Work/Note", Some(&field(4, &place(1, 20_001))), b"");
    raw.send((REQUEST, FIELDS | ONE_WAY), 0, &head).await.unwrap();
    while session.serving() == 0 {
        tokio::task::yield_now().await;
    }
    let start = now();
    let shutting = shut_down(&server);
    raw.next_of(GOAWAY).await;
    raw.send((KIND_RESET, LAST | RESET), 1, &[]).await.unwrap();
    assert_eq!(raw.close().await.0, CloseCode::SHUTDOWN.number());
    drop(raw);
    timeout(PATIENCE, shutting).await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
