//! How large frames, messages and what waits of them may be.

use linkspan::{CallError, Code, Error, ErrorKind, Limits, Metadata, Ran};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::raw::{FIELDS, ONE_WAY, REQUEST, Raw, body, field, place, request};
use crate::support::ROADS;
use crate::work::{Stage, WorkClient, within};

/// Bytes of a hello, and of a frame that claims to be larger than any.
const GREETED: &[u8] =
    b"\x1a\x00\x01\x00LSP1\x02\x02\x01\x01\x04\x05\x04json\x06\x07\x80\x80\x80\x02\x80\x20\x40";
const TOO_LONG: &[u8] = b"\xff\xff\x02\x00";

#[tokio::test]
async fn a_frame_beyond_the_fixed_size_closes_with_its_code() {
    for scheme in ["tcp", "unix"] {
        let stage = Stage::new(scheme, "frame", Limits::default()).await;
        let sent = [GREETED, TOO_LONG].concat();
        let mut answer = Vec::new();
        if scheme == "tcp" {
            let mut socket = TcpStream::connect(stage.endpoint.authority().unwrap()).await.unwrap();
            socket.write_all(&sent).await.unwrap();
            within(socket.read_to_end(&mut answer)).await.unwrap();
        } else {
            let mut socket = UnixStream::connect(stage.endpoint.path()).await.unwrap();
            socket.write_all(&sent).await.unwrap();
            within(socket.read_to_end(&mut answer)).await.unwrap();
        }
        // Code 1009 in a close frame, which is the last one.
        let close = answer.windows(4).position(|bytes| bytes == b"\x0c\x00\xf1\x07");
        assert!(close.is_some(), "{scheme}: {answer:x?}");
        stage.assert_healthy().await;
    }
}

fn small() -> Limits {
    Limits::default().with_max_message_len(20_000)
}

#[tokio::test]
async fn a_message_that_says_it_is_too_large_fails_alone() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "message", small()).await;
        let client = stage.connect().await;
        let failed = within(WorkClient::new(&client).echo("x".repeat(30_000))).await;
        let Err(CallError::Status(status)) = failed else { panic!("{failed:?}") };
        assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::No), "{scheme}");
        assert!(status.message().contains("max_message_len"), "{status}");

        let mut raw = Raw::greeted(&stage.endpoint).await;
        let head = request(0, "Work/Echo", Some(&field(4, &place(1, 20_001))), b"");
        raw.send((REQUEST, FIELDS), 0, &head).await.unwrap();
        let (call, code, ran, message) = raw.failure().await;
        assert_eq!((call, code, ran), (0, 8, 0), "{scheme}");
        assert!(message.contains("max_message_len"), "{message}");
        // The connection lives on, and what still comes of the body is dropped.
        raw.send(body(true), 1, &[b'x'; 20_001]).await.unwrap();
        raw.request(0, "Work/Nothing", b"").await.unwrap();
        assert_eq!(raw.failure().await.1, 12, "{scheme}");

        let one_way = request(0, "Work/Note", Some(&field(4, &place(3, 20_001))), b"");
        raw.send((REQUEST, FIELDS | ONE_WAY), 0, &one_way).await.unwrap();
        let (code, reason) = raw.close().await;
        assert_eq!(code, 1009, "{scheme}: {reason}");
        assert!(reason.contains("max_message_len"), "{reason}");
        drop(raw);
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn a_body_that_is_longer_than_any_message_closes_the_connection() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "body", small()).await;
        let mut raw = Raw::greeted(&stage.endpoint).await;
        let session = stage.other_session();
        let _ = raw.send(body(false), 1, &[b'x'; 20_001]).await;
        let (code, reason) = raw.close().await;
        assert_eq!(code, 1009, "{scheme}: {reason}");
        assert!(reason.contains("max_message_len"), "{reason}");
        drop(raw);
        assert_eq!(within(session.closed()).await.code().number(), 1009, "{scheme}");
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn more_unfinished_bodies_than_lanes_hold_close_the_connection() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "lanes", small().with_max_lanes(1)).await;
        let mut raw = Raw::greeted(&stage.endpoint).await;
        let session = stage.other_session();
        for lane in [1, 3, 5] {
            let _ = raw.send(body(false), lane, &[b'x'; 15_000]).await;
        }
        let (code, reason) = raw.close().await;
        assert_eq!(code, 1009, "{scheme}: {reason}");
        assert!(reason.contains("max_lanes"), "{reason}");
        drop(raw);
        assert_eq!(within(session.closed()).await.code().number(), 1009, "{scheme}");
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn a_hello_beyond_its_length_refuses_the_client() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "hello", Limits::default().with_max_hello_len(1000)).await;
        let mut raw = Raw::silent(&stage.endpoint).await;
        raw.hello(&field(5, &[b'a'; 2000])).await.unwrap();
        let (code, reason) = raw.close().await;
        assert_eq!(code, 1009, "{scheme}: {reason}");
        assert!(reason.contains("max_hello_len"), "{reason}");

        let token = Metadata::new().with("token", "t".repeat(2000));
        let connecting = stage.road.client().metadata(token);
        let error: Error = within(connecting.connect(&stage.endpoint.to_string())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FrameTooLarge, "{scheme}: {error}");
        assert!(error.to_string().contains("max_hello_len"), "{error}");
        drop(raw);
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn large_bodies_beyond_what_may_wait_are_refused_at_once() {
    let limits = Limits::default().with_max_bulk_len(100_000);
    let stage = Stage::new("tcp", "bulk", limits.clone()).await;
    // Arguments that wait at a client: nothing is sent before the client's task gives way.
    let client = stage.connect_with(limits).await.unwrap();
    let work = WorkClient::new(&client);
    let (first, second) =
        within(async { tokio::join!(work.echo("1".repeat(90_000)), work.echo("2".repeat(90_000))) }).await;
    assert_eq!(first.map(|text| text.len()), Ok(90_000));
    let Err(CallError::Status(status)) = second else { panic!("{second:?}") };
    assert_eq!((status.code(), status.ran()), (Code::ResourceExhausted, Ran::No));
    assert!(status.is_retryable() && status.message().contains("max_bulk_len"), "{status}");

    // Answers that wait at the server, since their caller does not read.
    let mut raw = Raw::greeted(&stage.endpoint).await;
    for call in 0..4 {
        raw.request(call, "Work/Large", b"4000000").await.unwrap();
    }
    let (_, code, ran, message) = raw.failure().await;
    assert_eq!((code, ran), (8, 2), "{message}");
    assert!(message.contains("max_bulk_len"), "{message}");
    drop(raw);
    stage.assert_healthy().await;
}
