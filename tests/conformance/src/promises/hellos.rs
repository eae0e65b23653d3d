//! What hellos may hold, and what may come before them.

use std::sync::Arc;

use linkspan_core::CloseCode;
use tokio::task::JoinSet;

use crate::broken::Broken;
use crate::message::Message;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::raw::{hello, hello_with, numbers, welcome};
use crate::wire::{HELLO, HELLO_METADATA, PING, RESPONSE, write_bytes};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "unknown ignorable fields are ignored",
            "Fields of a later version that may be ignored change nothing, in hellos, calls and pushes.",
            ignorable_fields,
        ),
        Promise::new(
            "unknown critical fields close",
            "A field that may not be ignored closes the connection as a protocol error, in a hello as in a call.",
            critical_fields,
        )
        .of(&["I11"]),
        Promise::new(
            "the hello comes first, and once",
            "Anything before the hello, and a second one, closes the connection as a protocol error.",
            hello_first,
        )
        .of(&["I11"]),
        Promise::new(
            "a hello beyond its bounds is refused",
            "A client whose hello holds more than may be read before it is admitted is closed as too large.",
            bounded_hello,
        )
        .of(&["I5"]),
        Promise::new(
            "clients may connect at the same time",
            "Clients that connect at once are all admitted, each with a session of its own.",
            at_once,
        ),
    ]
}

async fn ignorable_fields(pair: Pair) -> Result<(), Broken> {
    let codec = pair.codec().name();
    let mut link = pair.raw().await?;
    link.send(&hello_with((1, 1), codec, &[(IGNORABLE, b"a later version's".to_vec())])).await?;
    link.next_of(HELLO).await?;
    let text = pair.codec().text("as before")?;
    let call = Message::request(0, "Kit/Echo").with_field(IGNORABLE, vec![1, 2, 3]).with_body(text.clone());
    link.send(&call.parts()).await?;
    let answer = Message::of(&link.next_of(RESPONSE).await?).map(|message| message.body);
    Broken::unless_equal("answer", &answer, &Some(text))?;
    let mut listener = pair.raw_listener().await?;
    let (mut link, client) = pair.raw_server(&mut listener).await?;
    let push = Message::push("Kit/Any").with_field(IGNORABLE, Vec::new()).with_body(*b"body");
    link.send(&push.parts()).await?;
    match client.notifications().next().await {
        Some(Ok(push)) => {
            Broken::unless_equal("body of the push", &push.body().as_ref(), &b"body".as_slice())
        }
        other => Err(Broken::new(format!("in place of a push with an unknown field: {other:?}"))),
    }
}

async fn critical_fields(pair: Pair) -> Result<(), Broken> {
    let codec = pair.codec().name();
    let mut link = pair.raw().await?;
    link.send(&hello_with((1, 1), codec, &[(CRITICAL, Vec::new())])).await?;
    link.closes_with(CloseCode::PROTOCOL).await?;
    let mut link = pair.raw().await?;
    link.greet(codec).await?;
    link.send(&Message::request(0, "Kit/Echo").with_field(CRITICAL, Vec::new()).parts()).await?;
    link.closes_with(CloseCode::PROTOCOL).await?;
    pair.client.echo("undisturbed".into()).await?;
    Ok(())
}

async fn hello_first(pair: Pair) -> Result<(), Broken> {
    let codec = pair.codec().name();
    let early =
        [numbers(PING, &[1]), Message::push("Kit/Any").parts(), Message::request(0, "Kit/Run").parts()];
    for frame in early {
        let mut link = pair.raw().await?;
        link.send(&frame).await?;
        link.closes_with(CloseCode::PROTOCOL).await?;
    }
    let mut link = pair.raw().await?;
    link.greet(codec).await?;
    link.send(&hello((1, 1), codec)).await?;
    link.closes_with(CloseCode::PROTOCOL).await?;
    let mut listener = pair.raw_listener().await?;
    let (mut link, client) = pair.raw_server(&mut listener).await?;
    link.send(&welcome(codec)).await?;
    link.closes_with(CloseCode::PROTOCOL).await?;
    drop(link); // the client reads on until its peer ends too
    let close = client.session().closed().await;
    Broken::unless_equal("close of the client greeted twice", &close.code(), &CloseCode::PROTOCOL)
}

async fn bounded_hello(pair: Pair) -> Result<(), Broken> {
    let mut large = Vec::new();
    write_bytes(&mut large, b"token");
    write_bytes(&mut large, &[7; 9000]);
    let mut many = Vec::new();
    for _ in 0..65 {
        write_bytes(&mut many, b"k");
        write_bytes(&mut many, b"v");
    }
    for metadata in [large, many] {
        let mut link = pair.raw().await?;
        link.send(&hello_with((1, 1), pair.codec().name(), &[(HELLO_METADATA, metadata)])).await?;
        link.closes_with(CloseCode::TOO_LARGE).await?;
    }
    pair.client.echo("undisturbed".into()).await?;
    Broken::unless_equal("sessions", &pair.server()?.sessions().len(), &1)
}

async fn at_once(pair: Pair) -> Result<(), Broken> {
    let pair = Arc::new(pair);
    let mut connecting = JoinSet::new();
    for _ in 0..CLIENTS {
        let pair = pair.clone();
        connecting.spawn(async move {
            let client = pair.connect().await?;
            client.echo("first words".to_owned()).await?;
            Ok::<_, Broken>(client)
        });
    }
    let mut clients = Vec::new();
    for client in connecting.join_all().await {
        clients.push(client?);
    }
    Broken::unless_equal("sessions", &pair.server()?.sessions().len(), &(CLIENTS + 1))?;
    let mut ids = std::collections::HashSet::new();
    for client in &clients {
        ids.insert(pair.session_of(client)?.id());
    }
    Broken::unless_equal("ids of as many clients", &ids.len(), &CLIENTS)
}

/// A tag that no version knows yet: odd ones may be ignored.
const IGNORABLE: u64 = 1001;
const CRITICAL: u64 = 1000;
const CLIENTS: usize = 12;
