//! How a connection begins: hellos, hooks, refusals.

use std::sync::Arc;

use linkspan_core::{CloseCode, ErrorKind, Metadata};

use crate::broken::Broken;
use crate::hook::{GREET, HOLD, REFUSE};
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::raw::{first_number, hello, numbers};
use crate::wire::{CLOSE, IGNORABLE, PING, PONG, Parts};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "the connect hook sees the hello",
            "The metadata of a client's hello reaches the connect hook unchanged.",
            hook_sees_hello,
        ),
        Promise::new(
            "the connect hook may refuse",
            "A refused client learns the hook's reason, gets no session, and fires no close hook.",
            hook_refuses,
        ),
        Promise::new(
            "a slow connect hook delays nobody else",
            "While the connect hook ponders over one client, others are admitted and served.",
            hook_ponders,
        )
        .of(&["I17"]),
        Promise::new(
            "pushes of the connect hook come first",
            "What the connect hook pushes reaches the client, before anything pushed later.",
            hook_pushes_first,
        )
        .of(&["I13"]),
        Promise::new(
            "no common codec is a typed refusal",
            "A client whose codecs the server lacks is closed with the code that says so.",
            no_common_codec,
        ),
        Promise::new(
            "no common version is a typed refusal",
            "A client of another protocol version is closed with the code that says so.",
            no_common_version,
        ),
        Promise::new(
            "unknown ignorable frames are ignored",
            "A frame of an unknown kind that may be ignored changes nothing.",
            grease_is_ignored,
        ),
        Promise::new(
            "unknown critical frames close",
            "A frame of an unknown kind that may not be ignored closes the connection as a protocol error.",
            critical_closes,
        )
        .of(&["I11"]),
    ]
}

async fn hook_sees_hello(pair: Pair) -> Result<(), Broken> {
    let metadata = Metadata::new().with("token", "s3cret").with("shard", [0, 255]).with("token", "second");
    let client = pair.connect_with(metadata.clone()).await?;
    Broken::unless_equal("hello", pair.session_of(&client)?.hello_metadata(), &metadata)
}

async fn hook_refuses(pair: Pair) -> Result<(), Broken> {
    match pair.connect_with(Metadata::new().with(REFUSE, "not on the list")).await {
        Ok(_) => return Err(Broken::new("a refused client was admitted")),
        Err(error) => {
            Broken::unless_equal("kind", &error.kind(), &ErrorKind::Refused)?;
            let told = error.to_string();
            Broken::unless(told.contains("not on the list"), || format!("the reason is missing: {told}"))?;
        }
    }
    Broken::unless_equal("sessions", &pair.server()?.sessions().len(), &1)?;
    // The first client still works, and only its end is seen.
    pair.client.echo("after a refusal".into()).await?;
    let id = pair.client.session().id();
    pair.client.close();
    pair.seen.saw_close(id).await;
    let closed = pair.seen.log().iter().filter(|seen| matches!(seen, Seen::Closed(..))).count();
    Broken::unless_equal("close hooks", &closed, &1)
}

async fn hook_ponders(pair: Pair) -> Result<(), Broken> {
    let pair = Arc::new(pair);
    let patient = pair.clone();
    let waiting = tokio::spawn(async move { patient.connect_with(Metadata::new().with(HOLD, "")).await });
    pair.seen.until(|log| log.iter().any(|seen| matches!(seen, Seen::Deciding(_)))).await;
    let other = pair.connect().await?;
    other.echo("not delayed".into()).await?;
    Broken::unless(!waiting.is_finished(), || "a client was admitted before the hook said so".into())?;
    pair.seen.open_gate();
    waiting.await??.echo("admitted at last".into()).await?;
    Ok(())
}

async fn hook_pushes_first(pair: Pair) -> Result<(), Broken> {
    let client = pair.connect_with(Metadata::new().with(GREET, "")).await?;
    pair.session_of(&client)?.push_raw("Kit", "Later", Metadata::new(), b"later".as_slice()).await?;
    let note = client.notes().next().await?;
    Broken::unless_equal("number of the first note", &note.number, &0)?;
    match client.notifications().next().await {
        Some(Ok(later)) => Broken::unless_equal("the second", &later.method(), &"Later"),
        other => Err(Broken::new(format!("no second notification: {other:?}"))),
    }
}

async fn no_common_codec(pair: Pair) -> Result<(), Broken> {
    refused_with(&pair, &hello((1, 1), "no-such-codec"), CloseCode::UNSUPPORTED_CODEC).await
}

async fn no_common_version(pair: Pair) -> Result<(), Broken> {
    refused_with(&pair, &hello((900, 999), pair.codec().name()), CloseCode::UNSUPPORTED_VERSION).await
}

async fn refused_with(pair: &Pair, hello: &Parts, code: CloseCode) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.send(hello).await?;
    let close = link.next_of(CLOSE).await?;
    Broken::unless_equal("close code", &first_number(&close), &Some(code.number().into()))?;
    Broken::unless(link.next().await.is_none(), || "the link goes on after its close".into())?;
    pair.client.echo("after another's refusal".into()).await?;
    Ok(())
}

async fn grease_is_ignored(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    for kind in [IGNORABLE, 0xff] {
        link.send(&Parts::new(kind, b"a later version's business".to_vec())).await?;
    }
    link.send(&numbers(PING, &[77])).await?;
    let pong = link.next_of(PONG).await?;
    Broken::unless_equal("payload", &first_number(&pong), &Some(77))
}

async fn critical_closes(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    link.send(&Parts::new(IGNORABLE - 1, Vec::new())).await?;
    let close = link.next_of(CLOSE).await?;
    Broken::unless_equal("close code", &first_number(&close), &Some(CloseCode::PROTOCOL.number().into()))
}
