//! Large bodies that are read into their place.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::{HEAD_LEN, KIND_BODY, LANE, LAST, Lane, frame_len};
use crate::wire::varint;

/// A piece of a large body that was read into the place where the body lies, without a copy of it anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Landed {
    /// The lane of its frame.
    pub lane: Lane,
    /// Its frame is the last of the lane.
    pub last: bool,
    /// Its bytes.
    pub len: usize,
}

/// A frame with a piece of a body, of which only the beginning has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) lane: Lane,
    /// It is the last of its lane.
    pub(crate) last: bool,
    /// Bytes before the piece.
    head: usize,
    /// Bytes of the piece.
    pub(crate) len: usize,
}

impl Begun {
    /// The frame that `bytes` begin with, if it is one with a piece of a body and its head is there.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let &[_, _, KIND_BODY, flags, ref fields @ ..] = bytes else { return None };
        if flags & !LAST != LANE {
            return None;
        }
        let mut rest = fields;
        let lane = Lane::new(varint::read(&mut rest)?);
        let head = HEAD_LEN + fields.len() - rest.len();
        let len = frame_len(bytes).ok()??.checked_sub(head)?;
        (rest.len() < len).then_some(Self { lane, last: flags & LAST != 0, head, len })
    }
}

/// The memory of a body, between the body and the link: with the link while a piece is read into it.
#[derive(Debug)]
pub(crate) struct Place(Mutex<Option<Vec<u8>>>);

impl Place {
    pub(crate) fn new(memory: Vec<u8>) -> Self {
        Self(Mutex::new(Some(memory)))
    }

    /// The memory, unless somebody has it.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A place for the piece that comes next, of a body of which so much has come.
#[derive(Debug)]
pub(crate) struct Landing {
    begun: Begun,
    place: Arc<Place>,
    /// What came of the body, with room for the piece behind, once the link reads.
    memory: Vec<u8>,
    /// Where the piece ends in it.
    end: usize,
}

impl Landing {
    /// In `place`, where `before` bytes are and enough room for the piece that has begun.
    pub(crate) fn new(begun: Begun, before: usize, place: Arc<Place>) -> Self {
        Self { begun, place, memory: Vec::new(), end: before + begun.len }
    }

    /// Takes what came of the frame, if that is what `buffer` holds and the place is still for it. Then it holds nothing else.
    pub(crate) fn begin(&mut self, buffer: &mut BytesMut) -> bool {
        if Begun::of(buffer) != Some(self.begun) {
            return false;
        }
        let Some(memory) = self.place.take() else { return false };
        self.memory = memory;
        buffer.advance(self.begun.head);
        self.memory.extend_from_slice(buffer);
        buffer.clear();
        true
    }

    /// Reads what is missing of the piece, and perhaps the head of the next frame. Returns how many bytes came; 0 is the end.
    pub(crate) fn poll_read<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut R>,
    ) -> Poll<io::Result<usize>> {
        let limit = self.end.saturating_add(MAX_SPILL).min(self.memory.capacity()) - self.memory.len();
        poll_read_buf(io, cx, &mut (&mut self.memory).limit(limit))
    }

    /// True if the whole piece is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.memory.len() >= self.end
    }

    /// Moves what came behind the piece to `buffer`.
    pub(crate) fn spill(&mut self, buffer: &mut BytesMut) {
        buffer.extend_from_slice(self.memory.get(self.end..).unwrap_or_default());
        self.memory.truncate(self.end);
    }

    /// True if something came behind the piece.
    pub(crate) fn spills(&self) -> bool {
        self.memory.len() > self.end
    }

    /// Whose piece it is.
    pub(crate) fn begun(&self) -> Begun {
        self.begun
    }

    /// Which place it was, and the memory with all that came of the body.
    pub(crate) fn into_parts(self) -> (Arc<Place>, Vec<u8>) {
        (self.place, self.memory)
    }
}

/// Bytes that are read behind a piece: the head of a frame, so that what follows it can be read into its place too.
const MAX_SPILL: usize = 16;
