//! What exceeds a limit fails alone, and says so.

use std::time::Duration;

use linkspan_core::{CloseCode, Code, ErrorKind, Metadata, PushError, PushSink, Ran};

use super::failed_with;
use crate::broken::Broken;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::raw::{first_number, numbers, request};
use crate::rng::Rng;
use crate::values::{Ask, Note, Step};
use crate::wire::{CANCEL, CLOSE, FAILURE, PING, read_number};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "too many calls did not run",
            "A call beyond the limit of calls in flight ends as exhausted and did not run; the others are answered.",
            too_many_calls,
        )
        .server(|limits| limits.with_max_in_flight(4)),
        Promise::new(
            "a server enforces its own limits",
            "A peer that does not keep to the server's limits is refused by the server.",
            server_enforces,
        )
        .server(|limits| limits.with_max_in_flight(4).with_max_message_len(64 * 1024)),
        Promise::new(
            "oversize arguments fail their call only",
            "Arguments that exceed the server's limit fail their call before it is sent.",
            oversize_arguments,
        )
        .of(&["I19"])
        .server(|limits| limits.with_max_message_len(64 * 1024)),
        Promise::new(
            "an oversize answer fails its call only",
            "An answer that exceeds the client's limit fails its call, which ran; the connection lives.",
            oversize_answer,
        )
        .of(&["I19"])
        .client(|limits| limits.with_max_message_len(64 * 1024)),
        Promise::new(
            "an oversize push fails alone",
            "A push that exceeds the client's limit is handed back; the pushes around it arrive.",
            oversize_push,
        )
        .of(&["I19"])
        .client(|limits| limits.with_max_message_len(64 * 1024)),
        Promise::new(
            "oversize metadata fails its call only",
            "Headers beyond the limit fail their call before it is sent.",
            oversize_metadata,
        ),
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
        .server(|limits| limits.with_max_cancels_per_second(10)),
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
    ]
}

async fn too_many_calls(pair: Pair) -> Result<(), Broken> {
    let call = |id| pair.client.run(Ask::new(id).then(Step::Gate));
    let calls: Vec<_> = (0..4).map(|id| tokio::spawn(call(id))).collect();
    for id in 0..4 {
        pair.seen.saw(Seen::Started(id)).await;
    }
    failed_with(pair.client.run(Ask::new(4)).await, Code::ResourceExhausted, Ran::No)?;
    pair.seen.open_gate();
    for (id, calling) in (0u64..).zip(calls) {
        Broken::unless_equal("id", &calling.await??.id, &id)?;
    }
    Broken::unless_equal("handlers of the refused call", &pair.seen.count(&Seen::Started(4)), &0)?;
    pair.client.run(Ask::new(5)).await?;
    Ok(())
}

async fn server_enforces(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    for (call, code) in
        [(4, Code::ResourceExhausted), (3, Code::InvalidArgument), (99, Code::ResourceExhausted)]
    {
        link.send(&request(call, "Kit/Run", b"\xff")).await?;
        let failure = link.next_of(FAILURE).await?;
        let mut fields = failure.fields.as_slice();
        Broken::unless_equal("call", &read_number(&mut fields), &Some(call))?;
        Broken::unless_equal("code", &read_number(&mut fields), &Some(code.number().into()))?;
        Broken::unless_equal("ran", &read_number(&mut fields), &Some(Ran::No.number().into()))?;
    }
    Ok(())
}

async fn oversize_arguments(pair: Pair) -> Result<(), Broken> {
    let text = Rng::new(1).text(100_000);
    let failed = pair.client.run(Ask::new(1).with_text(text)).await;
    failed_with(failed, Code::ResourceExhausted, Ran::No)?;
    pair.client.run(Ask::new(2)).await?;
    Broken::unless_equal("handlers of the refused call", &pair.seen.count(&Seen::Started(1)), &0)
}

async fn oversize_answer(pair: Pair) -> Result<(), Broken> {
    let failed = pair.client.run(Ask::new(1).then(Step::Answer(100_000))).await;
    failed_with(failed, Code::ResourceExhausted, Ran::Yes)?;
    pair.client.run(Ask::new(2).then(Step::Answer(30_000))).await?;
    Ok(())
}

async fn oversize_push(pair: Pair) -> Result<(), Broken> {
    let (session, mut notes) = (pair.session()?, pair.client.notes());
    session.push(pair.push(Note::new(1, 0, 10))).await?;
    let Err(refused) = session.try_push(pair.push(Note::new(1, 1, 100_000))) else {
        return Err(Broken::new("a push beyond the client's limit was accepted"));
    };
    let too_large = matches!(refused.reason, PushError::TooLarge(_));
    Broken::unless(too_large, || format!("refused, but as: {}", refused.reason))?;
    let waited = session.push(refused.push).await;
    Broken::unless(matches!(waited, Err(PushError::TooLarge(_))), || format!("waiting brought {waited:?}"))?;
    session.push(pair.push(Note::new(1, 2, 30_000))).await?;
    Broken::unless_equal("first", &notes.next().await?.number, &0)?;
    Broken::unless_equal("second", &notes.next().await?.number, &2)
}

async fn oversize_metadata(pair: Pair) -> Result<(), Broken> {
    let many = (0..65).fold(Metadata::new(), |metadata, _| metadata.with("k", "v"));
    for metadata in [Metadata::new().with("large", vec![7; 9000]), many] {
        let failed = pair.client.run(Ask::new(1)).with_metadata(metadata).await;
        failed_with(failed, Code::ResourceExhausted, Ran::No)?;
    }
    let fits = Metadata::new().with("large", vec![7; 8000]);
    let answered = pair.client.run(Ask::new(2).then(Step::Headers)).with_metadata(fits.clone());
    Broken::unless_equal("metadata", &answered.into_response().await?.metadata, &fits)
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
    for call in 0..30 {
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
    let close = link.next_of(CLOSE).await?;
    Broken::unless_equal("close code", &first_number(&close), &Some(CloseCode::TIMEOUT.number().into()))?;
    drop(link);
    pair.client.echo("undisturbed".into()).await?;
    Broken::unless_equal("sessions", &pair.server()?.sessions().len(), &1)
}

async fn silent_peer(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    link.next_of(PING).await?;
    let close = link.next_of(CLOSE).await?;
    Broken::unless_equal("close code", &first_number(&close), &Some(CloseCode::TIMEOUT.number().into()))?;
    Broken::unless_equal("close of the live client", &pair.client.session().close_reason(), &None)?;
    Broken::unless(pair.client.tap.count(&[PING]) > 0, || "an idle client was not pinged".into())?;
    pair.client.echo("alive".into()).await?;
    Ok(())
}
