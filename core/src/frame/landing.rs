//! Large bodies that are read into their place.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::{HEAD_LEN, KIND_BODY, LANE, LAST, Lane, frame_len};
use crate::wire::varint;

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

/// Memory of a body, lent to the link so that the next piece is read into it.
#[derive(Debug)]
pub(crate) struct Landing {
    begun: Begun,
    /// What came of the body, with room for the piece behind.
    room: Vec<u8>,
    /// Where the piece ends in it.
    end: usize,
}

impl Landing {
    /// In `room`, which has enough for the piece that has begun.
    pub(crate) fn new(begun: Begun, room: Vec<u8>) -> Self {
        Self { begun, end: room.len() + begun.len, room }
    }

    /// Takes what came of the frame, if that is what `buffer` holds: nothing else does it hold then.
    pub(crate) fn begin(&mut self, buffer: &mut BytesMut) -> bool {
        let is_it = Begun::of(buffer) == Some(self.begun);
        if is_it {
            buffer.advance(self.begun.head);
            self.room.extend_from_slice(buffer);
            buffer.clear();
        }
        is_it
    }

    /// Reads what is missing of the piece, and perhaps the head of the next frame. Returns how many bytes came; 0 is the end.
    pub(crate) fn poll_read<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut R>,
    ) -> Poll<io::Result<usize>> {
        let limit = self.end.saturating_add(MAX_SPILL).min(self.room.capacity()) - self.room.len();
        poll_read_buf(io, cx, &mut (&mut self.room).limit(limit))
    }

    /// What came behind the piece, once it is whole.
    pub(crate) fn spilled(&self) -> Option<&[u8]> {
        self.room.get(self.end..)
    }

    /// True if the whole piece is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.room.len() >= self.end
    }

    /// Whose piece it is.
    pub(crate) fn begun(&self) -> Begun {
        self.begun
    }

    /// The memory, with all that came of the body.
    pub(crate) fn into_room(mut self) -> Vec<u8> {
        self.room.truncate(self.end);
        self.room
    }
}

/// Bytes that are read behind a piece: the head of a frame, so that what follows it can be read into its place too.
const MAX_SPILL: usize = 16;
