//! Calls that are given up.

use std::time::Duration;

use linkspan_core::{Code, Ran};

use super::failed_with;
use crate::broken::Broken;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::values::{Ask, Note, Step};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "a deadline ends the call and its handler",
            "A call whose deadline passes ends with that status, and its handler is dropped.",
            deadline,
        )
        .of(&["I7", "I10"]),
        Promise::new(
            "a dropped call frees both sides",
            "A dropped call drops its handler and frees its place on both sides.",
            dropped_call,
        )
        .of(&["I10"]),
        Promise::new(
            "a token is told, not dropped",
            "A handler with the token policy learns that its call was given up, and runs on.",
            token,
        )
        .of(&["I10"]),
        Promise::new(
            "never means never",
            "A handler with the policy never runs to its end although its call was given up.",
            never,
        )
        .of(&["I10"]),
        Promise::new(
            "one-way handlers are never cancelled",
            "A one-way handler runs to its end although its client is gone.",
            one_way_outlives,
        ),
        Promise::new(
            "a closed connection drops its handlers",
            "When a client closes, the handlers of its calls are dropped.",
            close_drops_handlers,
        )
        .of(&["I10"]),
        Promise::new(
            "a cancel hits no other call",
            "Dropping one call leaves every other call in flight alone.",
            cancel_is_precise,
        )
        .of(&["I7"]),
    ]
}

async fn deadline(pair: Pair) -> Result<(), Broken> {
    // On a machine that is busy elsewhere, a call may expire on its way; then a longer one must do.
    for (id, timeout) in [(1, 40), (2, 400), (3, 4000)] {
        let ask = Ask::new(id).then(Step::Hang);
        let call = pair.client.run(ask).with_timeout(Duration::from_millis(timeout));
        failed_with(call.await, Code::DeadlineExceeded, Ran::Maybe)?;
        pair.client.echo("behind the cancel".into()).await?;
        if pair.seen.count(&Seen::Started(id)) > 0 {
            pair.seen.saw(Seen::Dropped(id)).await;
            return freed(&pair).await;
        }
    }
    Err(Broken::new("no handler started within its deadline"))
}

async fn dropped_call(pair: Pair) -> Result<(), Broken> {
    for id in 0..20 {
        let calling = tokio::spawn(pair.client.run(Ask::new(id).then(Step::Hang)).without_timeout());
        pair.seen.saw(Seen::Started(id)).await;
        calling.abort();
        pair.seen.saw(Seen::Dropped(id)).await;
    }
    freed(&pair).await
}

/// Waits until no call takes a place on either side.
pub(super) async fn freed(pair: &Pair) -> Result<(), Broken> {
    let (here, there) = (pair.client.session().clone(), pair.session()?);
    pair.settle("a call still takes a place", || here.in_flight() == 0 && there.serving() == 0).await
}

async fn token(pair: Pair) -> Result<(), Broken> {
    let push = Step::Push { source: 1, from: 0, count: 1, len: 10 };
    let ask = Ask::new(1).then(Step::AwaitCancel).then(push);
    let calling = tokio::spawn(pair.client.run_token(ask).without_timeout());
    pair.seen.saw(Seen::Started(1)).await;
    calling.abort();
    pair.seen.saw(Seen::Cancelled(1)).await;
    pair.seen.until(|log| log.contains(&Seen::Finished(1)) || log.contains(&Seen::Dropped(1))).await;
    Broken::unless_equal("handlers dropped", &pair.seen.count(&Seen::Dropped(1)), &0)?;
    Broken::unless_equal("its note", &pair.client.notes().next().await?, &Note::new(1, 0, 10))?;
    freed(&pair).await
}

async fn never(pair: Pair) -> Result<(), Broken> {
    let calling = tokio::spawn(pair.client.run_never(Ask::new(1).then(Step::Gate)).without_timeout());
    pair.seen.saw(Seen::Started(1)).await;
    calling.abort();
    let _ = calling.await; // the call is dropped now, and its cancel precedes what follows
    pair.client.run(Ask::new(2).then(Step::Yield)).await?;
    pair.seen.open_gate();
    pair.seen.until(|log| log.contains(&Seen::Finished(1)) || log.contains(&Seen::Dropped(1))).await;
    Broken::unless_equal("handlers dropped", &pair.seen.count(&Seen::Dropped(1)), &0)?;
    freed(&pair).await
}

async fn one_way_outlives(pair: Pair) -> Result<(), Broken> {
    let client = pair.connect().await?;
    client.tell(Ask::new(1).then(Step::Gate)).await?;
    pair.seen.saw(Seen::Started(1)).await;
    client.close();
    pair.seen.saw_close(client.session().id()).await;
    pair.client.run(Ask::new(2).then(Step::Yield)).await?;
    pair.seen.open_gate();
    pair.seen.until(|log| log.contains(&Seen::Finished(1)) || log.contains(&Seen::Dropped(1))).await;
    Broken::unless_equal("handlers dropped", &pair.seen.count(&Seen::Dropped(1)), &0)
}

async fn close_drops_handlers(pair: Pair) -> Result<(), Broken> {
    let client = pair.connect().await?;
    let calling = tokio::spawn(client.run(Ask::new(1).then(Step::Hang)).without_timeout());
    pair.seen.saw(Seen::Started(1)).await;
    client.close();
    failed_with(calling.await?, Code::Unavailable, Ran::Maybe)?;
    pair.seen.saw(Seen::Dropped(1)).await;
    Ok(())
}

async fn cancel_is_precise(pair: Pair) -> Result<(), Broken> {
    let call = |id| pair.client.run(Ask::new(id).then(Step::Gate)).without_timeout();
    let calls: Vec<_> = (0..16).map(|id| tokio::spawn(call(id))).collect();
    for id in 0..16 {
        pair.seen.saw(Seen::Started(id)).await;
    }
    for (id, calling) in (0u64..).zip(&calls) {
        if id % 2 == 1 {
            calling.abort();
            pair.seen.saw(Seen::Dropped(id)).await;
        }
    }
    pair.seen.open_gate();
    for (id, calling) in (0u64..).zip(calls) {
        if id % 2 == 0 {
            Broken::unless_equal("id", &calling.await??.id, &id)?;
        }
    }
    Ok(())
}
