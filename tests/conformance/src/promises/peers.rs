//! Peers that are too many, too fast, or silent.

use std::time::Duration;

use linkspan_core::{CloseCode, ErrorKind};
use tokio::time::Instant;

use crate::broken::Broken;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::raw::{first_number, numbers};
use crate::wire::{CANCEL, CLOSE, PING};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "connections beyond the limit are refused",
            "A client beyond the limit is refused as such, and admitted once there is room.",
            too_many_connections,
        )
        .server(|limits| limits.with_max_connections(2)),
        Promise::new(
            "a flood of cancels closes",
            "A peer that sends cancels faster than allowed is closed with the code that says so.",
            cancel_flood,
        )
        .server(|limits| limits.with_max_cancels_per_second(10).with_max_in_flight(5)),
        Promise::new(
            "a silent handshake ends",
            "A peer that connects and says nothing is closed at the handshake deadline.",
            silent_handshake,
        )
        .of(&["I5"])
        .server(|limits| limits.with_handshake_timeout(Duration::from_millis(400))),
        Promise::new(
            "a silent peer is found dead, a live one is not",
            "A peer that answers no ping is closed after the silence allowed; an idle live one stays.",
            silent_peer,
        )
        .of(&["I4"])
        .server(|limits| limits.with_ping_after(Duration::from_millis(150))),
        Promise::new(
            "a busy link is not pinged",
            "A server pings no client from which something came within the interval.",
            busy_link,
        )
        .of(&["I4"])
        .server(|limits| limits.with_ping_after(BUSY_INTERVAL).with_max_missed_pings(100)),
    ]
}

async fn too_many_connections(pair: Pair) -> Result<(), Broken> {
    let second = pair.connect().await?;
    match pair.connect().await {
        Ok(_) => return Err(Broken::new("a third client was admitted where two may be")),
        Err(error) => Broken::unless_equal("kind", &error.kind(), &ErrorKind::AtCapacity)?,
    }
    second.close();
    pair.seen.saw_close(second.session().id()).await;
    // The place is free once the server's side of the link has ended, which shows in no other way.
    for _ in 0..100 {
        if let Ok(third) = pair.connect().await {
            third.echo("in the place of the second".into()).await?;
            return Ok(());
        }
    }
    Err(Broken::new("the place of a client that left is not free"))
}

async fn cancel_flood(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    for call in 0..200 {
        // The server may have hung up by now, as it should.
        let _ = link.send(&numbers(CANCEL, &[call])).await;
    }
    let close = link.next_of(CLOSE).await?;
    Broken::unless_equal("close code", &first_number(&close), &Some(CloseCode::RATE.number().into()))?;
    pair.client.echo("undisturbed".into()).await?;
    Ok(())
}

async fn silent_handshake(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    // Some roads have nowhere to say why before the client has said something.
    if let Some(close) = link.next().await {
        Broken::unless_equal("kind of the first frame", &close.kind, &CLOSE)?;
        let timeout = u64::from(CloseCode::TIMEOUT.number());
        Broken::unless_equal("close code", &first_number(&close), &Some(timeout))?;
    }
    drop(link);
    pair.client.echo("undisturbed".into()).await?;
    Broken::unless_equal("sessions", &pair.server()?.sessions().len(), &1)
}

async fn silent_peer(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    let mut kinds = Vec::new();
    let close = loop {
        let frame = link.next().await.ok_or_else(|| Broken::new("the link ended without a close"))?;
        kinds.push(frame.kind);
        if frame.kind == CLOSE {
            break frame;
        }
    };
    Broken::unless_equal("kinds of the frames that a silent peer gets", &kinds, &vec![PING, PING, CLOSE])?;
    Broken::unless_equal("close code", &first_number(&close), &Some(CloseCode::TIMEOUT.number().into()))?;
    Broken::unless_equal("close of the live client", &pair.client.session().close_reason(), &None)?;
    Broken::unless(pair.client.tap.count(&[PING]) > 0, || "an idle client was not pinged".into())?;
    pair.client.echo("alive".into()).await?;
    Ok(())
}

/// A ping that came must have had a reason: so long before it, nothing had left the client. A few without one are let
/// pass, for a machine that is busy elsewhere may stop a server between looking at the clock and at what came.
async fn busy_link(pair: Pair) -> Result<(), Broken> {
    let pings = || pair.client.tap.count(&[PING]);
    let began = now();
    pair.client.echo("busy from here on".into()).await?;
    let (mut before, mut last, mut unfounded) = (pings(), began, 0);
    for _ in 0..MAX_BUSY_CALLS {
        let called = now();
        pair.client.echo("busy".into()).await?;
        let came = pings();
        // The call before was read after it was made, and a ping behind its answer was sent before now.
        if last.elapsed() < BUSY_INTERVAL {
            unfounded += came - before;
        }
        (before, last) = (came, called);
        if began.elapsed() > BUSY_INTERVAL * BUSY_INTERVALS {
            break;
        }
    }
    Broken::unless(unfounded < 4, || {
        format!("{unfounded} pings came although the client had called within {BUSY_INTERVAL:?}")
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "silence is measured on the clock that the server's pings follow"
)]
fn now() -> Instant {
    Instant::now()
}

/// Silence after which a busy server pings.
const BUSY_INTERVAL: Duration = Duration::from_millis(15);
/// How many of them the client stays busy: a server that pings regardless pings as often.
const BUSY_INTERVALS: u32 = 8;
/// Calls of a client that is busy on a clock that stands still.
const MAX_BUSY_CALLS: usize = 2000;
