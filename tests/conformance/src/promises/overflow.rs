//! What is too much for a queue: handed back, waited for, or reported; never lost in silence.

use std::time::Duration;

use linkspan_core::{CloseCode, Gap, GapReason, Metadata, PushError, PushSink};

use crate::broken::Broken;
use crate::pair::{Notes, Pair};
use crate::promise::Promise;
use crate::service::FLOOD;
use crate::values::{Ask, Note, Step};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "a full outbox hands the push back",
            "A push that finds the outbox full of messages is handed back, waits if asked to, and none is lost.",
            full_of_messages,
        )
        .of(&["I20", "I35"])
        .server(|limits| limits.with_max_outbox_messages(8)),
        Promise::new(
            "the outbox is bounded in bytes",
            "An outbox takes no more bytes than its limit and one message.",
            full_of_bytes,
        )
        .of(&["I20"])
        .server(|limits| limits.with_max_outbox_len(1000)),
        Promise::new(
            "a full event buffer leaves an exact gap",
            "A client that does not read loses the oldest notes, and learns in their place how many.",
            full_event_buffer,
        )
        .of(&["I21"])
        .client(|limits| limits.with_max_event_buffer_messages(16)),
        Promise::new(
            "a client that pauses loses nothing",
            "Pushes wait while a client takes nothing, and all arrive once it does.",
            pausing_client,
        )
        .of(&["I35"])
        .server(|limits| limits.with_max_outbox_messages(8).with_max_outbox_len(1 << 20))
        .client(|limits| limits.with_max_event_buffer_len(1 << 30)),
        Promise::new(
            "a stalled client delays nobody and is closed",
            "A client that takes nothing is closed at the write deadline; meanwhile others get their pushes.",
            stalled_client,
        )
        .of(&["I17"])
        .server(|limits| limits.with_write_timeout(Duration::from_millis(200)).with_max_outbox_len(1 << 20)),
    ]
}

async fn full_of_messages(pair: Pair) -> Result<(), Broken> {
    let answer = pair.client.run(Ask::new(1).then(Step::Flood(64))).await?;
    Broken::unless_equal("pushes taken before the first was refused", &answer.text.as_str(), &"8")?;
    // The one that was refused waited, and is there too.
    flood_arrives(pair.client.notes(), 9).await
}

async fn full_of_bytes(pair: Pair) -> Result<(), Broken> {
    let answer = pair.client.run(Ask::new(1).then(Step::Flood(64))).await?;
    let taken: u64 = answer.text.parse().unwrap_or(0);
    // Each note holds 64 characters and some more.
    Broken::unless((1..=16).contains(&taken), || format!("1000 bytes took {taken} notes"))?;
    flood_arrives(pair.client.notes(), taken + 1).await
}

async fn flood_arrives(mut notes: Notes, count: u64) -> Result<(), Broken> {
    for number in 0..count {
        let note = notes.next().await?;
        Broken::unless_equal("source and number", &(note.source, note.number), &(FLOOD, number))?;
    }
    Broken::unless(notes.at_hand().await.is_err(), || "one note too many".into())
}

async fn full_event_buffer(pair: Pair) -> Result<(), Broken> {
    let push = Step::Push { source: 1, from: 0, count: 100, len: 10 };
    pair.client.run(Ask::new(1).then(push)).await?;
    match pair.client.notifications().next().await {
        Some(Err(Gap { count: 84, reason: GapReason::EventBufferFull, .. })) => {}
        other => return Err(Broken::new(format!("in place of a gap of 84: {other:?}"))),
    }
    let mut notes = pair.client.notes();
    for number in 84..100 {
        Broken::unless_equal("number", &notes.at_hand().await?.number, &number)?;
    }
    Broken::unless(notes.at_hand().await.is_err(), || "one note too many".into())
}

async fn pausing_client(pair: Pair) -> Result<(), Broken> {
    let (session, mut notes) = (pair.session()?, pair.client.notes());
    pair.client.tap.shut();
    let mut accepted = 0;
    let waiting = loop {
        match session.try_push(pair.push(Note::new(1, accepted, 60_000))) {
            Ok(()) => accepted += 1,
            Err(refused) if refused.reason == PushError::Full => break refused.push,
            Err(refused) => return Err(refused.reason.into()),
        }
        Broken::unless(accepted < MAX_STALLED, || {
            "a client that takes nothing is pushed to without end".into()
        })?;
        tokio::task::yield_now().await;
    };
    let pushing = tokio::spawn(async move { session.push(waiting).await });
    pair.client.tap.open();
    for number in 0..=accepted {
        Broken::unless_equal("number", &notes.next().await?.number, &number)?;
    }
    pushing.await??;
    Ok(())
}

async fn stalled_client(pair: Pair) -> Result<(), Broken> {
    let stalled = pair.connect().await?;
    let session = pair.session_of(&stalled)?;
    stalled.tap.shut();
    let bytes = vec![7; 64 * 1024];
    let stuffing = tokio::spawn(async move {
        for _ in 0..MAX_STALLED {
            session.push_raw("Kit", "Stuff", Metadata::new(), bytes.clone()).await?;
        }
        Ok::<(), PushError>(())
    });
    let (healthy, mut notes) = (pair.session()?, pair.client.notes());
    for number in 0..50 {
        healthy.push(pair.push(Note::new(1, number, 100))).await?;
        Broken::unless_equal("number", &notes.next().await?.number, &number)?;
    }
    Broken::unless_equal("push to the stalled client", &stuffing.await?, &Err(PushError::Closed))?;
    stalled.tap.open();
    let close = pair.seen.saw_close(stalled.session().id()).await;
    Broken::unless_equal("close code", &close.code(), &CloseCode::SLOW)?;
    pair.client.echo("undisturbed".into()).await?;
    Ok(())
}

/// Notes that no road holds by itself: more than 100 MB.
const MAX_STALLED: u64 = 2000;
