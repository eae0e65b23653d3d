//! Garbage, truncated and oversized input on every road: a typed close for who sends it, nothing for who does not.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "a test may fail"
)]

mod support;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use linkspan::frame::{KIND_HELLO, MAGIC};
use linkspan::memory::Memory;
use linkspan::quic::{Quic, QuicConfig};
use linkspan::tcp::Tcp;
use linkspan::tls::Tls;
use linkspan::websocket::WebSocket;
use linkspan::{Batch, Client, Endpoint, Inbox, Lane, Limits, Pipe, Transport};
use support::{PATIENCE, ROADS, Road};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::timeout;

#[linkspan::service]
trait Arith {
    async fn mul(&self, a: u64, b: u64) -> u64;
}

#[derive(Debug)]
struct Calculator;

impl Arith for Calculator {
    async fn mul(&self, a: u64, b: u64) -> u64 {
        a * b
    }
}

/// Numbers from a seed (xorshift64*), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

fn transport(scheme: &str) -> Arc<dyn Transport> {
    let tls = Tls::new().dangerously_skip_verification();
    match scheme {
        "mem" => Arc::new(Memory::new()),
        "tcp" | "tls" => Arc::new(Tcp::new().with_tls(tls)),
        "ws" | "wss" => Arc::new(WebSocket::new().with_tls(tls)),
        _ => {
            let config = QuicConfig::default().with_handshake_timeout(PATIENCE);
            Arc::new(Quic::new().with_config(config).with_tls(tls))
        }
    }
}

/// A hello as `docs/wire.md` has it: version 1, codec json, generous limits.
fn hello(batch: &mut Batch) {
    let fields = b"\x02\x02\x01\x01\x04\x05\x04json\x06\x05\x80\x80\x04\x40\x40";
    batch
        .push((KIND_HELLO, 0), Lane::ZERO, None, |out| out.extend_from_slice(&[&MAGIC[..], fields].concat()))
        .unwrap();
}

async fn send(pipe: &mut dyn Pipe, batch: &mut Batch) {
    let _ = timeout(PATIENCE, poll_fn(|cx| pipe.poll_send(cx, batch)))
        .await
        .expect("the server takes what is sent");
}

/// The frames that come until the server ends the link.
async fn until_end(pipe: &mut dyn Pipe, scheme: &str) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut inbox = Inbox::new();
    loop {
        let received = timeout(PATIENCE, poll_fn(|cx| pipe.poll_recv(cx, &mut inbox))).await;
        match received
            .unwrap_or_else(|_| panic!("{scheme}: the server does not end the link; it sent {frames:?}"))
        {
            Ok(true) => frames.extend(inbox.frames().map(<[u8]>::to_vec)),
            Ok(false) | Err(_) => return frames,
        }
    }
}

/// One frame that no peer would send: kinds that do not exist, fields that end too early, wrong lanes, wrong order.
fn hostile(random: &mut Random, batch: &mut Batch) {
    let kind = [0x01, 0x02, 0x03, 0x04, 0x06, 0x08, 0x0d, 0x0e, 0x33, 0x7f][random.below(10)];
    // A body on a lane that no head has announced yet is fine; on lane 0 it never is.
    let lane = if kind != 0x08 && random.below(4) == 0 {
        Lane::new(random.next() >> random.below(60))
    } else {
        Lane::ZERO
    };
    let len = [0, 1, 3, 40, 1000][random.below(5)];
    let mut body = random.bytes(len);
    // A length that cannot be met makes the rest of the frame senseless, whatever the kind.
    body.splice(0..0, [0xff; 10]);
    batch.push((kind, 0x10), lane, None, |out| out.extend_from_slice(&body)).unwrap();
}

async fn attack(transport: Arc<dyn Transport>, endpoint: Endpoint, seed: u64) {
    let scheme = endpoint.scheme();
    let mut random = Random(seed);
    let greets = seed.is_multiple_of(2);
    let link = timeout(PATIENCE, transport.connect(&endpoint)).await.unwrap().unwrap();
    let (mut pipe, _) = link.into_parts();
    let mut batch = Batch::new();
    if greets {
        hello(&mut batch);
    }
    hostile(&mut random, &mut batch);
    send(&mut *pipe, &mut batch).await;
    let frames = until_end(&mut *pipe, scheme).await;
    if greets {
        let kinds: Vec<_> = frames.iter().map(|frame| frame[2]).collect();
        assert_eq!(kinds.last(), Some(&0x0c), "{scheme}, seed {seed}: {kinds:?} does not end in a close");
    }
}

/// Attackers beside each other.
const AT_ONCE: usize = 20;

async fn assert_healthy(client: &Client, scheme: &str) {
    let answer = timeout(PATIENCE, ArithClient::new(client).mul(6, 7)).await.unwrap();
    assert_eq!(answer, Ok(42), "{scheme}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_frames_end_in_a_close_and_disturb_nobody() {
    let rounds = if std::env::var_os("LINKSPAN_LONG").is_some() { 2_500 } else { 60 };
    for scheme in ROADS {
        let road = Road::new(scheme, "malformed-frames");
        let server = road.server().service(ArithServer::new(Calculator)).start().await.unwrap();
        let endpoint = server.endpoints()[0].clone();
        let healthy = road.connect(&endpoint, "json").await;
        let transport = transport(scheme);
        for first in (1..=rounds).step_by(AT_ONCE) {
            let mut attacks = JoinSet::new();
            for seed in first..(first + AT_ONCE as u64).min(rounds + 1) {
                attacks.spawn(attack(transport.clone(), endpoint.clone(), seed));
            }
            attacks.join_all().await;
            assert_healthy(&healthy, scheme).await;
        }
        assert_healthy(&healthy, scheme).await;
        timeout(PATIENCE, server.shutdown()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_truncated_bytes_on_a_socket_end_the_connection() {
    let rounds = if std::env::var_os("LINKSPAN_LONG").is_some() { 2_500 } else { 60 };
    for scheme in ["tcp", "ws"] {
        let road = Road::new(scheme, "");
        let limits = Limits::default().with_handshake_timeout(Duration::from_secs(2));
        let server =
            road.server().limits(limits).service(ArithServer::new(Calculator)).start().await.unwrap();
        let endpoint = server.endpoints()[0].clone();
        let healthy = road.connect(&endpoint, "json").await;
        for seed in 1..=rounds {
            let mut random = Random(seed);
            let mut socket = TcpStream::connect(endpoint.authority().unwrap()).await.unwrap();
            let bytes = match seed % 3 {
                0 => b"\x23\x00\x01\x00LSP1\x02\x02"[..4 + random.below(6)].to_vec(),
                1 => [b"\xff\xff\x01\x00LSP1", &random.bytes(100)[..]].concat(),
                _ => {
                    let len = 1 + random.below(3000);
                    random.bytes(len)
                }
            };
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
            let mut answer = Vec::new();
            let _ = timeout(PATIENCE, socket.read_to_end(&mut answer))
                .await
                .expect("the server ends the connection");
        }
        assert_healthy(&healthy, scheme).await;
        timeout(PATIENCE, server.shutdown()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_datagrams_do_not_disturb_quic() {
    let road = Road::new("quic", "");
    let server = road.server().service(ArithServer::new(Calculator)).start().await.unwrap();
    let endpoint: Endpoint = server.endpoints()[0].clone();
    let healthy = road.connect(&endpoint, "json").await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut random = Random(7);
    for round in 0..500 {
        let len = 1 + random.below(1400);
        let _ = socket.send_to(&random.bytes(len), endpoint.authority().unwrap()).await;
        if round % 100 == 0 {
            assert_healthy(&healthy, "quic").await;
        }
    }
    assert_healthy(&healthy, "quic").await;
    timeout(PATIENCE, server.shutdown()).await.unwrap();
}
