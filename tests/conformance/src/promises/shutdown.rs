//! How a server goes away, and who must not suffer from whom.

use std::time::Duration;

use linkspan_core::{CloseCode, Code, Ran};
use tokio::task::JoinSet;

use super::failed_with;
use crate::broken::Broken;
use crate::message::Message;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::raw::{hello, numbers};
use crate::values::{Ask, Note, Step};
use crate::waits::waiting;
use crate::wire::{BODY, HELLO, Parts, RESPONSE};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "shutdown lets calls end",
            "A server that shuts down answers the calls in flight, and refuses new ones with `did not run`.",
            shutdown_drains,
        ),
        Promise::new(
            "shutdown lets large answers arrive",
            "A server that shuts down closes no session before the large answers of its calls are complete.",
            shutdown_sends_large,
        ),
        Promise::new(
            "shutdown ends what does not end by itself",
            "A server that shuts down gives up handlers that are not done at the drain deadline, and ends.",
            shutdown_is_bounded,
        )
        .server(|limits| limits.with_drain_timeout(Duration::from_millis(50))),
        Promise::new(
            "shutdown tells clients to come back",
            "A server that shut down has closed every session with a code that says `reconnect`, and listens no more.",
            shutdown_closes,
        ),
        Promise::new(
            "a server that is gone fails every call",
            "Every call in flight ends with a typed status when the server goes.",
            server_gone,
        )
        .of(&["I7"]),
        Promise::new(
            "garbage disturbs nobody else",
            "Peers that send garbage are dropped; a healthy client and a new one are served as before.",
            garbage_peer,
        )
        .of(&["I11", "I17"]),
    ]
}

async fn shutdown_drains(pair: Pair) -> Result<(), Broken> {
    let calling = tokio::spawn(pair.client.run(Ask::new(1).then(Step::Gate)));
    pair.seen.saw(Seen::Started(1)).await;
    let server = pair.server()?;
    let shutting = tokio::spawn(async move { server.shutdown().await });
    let mut refused = None;
    pair_until_refused(&pair, &mut refused).await?;
    failed_with(refused.unwrap_or(Ok(String::new())), Code::Unavailable, Ran::No)?;
    pair.seen.open_gate();
    Broken::unless_equal("id of the call in flight", &calling.await??.id, &1)?;
    shutting.await?;
    Ok(())
}

async fn shutdown_sends_large(pair: Pair) -> Result<(), Broken> {
    let calls: Vec<_> = (0..3)
        .map(|id| tokio::spawn(pair.client.run(Ask::new(id).then(Step::Gate).then(Step::Answer(LARGE)))))
        .collect();
    for id in 0..3 {
        pair.seen.saw(Seen::Started(id)).await;
    }
    let server = pair.server()?;
    let shutting = tokio::spawn(async move { server.shutdown().await });
    pair.seen.open_gate();
    for (id, calling) in (0..).zip(calls) {
        let answer = calling.await??;
        Broken::unless(answer.text == Note::new(0, id, LARGE).text, || "a large answer was changed".into())?;
    }
    shutting.await?;
    Ok(())
}

async fn shutdown_is_bounded(pair: Pair) -> Result<(), Broken> {
    let calling = tokio::spawn(pair.client.run(Ask::new(1).then(Step::Hang)).without_timeout());
    pair.seen.saw(Seen::Started(1)).await;
    {
        let _waiting = waiting(|| "the end of the shutdown".to_owned());
        pair.server()?.shutdown().await;
    }
    failed_with(calling.await?, Code::Unavailable, Ran::Maybe)?;
    pair.seen.saw(Seen::Dropped(1)).await;
    let close = pair.client.session().closed().await;
    Broken::unless_equal("close code", &close.code(), &CloseCode::SHUTDOWN)
}

type Echoed = Result<String, linkspan_core::CallError<std::convert::Infallible>>;

/// Calls until one is refused: the server tells in its own time that it goes.
async fn pair_until_refused(pair: &Pair, refused: &mut Option<Echoed>) -> Result<(), Broken> {
    for _ in 0..MAX_CALLS {
        let echoed = pair.client.echo("still there?".into()).await;
        if echoed.is_err() {
            *refused = Some(echoed);
            return Ok(());
        }
    }
    Err(Broken::new("a server that shuts down takes new calls"))
}

async fn shutdown_closes(pair: Pair) -> Result<(), Broken> {
    let other = pair.connect().await?;
    pair.server()?.shutdown().await;
    for client in [&pair.client, &other] {
        let close = client.session().closed().await;
        Broken::unless_equal("close code", &close.code(), &CloseCode::SHUTDOWN)?;
    }
    let late = pair.connect().await;
    Broken::unless(late.is_err(), || "a server that was shut down admits a client".into())?;
    Broken::unless_equal("sessions", &pair.server()?.sessions().len(), &0)
}

async fn server_gone(pair: Pair) -> Result<(), Broken> {
    let mut calls = JoinSet::new();
    for id in 0..16 {
        calls.spawn(pair.client.run(Ask::new(id).then(Step::Hang)).without_timeout());
    }
    pair.seen.until(|log| log.iter().filter(|seen| matches!(seen, Seen::Started(_))).count() == 16).await;
    pair.drop_server();
    for ended in calls.join_all().await {
        failed_with(ended, Code::Unavailable, Ran::Maybe)?;
    }
    for id in 0..16 {
        pair.seen.saw(Seen::Dropped(id)).await;
    }
    failed_with(pair.client.run(Ask::new(99)).await, Code::Unavailable, Ran::No)
}

async fn garbage_peer(pair: Pair) -> Result<(), Broken> {
    let codec = pair.codec().name();
    let garbage = [
        vec![Parts::new(0x7e, b"neither hello nor anything".to_vec())],
        vec![Parts::new(HELLO, b"no magic".to_vec())],
        vec![hello((1, 1), codec), hello((1, 1), codec)],
        vec![hello((1, 1), codec), numbers(RESPONSE, &[7])],
        vec![hello((1, 1), codec), Parts { lane: 9, ..Parts::new(RESPONSE, Vec::new()) }],
        vec![hello((1, 1), codec), Parts::new(BODY, b"on lane 0".to_vec())],
        vec![hello((1, 1), codec), Message::request(0, "no-slash").parts()],
    ];
    for frames in garbage {
        let mut link = pair.raw().await?;
        for frame in &frames {
            // The server may have hung up by now, as it should.
            let _ = link.send(frame).await;
        }
        while link.next().await.is_some() {}
        pair.client.echo("undisturbed".into()).await?;
    }
    let late = pair.connect().await?;
    late.echo("served as before".into()).await?;
    Broken::unless_equal("first client's close", &pair.client.session().close_reason(), &None)
}

/// Characters of an answer that is still on its way when its handler has ended.
const LARGE: u32 = 600_000;
/// Round trips until a server must have said that it goes.
const MAX_CALLS: usize = 2000;
