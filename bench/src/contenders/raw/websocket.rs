//! The loop over a WebSocket: tokio-tungstenite, each frame a binary message, many messages to a flush.

use std::future::poll_fn;
use std::task::Poll;

use bytes::{Buf, Bytes};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async_with_config};

use super::Road;
use super::client::{Client, Shared};
use super::framing::Framing;
use super::message::Message;
use super::outbox::Session;
use super::outgoing::Outgoing;
use super::server::respond;
use super::tcp::dial;
use crate::Failure;
use crate::contenders::{Notes, Topic};

/// tokio-tungstenite.
#[derive(Debug)]
pub(crate) struct Tungstenite;

pub(crate) type Socket = WebSocketStream<TcpStream>;

impl Road for Tungstenite {
    type Notes = SocketNotes;

    async fn open(url: &str) -> Result<Client, Failure> {
        let (write, read) = connect(url).await?.split();
        let (client, shared) = Client::new(Framing::Messages);
        tokio::spawn(shared.clone().write_messages(write));
        tokio::spawn(shared.read_messages(read));
        Ok(client)
    }

    async fn subscribe(url: &str) -> Result<SocketNotes, Failure> {
        let mut socket = connect(url).await?;
        let mut output = Outgoing::default();
        output.put(Framing::Messages, 0, &Message::Subscribe);
        send(&mut socket, &mut output).await?;
        let mut notes = SocketNotes(socket);
        match notes.message().await? {
            Message::Done => Ok(notes),
            other => Err(format!("the answer to the subscription is {other:?}").into()),
        }
    }
}

pub(crate) async fn connect(url: &str) -> Result<Socket, Failure> {
    let stream = dial(authority(url)).await?;
    let (socket, _) = client_async_with_config(url, stream, Some(config())).await?;
    Ok(socket)
}

/// Host and port of a `ws:` URL.
pub(super) fn authority(url: &str) -> &str {
    let rest = url.trim_start_matches("ws://");
    rest.split_once('/').map_or(rest, |(authority, _)| authority)
}

pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("ws://{}/", listener.local_addr()?);
    let topic = Topic::default();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream, topic.clone()));
    }
}

async fn answer(stream: TcpStream, topic: Topic<Session>) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let (write, mut read) = accept_async_with_config(stream, Some(config())).await?.split();
    let session = Session::new(Framing::Messages);
    let writer = tokio::spawn(write_all(session.clone(), write));
    let mut calls = Vec::new();
    while gather(&mut read, &mut calls).await? {
        let mut calls = calls.drain(..);
        session.put_all(|| {
            for call in calls.by_ref() {
                let (number, message) = Message::parse(call)?;
                if let Some(answer) = respond(message, number, &session, &topic) {
                    return Ok(Some((number, answer)));
                }
            }
            Ok(None)
        })?;
    }
    session.close();
    writer.await?
}

async fn write_all(session: Session, mut write: SplitSink<Socket, Frame>) -> Result<(), Failure> {
    let mut output = Outgoing::default();
    while session.take(&mut output).await {
        if let Err(failure) = send(&mut write, &mut output).await {
            session.close();
            return Err(failure);
        }
    }
    Ok(())
}

impl Shared {
    async fn write_messages(self, mut socket: SplitSink<Socket, Frame>) -> Result<(), Failure> {
        let mut output = Outgoing::default();
        while self.queued(&mut output).await {
            send(&mut socket, &mut output).await?;
        }
        Ok(socket.close().await?)
    }

    async fn read_messages(self, mut socket: SplitStream<Socket>) -> Result<(), Failure> {
        let (mut bodies, mut answered) = (Vec::new(), Vec::new());
        while gather(&mut socket, &mut bodies).await? {
            let mut answers = bodies.drain(..);
            self.deliver(&mut answered, || answers.next().map(Message::parse).transpose())?;
        }
        Ok(())
    }
}

/// Notes, each a message.
#[derive(Debug)]
pub(crate) struct SocketNotes(Socket);

impl SocketNotes {
    async fn message(&mut self) -> Result<Message, Failure> {
        loop {
            match self.0.next().await.ok_or("the server left")?? {
                Frame::Binary(body) => return Ok(Message::parse(body)?.1),
                Frame::Close(_) => return Err("the server closed".into()),
                _ => {} // tungstenite answers pings
            }
        }
    }
}

impl Notes for SocketNotes {
    async fn next(&mut self) -> Result<u64, Failure> {
        match self.message().await? {
            Message::Note(sequence) => Ok(sequence),
            other => Err(format!("no note but {other:?}").into()),
        }
    }
}

/// Appends every message that is there to `bodies`, once one is; none is the end.
async fn gather(
    socket: &mut (impl Stream<Item = Result<Frame, Error>> + Unpin),
    bodies: &mut Vec<Bytes>,
) -> Result<bool, Failure> {
    poll_fn(|cx| {
        loop {
            match socket.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(Frame::Binary(body)))) => bodies.push(body),
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
    socket: &mut (impl Sink<Frame, Error = Error> + Unpin),
    output: &mut Outgoing,
) -> Result<(), Failure> {
    let mut frames = output.take_bytes(); // one allocation for all messages
    while let Some(len) = frames.first_chunk().map(|len| u32::from_le_bytes(*len) as usize) {
        frames.advance(4); // a message brings its own length
        socket.feed(Frame::Binary(frames.split_to(len))).await?;
    }
    Ok(socket.flush().await?)
}

/// The default buffer of 128 KiB is zeroed before every read.
fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(16 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_what_stands_between_scheme_and_path() {
        assert_eq!(authority("ws://127.0.0.1:80/"), "127.0.0.1:80");
        assert_eq!(authority("ws://127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(authority("ws://127.0.0.1:80/notes/1"), "127.0.0.1:80");
    }
}
