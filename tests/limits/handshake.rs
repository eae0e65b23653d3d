//! One deadline for all stages of a handshake, however slowly a peer goes through them.

use std::time::Duration;

use linkspan::{Client, Endpoint, ErrorKind, Limits, Server};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

use crate::raw::Raw;
use crate::support::{ROADS, Road};
use crate::work::{Stage, WorkServer, Worker, within};

const DEADLINE: Duration = Duration::from_millis(400);

fn hasty() -> Limits {
    Limits::default().with_handshake_timeout(DEADLINE)
}

/// A server that waits for nobody. Healthy clients, who may be slow on a busy machine, have one of their own.
async fn hasty_server(scheme: &str, test: &str) -> (Server, Endpoint) {
    let road = Road::new(scheme, &format!("limits-hasty-{test}"));
    let server = road.server().limits(hasty()).service(WorkServer::new(Worker)).start().await.unwrap();
    let endpoint = server.endpoints()[0].clone();
    (server, endpoint)
}

const HELLO: &[u8] =
    b"\x1a\x00\x01\x00LSP1\x02\x02\x01\x01\x04\x05\x04json\x06\x07\x80\x80\x80\x02\x80\x20\x40";
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/// Sends `bytes` one by one and slowly, never the last; returns what the server says until it hangs up.
async fn trickle(mut socket: impl AsyncRead + AsyncWrite + Unpin, at_once: &[u8], slowly: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    let _ = socket.write_all(at_once).await;
    let (mut read, mut write) = tokio::io::split(socket);
    let writing = async {
        for byte in &slowly[..slowly.len().saturating_sub(1)] {
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(DEADLINE / 8).await;
        }
        std::future::pending::<()>().await;
    };
    let reading = async {
        let _ = read.read_to_end(&mut said).await;
    };
    tokio::select! {
        () = writing => {}
        () = within(reading) => {}
    }
    said
}

async fn socket(endpoint: &Endpoint) -> TcpStream {
    TcpStream::connect(endpoint.authority().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_peer_that_dawdles_at_any_stage_is_hung_up_on() {
    for scheme in ["tcp", "unix", "ws"] {
        let stage = Stage::new(scheme, "slowloris", Limits::default()).await;
        let (server, endpoint) = hasty_server(scheme, "slowloris").await;
        let stages: &[(&[u8], &[u8])] = match scheme {
            // Nothing; a hello that comes byte by byte.
            "tcp" | "unix" => &[(b"", b""), (b"", HELLO)],
            // Nothing; an upgrade that comes byte by byte; an upgrade and nothing; and then a message byte by byte.
            _ => {
                &[(b"", b""), (b"", UPGRADE), (UPGRADE, b""), (UPGRADE, b"\x82\x9c\0\0\0\0\x1a\0\x01\0LSP1")]
            }
        };
        let mut slow = JoinSet::new();
        for (at_once, slowly) in stages.repeat(5) {
            let endpoint = endpoint.clone();
            slow.spawn(async move {
                if scheme == "unix" {
                    let socket = UnixStream::connect(endpoint.path()).await.unwrap();
                    trickle(socket, at_once, slowly).await
                } else {
                    trickle(socket(&endpoint).await, at_once, slowly).await
                }
            });
        }
        let said = within(slow.join_all()).await;
        // Whoever has a link is told in its own words; before that there are none.
        let told = said.iter().filter(|said| contains(said, b"handshake_timeout")).count();
        let expected = if scheme == "ws" { 10 } else { said.len() };
        assert_eq!(told, expected, "{scheme}");
        assert!(server.sessions().is_empty(), "{scheme}");
        within(server.shutdown()).await;
        stage.assert_healthy().await;
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test]
async fn a_link_without_a_hello_is_closed_with_its_code() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "no-hello", Limits::default()).await;
        let (server, endpoint) = hasty_server(scheme, "no-hello").await;
        let mut raw = Raw::silent(&endpoint).await;
        if scheme == "quic" {
            // Lane 0 begins with its first bytes; without any there is nothing to answer on, and the link just ends.
            raw.until_end().await;
        } else {
            let (code, reason) = raw.close().await;
            assert_eq!(code, 2002, "{scheme}: {reason}");
            assert!(reason.contains("handshake_timeout"), "{reason}");
        }
        drop(raw);
        within(server.shutdown()).await;
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn a_call_before_the_hello_is_a_violation() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "early", Limits::default()).await;
        let mut raw = Raw::silent(&stage.endpoint).await;
        let _ = raw.request(0, "Work/Echo", b"\"\"").await;
        // Byte streams look at the first bytes alone, and hang up on strangers.
        if matches!(scheme, "mem" | "ws" | "quic") {
            assert_eq!(raw.close().await.0, 1002, "{scheme}");
        }
        raw.until_end().await;
        drop(raw);
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn a_hook_that_never_decides_is_bounded_too() {
    let server = Server::builder()
        .limits(hasty())
        .service(WorkServer::new(Worker))
        .on_connect(|_| std::future::pending())
        .listen("tcp://127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let error = within(Client::connect(&server.endpoints()[0].to_string())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
    assert!(error.to_string().contains("handshake_timeout"), "{error}");
    within(server.shutdown()).await;
}

#[tokio::test]
async fn a_server_that_dawdles_is_given_up_by_its_client() {
    // One that accepts and says nothing; one that says half an answer.
    for said in [&b""[..], b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: web"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let _ = socket.write_all(said).await;
                open.push(socket);
            }
        });
        for scheme in if said.is_empty() { &["tcp", "ws"][..] } else { &["ws"] } {
            let url = format!("{scheme}://{address}");
            let error = within(Client::builder().limits(hasty()).connect(&url)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{scheme}: {error}");
            assert!(error.to_string().contains("handshake_timeout"), "{error}");
        }
        serving.abort();
    }
}
