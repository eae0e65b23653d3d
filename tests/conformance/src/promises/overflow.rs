//! What is too much for a queue: handed back, waited for, or reported; never lost in silence.

use std::time::Duration;

use linkspan_core::{CloseCode, Gap, GapReason, Metadata, Push, PushError, PushSink};

use crate::broken::Broken;
use crate::pair::Pair;
use crate::peer::Notes;
use crate::promise::Promise;
use crate::service::{FLOOD, FLOOD_LEN};
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
            "An outbox takes as many whole messages as its limit in bytes holds, and no more.",
            full_of_bytes,
        )
        .of(&["I20"])
        .server(|limits| limits.with_max_outbox_len(OUTBOX_LEN)),
        Promise::new(
            "a full event buffer leaves an exact gap",
            "A client that does not read loses the oldest notes, and learns in their place how many.",
            full_event_buffer,
        )
        .of(&["I21"])
        .client(|limits| limits.with_max_event_buffer_messages(16)),
        Promise::new(
            "notes and gaps add up",
            "Whenever a slow client reads, what it got and what its gaps counted is what was pushed, in order.",
            notes_and_gaps,
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
    let (mut fit, mut len) = (0, 0);
    loop {
        let push = pair.push(Note::new(FLOOD, fit, FLOOD_LEN));
        len += push.body().bytes(pair.codec().name())?.0.len();
        if len > OUTBOX_LEN {
            break;
        }
        fit += 1;
    }
    Broken::unless_equal("notes that 1000 bytes took", &answer.text, &fit.to_string())?;
    flood_arrives(pair.client.notes(), fit + 1).await
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

async fn notes_and_gaps(pair: Pair) -> Result<(), Broken> {
    let mut received = pair.client.notifications();
    let mut expected = 0;
    for round in 0..4 {
        let push = Step::Push { source: 1, from: round * 40, count: 40, len: 10 };
        pair.client.run(Ask::new(round).then(push)).await?;
        let pushed = (round + 1) * 40;
        // Not all of it, so that gaps and notes of earlier rounds meet those of the next.
        let until = if round < 3 { pushed - 8 } else { pushed };
        while expected < until {
            match received.next().await {
                Some(Err(gap)) => expected += gap.count,
                Some(Ok(notification)) => {
                    let note = (pair.codec().values().read_note)(&notification)?;
                    Broken::unless_equal("number of the next note", &note.number, &expected)?;
                    expected += 1;
                }
                None => return Err(Broken::new("the stream of notes ended")),
            }
        }
        Broken::unless(expected <= pushed, || {
            format!("{pushed} notes were pushed, {expected} accounted for")
        })?;
    }
    Broken::unless(pair.client.notes().at_hand().await.is_err(), || "one note too many".into())
}

async fn pausing_client(pair: Pair) -> Result<(), Broken> {
    let (session, mut received) = (pair.session()?, pair.client.notifications());
    pair.client.tap.shut();
    // Raw, so that filling the road costs no encoding.
    let push_of =
        |number: u64| Push::raw("Kit", "Numbered", [vec![7; 60_000], number.to_le_bytes().into()].concat());
    let mut accepted: u64 = 0;
    let waiting = loop {
        match session.try_push(push_of(accepted)) {
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
        let arrived = match received.next().await {
            Some(Ok(push)) => push.body().len() == 60_008 && push.body().ends_with(&number.to_le_bytes()),
            _ => false,
        };
        Broken::unless(arrived, || format!("push {number} of {accepted} was lost or changed"))?;
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
/// Bytes of an outbox that is soon full.
const OUTBOX_LEN: usize = 1000;
