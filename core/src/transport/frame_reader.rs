//! Frames of a byte stream, as they come.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncRead;

use super::ReadBuffer;
use crate::frame::Landing;
use crate::{Error, Inbox};

/// Reads frames from a byte stream. For transports whose streams are no link of their own; for one that is, there is
/// [`Link::from_io`](crate::Link::from_io).
///
/// Frames that came are handed on by reference. A piece of a large body is read into the place where the body is to lie, if the
/// connection lent it; it is none of the inbox's frames then, but what [`landed`](Inbox::landed). Holds no room while nothing comes, as a
/// [`ReadBuffer`].
///
/// `poll_recv` of a pipe [accepts](Self::accept) what was lent, for the stream that was read last; then it [reads](Self::poll_read), and
/// [fills](Self::fill) the inbox after each read, until something is whole.
///
/// ```
/// use linkspan_core::{FrameReader, Inbox};
/// use std::pin::Pin;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut io: &[u8] = b"\x05\x00\x03\x00one\x05\x00";
/// let (mut reader, mut inbox) = (FrameReader::new(), Inbox::new());
/// let read = std::future::poll_fn(|cx| reader.poll_read(cx, Pin::new(&mut io))).await?;
/// assert_eq!(read, 9);
/// assert!(reader.fill(&mut inbox)?);
/// assert_eq!(inbox.frames().next(), Some(&b"\x05\x00\x03\x00one"[..]));
/// assert!(!reader.is_empty(), "another frame has begun");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: ReadBuffer,
    /// Where the piece of a body goes that has begun.
    landing: Option<Box<Landing>>,
}

impl FrameReader {
    /// One that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// True if no frame has begun.
    pub fn is_empty(&mut self) -> bool {
        self.landing.is_none() && self.buffer.bytes().is_empty()
    }

    /// The beginning of a frame that is not whole, unless it is read into its place.
    pub fn begun(&mut self) -> &[u8] {
        self.buffer.bytes()
    }

    /// Bytes of memory it has for itself: little, while nothing comes.
    pub fn capacity(&mut self) -> usize {
        self.buffer.bytes().capacity()
    }

    /// Takes the place that was lent for what this stream began, if `inbox` has it since the last read.
    pub fn accept(&mut self, inbox: &mut Inbox) {
        let buffer = self.buffer.bytes();
        if let Some(landing) = inbox.lent().take_if(|landing| landing.begin(buffer)) {
            self.buffer.give_back_room();
            self.landing = Some(landing);
        }
    }

    /// Reads once, and returns how many bytes came; 0 is the end.
    ///
    /// # Errors
    /// Those of `io`.
    pub fn poll_read<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut R>,
    ) -> Poll<io::Result<usize>> {
        let read = match &mut self.landing {
            Some(landing) if !landing.is_whole() => {
                let read = ready!(landing.poll_read(cx, io))?;
                if landing.spills() {
                    self.buffer.make_room();
                    landing.spill(self.buffer.bytes());
                }
                read
            }
            _ => ready!(self.buffer.poll_read(cx, io))?,
        };
        if read == 0 {
            self.buffer.give_back_room();
        }
        Poll::Ready(Ok(read))
    }

    /// Replaces `inbox` by what is whole. False if nothing is.
    ///
    /// # Errors
    /// As [`frame_len`](crate::frame::frame_len).
    pub fn fill(&mut self, inbox: &mut Inbox) -> Result<bool, Error> {
        match self.landing.take_if(|landing| landing.is_whole()) {
            Some(landed) => inbox.land(*landed),
            None if self.landing.is_some() => return Ok(false),
            None => {}
        }
        let buffer = self.buffer.bytes();
        inbox.fill_from_stream(buffer)?;
        let filled = !inbox.is_empty();
        if filled {
            inbox.begin(buffer);
        }
        Ok(filled)
    }
}
