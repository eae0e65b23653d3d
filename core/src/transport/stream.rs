//! Frames over any byte stream: what makes a TCP, Unix or TLS transport short.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{FrameReader, Link, PeerInfo, Pipe};
use crate::frame::{HEAD_LEN, KIND_CLOSE, KIND_HELLO, MAGIC};
use crate::{Batch, Close, Error, Inbox};

impl Link {
    /// A link over a byte stream: frames are written as they stand, many per vectored write, and read many per read.
    ///
    /// A peer whose first bytes are not a Linkspan hello is refused at once, without waiting for a whole frame.
    pub fn from_io(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: PeerInfo) -> Self {
        Self::new(StreamPipe::new(io), peer)
    }
}

struct StreamPipe<S> {
    io: S,
    reader: FrameReader,
    greeted: bool,
    unflushed: bool,
}

impl<S> StreamPipe<S> {
    fn new(io: S) -> Self {
        Self { io, reader: FrameReader::new(), greeted: false, unflushed: false }
    }
}

impl<S> fmt::Debug for StreamPipe<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamPipe").field("greeted", &self.greeted).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Pipe for StreamPipe<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        while !batch.is_empty() {
            let io = Pin::new(&mut self.io);
            let written = match batch.as_contiguous() {
                Some(bytes) => ready!(io.poll_write(cx, bytes)), // a plain write costs the kernel less
                None => {
                    let mut slices = [IoSlice::new(&[]); SLICES];
                    let filled = batch.chunks(&mut slices);
                    ready!(io.poll_write_vectored(cx, slices.get(..filled).unwrap_or_default()))
                }
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
        self.reader.accept(inbox);
        loop {
            let io = Pin::new(&mut self.io);
            if ready!(self.reader.poll_read(cx, io)).map_err(Error::link_failed)? == 0 {
                return Poll::Ready(if self.reader.is_empty() {
                    Ok(false)
                } else {
                    // No violation: a peer that is killed ends like this, and is worth coming back to.
                    Err(Error::closed("peer vanished within a frame"))
                });
            }
            if !self.greeted {
                self.greeted = check_greeting(self.reader.begun())?;
            }
            if self.reader.fill(inbox)? {
                return Poll::Ready(Ok(true));
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, _close: &Close) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.io).poll_shutdown(cx).map_err(Error::link_failed)
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
        (peer, StreamPipe::new(io))
    }

    #[tokio::test]
    async fn a_peer_that_stops_within_a_frame_holds_no_large_buffer() {
        let (mut peer, mut pipe) = pair();
        let mut inbox = Inbox::new();
        peer.write_all(&[HELLO, b"\x05\x00\x03\x00o"].concat()).await.unwrap();
        assert!(poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await.unwrap());
        let pending = poll_fn(|cx| Poll::Ready(pipe.poll_recv(cx, &mut inbox).is_pending())).await;
        assert!(pending && inbox.is_empty());
        let held = pipe.reader.capacity();
        assert!(held <= 4096, "holds {held}");
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
