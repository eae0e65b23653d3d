//! Links that cannot be opened say why.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do their helpers")]

mod support;

use linkspan_core::{Endpoint, ErrorKind, Transport};
use linkspan_websocket::WebSocket;
use support::{arrive, both, bounded, listen, recv_frames, websocket};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// Connects to a server that answers the request with `answer` and closes.
async fn connect_to_server_saying(answer: &str) -> linkspan_core::Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint: Endpoint = format!("ws://{}/rpc", listener.local_addr().unwrap()).parse().unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        support::read_head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let websocket = WebSocket::new();
    let (connected, ()) = tokio::join!(websocket.connect(&endpoint), serve);
    connected.unwrap_err()
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    bounded(async {
        let websocket = WebSocket::new();
        let mut listener = listen(&websocket).await;
        let wrong: Endpoint = listener.endpoint().to_string().replace("/rpc", "/wrong").parse().unwrap();
        let (connected, arrived) = tokio::join!(websocket.connect(&wrong), arrive(&mut listener));
        let error = connected.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().ends_with("with 404 Not Found: nothing is served at this path"), "{error}");
        assert_eq!(arrived.unwrap_err().kind(), ErrorKind::Refused);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_no_websocket_gives_a_typed_error() {
    bounded(async {
        for (answer, kind, text) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x1b[2Jhi\r\nyo",
                ErrorKind::Refused,
                "200 OK: \\u{1b}[2Jhi",
            ),
            (
                "HTTP/1.1 503 Service Unavailable\r\n\r\n",
                ErrorKind::AtCapacity,
                "with 503 Service Unavailable",
            ),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", ErrorKind::Protocol, "does not answer"),
            ("220 mail.example ESMTP\r\n\r\n", ErrorKind::Protocol, "does not answer"),
            ("", ErrorKind::Unreachable, "closed instead"),
        ] {
            let error = connect_to_server_saying(answer).await;
            assert_eq!(error.kind(), kind, "{answer}: {error}");
            assert!(error.to_string().contains(text), "{answer}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_websocket_server_of_something_else_is_refused() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint: Endpoint = format!("ws://{}/chat", listener.local_addr().unwrap()).parse().unwrap();
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            tokio_tungstenite::accept_async(stream).await
        };
        let websocket = WebSocket::new();
        let (connected, _) = tokio::join!(websocket.connect(&endpoint), serve);
        let error = connected.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("something else than linkspan.1"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable_and_may_be_retried() {
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint: Endpoint = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
        drop(listener);
        let error = WebSocket::new().connect(&endpoint).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.is_retryable());
    })
    .await;
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    bounded(async {
        let websocket = WebSocket::new();
        let listener = listen(&websocket).await;
        let error = websocket.listen(listener.endpoint()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_endpoint_is_a_wrong_configuration() {
    bounded(async {
        for (wrong, text) in [
            ("ws://127.0.0.1/rpc", "has no port"),
            ("ws://:7002/rpc", "has no host"),
            ("ws://127.0.0.1:7002/rpc?tls=no", "unknown option `tls`"),
            ("ws://127.0.0.1:7002/a#b", "percent-encode"),
        ] {
            let endpoint: Endpoint = wrong.parse().unwrap();
            let websocket = WebSocket::new();
            let connected = websocket.connect(&endpoint).await.unwrap_err();
            let listened = websocket.listen(&endpoint).await.unwrap_err();
            for error in [connected, listened] {
                assert_eq!(error.kind(), ErrorKind::Configuration);
                assert!(error.to_string().contains(text), "{error}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_server_says_with_its_answer_is_not_lost() {
    both(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint: Endpoint = format!("ws://{}/rpc", listener.local_addr().unwrap()).parse().unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = support::read_head(&mut stream).await;
            let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
            let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Protocol: linkspan.1\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            let frames = b"\x82\x07\x05\x00\x03\x00one\x82\x07\x05\x00\x03\x00tw";
            stream.write_all(&[answer.as_bytes(), frames].concat()).await.unwrap();
            stream.write_all(b"o").await.unwrap();
            stream
        };
        let websocket = websocket();
        let (connected, _stream) = tokio::join!(websocket.connect(&endpoint), serve);
        let mut pipe = connected.unwrap().into_parts().0;
        assert_eq!(recv_frames(&mut pipe, 2).await, [b"\x05\x00\x03\x00one", b"\x05\x00\x03\x00two"]);
    })
    .await;
}
