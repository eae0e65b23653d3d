//! A link over a stream that was upgraded.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use linkspan_core::{Batch, Close, Error, Inbox, Pipe, ReadBuffer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::reader::{Control, Reader};
use super::writer::{Writer, close_payload};
use crate::link::{MAX_IDLE_READS, Role, closed, left, status};

/// Reads into room that it holds only while something comes, and writes from where the frames are.
pub(crate) struct FramingPipe<S> {
    io: S,
    read: ReadBuffer,
    reader: Reader,
    writer: Writer,
    /// The buffer holds what nobody looked at: the handshake read it.
    is_ahead: bool,
    /// The peer closed.
    has_ended: bool,
    /// What is wrong with what came behind the frames that were handed over.
    failure: Option<Error>,
    is_closing: bool,
    is_unflushed: bool,
}

impl<S: AsyncWrite> FramingPipe<S> {
    /// The link of `role` over `io`, of which `read` was read already.
    pub(crate) fn new(io: S, read: &[u8], role: Role) -> Self {
        let is_plain = !io.is_write_vectored();
        Self {
            io,
            read: ReadBuffer::beginning_with(read),
            reader: Reader::new(role),
            writer: Writer::new(role, is_plain),
            is_ahead: !read.is_empty(),
            has_ended: false,
            failure: None,
            is_closing: false,
            is_unflushed: false,
        }
    }
}

impl<S> fmt::Debug for FramingPipe<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reader, is_closing, has_ended, .. } = self;
        f.debug_struct("FramingPipe")
            .field("reader", reader)
            .field("is_closing", is_closing)
            .field("has_ended", has_ended)
            .finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Pipe for FramingPipe<S> {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        let sent = self.poll_write(cx, batch);
        if self.writer.take_progress() {
            batch.progressed();
        }
        ready!(sent)?;
        Poll::Ready(if batch.is_empty() { Ok(()) } else { Err(closed()) })
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        inbox.clear(); // its chunk pins the buffer that is read into next
        for _ in 0..MAX_IDLE_READS {
            if self.writer.is_between_messages() && (self.writer.owes() || self.is_unflushed) {
                // Whether it can be written is found out by sending; reading finds out what the peer said last.
                let _ = self.poll_write(cx, &mut Batch::new());
            }
            if let Some(failure) = self.failure.take() {
                return Poll::Ready(Err(failure));
            }
            if self.has_ended {
                return Poll::Ready(Ok(false));
            }
            if !std::mem::take(&mut self.is_ahead) {
                let read =
                    ready!(self.read.poll_read(cx, Pin::new(&mut self.io))).map_err(Error::link_failed)?;
                if read == 0 {
                    return Poll::Ready(if self.reader.is_lost() { Ok(false) } else { Err(left()) });
                }
            }
            self.take(inbox);
            if !inbox.is_empty() {
                return Poll::Ready(Ok(true));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, close: &Close) -> Poll<Result<(), Error>> {
        if !self.is_closing {
            self.writer.close(close_payload(status(close.code()), close.reason()));
            self.is_closing = true;
        }
        self.poll_write(cx, &mut Batch::new())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> FramingPipe<S> {
    /// Writes and flushes control frames and what is in `batch`. Nothing of it is taken once a close went.
    fn poll_write(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        let written = self.poll_write_all(cx, batch);
        self.writer.give_back_room();
        ready!(written)?;
        if self.is_unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx)).map_err(Error::link_failed)?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_all(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        while self.writer.has_more(batch) {
            // A list of many slices costs more to make than most messages to write.
            let written = match batch.as_contiguous() {
                Some(_) => ready!(self.poll_write_some::<2>(cx, batch))?,
                None => ready!(self.poll_write_some::<SLICES>(cx, batch))?,
            };
            if written == 0 {
                break;
            }
            self.is_unflushed = true;
            self.writer.advance(batch, written);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes some of what comes next, from `N` pieces at most. Returns 0 if there is nothing: of a message that was taken apart,
    /// nothing is left, and it cannot go on.
    fn poll_write_some<const N: usize>(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Batch,
    ) -> Poll<Result<usize, Error>> {
        let mut slices = [IoSlice::new(&[]); N];
        let filled = self.writer.chunks(batch, &mut slices);
        let io = Pin::new(&mut self.io);
        let written = match slices.get(..filled).unwrap_or_default() {
            [] => return Poll::Ready(Ok(0)),
            [only] => ready!(io.poll_write(cx, only)), // a plain write costs the kernel less
            many => ready!(io.poll_write_vectored(cx, many)),
        };
        Poll::Ready(match written {
            Ok(0) => Err(Error::link_failed(io::ErrorKind::WriteZero.into())),
            written => written.map_err(Error::link_failed),
        })
    }

    /// Takes what the buffer holds: frames into `inbox`, control frames to be answered.
    fn take(&mut self, inbox: &mut Inbox) {
        let buffer = self.read.bytes();
        while !self.has_ended {
            match self.reader.advance(buffer, inbox) {
                Ok(None) => break,
                Ok(Some(Control::Pong)) => {}
                Ok(Some(Control::Ping(payload))) => {
                    self.writer.pong(buffer.get(payload).unwrap_or_default());
                }
                Ok(Some(Control::Close(payload))) => {
                    let answer = match payload {
                        Some(payload) => buffer.get(payload).unwrap_or_default().to_vec(),
                        // RFC 6455 §7.4.1: 1002 is "protocol error".
                        None => close_payload(1002, "Protocol violation"),
                    };
                    self.writer.close(answer);
                    self.has_ended = true;
                }
                Err(error) => {
                    self.failure.get_or_insert(error);
                }
            }
        }
        inbox.hold(self.reader.finish(buffer));
    }
}

/// Slices per vectored write: enough for 32 large bodies with their heads.
const SLICES: usize = 64;
