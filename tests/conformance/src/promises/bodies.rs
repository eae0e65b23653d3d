//! Messages of every size.

use tokio::task::JoinSet;

use crate::broken::Broken;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::rng::Rng;
use crate::values::{Ask, Note, Step};
use crate::watched::Received;
use crate::wire::{BODY, RESPONSE};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "every size arrives intact",
            "Arguments and values of every size around the protocol's borders arrive unchanged.",
            every_size,
        ),
        Promise::new(
            "large bodies arrive intact",
            "Arguments and values of more than a mebibyte arrive unchanged, several at once in each direction.",
            large_bodies,
        ),
        Promise::new(
            "a small call overtakes a large answer",
            "A small call made while a large answer is on its way is answered before the large one is complete.",
            small_overtakes,
        )
        .of(&["I22"]),
        Promise::new(
            "an abandoned body harms nobody",
            "Calls dropped while their large arguments or answers are on their way leave the connection as it was.",
            abandoned_bodies,
        )
        .of(&["I10"]),
    ]
}

async fn every_size(pair: Pair) -> Result<(), Broken> {
    let mut rng = Rng::new(7);
    // The borders of a body of its own and of a frame, give or take what surrounds the text.
    let borders = [0, 16 * 1024, 64 * 1024];
    let sizes = borders.iter().flat_map(|&border| [border, border + 1].into_iter().chain(below(border)));
    for size in sizes {
        let text = rng.text(size);
        let echoed = pair.client.echo(text.clone()).await?;
        Broken::unless(echoed == text, || format!("a text of {size} bytes was changed"))?;
    }
    Ok(())
}

/// A few sizes a little below `border`.
fn below(border: usize) -> impl Iterator<Item = usize> {
    [1, 8, 64].into_iter().filter_map(move |less| border.checked_sub(less))
}

async fn large_bodies(pair: Pair) -> Result<(), Broken> {
    let mut calls = JoinSet::new();
    for id in 0..2 {
        let text = Rng::new(id).text(1_100_000);
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

async fn small_overtakes(pair: Pair) -> Result<(), Broken> {
    // The small call may come too late when the machine is busy elsewhere; a peer that never interleaves always fails.
    for id in 0..10 {
        let before = pair.client.tap.received().len();
        let since = move |frames: &[Received]| frames.get(before..).unwrap_or_default().to_vec();
        let large = tokio::spawn(pair.client.run(Ask::new(id).then(Step::Answer(LARGE))));
        pair.client.tap.until(|frames| since(frames).iter().any(|frame| frame.kind == BODY)).await;
        pair.client.echo("quick".into()).await?;
        let frames = since(&pair.client.tap.received());
        let answer = large.await??;
        Broken::unless(answer.text == Note::new(0, id, LARGE).text, || "the answer was changed".into())?;
        let is_end = |frame: &Received| frame.kind == BODY && frame.flags & linkspan_core::frame::LAST != 0;
        let end = frames.iter().position(is_end).unwrap_or(usize::MAX);
        let small = frames.iter().rposition(|frame| frame.kind == RESPONSE);
        if small.is_some_and(|small| small < end) {
            return Ok(());
        }
    }
    Err(Broken::new("in 10 attempts, no small call was answered before the large answer was complete"))
}

async fn abandoned_bodies(pair: Pair) -> Result<(), Broken> {
    for id in 0..12 {
        let ask = match id % 2 {
            0 => Ask::new(id).with_text(Rng::new(id).text(600_000)).then(Step::Hang),
            _ => Ask::new(id).then(Step::Answer(600_000)),
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

const LARGE: u32 = 2_000_000;
