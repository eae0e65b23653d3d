//! What the waist promises, within one process.

mod chaos;
mod end;

use std::future::{Future, poll_fn};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use linkspan_core::{Endpoint, ErrorKind, Lane, Transport};

use self::end::End;
use crate::Memory;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

/// A link over the name `name`, which no other test uses.
async fn pair(memory: &Memory, name: &str) -> (End, End) {
    let at = endpoint(&format!("mem://{name}"));
    let mut listener = memory.listen(&at).await.unwrap();
    let client = memory.connect(&at).await.unwrap();
    let server = listener.accept().await.unwrap().await.unwrap();
    (End::new(client), End::new(server))
}

async fn within<T>(case: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), case).await.expect("the case ends in time")
}

/// Polls once, without a task that could be woken.
fn once<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn frames_of_several_lanes_arrive_whole_and_in_batch_order_both_ways() {
    within(async {
        let (mut client, mut server) = pair(&Memory::new(), "lanes").await;
        for round in 0..50 {
            for lane in 0..5 {
                client.push(lane, round * 300);
                server.push(lane + 10, 15_000 - round * 300);
            }
        }
        tokio::try_join!(client.run(250), server.run(250)).unwrap();
        client.check_against(&server);
        server.check_against(&client);
        let lanes: Vec<_> = server.received_lanes().take(6).collect();
        assert_eq!(lanes, [0, 1, 2, 3, 4, 0].map(Lane::new));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_in_both_directions_at_once_does_not_stall() {
    within(async {
        let (mut client, mut server) = pair(&Memory::new(), "flood").await;
        for _ in 0..256 {
            client.push(1, 65_000);
            server.push(2, 65_000);
        }
        let client = tokio::spawn(async move { client.run(256).await.map(|()| client) });
        let server = tokio::spawn(async move { server.run(256).await.map(|()| server) });
        let (client, server) = (client.await.unwrap().unwrap(), server.await.unwrap().unwrap());
        client.check_against(&server);
        server.check_against(&client);
    })
    .await;
}

#[tokio::test]
async fn a_sender_waits_while_the_link_is_full() {
    let (mut client, mut server) = pair(&Memory::new().with_capacity(1000), "full").await;
    for _ in 0..5 {
        client.push(0, 392); // 400 with its head and number
    }
    assert!(once(|cx| client.poll_send(cx)).is_pending());
    assert_eq!(client.outgoing.frames(), 3);
    assert!(once(|cx| client.poll_send(cx)).is_pending());
    assert!(matches!(once(|cx| server.poll_recv(cx)), Poll::Ready(Ok(true))));
    assert_eq!(server.received.len(), 2);
    client.push(1, 0); // appended between polls
    within(async { tokio::try_join!(client.run(0), server.run(6)) }).await.unwrap();
    server.check_against(&client);
}

#[tokio::test]
async fn a_frame_larger_than_the_capacity_passes_alone() {
    let (mut client, mut server) = pair(&Memory::new().with_capacity(0), "tiny").await;
    client.push(0, 60_000);
    client.push(0, 0);
    within(async { tokio::try_join!(client.run(0), server.run(2)) }).await.unwrap();
    server.check_against(&client);
    assert_eq!(server.reads, 2);
}

#[tokio::test]
async fn a_side_that_ended_still_receives() {
    within(async {
        let (mut client, mut server) = pair(&Memory::new(), "half").await;
        client.push(0, 10);
        client.run(0).await.unwrap();
        client.close().unwrap();
        server.run(1).await.unwrap();
        assert!(!server.recv().await.unwrap());
        server.push(0, 20);
        tokio::try_join!(client.run(1), server.run(1)).unwrap();
        server.close().unwrap();
        assert!(!client.recv().await.unwrap());
        client.push(0, 1);
        assert_eq!(client.run(1).await.unwrap_err().kind(), ErrorKind::Closed);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_vanishes_is_an_error_behind_what_it_sent() {
    within(async {
        let (mut client, mut server) = pair(&Memory::new(), "vanishes").await;
        client.push(0, 10);
        client.run(0).await.unwrap();
        drop(client);
        server.run(1).await.unwrap();
        let error = server.recv().await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Closed, "peer vanished"));
        server.push(0, 10);
        let error = poll_fn(|cx| server.poll_send(cx)).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Closed, "peer vanished"));
        assert!(server.close().is_err());
    })
    .await;
}

#[tokio::test]
async fn a_waiting_side_is_woken_when_its_peer_vanishes() {
    within(async {
        let (client, mut server) = pair(&Memory::new().with_capacity(0), "woken").await;
        server.push(0, 10);
        server.push(0, 10);
        let waiting = tokio::spawn(async move { server.run(1).await });
        tokio::task::yield_now().await;
        drop(client);
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    })
    .await;
}

#[tokio::test]
async fn a_name_is_one_listeners_until_it_is_dropped() {
    let at = endpoint("mem://taken?codec=json");
    let listener = Memory::new().listen(&at).await.unwrap();
    assert_eq!(listener.endpoint().to_string(), "mem://taken");
    let error = Memory::new().listen(&at).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddressInUse);
    assert!(error.to_string().contains("pick another name"), "{error}");

    // Connected but never accepted: the end comes with the listener's.
    let mut queued = End::new(Memory::new().connect(&at).await.unwrap());
    drop(listener);
    assert_eq!(within(queued.recv()).await.unwrap_err().kind(), ErrorKind::Closed);
    let error = Memory::new().connect(&at).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.is_retryable() && error.to_string().contains("start the server first"), "{error}");
    Memory::new().listen(&at).await.unwrap();
}

#[tokio::test]
async fn clients_beyond_the_backlog_wait_for_the_listener() {
    within(async {
        let at = endpoint("mem://backlog");
        let mut listener = Memory::new().listen(&at).await.unwrap();
        let connecting = tokio::spawn({
            let at = at.clone();
            async move {
                let mut links = Vec::new();
                for _ in 0..200 {
                    links.push(Memory::new().connect(&at).await.unwrap());
                }
                links
            }
        });
        for _ in 0..200 {
            listener.accept().await.unwrap().await.unwrap();
        }
        assert_eq!(connecting.await.unwrap().len(), 200);
    })
    .await;
}

#[tokio::test]
async fn both_ends_know_where_the_link_is() {
    let at = endpoint("mem://known");
    let mut listener = Memory::new().listen(&at).await.unwrap();
    let client = Memory::new().connect(&at).await.unwrap();
    let server = listener.accept().await.unwrap().await.unwrap();
    assert_eq!(client.peer().remote_address(), Some("known"));
    assert_eq!(server.peer().local_address(), Some("known"));
    assert_eq!((client.peer().scheme(), server.peer().scheme()), ("mem", "mem"));
    assert!(!client.peer().capabilities().independent_lanes);
}

#[tokio::test]
async fn a_wrong_endpoint_says_what_to_write() {
    for (text, hint) in [
        ("mem://", "write mem://name"),
        ("mem://a:1", "write mem://a"),
        ("mem://a/b", "write mem://a"),
        ("mem://a?seed=red", "write seed=N"),
        ("mem://a?sead=1", "unknown option `sead`"),
    ] {
        let at = endpoint(text);
        let memory = Memory::new();
        for error in [memory.connect(&at).await.unwrap_err(), memory.listen(&at).await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
            assert!(error.to_string().contains(hint), "{text}: {error}");
        }
    }
}
