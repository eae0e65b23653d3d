//! How many pushes wait: at the server for a client that reads slowly, at the client for its application.

use std::sync::Arc;

use linkspan::{Client, GapReason, Limits, Metadata, PushError, PushSink, Session};
use tokio::sync::Semaphore;

use crate::raw::Raw;
use crate::work::{Stage, within};

fn push(len: usize) -> linkspan::Push {
    linkspan::Push::raw("Feed", "Item", vec![b'x'; len])
}

/// Pushes until one is refused: how many were taken.
fn fill(session: &Session, len: usize) -> usize {
    for taken in 0..100_000 {
        if let Err(refused) = session.try_push(push(len)) {
            assert_eq!(refused.reason, PushError::Full);
            assert_eq!(refused.push.path(), "Feed/Item", "it is handed back");
            return taken;
        }
    }
    panic!("the outbox has no end");
}

#[tokio::test]
async fn an_outbox_takes_so_many_pushes_and_hands_the_next_one_back() {
    for (limits, len, most) in [
        (Limits::default().with_max_outbox_messages(10), 1, 10),
        (Limits::default().with_max_outbox_len(1000), 100, 10),
    ] {
        let stage = Stage::new("tcp", "outbox", limits).await;
        let client = stage.connect().await;
        let session = stage.other_session();
        // Nothing leaves before this task gives way, so what is taken is what the outbox holds.
        assert_eq!(fill(&session, len), most);
        // With room again, what was refused goes through, and nothing is missing.
        within(session.push(push(len))).await.unwrap();
        let mut notes = client.notifications();
        for _ in 0..=most {
            assert_eq!(within(notes.next()).await.unwrap().unwrap().body().len(), len);
        }
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_stops_its_own_pushes_only() {
    let limits = Limits::default().with_max_outbox_messages(10).with_max_outbox_len(100_000);
    let stage = Stage::new("tcp", "outbox-stalled", limits).await;
    let stalled = Raw::greeted(&stage.endpoint).await;
    let slow = stage.other_session();
    // What the sockets between hold is large, but ends.
    let waiting = tokio::spawn({
        let slow = slow.clone();
        async move {
            for _ in 0..10_000 {
                slow.push(push(16_000)).await?;
            }
            Ok::<_, PushError>(())
        }
    });
    within(async {
        while slow.try_push(push(16_000)).is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(!waiting.is_finished());
    drop(stalled);
    assert_eq!(within(waiting).await.unwrap(), Err(PushError::Closed));
    stage.assert_healthy().await;
}

/// Pushes `count`, reads nothing until the last has arrived, and returns what the application then finds.
async fn unread(limits: Limits, count: usize, len: usize) -> (u64, usize) {
    let stage = Stage::new("mem", &format!("events-{count}-{len}"), Limits::default()).await;
    let client: Client = stage.connect_with(limits).await.unwrap();
    let session = stage.other_session();
    for _ in 0..count {
        session.push(push(len)).await.unwrap();
    }
    // An answer never overtakes pushes, so that all have arrived once it is here.
    let arrived = Arc::new(Semaphore::new(0));
    let echo = crate::work::WorkClient::new(&client).echo("all there?".into());
    within(echo).await.unwrap();
    arrived.add_permits(1);
    session.push(linkspan::Push::raw("Feed", "Last", "").with_metadata(Metadata::new())).await.unwrap();
    let mut notes = client.notifications();
    let (mut missing, mut found) = (0, 0);
    loop {
        match within(notes.next()).await.expect("the stream goes on") {
            Ok(note) if note.method() == "Last" => break,
            Ok(_) => found += 1,
            Err(gap) => {
                assert_eq!((gap.reason, found), (GapReason::EventBufferFull, 0), "a gap stands where it is");
                missing += gap.count;
            }
        }
    }
    stage.assert_healthy().await;
    (missing, found)
}

#[tokio::test]
async fn an_event_buffer_that_overflows_tells_how_many_are_missing() {
    let (missing, found) = unread(Limits::default().with_max_event_buffer_messages(10), 100, 10).await;
    assert_eq!(missing + found as u64, 100);
    assert!((9..=10).contains(&found), "{found}");
    let (missing, found) = unread(Limits::default().with_max_event_buffer_len(2000), 100, 191).await;
    assert_eq!(missing + found as u64, 100);
    assert!((5..=10).contains(&found), "{found}");
    assert_eq!(unread(Limits::default(), 100, 10).await, (0, 100));
}
