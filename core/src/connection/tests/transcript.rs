//! The connection that `docs/wire.md` shows is one that both ends really have.

use std::task::Waker;
use std::time::Duration;

use super::pair::{Pair, Side, frame, offer, request};
use crate::connection::OutRequest;
use crate::wire::tests::transcript;
use crate::wire::{Hello, Message, decode};
use crate::{Close, CloseCode, Limits};

/// What `side` is sent next, without the agent, which changes with each release.
fn sent(side: &mut Side) -> Vec<Vec<u8>> {
    let frames: Vec<_> = side.arriving.drain(..).map(|(_, frame)| frame).collect();
    let anonymous = frames.into_iter().map(|bytes| match decode(&bytes).unwrap() {
        Some(Message::Hello(hello)) => {
            assert!(hello.agent.starts_with("linkspan/"));
            frame(&Message::Hello(Hello { agent: "sample/1".into(), ..hello }))
        }
        _ => bytes,
    });
    anonymous.collect()
}

fn shown(range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    transcript()[range].iter().map(|(_, message)| frame(message)).collect()
}

#[test]
fn an_acceptor_answers_as_the_transcript_says() {
    let mut pair = Pair::strangers(Limits::default(), Limits::default());
    pair.server.read_frames(pair.now, &shown(0..1));
    pair.server.connection.admit("json", [0x11; 16]);
    pair.server.flush(pair.now, &mut pair.client);
    assert_eq!(sent(&mut pair.client), shown(1..2));
    pair.server.read_frames(pair.now, &shown(2..3));
    let incoming = pair.server.incoming().remove(0);
    assert_eq!((incoming.path, incoming.body), ("Arith/Mul".into(), r#"{"a":10,"b":20}"#.into()));
    assert_eq!(incoming.deadline, Some(pair.now + Duration::from_secs(30)));
    pair.server.push(b"7").unwrap();
    pair.server.respond(0, br#"{"c":200}"#);
    pair.server.flush(pair.now, &mut pair.client);
    assert_eq!(sent(&mut pair.client), shown(3..5));
    pair.server.read_frames(pair.now, &shown(5..6));
    assert_eq!(pair.server.connection.closed(), Some(&Close::new(CloseCode::NORMAL, "done")));
}

#[test]
fn a_connector_speaks_as_the_transcript_says() {
    let mut pair = Pair::strangers(Limits::default(), Limits::default());
    pair.client.connection.offer(&offer(&["json", "postcard"])).unwrap();
    pair.client.flush(pair.now, &mut pair.server);
    assert_eq!(sent(&mut pair.server), shown(0..1));
    pair.client.read_frames(pair.now, &shown(1..2));
    let timeout = Some(Duration::from_secs(30));
    let out = OutRequest { path: "Arith/Mul", timeout, ..request(br#"{"a":10,"b":20}"#) };
    let call = pair.client.connection.start_call(pair.now, out, Waker::noop()).unwrap();
    pair.client.flush(pair.now, &mut pair.server);
    assert_eq!(sent(&mut pair.server), shown(2..3));
    pair.client.read_frames(pair.now, &shown(3..5));
    assert_eq!(pair.client.received(), ["7"]);
    assert_eq!(pair.client.value(call), r#"{"c":200}"#);
    let close = Close::new(CloseCode::NORMAL, "done");
    pair.client.connection.close(close, &mut pair.client.events);
    pair.client.flush(pair.now, &mut pair.server);
    assert_eq!(sent(&mut pair.server), shown(5..6));
}
