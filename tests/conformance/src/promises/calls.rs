//! Calls that go well.

use linkspan_core::{CallError, Metadata, PushSink, Response};
use tokio::task::JoinSet;

use crate::broken::Broken;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::values::{Ask, Note, Refusal, Step};
use crate::wire::{FAILURE, RESPONSE};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "a call is answered with its own value",
            "Every call brings the value that its own handler returned.",
            own_value,
        )
        .of(&["I7"]),
        Promise::new(
            "answers come in any order",
            "A call that waits holds up no other: answers come in the order in which handlers end.",
            any_order,
        ),
        Promise::new(
            "many calls are each answered once",
            "Hundreds of calls in flight at once each start one handler and get their own answer.",
            many_in_flight,
        )
        .of(&["I7"]),
        Promise::new("a handler runs once per call", "No call starts its handler twice.", runs_once)
            .of(&["I33"]),
        Promise::new(
            "a one-way call runs, unanswered",
            "A one-way call runs its handler once, and no frame answers it.",
            one_way,
        )
        .of(&["I8"]),
        Promise::new(
            "empty values are values",
            "Empty texts, errors, headers and pushes arrive as such, and not as nothing.",
            empty_values,
        ),
        Promise::new(
            "metadata travels both ways",
            "Headers of a call reach its handler, and headers of the response its caller, in order and unchanged.",
            metadata,
        ),
        Promise::new(
            "a deadline reaches the handler",
            "A handler sees how long its caller waits, and none if the caller waits for ever.",
            deadline_travels,
        ),
    ]
}

async fn own_value(pair: Pair) -> Result<(), Broken> {
    for id in 0..32 {
        let answer = pair.client.run(Ask::new(id)).await?;
        Broken::unless_equal("answer", &(answer.id, answer.text), &(id, format!("text of {id}")))?;
    }
    let text = "grüße, ☃ and \u{10ffff}";
    Broken::unless_equal("echo", &pair.client.echo(text.into()).await?.as_str(), &text)
}

async fn any_order(pair: Pair) -> Result<(), Broken> {
    let waiting = tokio::spawn(pair.client.run(Ask::new(1).then(Step::Gate)));
    pair.seen.saw(Seen::Started(1)).await;
    for id in 2..10 {
        Broken::unless_equal("id", &pair.client.run(Ask::new(id).then(Step::Yield)).await?.id, &id)?;
    }
    Broken::unless(!waiting.is_finished(), || "a call was answered before its handler ended".into())?;
    pair.seen.open_gate();
    Broken::unless_equal("id", &waiting.await??.id, &1)
}

async fn many_in_flight(pair: Pair) -> Result<(), Broken> {
    let count = if crate::is_long() { 1000 } else { 256 };
    let mut calls = JoinSet::new();
    for id in 0..count {
        let call = pair.client.run(Ask::new(id).then(Step::Gate));
        calls.spawn(async move { (id, call.await) });
    }
    pair.seen
        .until(|log| log.iter().filter(|seen| matches!(seen, Seen::Started(_))).count() as u64 >= count)
        .await;
    pair.seen.open_gate();
    let answers = calls.join_all().await;
    for (id, answer) in answers {
        let answer = answer?;
        Broken::unless_equal("answer", &(answer.id, answer.text), &(id, format!("text of {id}")))?;
        Broken::unless_equal("handlers of one call", &pair.seen.count(&Seen::Started(id)), &1)?;
    }
    Broken::unless_equal("calls in flight", &pair.client.session().in_flight(), &0)
}

async fn runs_once(pair: Pair) -> Result<(), Broken> {
    for id in 0..16 {
        pair.client.run(Ask::new(id)).await?;
        pair.client.run_never(Ask::new(100 + id).then(Step::Yield)).await?;
        pair.client.tell(Ask::new(200 + id)).await?;
    }
    pair.seen.saw(Seen::Finished(215)).await;
    pair.client.echo("after everything".into()).await?;
    for id in (0..16).chain(100..116).chain(200..216) {
        Broken::unless_equal("handlers of one call", &pair.seen.count(&Seen::Started(id)), &1)?;
    }
    Ok(())
}

async fn one_way(pair: Pair) -> Result<(), Broken> {
    for id in 0..20 {
        pair.client.tell(Ask::new(id)).await?;
    }
    for id in 0..20 {
        pair.seen.saw(Seen::Finished(id)).await;
    }
    for _ in 0..3 {
        pair.client.echo("an answer behind which others would be".into()).await?;
    }
    Broken::unless_equal("answers to 3 calls", &pair.client.tap.count(&[RESPONSE, FAILURE]), &3)?;
    Broken::unless_equal("handlers of one call", &pair.seen.count(&Seen::Started(0)), &1)
}

async fn empty_values(pair: Pair) -> Result<(), Broken> {
    Broken::unless_equal("echo", &pair.client.echo(String::new()).await?, &String::new())?;
    let answer = pair.client.run(Ask::new(1).with_text("")).await?;
    Broken::unless_equal("answer", &answer.text, &String::new())?;
    let refused = pair.client.run(Ask::new(2).with_text("").then(Step::Fail)).await;
    let refusal = Refusal { id: 2, why: String::new() };
    Broken::unless_equal("error", &refused, &Err(CallError::Application(refusal)))?;
    let header = Metadata::new().with("empty", "");
    let call = pair.client.run(Ask::new(3).then(Step::Headers)).with_metadata(header.clone());
    Broken::unless_equal("header", &call.into_response().await?.metadata, &header)?;
    let (session, mut received) = (pair.session()?, pair.client.notifications());
    session.push_raw("Kit", "Empty", Metadata::new(), b"".as_slice()).await?;
    session.push(pair.push(Note::new(1, 0, 0))).await?;
    match received.next().await {
        Some(Ok(push)) => {
            Broken::unless_equal("raw push", &(push.method(), push.body().len()), &("Empty", 0))?
        }
        other => return Err(Broken::new(format!("in place of an empty push: {other:?}"))),
    }
    Broken::unless_equal("note", &pair.client.notes().next().await?, &Note::new(1, 0, 0))
}

async fn metadata(pair: Pair) -> Result<(), Broken> {
    let metadata =
        Metadata::new().with("trace", "a1").with("bytes", [0, 255, 10]).with("trace", "").with("é", "ü");
    let call = pair.client.run(Ask::new(1).then(Step::Headers)).with_metadata(metadata.clone());
    let Response { value, metadata: returned, .. } = call.into_response().await?;
    Broken::unless_equal("id", &value.id, &1)?;
    Broken::unless_equal("metadata", &returned, &metadata)?;
    let bare = pair.client.run(Ask::new(2).then(Step::Headers)).into_response().await?;
    Broken::unless_equal("metadata of a call without", &bare.metadata, &Metadata::new())
}

async fn deadline_travels(pair: Pair) -> Result<(), Broken> {
    let timeout = std::time::Duration::from_secs(7);
    let answer = pair.client.run(Ask::new(1).then(Step::Deadline)).with_timeout(timeout).await?;
    let left: Option<u64> = answer.text.parse().ok();
    Broken::unless(left.is_some_and(|left| (1..=7000).contains(&left)), || {
        format!("of 7000 ms the handler sees {:?}", answer.text)
    })?;
    let endless = pair.client.run(Ask::new(2).then(Step::Deadline)).without_timeout().await?;
    Broken::unless_equal("deadline of a call without", &endless.text, &String::new())
}
