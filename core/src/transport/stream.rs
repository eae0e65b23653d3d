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
use crate::frame::{HEAD_LEN, KIND_HELLO, MAGIC};
use crate::{Batch, Close, Error, ErrorKind, Inbox};

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
            let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices)).map_err(lost)?;
            if written == 0 {
                return Poll::Ready(Err(lost(io::ErrorKind::WriteZero.into())));
            }
            self.unflushed = true;
            batch.advance(written);
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx)).map_err(lost)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        loop {
            if self.buffer.capacity() == 0 {
                self.buffer = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
            }
            self.buffer.reserve(READ_LEN - self.buffer.len().min(READ_LEN - MIN_READ_LEN));
            let read = poll_read_buf(Pin::new(&mut self.io), cx, &mut self.buffer);
            if read.is_pending() && self.buffer.is_empty() {
                give_back(std::mem::take(&mut self.buffer));
            }
            if ready!(read).map_err(lost)? == 0 {
                return Poll::Ready(if self.buffer.is_empty() {
                    Ok(false)
                } else {
                    Err(Error::protocol("peer ended within a frame"))
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
        Pin::new(&mut self.io).poll_shutdown(cx).map_err(lost)
    }
}

/// True once the first bytes are known to be a hello; an error once they cannot become one.
fn check_greeting(buffer: &[u8]) -> Result<bool, Error> {
    let kind_and_flags = buffer.get(2..HEAD_LEN.min(buffer.len())).unwrap_or_default();
    let magic = buffer.get(HEAD_LEN..).unwrap_or_default();
    let expected = [KIND_HELLO, 0];
    let known = MAGIC.len().min(magic.len());
    if !expected.starts_with(kind_and_flags) || magic.get(..known) != MAGIC.get(..known) {
        return Err(Error::protocol("the first bytes are not a Linkspan hello"));
    }
    Ok(known == MAGIC.len())
}

fn lost(error: io::Error) -> Error {
    Error::new(ErrorKind::Closed, "link failed").with_source(error)
}

fn give_back(buffer: BytesMut) {
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < MAX_SPARE && buffer.capacity() >= READ_LEN {
            spare.push(buffer);
        }
    });
}

thread_local! {
    /// Read buffers of links that went idle on this thread: an idle link holds none.
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Bytes asked for per read: one frame of the largest size. Measured as enough to saturate loopback.
const READ_LEN: usize = 64 * 1024;
/// Room kept for each read behind the beginning of a frame.
const MIN_READ_LEN: usize = 8 * 1024;
/// Idle read buffers kept per thread: 1 MiB.
const MAX_SPARE: usize = 16;
/// Slices per vectored write: enough for 32 large bodies with their heads.
const SLICES: usize = 64;
