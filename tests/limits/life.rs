//! Who is silent, and who takes nothing. The clock stands still and jumps to what is due, so waiting costs nothing.

use std::time::Duration;

use linkspan::frame::KIND_HELLO;
use linkspan::memory::Memory;
use linkspan::{Client, CloseCode, Endpoint, Limits, Push, PushSink, Server, Session, Transport};
use tokio::time::Instant;

use crate::raw::{PING, PONG, Raw, field};
use crate::work::{WorkClient, WorkServer, Worker};

async fn server(name: &str, limits: Limits) -> (Server, Endpoint) {
    let server = Server::builder()
        .limits(limits)
        .service(WorkServer::new(Worker))
        .listen(format!("mem://life-{name}"))
        .start()
        .await
        .unwrap();
    let endpoint = server.endpoints()[0].clone();
    (server, endpoint)
}

/// A raw peer behind a narrow road, and the server's session of it.
async fn stranger(server: &Server, endpoint: &Endpoint) -> (Raw, Session) {
    let narrow = Memory::new().with_capacity(1000);
    let mut raw = Raw::new(narrow.connect(endpoint).await.unwrap());
    raw.hello(&[]).await.unwrap();
    raw.next_of(KIND_HELLO).await;
    let session = server.sessions().iter().last().unwrap();
    (raw, session)
}

#[expect(clippy::disallowed_methods, reason = "the clock is paused: it tells what is due when")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_then_given_up() {
    let limits = Limits::default().with_ping_after(Duration::from_secs(7)).with_max_missed_pings(3);
    let (server, endpoint) = server("silent", limits).await;
    let start = now();
    let (mut raw, session) = stranger(&server, &endpoint).await;
    for ping in 1..=3 {
        raw.next_of(PING).await;
        assert_eq!(start.elapsed().as_secs(), 7 * ping);
    }
    let (code, reason) = raw.close().await;
    assert_eq!((code, start.elapsed().as_secs()), (2002, 28));
    assert!(reason.contains("ping_after"), "{reason}");
    assert_eq!(session.closed().await.code(), CloseCode::TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_noticed_though_its_last_call_used_the_turn_of_its_task_up() {
    let limits = Limits::default().with_ping_after(Duration::from_secs(7)).with_max_missed_pings(2);
    let (server, endpoint) = server("spent", limits).await;
    let start = now();
    let (mut raw, session) = stranger(&server, &endpoint).await;
    // The call comes when the sleep has just ended, and leaves nothing to begin another with.
    tokio::time::sleep_until(start + Duration::from_secs(7)).await;
    raw.request(0, "Work/Spend", b"null").await.unwrap();
    for _ in 0..2 {
        raw.next_of(PING).await;
    }
    assert_eq!(raw.close().await.0, 2002);
    assert_eq!((start.elapsed().as_secs(), session.closed().await.code()), (28, CloseCode::TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn an_idle_peer_that_answers_lives_for_ever() {
    let (server, endpoint) = server("idle", Limits::default()).await;
    let start = now();
    let (mut raw, session) = stranger(&server, &endpoint).await;
    for _ in 0..100 {
        let ping = raw.next_of(PING).await;
        raw.send((PONG, 0), 0, &ping.fields).await.unwrap();
    }
    assert_eq!(start.elapsed().as_secs(), 2000, "every 20 s, by default");
    assert_eq!(session.close_reason(), None);
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_and_its_server_keep_each_other_alive() {
    let (server, endpoint) = server("both", Limits::default()).await;
    let client = Client::connect(&endpoint.to_string()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(client.session().close_reason(), None);
    let answer = WorkClient::new(&client).echo("awake".into()).await;
    assert_eq!(answer.as_deref(), Ok("awake"));
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_gives_a_silent_server_up() {
    let memory = Memory::new();
    let mut listener = memory.listen(&"mem://life-dead-server".parse().unwrap()).await.unwrap();
    let endpoint = listener.endpoint().to_string();
    let serving = tokio::spawn(async move {
        let mut raw = Raw::new(listener.accept().await.unwrap().await.unwrap());
        raw.next_of(KIND_HELLO).await;
        raw.hello(&field(7, &[7; 16])).await.unwrap();
        raw.until_end().await;
    });
    let limits = Limits::default().with_ping_after(Duration::from_secs(5));
    let start = now();
    let client = Client::builder().limits(limits).connect(&endpoint).await.unwrap();
    let call = tokio::spawn(WorkClient::new(&client).hang().without_timeout().into_owned());
    let close = client.closed().await;
    assert_eq!((close.code(), start.elapsed().as_secs()), (CloseCode::TIMEOUT, 15));
    let status = call.await.unwrap().unwrap_err();
    assert!(status.to_string().contains("may have run"), "{status}");
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_given_up_after_the_write_timeout() {
    let limits = Limits::default().with_write_timeout(Duration::from_secs(3));
    let (server, endpoint) = server("stalled", limits).await;
    let (raw, session) = stranger(&server, &endpoint).await;
    let start = now();
    for _ in 0..100 {
        session.try_push(Push::raw("Feed", "Item", vec![0; 2000])).unwrap();
    }
    let close = session.closed().await;
    assert_eq!(close.code(), CloseCode::SLOW);
    assert!(close.reason().contains("write_timeout"), "{close}");
    // Its second of lingering included.
    assert_eq!(start.elapsed().as_secs(), 4);
    drop(raw);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_a_little_now_and_then_lives() {
    let limits = Limits::default().with_write_timeout(Duration::from_secs(3));
    let (server, endpoint) = server("slow", limits).await;
    let (mut raw, session) = stranger(&server, &endpoint).await;
    for _ in 0..30 {
        session.try_push(Push::raw("Feed", "Item", vec![0; 2000])).unwrap();
    }
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(2900)).await;
        assert_eq!(session.close_reason(), None);
        raw.next_of(0x06).await;
    }
    assert_eq!(session.close_reason(), None);
}
