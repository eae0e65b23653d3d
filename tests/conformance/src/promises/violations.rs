//! What no peer may send: answered with a close that says so, on the link that brought it and on no other.

use linkspan_core::CloseCode;

use crate::broken::Broken;
use crate::message::Message;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::raw::{RawLink, body, first_number, numbers};
use crate::values::{Ask, Step};
use crate::wire::{BODY, FAILURE, PING, PONG, Parts, REQUEST, RESPONSE};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "an answer to no call closes",
            "An answer to a call that was never made closes the connection as a protocol error.",
            answer_to_nothing,
        )
        .of(&["I11"]),
        Promise::new(
            "a second answer closes",
            "A server that answers a call twice is closed as a protocol error; the first answer counts.",
            second_answer,
        )
        .of(&["I7", "I11"]),
        Promise::new(
            "a second request of one number closes",
            "A request whose number is in use closes the connection as a protocol error.",
            second_request,
        )
        .of(&["I11"]),
        Promise::new(
            "a body of another length closes",
            "A body that is longer or shorter than its head said closes the connection.",
            another_length,
        )
        .of(&["I11"]),
        Promise::new(
            "two bodies on one lane close",
            "A head that names a lane on which a body is on its way closes the connection as a protocol error.",
            two_on_one_lane,
        )
        .of(&["I11"]),
        Promise::new(
            "frames on the wrong lane close",
            "A body on lane 0, and a head on any other lane, closes the connection as a protocol error.",
            wrong_lane,
        )
        .of(&["I11"]),
    ]
}

async fn greeted(pair: &Pair) -> Result<RawLink, Broken> {
    let mut link = pair.raw().await?;
    link.greet(pair.codec().name()).await?;
    Ok(link)
}

/// What the peer sent last breaks the protocol; others are served as before.
async fn violates(pair: &Pair, mut link: RawLink, code: CloseCode) -> Result<(), Broken> {
    link.closes_with(code).await?;
    pair.client.echo("undisturbed".into()).await?;
    Ok(())
}

async fn answer_to_nothing(pair: Pair) -> Result<(), Broken> {
    for answer in [Message::response(0).parts(), numbers(FAILURE, &[5, 12, 0, 0])] {
        let mut link = greeted(&pair).await?;
        link.send(&answer).await?;
        violates(&pair, link, CloseCode::PROTOCOL).await?;
    }
    Ok(())
}

async fn second_answer(pair: Pair) -> Result<(), Broken> {
    let mut listener = pair.raw_listener().await?;
    let (mut link, client) = pair.raw_server(&mut listener).await?;
    let calling = tokio::spawn(client.echo("only once".into()));
    let call = first_number(&link.next_of(REQUEST).await?).unwrap_or_default();
    let answer = Message::response(call).with_body(pair.codec().text("only once")?).parts();
    link.send(&answer).await?;
    Broken::unless_equal("the first answer", &calling.await??.as_str(), &"only once")?;
    link.send(&answer).await?;
    link.closes_with(CloseCode::PROTOCOL).await?;
    drop(link); // the client reads on until its peer ends too
    Broken::unless_equal("close code", &client.session().closed().await.code(), &CloseCode::PROTOCOL)
}

async fn second_request(pair: Pair) -> Result<(), Broken> {
    let mut link = greeted(&pair).await?;
    let hang = pair.codec().ask(&Ask::new(1).then(Step::Hang))?;
    let request = Message::request(3, "Kit/Run").with_body(hang).parts();
    link.send(&request).await?;
    link.send(&request).await?;
    violates(&pair, link, CloseCode::PROTOCOL).await
}

async fn another_length(pair: Pair) -> Result<(), Broken> {
    let head = Message::request(0, "Kit/Run").with_place(1, 100).parts();
    let cases = [(101, false, CloseCode::TOO_LARGE), (99, true, CloseCode::PROTOCOL)];
    for (len, last, code) in cases {
        let mut link = greeted(&pair).await?;
        link.send(&head).await?;
        // Lanes promise nothing to each other; behind this, the head was read.
        link.send(&numbers(PING, &[1])).await?;
        link.next_of(PONG).await?;
        link.send(&body(1, last, &vec![7; len])).await?;
        violates(&pair, link, code).await?;
    }
    Ok(())
}

async fn two_on_one_lane(pair: Pair) -> Result<(), Broken> {
    let mut link = greeted(&pair).await?;
    for call in 0..2 {
        link.send(&Message::request(call, "Kit/Run").with_place(1, 40_000).parts()).await?;
    }
    violates(&pair, link, CloseCode::PROTOCOL).await
}

async fn wrong_lane(pair: Pair) -> Result<(), Broken> {
    let response = Parts { lane: 9, ..Parts::new(RESPONSE, vec![0]) };
    let ping = Parts { lane: 1, ..numbers(PING, &[1]) };
    for frame in [Parts::new(BODY, b"on lane 0".to_vec()), response, ping] {
        let mut link = greeted(&pair).await?;
        link.send(&frame).await?;
        violates(&pair, link, CloseCode::PROTOCOL).await?;
    }
    Ok(())
}
