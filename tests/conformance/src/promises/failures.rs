//! Calls that fail, each in a way that its caller can tell.

use linkspan_core::{CallError, Code, Metadata, Ran};

use super::failed_with;
use crate::broken::Broken;
use crate::guard::{MESSAGE, STATUS};
use crate::message::Message;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::raw::{first_number, numbers};
use crate::values::{Ask, Note, Refusal, Step};
use crate::wire::{CANCEL, FAILURE, PING, PONG, read_number};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "a method's own error crosses typed",
            "What a handler returns as its error reaches the caller as that value.",
            application_error,
        ),
        Promise::new(
            "a status arrives with code and message",
            "A call that a layer ends with a status of its own brings its caller the same code and message.",
            status_arrives,
        )
        .guarded(),
        Promise::new(
            "an unknown method did not run",
            "A call of an unknown method or service ends as unimplemented and did not run.",
            unknown_method,
        ),
        Promise::new(
            "wrong arguments did not run",
            "Arguments of another type end the call as an invalid argument that did not run.",
            wrong_arguments,
        ),
        Promise::new(
            "a panic fails its call only",
            "A handler that panics fails its own call; the connection and other calls live on.",
            panic_is_contained,
        ),
        Promise::new(
            "every request of a peer is ended",
            "Whatever a peer asks for, known or not, every request that wants an answer gets one terminal frame.",
            every_request_ends,
        )
        .of(&["I7"]),
        Promise::new(
            "a cancel of nothing is nothing",
            "A cancel of a call that is not in flight changes nothing.",
            stray_cancel,
        )
        .of(&["I11"]),
    ]
}

async fn application_error(pair: Pair) -> Result<(), Broken> {
    for id in 0..8 {
        let why = "é".repeat(usize::try_from(id).unwrap_or(0) * 2000);
        let failed = pair.client.run(Ask::new(id).with_text(why.clone()).then(Step::Fail)).await;
        Broken::unless_equal("error", &failed, &Err(CallError::Application(Refusal { id, why })))?;
    }
    pair.client.echo("after errors".into()).await?;
    Ok(())
}

async fn status_arrives(pair: Pair) -> Result<(), Broken> {
    let messages = ["", "no", "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"];
    for (code, message) in (1..=16).zip(messages.into_iter().cycle()) {
        let metadata = Metadata::new().with(STATUS, [code]).with(MESSAGE, message);
        match pair.client.run(Ask::new(1)).with_metadata(metadata).await {
            Err(CallError::Status(status)) => {
                let told = (status.code(), status.ran(), status.message());
                let wanted = (Code::from_number(u64::from(code)), Ran::No, message);
                Broken::unless_equal("code, ran and message", &told, &wanted)?;
            }
            other => return Err(Broken::new(format!("in place of a status: {other:?}"))),
        }
    }
    Broken::unless_equal("a call that no layer ends", &pair.client.run(Ask::new(2)).await?.id, &2)?;
    Broken::unless_equal("handlers of the others", &pair.seen.count(&Seen::Started(1)), &0)
}

async fn unknown_method(pair: Pair) -> Result<(), Broken> {
    let methods = *pair.client.methods();
    for method in [methods.no_method, methods.no_service] {
        let failed = pair.client.call(method, Ask::new(1)).await;
        failed_with(failed, Code::Unimplemented, Ran::No)?;
    }
    pair.client.echo("after unknown methods".into()).await?;
    Ok(())
}

async fn wrong_arguments(pair: Pair) -> Result<(), Broken> {
    // Chosen so that no codec finds an `Ask` in it: its second number would be the length of a list.
    let wrong = Note { source: u32::MAX, number: u64::MAX, text: String::new() };
    let failed = pair.client.call(pair.client.methods().mistyped, wrong).await;
    failed_with(failed, Code::InvalidArgument, Ran::No)?;
    let started = pair.seen.log().iter().any(|seen| matches!(seen, Seen::Started(_)));
    Broken::unless(!started, || "a handler ran with arguments of another type".into())?;
    pair.client.echo("after wrong arguments".into()).await?;
    Ok(())
}

async fn panic_is_contained(pair: Pair) -> Result<(), Broken> {
    let waiting = tokio::spawn(pair.client.run(Ask::new(1).then(Step::Gate)));
    pair.seen.saw(Seen::Started(1)).await;
    for (id, first) in [(2, Step::Panic), (3, Step::Yield)] {
        let failed = pair.client.run(Ask::new(id).then(first).then(Step::Panic)).await;
        failed_with(failed, Code::Internal, Ran::Maybe)?;
    }
    pair.client.tell(Ask::new(4).then(Step::Panic)).await?;
    pair.seen.saw(Seen::Dropped(4)).await;
    pair.seen.open_gate();
    Broken::unless_equal("id of the other call", &waiting.await??.id, &1)
}

async fn every_request_ends(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    for call in 0..16 {
        link.send(
            &Message::request(call, if call % 2 == 0 { "Nobody/Knows" } else { "Kit/Run" })
                .with_body(*b"\xff")
                .parts(),
        )
        .await?;
    }
    let mut ended = Vec::new();
    for _ in 0..16 {
        let failure = link.next_of(FAILURE).await?;
        let mut fields = failure.fields.as_slice();
        let (call, code) = (read_number(&mut fields), read_number(&mut fields));
        let wanted =
            if call.is_some_and(|call| call % 2 == 0) { Code::Unimplemented } else { Code::InvalidArgument };
        Broken::unless_equal("code", &code, &Some(wanted.number().into()))?;
        Broken::unless_equal("ran", &read_number(&mut fields), &Some(Ran::No.number().into()))?;
        ended.push(call);
    }
    ended.sort_unstable();
    Broken::unless_equal("calls ended", &ended, &(0..16).map(Some).collect())
}

async fn stray_cancel(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    for call in [0, 5, 4095] {
        link.send(&numbers(CANCEL, &[call])).await?;
    }
    link.send(&numbers(PING, &[3])).await?;
    let pong = link.next_of(PONG).await?;
    Broken::unless_equal("payload", &first_number(&pong), &Some(3))
}
