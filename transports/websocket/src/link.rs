//! Frames in WebSocket messages.

use std::fmt;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use linkspan_core::{Batch, Close, CloseCode, Error, Inbox, Pipe};

use crate::io::{MAX_SENT_LEN, Received, WsIo};

/// A link over one WebSocket.
pub(crate) struct WebSocketPipe<W> {
    io: W,
    closing: bool,
    /// What was written when sending was polled last.
    written: u64,
}

impl<W: WsIo> WebSocketPipe<W> {
    pub(crate) fn new(io: W) -> Self {
        Self { io, closing: false, written: 0 }
    }
}

impl<W> fmt::Debug for WebSocketPipe<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketPipe").field("closing", &self.closing).finish_non_exhaustive()
    }
}

impl<W: WsIo> Pipe for WebSocketPipe<W> {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        let sent = self.send(cx, batch);
        let written = self.io.written();
        if std::mem::replace(&mut self.written, written) < written {
            batch.progressed();
        }
        sent
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        for _ in 0..MAX_IDLE_READS {
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
                    return Poll::Ready(Ok(false));
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

impl<W: WsIo> WebSocketPipe<W> {
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

/// The status of a WebSocket close frame that shows `code`.
///
/// RFC 6455 §7.4.2 leaves 4000–4999 to applications, and browsers may send them. Each verdict has 300 numbers of its
/// own; codes outside 1000–3999 are terminal.
fn status(code: CloseCode) -> u16 {
    if code == CloseCode::NORMAL {
        return 1000;
    }
    let verdict = match code.number() {
        2000..=2999 => 1,
        3000..=3999 => 2,
        _ => 0,
    };
    4000 + verdict * 300 + (code.number() % 1000).min(299)
}

/// Messages without a frame (pings, empty ones) read in one poll, so that a flood of them cannot keep the task.
const MAX_IDLE_READS: usize = 64;

#[cfg(test)]
mod tests {
    use linkspan_core::Lane;

    use super::*;

    fn push(batch: &mut Batch, len: usize) {
        batch.push((3, 0), Lane::ZERO, Some(vec![7; len].into()), |_| {}).unwrap();
    }

    #[test]
    fn a_close_code_keeps_its_verdict() {
        for (code, expected) in [
            (CloseCode::NORMAL, 1000),
            (CloseCode::PROTOCOL, 4002),
            (CloseCode::REFUSED, 4008),
            (CloseCode::LOST, 4300),
            (CloseCode::SLOW, 4303),
            (CloseCode::SHUTDOWN, 4600),
            (CloseCode::from_number(1999), 4299),
            (CloseCode::from_number(2999), 4599),
            (CloseCode::from_number(3999), 4899),
            (CloseCode::from_number(7), 4007),
            (CloseCode::from_number(u16::MAX), 4299),
        ] {
            assert_eq!(status(code), expected, "{code:?}");
        }
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
        let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
        let counted = crate::io::Counted::new(io);
        let socket =
            tokio_tungstenite::WebSocketStream::from_raw_socket(counted, role, Some(crate::io::settings()))
                .await;
        let mut pipe = WebSocketPipe::new(socket);
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
