//! Frames over any byte stream: what makes a TCP, Unix or TLS transport short.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

use super::{Link, PeerInfo, Pipe};
use crate::frame::{HEAD_LEN, KIND_CLOSE, KIND_HELLO, MAGIC};
use crate::{Batch, Close, Error, Inbox};

impl Link {
    /// A link over a byte stream: frames are written as they stand, many per vectored write, and read many per read.
    ///
    /// A peer whose first bytes are not a Linkspan hello is refused at once, without waiting for a whole frame.
    pub fn from_io(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: PeerInfo) -> Self {
        Self::new(StreamPipe { io, buffer: BytesMut::new(), greeted: false, unflushed: false }, peer)
    }
}

struct StreamPipe<S> {
    io: S,
    buffer: BytesMut,
    greeted: bool,
    unflushed: bool,
}

impl<S> fmt::Debug for StreamPipe<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamPipe").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Pipe for StreamPipe<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        while !batch.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let filled = batch.chunks(&mut slices);
            let slices = slices.get(..filled).unwrap_or_default();
            let io = Pin::new(&mut self.io);
            let written = match slices {
                [only] => ready!(io.poll_write(cx, only)), // a plain write costs the kernel less
                many => ready!(io.poll_write_vectored(cx, many)),
            };
            let written = written.map_err(Error::link_failed)?;
            if written == 0 {
                return Poll::Ready(Err(Error::link_failed(io::ErrorKind::WriteZero.into())));
            }
            self.unflushed = true;
            batch.advance(written);
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx)).map_err(Error::link_failed)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        inbox.clear(); // its chunk pins the buffer that is read into next
        loop {
            self.make_room();
            let read = poll_read_buf(Pin::new(&mut self.io), cx, &mut self.buffer);
            if read.is_pending() {
                self.give_back_room();
            }
            if ready!(read).map_err(Error::link_failed)? == 0 {
                return Poll::Ready(if self.buffer.is_empty() {
                    Ok(false)
                } else {
                    // No violation: a peer that is killed ends like this, and is worth coming back to.
                    Err(Error::closed("peer vanished within a frame"))
                });
            }
            if !self.greeted {
                self.greeted = check_greeting(&self.buffer)?;
            }
            inbox.fill_from_stream(&mut self.buffer)?;
            if !inbox.is_empty() {
                return Poll::Ready(Ok(true));
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _close: &Close) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.io).poll_shutdown(cx).map_err(Error::link_failed)
    }
}

impl<S> StreamPipe<S> {
    /// Room for the next read, from the spare buffers if the own one is small.
    fn make_room(&mut self) {
        if self.buffer.capacity() <= MAX_IDLE_LEN
            && let Some(mut spare) = SPARE.with_borrow_mut(Vec::pop)
        {
            spare.extend_from_slice(&self.buffer);
            self.buffer = spare;
        }
        self.buffer.reserve(READ_LEN - self.buffer.len().min(READ_LEN - MIN_READ_LEN));
    }

    /// Keeps no more than the beginning of a frame, so that a peer that stops there holds no large buffer of ours.
    fn give_back_room(&mut self) {
        if self.buffer.len() > MAX_IDLE_LEN {
            return;
        }
        let begun =
            if self.buffer.is_empty() { BytesMut::new() } else { BytesMut::from(self.buffer.as_ref()) };
        let mut room = std::mem::replace(&mut self.buffer, begun);
        room.clear();
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < MAX_SPARE && room.capacity() >= READ_LEN {
                spare.push(room);
            }
        });
    }
}

/// True once the first bytes are known to be a hello, or a close that refuses us; an error once they cannot be either.
fn check_greeting(buffer: &[u8]) -> Result<bool, Error> {
    let kind_and_flags = buffer.get(2..HEAD_LEN.min(buffer.len())).unwrap_or_default();
    if kind_and_flags == [KIND_CLOSE, 0] {
        return Ok(true);
    }
    let magic = buffer.get(HEAD_LEN..).unwrap_or_default();
    let known = MAGIC.len().min(magic.len());
    let possible = [[KIND_HELLO, 0], [KIND_CLOSE, 0]].iter().any(|start| start.starts_with(kind_and_flags));
    if !possible || magic.get(..known) != MAGIC.get(..known) {
        return Err(unknown_greeting(buffer));
    }
    Ok(known == MAGIC.len())
}

/// Why `buffer` is no greeting.
fn unknown_greeting(buffer: &[u8]) -> Error {
    // RFC 8446 §5.1: a record begins with its type, 20 to 24, and a version whose first byte is 3.
    Error::protocol(if matches!(buffer, [20..=24, 3, ..]) {
        "the peer speaks TLS, and this link is plaintext; use an encrypted scheme (tls://, wss://) on both sides, or on neither"
    } else {
        "the first bytes are not a Linkspan hello"
    })
}

thread_local! {
    /// Read buffers of links that went idle on this thread: an idle link holds none.
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Bytes asked for per read: one frame of the largest size. Measured as enough to saturate loopback.
const READ_LEN: usize = 64 * 1024;
/// Room kept for each read behind the beginning of a frame.
const MIN_READ_LEN: usize = 8 * 1024;
/// Bytes of a frame that has begun, up to which an idle link moves them to a buffer of their size. Chosen because
/// copying so few costs less than the read that brought them.
const MAX_IDLE_LEN: usize = 4 * 1024;
/// Idle read buffers kept per thread: 1 MiB.
const MAX_SPARE: usize = 16;
/// Slices per vectored write: enough for 32 large bodies with their heads.
const SLICES: usize = 64;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;

    use super::*;

    const HELLO: &[u8] = b"\x06\x00\x01\x00LSP1";

    fn pair() -> (tokio::io::DuplexStream, StreamPipe<tokio::io::DuplexStream>) {
        let (peer, io) = tokio::io::duplex(1024);
        (peer, StreamPipe { io, buffer: BytesMut::new(), greeted: false, unflushed: false })
    }

    #[tokio::test]
    async fn a_peer_that_stops_within_a_frame_holds_no_large_buffer() {
        let (mut peer, mut pipe) = pair();
        let mut inbox = Inbox::new();
        peer.write_all(&[HELLO, b"\x05\x00\x03\x00o"].concat()).await.unwrap();
        assert!(poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await.unwrap());
        let pending = poll_fn(|cx| Poll::Ready(pipe.poll_recv(cx, &mut inbox).is_pending())).await;
        assert!(pending && inbox.is_empty());
        assert!(pipe.buffer.capacity() <= MAX_IDLE_LEN, "holds {}", pipe.buffer.capacity());
        peer.write_all(b"ne").await.unwrap();
        assert!(poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await.unwrap());
        assert_eq!(inbox.frames().next().unwrap(), b"\x05\x00\x03\x00one");
    }

    #[tokio::test]
    async fn reads_use_one_buffer_again_and_again() {
        let (mut peer, mut pipe) = pair();
        let mut inbox = Inbox::new();
        let mut places = std::collections::HashSet::new();
        for _ in 0..100 {
            peer.write_all(HELLO).await.unwrap();
            assert!(poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await.unwrap());
            places.insert(inbox.frames().next().unwrap().as_ptr().addr());
        }
        assert_eq!(places.len(), 1);
    }

    #[tokio::test]
    async fn a_peer_that_speaks_tls_is_told_from_other_strangers() {
        let hello: &[u8] = b"\x16\x03\x01\x00\xf8\x01";
        let alert: &[u8] = b"\x15\x03\x03\x00\x02\x02\x32";
        for (bytes, is_tls) in [(hello, true), (alert, true), (b"GET / HTTP/1.1", false)] {
            let (mut peer, mut pipe) = pair();
            peer.write_all(bytes).await.unwrap();
            let error = poll_fn(|cx| pipe.poll_recv(cx, &mut Inbox::new())).await.unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Protocol);
            assert_eq!(error.to_string().contains("TLS"), is_tls, "{error}");
        }
    }

    #[tokio::test]
    async fn the_end_leaves_no_frame_in_the_inbox() {
        let (mut peer, mut pipe) = pair();
        let mut inbox = Inbox::new();
        peer.write_all(HELLO).await.unwrap();
        drop(peer);
        assert!(poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await.unwrap());
        assert!(!poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await.unwrap());
        assert!(inbox.is_empty());
    }
}
