//! What a server says to HTTP, checked byte by byte.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do their helpers")]

mod support;

use linkspan_core::{Endpoint, ErrorKind, Listener, Transport};
use linkspan_websocket::WebSocket;
use support::{arrive, ask, both, bounded, listen, read_head, recv_frames, tcp, websocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The request of RFC 6455 §1.2, which must be answered with the accept value of its §1.3.
const UPGRADE: &str = "GET /rpc HTTP/1.1\r\nHost: app.example\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The answer to `request`, and what became of the arrival.
async fn refusal(websocket: &WebSocket, request: &str) -> (String, ErrorKind) {
    let mut listener = listen(websocket).await;
    let endpoint = listener.endpoint().clone();
    let (answer, arrival) = tokio::join!(ask(&endpoint, request), arrive(&mut listener));
    (answer.to_lowercase(), arrival.unwrap_err().kind())
}

async fn head_of_answer(websocket: &WebSocket, request: &str) -> String {
    let mut listener = listen(websocket).await;
    let mut stream = tcp(listener.endpoint()).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let arrived = tokio::spawn(async move { arrive(&mut listener).await });
    let head = read_head(&mut stream).await;
    drop(stream);
    assert_eq!(arrived.await.unwrap().is_ok(), head.starts_with("HTTP/1.1 101 "));
    head
}

#[tokio::test]
async fn a_request_that_is_no_upgrade_is_answered_as_a_web_server_does() {
    bounded(async {
        let old = UPGRADE.replace("Version: 13", "Version: 8");
        let keyless = UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short");
        let bodied = format!("{UPGRADE}Content-Length: 1\r\n");
        let cases = [
            ("GET / HTTP/1.1\r\n", "404 not found", "nothing is served", "text/plain"),
            ("GET /rpc/ HTTP/1.1\r\n", "404 not found", "nothing is served", "text/plain"),
            ("POST /rpc HTTP/1.1\r\n", "405 method not allowed", "opened with get", "allow: get"),
            ("GET /rpc HTTP/1.1\r\n", "426 upgrade required", "a websocket endpoint", "upgrade: websocket"),
            (&old, "426 upgrade required", "version 13", "sec-websocket-version: 13"),
            (&bodied, "400 bad request", "has no body", "text/plain"),
            (&keyless, "400 bad request", "sec-websocket-key", "text/plain"),
        ];
        for (request, status, text, header) in cases {
            // A second `Connection` header closes after the answer; its members are one list with the first's.
            let request = format!("{request}Connection: close\r\n\r\n");
            let (answer, kind) = refusal(&WebSocket::new(), &request).await;
            assert!(answer.starts_with(&format!("http/1.1 {status}\r\n")), "{request}{answer}");
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(body.contains(text) && head.contains(header), "{request}{answer}");
            assert_eq!(kind, ErrorKind::Refused);
        }
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_is_answered_with_101_and_the_accept_of_the_rfc() {
    bounded(async {
        let head = head_of_answer(&WebSocket::new(), &format!("{UPGRADE}\r\n")).await.to_lowercase();
        assert!(head.starts_with("http/1.1 101 switching protocols\r\n"), "{head}");
        for header in [
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
        ] {
            assert!(head.contains(&format!("{header}\r\n")), "{header}: {head}");
        }
        assert!(!head.contains("sec-websocket-protocol"), "none was offered: {head}");
        assert!(!head.contains("sec-websocket-extensions"), "{head}");
    })
    .await;
}

#[tokio::test]
async fn the_subprotocol_is_chosen_among_those_offered() {
    bounded(async {
        let offer = "Sec-WebSocket-Protocol: chat, linkspan.9\r\nSec-WebSocket-Protocol: linkspan.1\r\n\
            Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        let head = head_of_answer(&WebSocket::new(), &format!("{UPGRADE}{offer}")).await;
        assert!(head.contains("sec-websocket-protocol: linkspan.1\r\n"), "{head}");
        assert!(!head.contains("extensions"), "{head}");
    })
    .await;
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_unless_allowed() {
    bounded(async {
        let strict = WebSocket::new();
        let allowing = WebSocket::new().allow_origin("https://front.example");
        let open = WebSocket::new().dangerously_allow_any_origin();
        for (websocket, origin, admitted) in [
            (&strict, "http://app.example", true),
            (&strict, "https://app.example", true),
            (&strict, "https://front.example", false),
            (&strict, "null", false),
            (&allowing, "https://front.example", true),
            (&allowing, "http://front.example", false),
            (&allowing, "http://app.example", true),
            (&open, "null", true),
        ] {
            let head = head_of_answer(websocket, &format!("{UPGRADE}Origin: {origin}\r\n\r\n")).await;
            let status = if admitted { "HTTP/1.1 101 " } else { "HTTP/1.1 403 " };
            assert!(head.starts_with(status), "{origin}: {head}");
        }
        let (answer, kind) =
            refusal(&strict, &format!("{UPGRADE}Origin: http://evil.example\r\nConnection: close\r\n\r\n"))
                .await;
        assert!(answer.ends_with("`allow_origin`\n"), "{answer}");
        assert_eq!(kind, ErrorKind::Refused);
    })
    .await;
}

#[tokio::test]
async fn an_allowed_origin_that_is_none_is_a_wrong_configuration() {
    bounded(async {
        let websocket = WebSocket::new().allow_origin("*");
        let error = websocket.listen(&"ws://127.0.0.1:0".parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    })
    .await;
}

#[tokio::test]
async fn one_connection_asks_twice_then_upgrades_and_sends_frames_behind_its_request() {
    both(async || {
        let mut listener = listen(&websocket()).await;
        let mut stream = tcp(listener.endpoint()).await;
        let arrived = tokio::spawn(async move { arrive(&mut listener).await });
        for _ in 0..2 {
            stream.write_all(b"GET /favicon.ico HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
            let head = read_head(&mut stream).await;
            assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
            let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            stream.read_exact(&mut vec![0; len.parse().unwrap()]).await.unwrap();
        }
        let upgrade = UPGRADE.replace("/rpc", "/rpc?token=a%20b&x");
        let cookies = "Cookie: a=1; session=xyz\r\nX-Twice: one\r\nX-Twice: two\r\n\r\n";
        let mut request = [upgrade.as_bytes(), cookies.as_bytes()].concat();
        request.extend_from_slice(b"\x82\x87\0\0\0\0\x05\x00\x03\x00one");
        request.extend_from_slice(b"\x82\x87\0\0\0\0\x05\x00\x03\x00t");
        stream.write_all(&request).await.unwrap();
        assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 101 "));
        stream.write_all(b"wo").await.unwrap();

        let (mut pipe, peer) = arrived.await.unwrap().unwrap().into_parts();
        let frames = recv_frames(&mut pipe, 2).await;
        assert_eq!(frames, [b"\x05\x00\x03\x00one", b"\x05\x00\x03\x00two"]);
        let upgrade = peer.upgrade().unwrap();
        assert_eq!(upgrade.path, "/rpc");
        assert_eq!(upgrade.query.as_deref(), Some("token=a%20b&x"));
        assert_eq!(upgrade.cookie("session"), Some("xyz"));
        assert_eq!(upgrade.header("host"), Some("app.example"));
        let twice: Vec<_> = upgrade.headers.iter().filter(|(name, _)| *name == "x-twice").collect();
        assert_eq!(twice.iter().map(|(_, value)| *value).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(upgrade.subprotocol, None);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_speaks_no_http_is_a_protocol_error() {
    bounded(async {
        for bytes in ["\x02\x00\x01\x00LSP1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let (_, kind) = refusal(&WebSocket::new(), bytes).await;
            assert_eq!(kind, ErrorKind::Protocol, "{bytes:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    bounded(async {
        let (answer, kind) =
            refusal(&WebSocket::new(), &format!("{UPGRADE}X: {}", "x".repeat(32 * 1024))).await;
        assert!(answer.starts_with("http/1.1 431 "), "{answer}");
        assert_eq!(kind, ErrorKind::Protocol);
    })
    .await;
}

#[tokio::test]
async fn how_long_a_peer_may_stay_silent_is_up_to_whoever_awaits_it() {
    bounded(async {
        let mut listener = listen(&WebSocket::new()).await;
        let mut stream = tcp(listener.endpoint()).await;
        stream.write_all(UPGRADE.as_bytes()).await.unwrap();
        let mut arrival = listener.accept().await.unwrap();
        tokio::time::pause();
        let patience = std::time::Duration::from_secs(15); // less than what bounds the test, which is paused too
        assert!(tokio::time::timeout(patience, &mut arrival).await.is_err());
        tokio::time::resume();
        stream.write_all(b"\r\n").await.unwrap();
        arrival.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_silent_peer_does_not_delay_the_next_one() {
    bounded(async {
        let websocket = WebSocket::new();
        let mut listener = listen(&websocket).await;
        let endpoint: Endpoint = listener.endpoint().clone();
        let silent = tcp(&endpoint).await;
        let silent_arrival = listener.accept().await.unwrap();
        let (client, server) = tokio::join!(websocket.connect(&endpoint), arrive(&mut listener));
        assert!(client.is_ok() && server.is_ok());
        drop(silent);
        assert_eq!(silent_arrival.await.unwrap_err().kind(), ErrorKind::Closed);
    })
    .await;
}

#[tokio::test]
async fn a_listener_without_a_path_serves_the_root() {
    bounded(async {
        let websocket = WebSocket::new();
        let mut listener: Box<dyn Listener> =
            websocket.listen(&"ws://localhost:0?codec=json".parse().unwrap()).await.unwrap();
        let endpoint = listener.endpoint().clone();
        assert_ne!(endpoint.port(), Some(0));
        assert_eq!(endpoint.option("codec"), None);
        let (client, server) = tokio::join!(websocket.connect(&endpoint), arrive(&mut listener));
        client.unwrap();
        assert_eq!(server.unwrap().peer().upgrade().unwrap().path, "/");
    })
    .await;
}
