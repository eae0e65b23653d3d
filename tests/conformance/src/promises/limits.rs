//! What exceeds a limit fails alone, and says so.

use bytes::Bytes;
use linkspan_core::{CloseCode, Code, Metadata, PushError, PushSink, Ran};

use super::bodies::text_of;
use super::failed_with;
use crate::broken::Broken;
use crate::message::Message;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::rng::Rng;
use crate::values::{Ask, Note, Step};
use crate::wire::{FAILURE, ONE_WAY, read_number};

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
            "a message of exactly the limit is taken",
            "Arguments, answers and pushes may be as large as the limit, and not a byte larger.",
            exactly_the_limit,
        )
        .of(&["I19"])
        .server(|limits| limits.with_max_message_len(EXACT))
        .client(|limits| limits.with_max_message_len(EXACT)),
        Promise::new(
            "one-way calls beyond the limit close",
            "A peer that starts more one-way calls than allowed is closed with the code that says so.",
            one_way_flood,
        )
        .server(|limits| limits.with_max_in_flight(4)),
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
        link.send(&Message::request(call, "Kit/Run").with_body(*b"\xff").parts()).await?;
        let failure = link.next_of(FAILURE).await?;
        let mut fields = failure.fields.as_slice();
        Broken::unless_equal("call", &read_number(&mut fields), &Some(call))?;
        Broken::unless_equal("code", &read_number(&mut fields), &Some(code.number().into()))?;
        Broken::unless_equal("ran", &read_number(&mut fields), &Some(Ran::No.number().into()))?;
    }
    Ok(())
}

async fn exactly_the_limit(pair: Pair) -> Result<(), Broken> {
    let fits = text_of(pair.codec(), EXACT)?;
    let echoed = pair.client.echo(fits.clone()).await?;
    Broken::unless(echoed == fits, || "a text of exactly the limit was changed".into())?;
    let larger = text_of(pair.codec(), EXACT + 1)?;
    failed_with(pair.client.echo(larger).await, Code::ResourceExhausted, Ran::No)?;
    let (session, mut received) = (pair.session()?, pair.client.notifications());
    let bytes = Bytes::from(Rng::new(1).text(EXACT + 1));
    let refused = session.push_raw("Kit", "Larger", Metadata::new(), bytes.clone()).await;
    Broken::unless(matches!(refused, Err(PushError::TooLarge(_))), || format!("one byte more: {refused:?}"))?;
    session.push_raw("Kit", "Fits", Metadata::new(), bytes.slice(1..)).await?;
    let arrived = matches!(received.next().await, Some(Ok(push)) if *push.body() == bytes.slice(1..));
    Broken::unless(arrived, || "a push of exactly the limit was lost or changed".into())
}

async fn one_way_flood(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    for id in 0..6 {
        let ask = pair.codec().ask(&Ask::new(id).then(Step::Gate))?;
        // The server may have hung up by now, as it should.
        let _ = link.send(&Message::request(0, "Kit/Tell").flagged(ONE_WAY).with_body(ask).parts()).await;
    }
    link.closes_with(CloseCode::RATE).await?;
    pair.client.echo("undisturbed".into()).await?;
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

/// The limit of a message in the case that meets it exactly.
const EXACT: usize = 64 * 1024;
