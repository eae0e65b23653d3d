//! What the tests of this crate share: both ends of a link, plain peers, and a bound on every wait.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking, and so do their helpers"
)]

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use linkspan_core::{Batch, Close, Endpoint, Error, Inbox, Lane, Link, Listener, Pipe, Transport};
use linkspan_websocket::{Engine, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Runs `test`, but not for ever.
pub(crate) async fn bounded<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), test).await.expect("the test ends in time")
}

/// Runs `test` with each engine.
pub(crate) async fn both(test: impl AsyncFn()) {
    for engine in [Engine::Own, Engine::Tungstenite] {
        ENGINE.set(engine);
        bounded(test()).await;
    }
}

/// The transport, with the engine that the test runs with.
pub(crate) fn websocket() -> WebSocket {
    WebSocket::new().with_engine(ENGINE.get())
}

thread_local! {
    static ENGINE: Cell<Engine> = const { Cell::new(Engine::Own) };
}

pub(crate) async fn listen(websocket: &WebSocket) -> Box<dyn Listener> {
    websocket.listen(&"ws://127.0.0.1:0/rpc".parse().unwrap()).await.unwrap()
}

pub(crate) async fn arrive(listener: &mut Box<dyn Listener>) -> Result<Link, Error> {
    listener.accept().await?.await
}

/// Both ends of one link: the client's, then the server's.
pub(crate) async fn links() -> (Link, Link) {
    let websocket = websocket();
    let mut listener = listen(&websocket).await;
    let endpoint = listener.endpoint().clone();
    tokio::try_join!(websocket.connect(&endpoint), arrive(&mut listener)).unwrap()
}

pub(crate) async fn pipes() -> (Box<dyn Pipe>, Box<dyn Pipe>) {
    let (client, server) = links().await;
    (client.into_parts().0, server.into_parts().0)
}

/// A client that is not ours, and the server's end.
pub(crate) async fn plain_client() -> (WebSocketStream<TcpStream>, Box<dyn Pipe>) {
    let mut listener = listen(&websocket()).await;
    let uri = format!("ws://{}/rpc", listener.endpoint().authority().unwrap()).parse().unwrap();
    let stream = tcp(listener.endpoint()).await;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("linkspan.1");
    let (client, server) = tokio::join!(client_async(request, stream), arrive(&mut listener));
    (client.unwrap().0, server.unwrap().into_parts().0)
}

pub(crate) async fn tcp(endpoint: &Endpoint) -> TcpStream {
    TcpStream::connect(endpoint.authority().unwrap()).await.unwrap()
}

pub(crate) async fn send(pipe: &mut Box<dyn Pipe>, batch: &mut Batch) -> Result<(), Error> {
    poll_fn(|cx| pipe.poll_send(cx, batch)).await
}

pub(crate) async fn recv(pipe: &mut Box<dyn Pipe>, inbox: &mut Inbox) -> Result<bool, Error> {
    poll_fn(|cx| pipe.poll_recv(cx, inbox)).await
}

pub(crate) async fn close(pipe: &mut Box<dyn Pipe>, close: &Close) -> Result<(), Error> {
    poll_fn(|cx| pipe.poll_close(cx, close)).await
}

/// The error that comes, behind no more frames than a message can hold.
pub(crate) async fn recv_error(pipe: &mut Box<dyn Pipe>) -> Error {
    let mut inbox = Inbox::new();
    for _ in 0..100 {
        match recv(pipe, &mut inbox).await {
            Ok(more) => assert!(more, "the end came, and no error"),
            Err(error) => return error,
        }
    }
    panic!("frames come, and no error");
}

/// Reads until `count` frames came.
pub(crate) async fn recv_frames(pipe: &mut Box<dyn Pipe>, count: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut inbox = Inbox::new();
    while frames.len() < count {
        assert!(recv(pipe, &mut inbox).await.unwrap(), "ended after {} frames", frames.len());
        frames.extend(inbox.frames().map(<[u8]>::to_vec));
    }
    frames
}

/// Sends everything in `batch` while reading until `count` frames came, both from one task as the runtime does.
pub(crate) async fn exchange(pipe: &mut Box<dyn Pipe>, batch: &mut Batch, count: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut inbox = Inbox::new();
    let mut sent = false;
    poll_fn(|cx| {
        if !sent && let Poll::Ready(result) = pipe.poll_send(cx, batch) {
            result.unwrap();
            sent = true;
        }
        while frames.len() < count {
            let Poll::Ready(result) = pipe.poll_recv(cx, &mut inbox) else { return Poll::Pending };
            assert!(result.unwrap(), "ended after {} frames", frames.len());
            frames.extend(inbox.frames().map(<[u8]>::to_vec));
        }
        if sent { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    frames
}

/// Frame `number`: a lane and a length that differ from its neighbours', its number as the first bytes of its body.
pub(crate) fn push_frame(batch: &mut Batch, number: u32, body_len: usize) {
    let mut body = vec![number.to_le_bytes()[0]; body_len.max(4)];
    body[..4].copy_from_slice(&number.to_le_bytes());
    batch.push((16, 0), Lane::new(u64::from(number % 5)), Some(Bytes::from(body)), |_| {}).unwrap();
}

/// The frames of `batch` as they must arrive.
pub(crate) fn frames_of(batch: &mut Batch) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    batch.take_frames(|frame| {
        let mut bytes = Vec::new();
        frame.copy_to(&mut bytes);
        frames.push(bytes);
        false
    });
    frames
}

/// Sends `request` and returns what the server says until it closes. A server that closes on what it did not read
/// resets the connection; that is no failure here.
pub(crate) async fn ask(endpoint: &Endpoint, request: &str) -> String {
    let mut stream = tcp(endpoint).await;
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// Reads the head of an HTTP answer, to its empty line.
pub(crate) async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}
