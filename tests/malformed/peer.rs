//! A peer that sends what it likes: bytes on a socket, messages of a WebSocket, or frames through a transport.

use std::future::poll_fn;
use std::sync::Arc;

use linkspan::{Batch, Close, CloseCode, Endpoint, Inbox, Lane, Pipe, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::judge::Passage;
use crate::support::PATIENCE;
use crate::wire::{Fields, flag, put_number, split};

/// Where a server listens, and how its road is reached.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) endpoint: Endpoint,
    pub(crate) transport: Arc<dyn Transport>,
}

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One connection to a server.
pub(crate) enum Peer {
    /// Through the road's transport, which frames what it sends.
    Pipe(Box<dyn Pipe>),
    /// Bytes as they stand.
    Stream(Socket),
    /// Bytes in messages of a WebSocket.
    WebSocket(Socket),
}

/// A socket, and what was read ahead.
pub(crate) struct Socket {
    io: Box<dyn Io>,
    unread: Vec<u8>,
    /// The status of the close frame that a WebSocket brought.
    status: Option<u16>,
}

impl Place {
    /// How this road hands bytes over.
    pub(crate) fn passage(&self) -> Passage {
        match self.endpoint.scheme() {
            "quic" => Passage::Lanes,
            "mem" | "ws" | "wss" => Passage::Messages,
            _ => Passage::Stream,
        }
    }

    /// True if bytes can be sent that are no whole frames.
    pub(crate) fn takes_bytes(&self) -> bool {
        matches!(self.endpoint.scheme(), "tcp" | "unix" | "ws")
    }

    /// The socket beneath the road, where nothing was said yet.
    pub(crate) async fn socket(&self) -> Box<dyn Io> {
        #[cfg(unix)]
        if self.endpoint.scheme() == "unix" {
            return Box::new(tokio::net::UnixStream::connect(self.endpoint.path()).await.unwrap());
        }
        let stream = TcpStream::connect(self.endpoint.authority().unwrap()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Box::new(stream)
    }

    /// A connection on which Linkspan may be spoken.
    pub(crate) async fn connect(&self) -> Peer {
        match self.endpoint.scheme() {
            "tcp" | "unix" => Peer::Stream(Socket::new(self.socket().await)),
            "ws" => Peer::WebSocket(self.upgraded().await),
            _ => Peer::Pipe(self.transport.connect(&self.endpoint).await.unwrap().into_parts().0),
        }
    }

    /// A WebSocket that was opened as RFC 6455 says.
    pub(crate) async fn upgraded(&self) -> Socket {
        let mut socket = Socket::new(self.socket().await);
        let host = self.endpoint.authority().unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: linkspan.1\r\n\r\n"
        );
        socket.io.write_all(request.as_bytes()).await.unwrap();
        let head = socket.read_head().await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        socket
    }
}

impl Peer {
    /// Sends `bytes`; a peer that is gone already takes none of them.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Pipe(pipe) => {
                let mut batch = batch_of(bytes);
                let _ = poll_fn(|cx| pipe.poll_send(cx, &mut batch)).await;
            }
            Self::Stream(socket) => socket.send(bytes).await,
            Self::WebSocket(socket) => {
                if !bytes.is_empty() {
                    socket.send(&binary_message(bytes)).await;
                }
            }
        }
    }

    /// Sends no more.
    pub(crate) async fn end(&mut self) {
        match self {
            Self::Pipe(pipe) => {
                let close = Close::new(CloseCode::NORMAL, "");
                let _ = timeout(PATIENCE, poll_fn(|cx| pipe.poll_close(cx, &close))).await;
            }
            Self::Stream(socket) | Self::WebSocket(socket) => drop(socket.io.shutdown().await),
        }
    }

    /// The frames of the next read; none at the end.
    pub(crate) async fn receive(&mut self) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::Pipe(pipe) => {
                let mut inbox = Inbox::new();
                let more = poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await;
                matches!(more, Ok(true)).then(|| inbox.frames().map(<[u8]>::to_vec).collect())
            }
            Self::Stream(socket) => socket.receive().await,
            Self::WebSocket(socket) => socket.receive_message().await,
        }
    }

    /// The status of the WebSocket close frame that came, if one did.
    pub(crate) fn status(&self) -> Option<u16> {
        if let Self::WebSocket(socket) = self { socket.status } else { None }
    }
}

impl Socket {
    pub(crate) fn new(io: Box<dyn Io>) -> Self {
        Self { io, unread: Vec::new(), status: None }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.io.write_all(bytes).await;
    }

    pub(crate) async fn end(&mut self) {
        let _ = self.io.shutdown().await;
    }

    async fn read(&mut self) -> bool {
        let read = self.io.read_buf(&mut self.unread).await;
        read.is_ok_and(|len| len > 0)
    }

    /// The head of an HTTP answer, or what came of it before the end.
    pub(crate) async fn read_head(&mut self) -> String {
        loop {
            let end = self.unread.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                let head = self.unread.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            if !self.read().await {
                return String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned();
            }
        }
    }

    /// Reads to the end, and says whether it came.
    pub(crate) async fn read_to_end(&mut self) {
        while self.read().await {
            self.unread.clear();
        }
    }

    async fn receive(&mut self) -> Option<Vec<Vec<u8>>> {
        loop {
            let frames: Vec<_> = split(&self.unread).frames.into_iter().map(<[u8]>::to_vec).collect();
            if !frames.is_empty() {
                self.unread.drain(..frames.iter().map(Vec::len).sum::<usize>());
                return Some(frames);
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// The frames of the next binary message.
    pub(crate) async fn receive_message(&mut self) -> Option<Vec<Vec<u8>>> {
        loop {
            while let Some((opcode, payload)) = self.take_message() {
                match opcode {
                    BINARY => return Some(split(&payload).frames.into_iter().map(<[u8]>::to_vec).collect()),
                    CLOSE => {
                        self.status = payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]))
                    }
                    _ => {}
                }
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// Takes a whole WebSocket frame, as servers send them: not masked.
    fn take_message(&mut self) -> Option<(u8, Vec<u8>)> {
        let [first, second, ..] = *self.unread else { return None };
        let (head, len) = match second & 0x7f {
            126 => (4, self.unread.get(2..4)?.iter().fold(0, |len, &byte| len << 8 | usize::from(byte))),
            127 => (10, self.unread.get(2..10)?.iter().fold(0, |len, &byte| len << 8 | usize::from(byte))),
            len => (2, usize::from(len)),
        };
        if self.unread.len() < head + len {
            return None;
        }
        let payload = self.unread.drain(..head + len).skip(head).collect();
        Some((first & 0x0f, payload))
    }
}

const BINARY: u8 = 2;
const CLOSE: u8 = 8;

/// One binary message. Its mask is zero, which changes nothing.
fn binary_message(payload: &[u8]) -> Vec<u8> {
    let len = payload.len() as u64;
    let mut message = vec![0x80 | BINARY];
    match u16::try_from(len) {
        Ok(short @ 0..126) => message.push(0x80 | short.to_be_bytes()[1]),
        Ok(long) => {
            message.push(0x80 | 126);
            message.extend(long.to_be_bytes());
        }
        Err(_) => {
            message.push(0x80 | 127);
            message.extend(len.to_be_bytes());
        }
    }
    message.extend([0; 4]);
    message.extend(payload);
    message
}

/// The whole frames of `bytes`, each on the lane it names.
fn batch_of(bytes: &[u8]) -> Batch {
    let mut batch = Batch::new();
    for frame in split(bytes).frames {
        let (kind, flags) = (frame[2], frame[3]);
        let mut fields = Fields(&frame[4..]);
        let lane = if flags & flag::LANE == 0 { None } else { fields.number().filter(|&lane| lane != 0) };
        let lane = lane.filter(|&lane| {
            let mut shortest = Vec::new();
            put_number(&mut shortest, lane);
            frame[4..].starts_with(&shortest)
        });
        // What names no lane as it should is sent as it stands.
        let (flags, lane, rest) = match lane {
            Some(lane) => (flags & !flag::LANE, Lane::new(lane), fields.0),
            None => (flags, Lane::ZERO, &frame[4..]),
        };
        batch.push((kind, flags), lane, None, |out| out.extend_from_slice(rest)).unwrap();
    }
    batch
}
