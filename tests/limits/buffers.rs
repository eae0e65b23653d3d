//! How many pushes wait: at the server for a client that reads slowly, at the client for its application.

use std::sync::Arc;

use linkspan::{Client, GapReason, Limits, Metadata, PushError, PushSink, Selection, Session};
use tokio::sync::Semaphore;

use crate::raw::Raw;
use crate::work::{Stage, within};

#[linkspan::notifications]
trait Numbers {
    fn number(n: u64);
}

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
    let echo = crate::work::WorkClient::new(&client).echo("all there?".into()).into_owned();
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

/// The next `count` events: numbers, and gaps as how many are missing for which reason.
async fn read(events: &mut NumbersEvents, count: usize) -> Vec<Result<u64, (u64, GapReason)>> {
    let mut found = Vec::new();
    while found.len() < count {
        found.push(match within(events.next()).await.unwrap().unwrap() {
            NumbersEvent::Number { n } => Ok(n),
            NumbersEvent::Gap(gap) => Err((gap.count, gap.reason)),
            other => panic!("nobody pushed {other:?}"),
        });
    }
    found
}

#[tokio::test]
async fn a_typed_stream_that_was_read_in_part_holds_no_more_than_one_that_was_not() {
    let limits = Limits::default().with_max_event_buffer_messages(16);
    let stage = Stage::new("mem", "events-typed", Limits::default()).await;
    let client = stage.connect_with(limits).await.unwrap();
    let mut events = client.events::<NumbersEvent>();
    let numbers = NumbersPush::new(stage.other_session());
    for n in 0..16 {
        numbers.number(n).await.unwrap();
    }
    within(crate::work::WorkClient::new(&client).echo("all there?".into())).await.unwrap();
    assert_eq!(read(&mut events, 1).await, [Ok(0)]);
    for n in 16..40 {
        numbers.number(n).await.unwrap();
    }
    within(crate::work::WorkClient::new(&client).echo("all there?".into())).await.unwrap();
    // What the stream took along to read is as old as it gets; the gap follows it, and 16 are held in all.
    let mut expected: Vec<_> = [1, 2, 3].map(Ok).into();
    expected.push(Err((23, GapReason::EventBufferFull)));
    expected.extend((27..40).map(Ok));
    assert_eq!(read(&mut events, expected.len()).await, expected);
    stage.assert_healthy().await;
}

#[tokio::test]
async fn a_broadcast_waits_for_nobody_and_leaves_a_gap_where_there_was_no_room() {
    let stage = Stage::new("tcp", "broadcast", Limits::default().with_max_outbox_messages(2)).await;
    let client = stage.connect().await;
    let mut events = client.events::<NumbersEvent>();
    let sessions = stage.server.sessions();
    // Nothing leaves before this task gives way.
    let reach = (0..5).map(|n| sessions.broadcast(&NumbersPush::number_push(n)).unwrap());
    let reach: Vec<_> = reach.map(|reach| (reach.taken, reach.missed, reach.closed)).collect();
    assert_eq!(reach, [(2, 0, 0), (2, 0, 0), (0, 2, 0), (0, 2, 0), (0, 2, 0)]);
    let chosen: Selection = [stage.other_session()].into_iter().collect();
    within(NumbersPush::new(&stage.other_session()).number(5)).await.unwrap();
    NumbersPush::new(chosen.clone()).try_number(6).unwrap();
    let expected = [Ok(0), Ok(1), Err((3, GapReason::OutboxFull)), Ok(5), Ok(6)];
    assert_eq!(read(&mut events, 5).await, expected);
    let session = stage.other_session();
    client.close();
    within(session.closed()).await;
    let reach = chosen.broadcast(&NumbersPush::number_push(7)).unwrap();
    assert_eq!((reach.taken, reach.missed, reach.closed), (0, 0, 1));
    stage.assert_healthy().await;
}

#[tokio::test]
async fn whoever_waits_for_room_pushes_many_in_one_go() {
    let stage = Stage::new("tcp", "broadcast-room", Limits::default().with_max_outbox_messages(8)).await;
    let client = stage.connect().await;
    let mut events = client.events::<NumbersEvent>();
    let numbers = NumbersPush::new(stage.other_session());
    let pushing = tokio::spawn(async move {
        for n in 0..1000 {
            numbers.number(n).await?;
        }
        Ok::<_, PushError>(())
    });
    assert_eq!(read(&mut events, 1000).await, (0..1000).map(Ok).collect::<Vec<_>>());
    within(pushing).await.unwrap().unwrap();
    stage.assert_healthy().await;
}
