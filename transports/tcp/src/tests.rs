//! What the waist promises, over real sockets on loopback.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use linkspan_core::frame::{KIND_HELLO, LAST, MAGIC, frame_lane};
use linkspan_core::{
    Batch, Close, CloseCode, Endpoint, Error, ErrorKind, Inbox, Lane, Link, Listener, Pipe, Transport,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Tcp;

/// One end of a link, with what it was told to send and what it received.
struct End {
    pipe: Box<dyn Pipe>,
    outgoing: Batch,
    inbox: Inbox,
    received: Vec<Vec<u8>>,
    pushed: BTreeMap<Lane, u32>,
}

impl End {
    fn new(link: Link) -> Self {
        let mut outgoing = Batch::new();
        outgoing.push((KIND_HELLO, 0), Lane::ZERO, None, |out| out.extend(MAGIC)).unwrap();
        let (pipe, _) = link.into_parts();
        Self { pipe, outgoing, inbox: Inbox::new(), received: Vec::new(), pushed: BTreeMap::new() }
    }

    /// Queues the next frame of `lane`, with a body of `len` bytes by reference.
    fn push(&mut self, lane: u64, len: usize) {
        let number = self.pushed.entry(Lane::new(lane)).or_default();
        let body = Bytes::from(vec![number.to_le_bytes()[0]; len]);
        let head = number.to_le_bytes();
        self.outgoing.push((0x10, LAST), Lane::new(lane), Some(body), |out| out.extend(head)).unwrap();
        *number += 1;
    }

    /// Reads and writes until all is sent and `count` frames besides the hello came.
    async fn run(&mut self, count: usize) -> Result<(), Error> {
        poll_fn(|cx| {
            while self.received.len() <= count {
                match self.poll_recv(cx) {
                    Poll::Ready(more) => assert!(more?, "ended after {} frames", self.received.len()),
                    Poll::Pending => break,
                }
            }
            ready!(self.pipe.poll_send(cx, &mut self.outgoing))?;
            if self.received.len() > count { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        let more = ready!(self.pipe.poll_recv(cx, &mut self.inbox))?;
        assert_eq!(more, !self.inbox.is_empty());
        self.received.extend(self.inbox.frames().map(<[u8]>::to_vec));
        Poll::Ready(Ok(more))
    }

    async fn recv(&mut self) -> Result<bool, Error> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    async fn close(&mut self) {
        let close = Close::new(CloseCode::NORMAL, "done");
        poll_fn(|cx| self.pipe.poll_close(cx, &close)).await.unwrap();
    }

    /// Asserts that what came is whole and in the order of its lane; returns the frames per lane.
    fn check(&self) -> BTreeMap<Lane, u32> {
        let mut seen = BTreeMap::new();
        assert_eq!(self.received[0], b"\x06\x00\x01\x00LSP1");
        for frame in &self.received[1..] {
            let lane = frame_lane(frame).unwrap();
            let fields = &frame[4 + usize::from(lane != Lane::ZERO)..];
            let number: &mut u32 = seen.entry(lane).or_default();
            assert_eq!(fields[..4], number.to_le_bytes(), "{lane:?}");
            assert!(fields[4..].iter().all(|&byte| byte == number.to_le_bytes()[0]));
            *number += 1;
        }
        seen
    }
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

async fn listen() -> Box<dyn Listener> {
    Tcp::new().listen(&endpoint("tcp://127.0.0.1:0")).await.unwrap()
}

async fn pair() -> (End, End) {
    let mut listener = listen().await;
    let client = Tcp::new().connect(listener.endpoint()).await.unwrap();
    let server = listener.accept().await.unwrap().await.unwrap();
    (End::new(client), End::new(server))
}

/// A raw socket, and the link at its other end.
async fn raw_pair() -> (TcpStream, End) {
    let mut listener = listen().await;
    let raw = TcpStream::connect(listener.endpoint().authority().unwrap()).await.unwrap();
    (raw, End::new(listener.accept().await.unwrap().await.unwrap()))
}

async fn within<T>(case: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), case).await.expect("the case ends in time")
}

/// A loopback port where nobody listens.
fn dead_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn frames_of_several_lanes_arrive_whole_and_in_lane_order_both_ways() {
    within(async {
        let (mut client, mut server) = pair().await;
        for round in 0..50 {
            for lane in 0..5 {
                client.push(lane, round * 300);
                server.push(lane + 10, 15_000 - round * 300);
            }
        }
        tokio::try_join!(client.run(250), server.run(250)).unwrap();
        assert_eq!(client.check(), server.pushed);
        assert_eq!(server.check(), client.pushed);
    })
    .await;
}

#[tokio::test]
async fn a_flood_in_both_directions_at_once_does_not_stall() {
    within(async {
        let (mut client, mut server) = pair().await;
        for _ in 0..256 {
            client.push(1, 65_000);
            server.push(2, 65_000);
        }
        tokio::try_join!(client.run(256), server.run(256)).unwrap();
        assert_eq!(client.check(), server.pushed);
        assert_eq!(server.check(), client.pushed);
    })
    .await;
}

#[tokio::test]
async fn frames_appended_behind_a_half_sent_batch_follow_it() {
    within(async {
        let (mut client, mut server) = pair().await;
        for _ in 0..400 {
            client.push(1, 65_000);
        }
        // Nobody reads yet, and 26 MB exceed what the sockets hold: some frame is half sent now.
        let sent = poll_fn(|cx| Poll::Ready(client.pipe.poll_send(cx, &mut client.outgoing))).await;
        assert!(sent.is_pending());
        client.push(0, 3);
        client.push(1, 0);
        tokio::try_join!(client.run(0), server.run(402)).unwrap();
        assert_eq!(server.check(), client.pushed);
    })
    .await;
}

#[tokio::test]
async fn a_side_that_ended_still_receives() {
    within(async {
        let (mut client, mut server) = pair().await;
        client.push(0, 10);
        tokio::try_join!(client.run(0), server.run(1)).unwrap();
        client.close().await;
        assert!(!server.recv().await.unwrap());
        server.push(0, 20);
        tokio::try_join!(client.run(1), async {
            poll_fn(|cx| server.pipe.poll_send(cx, &mut server.outgoing)).await
        })
        .unwrap();
        assert_eq!(client.check(), server.pushed);
        server.close().await;
        assert!(!client.recv().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_dropped_link_is_seen_by_its_peer() {
    within(async {
        let (mut client, mut server) = pair().await;
        tokio::try_join!(client.run(0), server.run(0)).unwrap();
        drop(client);
        assert!(!server.recv().await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_link_outlives_its_listener_and_frees_the_port() {
    within(async {
        let mut listener = listen().await;
        let at = listener.endpoint().clone();
        let mut client = End::new(Tcp::new().connect(&at).await.unwrap());
        let mut server = End::new(listener.accept().await.unwrap().await.unwrap());
        drop(listener);
        client.push(0, 1);
        tokio::try_join!(client.run(0), server.run(1)).unwrap();
        drop((client, server));
        assert_eq!(Tcp::new().listen(&at).await.unwrap().endpoint(), &at);
    })
    .await;
}

#[tokio::test]
async fn bytes_that_trickle_in_become_the_same_frames() {
    within(async {
        let (mut raw, mut server) = raw_pair().await;
        let bytes = b"\x06\x00\x01\x00LSP1\x05\x00\x03\x00one\x07\x00\x10\x01\x07BODY";
        let feed = async {
            for byte in bytes {
                raw.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await; // lets the reader see the byte alone
            }
            Ok(())
        };
        tokio::try_join!(feed, server.run(2)).unwrap();
        assert_eq!(server.received, [&bytes[..8], &bytes[8..15], &bytes[15..]]);
    })
    .await;
}

#[tokio::test]
async fn a_stranger_is_refused_at_his_first_bytes() {
    within(async {
        for stranger in [b"GET / HTTP/1.1\r\n".as_slice(), b"\x16\x03\x01\x02", b"\x06\x00\x01\x00LSP2"] {
            let (mut raw, mut server) = raw_pair().await;
            raw.write_all(stranger).await.unwrap();
            assert_eq!(server.recv().await.unwrap_err().kind(), ErrorKind::Protocol);
        }
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_vanishes_within_a_frame_is_a_lost_link_and_no_culprit() {
    within(async {
        let (mut raw, mut server) = raw_pair().await;
        raw.write_all(b"\x06\x00\x01\x00LSP1\x05\x00\x03\x00on").await.unwrap();
        drop(raw);
        assert!(server.recv().await.unwrap());
        assert_eq!(server.recv().await.unwrap_err().kind(), ErrorKind::Closed);
    })
    .await;
}

#[tokio::test]
async fn what_a_batch_holds_is_what_the_wire_carries() {
    within(async {
        let (mut raw, mut server) = raw_pair().await;
        server.push(7, 4);
        poll_fn(|cx| server.pipe.poll_send(cx, &mut server.outgoing)).await.unwrap();
        server.close().await;
        let mut bytes = Vec::new();
        raw.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"\x06\x00\x01\x00LSP1\x0b\x00\x10\x03\x07\0\0\0\0\0\0\0\0");
    })
    .await;
}

#[tokio::test]
async fn a_listener_tells_the_port_that_was_picked() {
    within(async {
        let listener = Tcp::new().listen(&endpoint("tcp://localhost:0?codec=json")).await.unwrap();
        let port = listener.endpoint().port().unwrap();
        assert_ne!(port, 0);
        assert_eq!(listener.endpoint().to_string(), format!("tcp://localhost:{port}"));
        let client = Tcp::new().connect(listener.endpoint()).await.unwrap();
        assert_eq!(client.peer().endpoint(), listener.endpoint());
        assert!(client.peer().remote_address().unwrap().ends_with(&format!(":{port}")));
        assert!(!client.peer().capabilities().encrypted);
    })
    .await;
}

#[tokio::test]
async fn an_address_in_use_says_what_to_do() {
    within(async {
        let listener = listen().await;
        let error = Tcp::new().listen(listener.endpoint()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse);
        assert!(error.to_string().contains("pick another port"), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_safe_to_retry() {
    within(async {
        let at = endpoint(&format!("tcp://{}", dead_address()));
        let error = Tcp::new().connect(&at).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.is_retryable());
        assert!(error.to_string().contains("start the server"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_endpoint_says_what_to_write() {
    within(async {
        for (text, hint) in [
            ("tcp://127.0.0.1", "write tcp://host:port"),
            ("tcp://:7001", "0.0.0.0:port"),
            ("tcp://127.0.0.1:1/chat", "write tcp://host:port"),
            ("tcp://127.0.0.1:1?codecs=json", "unknown option `codecs`"),
        ] {
            let at = endpoint(text);
            for error in
                [Tcp::new().connect(&at).await.unwrap_err(), Tcp::new().listen(&at).await.unwrap_err()]
            {
                assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
                assert!(error.to_string().contains(hint), "{text}: {error}");
            }
        }
        let error = Tcp::new().connect(&endpoint("tcp://127.0.0.1:0")).await.unwrap_err();
        assert!(error.to_string().contains("only a listener"), "{error}");
        // TEST-NET-1 (RFC 5737) is nobody's.
        let error = Tcp::new().listen(&endpoint("tcp://192.0.2.1:0")).await.unwrap_err();
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    })
    .await;
}
