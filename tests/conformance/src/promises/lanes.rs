//! Bodies that come in part, late, or not at all.

use linkspan_core::{Code, Gap, GapReason, Ran};

use super::failed_with;
use crate::broken::Broken;
use crate::message::Message;
use crate::observer::Seen;
use crate::pair::Pair;
use crate::peer::Peer;
use crate::promise::Promise;
use crate::raw::{RawLink, body, first_number, numbers, reset};
use crate::rng::Rng;
use crate::wire::{AFTER_PUSHES, FAILURE, PING, PONG, REQUEST, RESPONSE, read_number};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "half a body holds up nobody",
            "While the rest of a large body is missing, other calls of the same connection are answered.",
            half_a_body,
        )
        .of(&["I22"]),
        Promise::new(
            "abandoned arguments did not run",
            "A call whose arguments are abandoned on their way ends as cancelled, and its handler does not run.",
            abandoned_arguments,
        )
        .of(&["I10"]),
        Promise::new(
            "an abandoned answer ends its call",
            "A call whose answer is abandoned on its way ends as cancelled, and says that it ran.",
            abandoned_answer,
        )
        .of(&["I7", "I10"]),
        Promise::new(
            "an abandoned push leaves a gap",
            "A push whose body is abandoned on its way becomes a gap in its place; those behind it arrive.",
            abandoned_push,
        )
        .of(&["I21"]),
        Promise::new(
            "a reset of nothing is nothing",
            "A reset of a lane on which nothing came changes nothing.",
            stray_reset,
        )
        .of(&["I11"]),
        Promise::new(
            "an answer waits for its pushes, and no other does",
            "An answer that follows a large push waits for it to be complete; answers that follow none do not.",
            waits_for_its_pushes,
        )
        .of(&["I14"]),
    ]
}

/// A client's calls of text, one after the other, and their numbers at a server that answers by hand.
async fn echoes(
    link: &mut RawLink,
    client: &Peer,
    texts: &[&str],
) -> Result<Vec<(u64, tokio::task::JoinHandle<Result<String, Refused>>)>, Broken> {
    let mut calls = Vec::new();
    for text in texts {
        let calling = tokio::spawn(client.echo((*text).to_owned()));
        let number = first_number(&link.next_of(REQUEST).await?);
        calls.push((number.ok_or_else(|| Broken::new("a request without a number"))?, calling));
    }
    Ok(calls)
}

type Refused = linkspan_core::CallError<std::convert::Infallible>;

async fn half_a_body(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    let large = pair.codec().text(Rng::new(1).text(40_000))?;
    let (first, rest) = large.split_at(20_000);
    link.send(&Message::request(0, "Kit/Echo").with_place(1, large.len()).parts()).await?;
    link.send(&body(1, false, first)).await?;
    let small = pair.codec().text("small")?;
    link.send(&Message::request(1, "Kit/Echo").with_body(small).parts()).await?;
    Broken::unless_equal("answered", &first_number(&link.next_of(RESPONSE).await?), &Some(1))?;
    link.send(&body(1, true, rest)).await?;
    Broken::unless_equal("answered", &first_number(&link.next_of(RESPONSE).await?), &Some(0))?;

    let mut listener = pair.raw_listener().await?;
    let (mut link, client) = pair.raw_server(&mut listener).await?;
    let mut calls = echoes(&mut link, &client, &["large", "small"]).await?.into_iter();
    let (Some((large_call, waiting)), Some((small_call, calling))) = (calls.next(), calls.next()) else {
        return Err(Broken::new("two calls are not two"));
    };
    link.send(&Message::response(large_call).with_place(2, large.len()).parts()).await?;
    link.send(&body(2, false, first)).await?;
    let small = pair.codec().text("small")?;
    link.send(&Message::response(small_call).with_body(small).parts()).await?;
    Broken::unless_equal("small answer", &calling.await??.as_str(), &"small")?;
    Broken::unless(!waiting.is_finished(), || "half an answer was taken".into())?;
    link.send(&body(2, true, rest)).await?;
    let whole = waiting.await?? == Rng::new(1).text(40_000);
    Broken::unless(whole, || "an answer that came in two parts was changed".into())
}

async fn abandoned_arguments(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    link.send(&Message::request(0, "Kit/Run").with_place(1, 40_000).parts()).await?;
    link.send(&body(1, false, &[7; 10_000])).await?;
    link.send(&reset(1)).await?;
    let failure = link.next_of(FAILURE).await?;
    let mut fields = failure.fields.as_slice();
    let mut field = || read_number(&mut fields);
    let (cancelled, no) = (Code::Cancelled.number().into(), Ran::No.number().into());
    let wanted = (Some(0), Some(cancelled), Some(no));
    Broken::unless_equal("call, code and ran", &(field(), field(), field()), &wanted)?;
    let text = pair.codec().text("the number is free")?;
    link.send(&Message::request(0, "Kit/Echo").with_body(text).parts()).await?;
    link.next_of(RESPONSE).await?;
    let started = pair.seen.log().iter().any(|seen| matches!(seen, Seen::Started(_)));
    Broken::unless(!started, || "a handler ran although its arguments never came".into())
}

async fn abandoned_answer(pair: Pair) -> Result<(), Broken> {
    let mut listener = pair.raw_listener().await?;
    let (mut link, client) = pair.raw_server(&mut listener).await?;
    for lane in [2, 4] {
        for (call, calling) in echoes(&mut link, &client, &["large"]).await? {
            link.send(&Message::response(call).with_place(lane, 40_000).parts()).await?;
            link.send(&body(lane, false, &[7; 10_000])).await?;
            link.send(&reset(lane)).await?;
            failed_with(calling.await?, Code::Cancelled, Ran::Yes)?;
        }
    }
    Broken::unless_equal("calls in flight", &client.session().in_flight(), &0)
}

async fn abandoned_push(pair: Pair) -> Result<(), Broken> {
    let mut listener = pair.raw_listener().await?;
    let (mut link, client) = pair.raw_server(&mut listener).await?;
    link.send(&Message::push("Kit/Any").with_place(2, 40_000).parts()).await?;
    link.send(&Message::push("Kit/Any").with_body(*b"behind it").parts()).await?;
    link.send(&body(2, false, &[7; 10_000])).await?;
    link.send(&reset(2)).await?;
    let mut received = client.notifications();
    match received.next().await {
        Some(Err(Gap { count: 1, reason: GapReason::Reset, .. })) => {}
        other => return Err(Broken::new(format!("in place of a gap of one: {other:?}"))),
    }
    match received.next().await {
        Some(Ok(push)) => Broken::unless_equal("behind", &push.body().as_ref(), &b"behind it".as_slice()),
        other => Err(Broken::new(format!("in place of the push behind: {other:?}"))),
    }
}

async fn stray_reset(pair: Pair) -> Result<(), Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    for lane in [1, 3, 4095] {
        link.send(&reset(lane)).await?;
    }
    link.send(&numbers(PING, &[9])).await?;
    Broken::unless_equal("payload", &first_number(&link.next_of(PONG).await?), &Some(9))
}

async fn waits_for_its_pushes(pair: Pair) -> Result<(), Broken> {
    let mut listener = pair.raw_listener().await?;
    let (mut link, client) = pair.raw_server(&mut listener).await?;
    let mut received = client.notifications();
    let mut calls = echoes(&mut link, &client, &["pushes", "does not"]).await?.into_iter();
    let (Some((pushing, waiting)), Some((other, calling))) = (calls.next(), calls.next()) else {
        return Err(Broken::new("two calls are not two"));
    };
    let text = pair.codec().text("done")?;
    link.send(&Message::push("Kit/Any").with_place(2, 40_000).parts()).await?;
    link.send(&body(2, false, &[7; 20_000])).await?;
    let answer = Message::response(pushing).flagged(AFTER_PUSHES).with_body(text.clone());
    link.send(&answer.parts()).await?;
    link.send(&Message::response(other).with_body(text).parts()).await?;
    Broken::unless_equal("answer that follows no push", &calling.await??.as_str(), &"done")?;
    Broken::unless(!waiting.is_finished(), || "an answer overtook the push before it".into())?;
    link.send(&body(2, true, &[7; 20_000])).await?;
    Broken::unless_equal("answer that follows a push", &waiting.await??.as_str(), &"done")?;
    let push = received.next().await;
    let arrived = matches!(&push, Some(Ok(push)) if push.body().len() == 40_000);
    Broken::unless(arrived, || format!("in place of the push: {push:?}"))
}
