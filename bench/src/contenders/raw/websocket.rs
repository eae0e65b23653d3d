//! The loop over a WebSocket: tokio-tungstenite, each frame a binary message, many messages to a flush.

use std::future::poll_fn;
use std::task::Poll;

use bytes::{Buf, Bytes};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async_with_config};

use super::{Client, frame_len, parse_answer, parse_call, write_frame};
use crate::Failure;

type Socket = WebSocketStream<TcpStream>;

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ws://{}/", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async_with_config(stream, Some(config())).await?;
    let (mut calls, mut output) = (Vec::new(), Vec::new());
    while gather(&mut socket, &mut calls).await? {
        for call in calls.drain(..) {
            let (number, args) = parse_call(&call)?;
            write_frame(&mut output, number, &[args.multiply().c]);
        }
        send(&mut socket, &mut output).await?;
    }
    Ok(())
}

pub(crate) async fn connect(url: &str) -> Result<Client, Failure> {
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (socket, _) = client_async_with_config(url, stream, Some(config())).await?;
    let (write, read) = socket.split();
    let client = Client::new();
    tokio::spawn(client.clone().write_messages(write));
    tokio::spawn(client.clone().read_messages(read));
    Ok(client)
}

impl Client {
    async fn write_messages(self, mut socket: SplitSink<Socket, Message>) -> Result<(), Failure> {
        let mut output = Vec::new();
        loop {
            self.queued(&mut output).await;
            send(&mut socket, &mut output).await?;
        }
    }

    async fn read_messages(self, mut socket: SplitStream<Socket>) -> Result<(), Failure> {
        let (mut bodies, mut answered) = (Vec::new(), Vec::new());
        while gather(&mut socket, &mut bodies).await? {
            let mut answers = bodies.drain(..);
            self.deliver(&mut answered, || answers.next().map(|body| parse_answer(&body)).transpose())?;
        }
        Ok(())
    }
}

/// Appends every message that is there to `bodies`, once one is; none is the end.
async fn gather(
    socket: &mut (impl Stream<Item = Result<Message, Error>> + Unpin),
    bodies: &mut Vec<Bytes>,
) -> Result<bool, Failure> {
    poll_fn(|cx| {
        loop {
            match socket.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(Message::Binary(body)))) => bodies.push(body),
                Poll::Ready(Some(Ok(_))) => {} // tungstenite answers pings and closes
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                Poll::Pending if bodies.is_empty() => return Poll::Pending,
                Poll::Pending | Poll::Ready(None) => return Poll::Ready(Ok(!bodies.is_empty())),
            }
        }
    })
    .await
}

/// Feeds each frame of `output` as a message of its own, flushes once, and leaves `output` empty.
async fn send(
    socket: &mut (impl Sink<Message, Error = Error> + Unpin),
    output: &mut Vec<u8>,
) -> Result<(), Failure> {
    let mut frames = Bytes::copy_from_slice(output); // one allocation for all messages
    output.clear();
    while let Some(len) = frame_len(&frames) {
        frames.advance(4); // a message brings its own length
        socket.feed(Message::Binary(frames.split_to(len))).await?;
    }
    Ok(socket.flush().await?)
}

/// The default buffer of 128 KiB is zeroed before every read.
fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(16 * 1024)
}
