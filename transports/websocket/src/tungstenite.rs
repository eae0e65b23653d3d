//! The second engine: frames in the messages of tokio-tungstenite.

mod io;

use std::fmt;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use linkspan_core::{Batch, Close, Error, Inbox, Pipe};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol;

use crate::link::{MAX_IDLE_READS, MAX_SENT_LEN, Role, status};
use io::{Counted, Received, WsIo, settings};

/// A link over one WebSocket.
pub(crate) struct TungstenitePipe<W> {
    io: W,
    closing: bool,
    /// The peer closed.
    has_ended: bool,
    /// What was written when sending was polled last.
    written: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TungstenitePipe<WebSocketStream<Counted<S>>> {
    /// The link over a stream that is upgraded, of which `read` was read already.
    pub(crate) async fn new(stream: S, read: &[u8], role: Role) -> Self {
        let role = match role {
            Role::Client => protocol::Role::Client,
            Role::Server => protocol::Role::Server,
        };
        let stream = Counted::new(stream);
        let io = WebSocketStream::from_partially_read(stream, read.to_vec(), role, Some(settings())).await;
        Self { io, closing: false, has_ended: false, written: 0 }
    }
}

impl<W> fmt::Debug for TungstenitePipe<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TungstenitePipe").field("closing", &self.closing).finish_non_exhaustive()
    }
}

impl<W: WsIo> Pipe for TungstenitePipe<W> {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        let sent = self.send(cx, batch);
        let written = self.io.written();
        if std::mem::replace(&mut self.written, written) < written {
            batch.progressed();
        }
        sent
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        inbox.clear(); // its message pins the library's buffer, and the end leaves nothing in it
        for _ in 0..MAX_IDLE_READS {
            if self.has_ended {
                return Poll::Ready(Ok(false)); // what follows a close means nothing
            }
            match ready!(self.io.poll_message(cx))? {
                Received::Binary(message) => {
                    inbox.fill_from_message(message)?;
                    if !inbox.is_empty() {
                        return Poll::Ready(Ok(true));
                    }
                }
                Received::Control => {}
                Received::End => {
                    // The answer to the peer's close is sent if it can be; the end is the end either way.
                    let _ = self.io.poll_flush(cx);
                    self.has_ended = true;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, close: &Close) -> Poll<Result<(), Error>> {
        if !self.closing {
            ready!(self.io.poll_flush(cx))?;
            self.io.close(status(close.code()), close.reason())?;
            self.closing = true;
        }
        self.io.poll_flush(cx)
    }
}

impl<W: WsIo> TungstenitePipe<W> {
    fn send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        loop {
            // Flushed before each message, so that the library never holds more than one.
            ready!(self.io.poll_flush(cx))?;
            let Some(message) = pack(batch) else { return Poll::Ready(Ok(())) };
            self.io.feed(message)?;
        }
    }
}

/// The next message: as many whole frames as fit, in order; none if the batch is empty.
fn pack(batch: &mut Batch) -> Option<Bytes> {
    if batch.is_empty() {
        return None;
    }
    let mut message = Vec::with_capacity(batch.len().min(MAX_SENT_LEN));
    let mut full = false;
    batch.take_frames(|frame| {
        full = full || message.len() + frame.len() > MAX_SENT_LEN;
        if !full {
            frame.copy_to(&mut message);
        }
        !full
    });
    Some(message.into())
}

#[cfg(test)]
mod tests {
    use linkspan_core::Lane;

    use super::*;

    fn push(batch: &mut Batch, len: usize) {
        batch.push((3, 0), Lane::ZERO, Some(vec![7; len].into()), |_| {}).unwrap();
    }

    #[test]
    fn messages_hold_whole_frames_up_to_the_bound() {
        let mut batch = Batch::new();
        for len in [60_000, 60_000, 60_000, 100, 60_000, 5] {
            push(&mut batch, len);
        }
        let mut lens = Vec::new();
        while let Some(message) = pack(&mut batch) {
            let mut inbox = Inbox::new();
            inbox.fill_from_message(message).unwrap();
            lens.push(inbox.frames().map(|frame| frame.len() - 4).collect::<Vec<_>>());
        }
        assert_eq!(lens, [vec![60_000, 60_000], vec![60_000, 100, 60_000, 5]]);
    }

    #[tokio::test]
    async fn progress_within_a_large_message_is_told() {
        let (mut peer, io) = tokio::io::duplex(4096);
        let mut pipe = TungstenitePipe::new(io, b"", Role::Server).await;
        let mut batch = Batch::new();
        for _ in 0..2 {
            push(&mut batch, 60_000);
        }
        let mut bytes = vec![0; 4096];
        let (mut read, mut told) = (0, 0);
        loop {
            let sent = std::future::poll_fn(|cx| Poll::Ready(pipe.poll_send(cx, &mut batch))).await;
            told += usize::from(batch.take_progress());
            if sent.is_ready() {
                break;
            }
            read += tokio::io::AsyncReadExt::read(&mut peer, &mut bytes).await.unwrap();
        }
        assert!(read > 100_000 && told > 20, "{read} bytes, told {told} times");
    }
}
