//! Messages of every size.

use bytes::Bytes;
use linkspan_core::frame::LAST;
use linkspan_core::{Metadata, Notification, PushSink};
use tokio::task::JoinSet;

use crate::broken::Broken;
use crate::codecs::CodecChoice;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::raw::numbers;
use crate::rng::Rng;
use crate::values::{Ask, Step};
use crate::watched::Received;
use crate::wire::{BODY, PING, PONG, RESPONSE};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "every size arrives intact",
            "Arguments, values and pushes of every size around the protocol's borders arrive unchanged.",
            every_size,
        ),
        Promise::new(
            "large bodies arrive intact",
            "Arguments and values of more than a mebibyte arrive unchanged, several at once in each direction.",
            large_bodies,
        ),
        Promise::new(
            "large bodies both ways leave room for small calls",
            "While large arguments and answers pass each other, small calls between them are answered.",
            both_ways,
        )
        .of(&["I22"]),
        Promise::new(
            "a ping gets through large bodies",
            "A ping sent while large bodies are on their way is answered before they are complete.",
            ping_gets_through,
        )
        .of(&["I22"])
        .server(|limits| limits.with_max_outbox_len(1 << 30)),
        Promise::new(
            "a small call overtakes large bodies",
            "A small call made while large bodies are on their way is answered before they are complete.",
            small_overtakes,
        )
        .of(&["I22"])
        .server(|limits| limits.with_max_outbox_len(1 << 30))
        .client(|limits| limits.with_max_event_buffer_len(1 << 30)),
        Promise::new(
            "an abandoned body harms nobody",
            "Calls dropped while their large arguments or answers are on their way leave the connection as it was.",
            abandoned_bodies,
        )
        .of(&["I10"]),
    ]
}

async fn every_size(pair: Pair) -> Result<(), Broken> {
    // The borders of a body of its own and of a frame, of the text and of what a frame holds besides.
    let sizes = [0, 16 * 1024, 64 * 1024];
    let sizes = sizes.into_iter().flat_map(|size: usize| [size.saturating_sub(8), size, size + 8]);
    for size in sizes {
        unchanged(&pair, Rng::new(size as u64).text(size)).await?;
    }
    let (session, mut received) = (pair.session()?, pair.client.notifications());
    for len in [16 * 1024, 64 * 1024].into_iter().flat_map(|border| border - 1..=border + 1) {
        unchanged(&pair, text_of(pair.codec(), len)?).await?;
        let bytes = Bytes::from(Rng::new(len as u64).text(len));
        session.push_raw("Kit", "Sized", Metadata::new(), bytes.clone()).await?;
        let arrived = matches!(received.next().await, Some(Ok(push)) if *push.body() == bytes);
        Broken::unless(arrived, || format!("a push of {len} bytes was lost or changed"))?;
        for (path, by_reference) in [("Kit/Sized", false), ("Kit/Sized", true), (LONG_PATH, false)] {
            let written = session.try_write(path, &|_, out| {
                if by_reference {
                    out.refer(bytes.clone());
                } else {
                    out.append(&bytes);
                }
                Ok(())
            });
            Broken::unless_equal("a push that is written in place", &written, &Some(Ok(())))?;
            let same = |push: &Notification| push.path() == path && *push.body() == bytes;
            let arrived = matches!(received.next().await, Some(Ok(push)) if same(&push));
            Broken::unless(arrived, || {
                format!("a push of {len} bytes, written in place, was lost or changed")
            })?;
        }
    }
    Ok(())
}

/// Of 132 bytes: its length takes two.
const LONG_PATH: &str = concat!(
    "Kit/Sized_",
    "01234567890123456789012345678901234567890123456789012345678901",
    "012345678901234567890123456789012345678901234567890123456789"
);

async fn unchanged(pair: &Pair, text: String) -> Result<(), Broken> {
    let echoed = pair.client.echo(text.clone()).await?;
    Broken::unless(echoed == text, || format!("a text of {} bytes was changed", text.len()))
}

/// A text that takes `len` bytes in the codec.
pub(super) fn text_of(codec: &CodecChoice, len: usize) -> Result<String, Broken> {
    let mut chars = len;
    for _ in 0..8 {
        let text = Rng::new(3).text(chars);
        let encoded = codec.text(text.as_str())?.len();
        if encoded == len {
            return Ok(text);
        }
        chars = (chars + len).saturating_sub(encoded);
    }
    Err(Broken::new(format!("the codec writes no text in {len} bytes")))
}

async fn large_bodies(pair: Pair) -> Result<(), Broken> {
    let mut calls = JoinSet::new();
    for (id, len) in [(0, 1_100_000), (1, 100_000)] {
        let text = Rng::new(id).text(len);
        let call = pair.client.run(Ask::new(id).with_text(text.clone()));
        calls.spawn(async move { (id, text, call.await) });
    }
    for (id, text, answer) in calls.join_all().await {
        let answer = answer?;
        Broken::unless_equal("id", &answer.id, &id)?;
        Broken::unless(answer.text == text, || format!("the large text of call {id} was changed"))?;
    }
    Ok(())
}

async fn both_ways(pair: Pair) -> Result<(), Broken> {
    let mut large = JoinSet::new();
    for id in 0..8 {
        let text = Rng::new(id).text(70_000);
        let call = pair.client.echo(text.clone());
        large.spawn(async move { Ok::<_, Broken>(call.await? == text) });
    }
    for id in 0..16 {
        let small = format!("small call {id}");
        Broken::unless_equal("answer", &pair.client.echo(small.clone()).await?, &small)?;
    }
    for unchanged in large.join_all().await {
        Broken::unless(unchanged?, || "a large text was changed".into())?;
    }
    Ok(())
}

async fn ping_gets_through(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    let first = pair.client.session().id();
    let session = pair.server()?.sessions().iter().find(|session| session.id() != first);
    let session = session.ok_or_else(|| Broken::new("the server knows no session of the raw link"))?;
    let bytes = Bytes::from(Rng::new(1).text(LARGE));
    // As for small calls: not every attempt meets bodies on their way, on a machine that is busy elsewhere.
    for attempt in 0..5 {
        for _ in 0..LARGE_ONES {
            session.push_raw("Kit", "Large", Metadata::new(), bytes.clone()).await?;
        }
        link.next_of(BODY).await?;
        link.send(&numbers(PING, &[attempt])).await?;
        let (mut complete, mut before_pong) = (0, None);
        while complete < LARGE_ONES {
            let frame = link.next().await.ok_or_else(|| Broken::new("the link ended amid large bodies"))?;
            complete += usize::from(frame.kind == BODY && frame.flags & LAST != 0);
            if frame.kind == PONG {
                before_pong = Some(complete);
            }
        }
        if before_pong.is_some_and(|complete| complete < LARGE_ONES) {
            return Ok(());
        }
    }
    Err(Broken::new("in 5 attempts, no ping was answered before the large bodies were complete"))
}

async fn small_overtakes(pair: Pair) -> Result<(), Broken> {
    let (session, mut received) = (pair.session()?, pair.client.notifications());
    let bytes = Bytes::from(Rng::new(1).text(LARGE));
    // A peer that never interleaves fails every time; one that does may seem not to, on a machine that is busy elsewhere.
    for id in 0..5 {
        let before = pair.client.tap.received().len();
        let since = move |frames: &[Received]| frames.get(before..).unwrap_or_default().to_vec();
        for _ in 0..LARGE_ONES {
            session.push_raw("Kit", "Large", Metadata::new(), bytes.clone()).await?;
        }
        pair.client.tap.until(|frames| since(frames).iter().any(|frame| frame.kind == BODY)).await;
        // While nothing is read, the link cannot swallow all of it.
        pair.client.tap.shut();
        let small = tokio::spawn(pair.client.run(Ask::new(id)));
        pair.seen.saw(Seen::Finished(id)).await;
        pair.client.tap.open();
        small.await??;
        for _ in 0..LARGE_ONES {
            let arrived = matches!(received.next().await, Some(Ok(large)) if *large.body() == bytes);
            Broken::unless(arrived, || "a large push was lost or changed".into())?;
        }
        let frames = since(&pair.client.tap.received());
        let end = frames.iter().rposition(|frame| frame.kind == BODY);
        if frames.iter().position(|frame| frame.kind == RESPONSE) < end {
            return Ok(());
        }
    }
    Err(Broken::new("in 5 attempts, no small call was answered before the large bodies were complete"))
}

async fn abandoned_bodies(pair: Pair) -> Result<(), Broken> {
    for id in 0..10 {
        let ask = match id % 2 {
            0 => Ask::new(id).with_text(Rng::new(id).text(120_000)).then(Step::Hang),
            _ => Ask::new(id).then(Step::Answer(120_000)),
        };
        let calling = tokio::spawn(pair.client.run(ask));
        for _ in 0..id {
            tokio::task::yield_now().await;
        }
        calling.abort();
        let _ = calling.await;
        let text = Rng::new(id).text(40_000);
        let echoed = pair.client.echo(text.clone()).await?;
        Broken::unless(echoed == text, || "a text behind an abandoned one was changed".into())?;
    }
    let (here, there) = (pair.client.session().clone(), pair.session()?);
    pair.settle("a call still takes a place", || here.in_flight() == 0 && there.serving() == 0).await
}

/// So much that no socket holds it: four large bodies.
const LARGE: usize = 2_000_000;
const LARGE_ONES: usize = 4;
