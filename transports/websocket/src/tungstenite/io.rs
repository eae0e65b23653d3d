//! The private seam to the WebSocket library: messages in poll form, errors in ours.
//!
//! Everything above it knows messages only, so that the library changes here alone.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use linkspan_core::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::link::{MAX_RECEIVED_LEN, MAX_SENT_LEN, broken, closed, left, text, too_long};

/// One WebSocket after its handshake.
pub(crate) trait WsIo: Send {
    /// The next message. Answers pings by itself and never waits for writing.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Error>>;

    /// Takes a binary message. The caller has flushed before, and flushes afterwards.
    fn feed(&mut self, message: Bytes) -> Result<(), Error>;

    /// Ready once everything taken is written, pongs and closes too.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// Bytes written to the stream beneath since it was opened.
    fn written(&self) -> u64;

    /// Takes a close frame, unless the peer closed first. The caller has flushed before, and flushes afterwards.
    fn close(&mut self, code: u16, reason: &str) -> Result<(), Error>;
}

/// What came.
#[derive(Debug)]
pub(crate) enum Received {
    /// A binary message.
    Binary(Bytes),
    /// A ping or pong: nothing for us.
    Control,
    /// The peer's close.
    End,
}

/// A byte stream that counts what it took, so that progress within a large message can be seen.
#[derive(Debug)]
pub(crate) struct Counted<S> {
    stream: S,
    written: u64,
}

impl<S> Counted<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, written: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.written += written as u64;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> WsIo for WebSocketStream<Counted<S>> {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Received, Error>> {
        // A queued pong is written by the read that follows it, so reading on is all that answers a ping.
        Poll::Ready(match ready!(self.poll_next_unpin(cx)) {
            Some(Ok(Message::Binary(message))) => Ok(Received::Binary(message)),
            Some(Ok(Message::Text(_))) => Err(text()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Received::Control),
            Some(Ok(Message::Close(_))) | None => Ok(Received::End),
            Some(Err(error)) => Err(translate(error)),
        })
    }

    fn feed(&mut self, message: Bytes) -> Result<(), Error> {
        self.start_send_unpin(Message::Binary(message)).map_err(translate)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flush_unpin(cx).map_err(translate)
    }

    fn written(&self) -> u64 {
        self.get_ref().written
    }

    fn close(&mut self, code: u16, reason: &str) -> Result<(), Error> {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        match self.start_send_unpin(Message::Close(Some(frame))) {
            Err(
                tungstenite::Error::AlreadyClosed
                | tungstenite::Error::ConnectionClosed
                | tungstenite::Error::Protocol(ProtocolError::SendAfterClosing),
            ) => Ok(()),
            sent => sent.map_err(translate),
        }
    }
}

/// How the library is set: every buffer bounded, and none larger than it earns.
pub(crate) fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_LEN)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_SENT_LEN + CONTROL_ROOM)
        .max_message_size(Some(MAX_RECEIVED_LEN))
        .max_frame_size(Some(MAX_RECEIVED_LEN))
}

/// The library's error in our words. It prints its cause in its own text, so the cause alone goes beneath ours.
fn translate(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::AlreadyClosed
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::Protocol(ProtocolError::SendAfterClosing) => closed(),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => left(),
        tungstenite::Error::Io(error) => Error::link_failed(error),
        tungstenite::Error::Capacity(error) => too_long().with_source(error),
        tungstenite::Error::Protocol(error) => broken().with_source(error),
        other => broken().with_source(other),
    }
}

/// What each link holds while idle. The library's 128 KiB would be 1.2 GiB for 10,000 idle links.
const READ_BUFFER_LEN: usize = 16 * 1024;
/// Room behind a message for its head and for pongs and a close while writing is blocked.
const CONTROL_ROOM: usize = 1024;
