//! What a transport takes out of a batch.

use bytes::Bytes;

use crate::frame::{LAST, Lane};

/// One frame of a [`Batch`](super::Batch).
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its lane: a routing hint, also encoded in the frame.
    pub lane: Lane,
    /// Its lane flags: [`LAST`] and [`RESET`](crate::frame::RESET).
    pub flags: u8,
    /// The frame, or its beginning.
    pub head: &'a [u8],
    /// The rest of the frame, if it is held by reference.
    pub body: Option<&'a Bytes>,
}

impl Frame<'_> {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.head.len() + self.body.map_or(0, Bytes::len)
    }

    /// Never true of a frame made by core.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if no frame of this lane follows.
    pub fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    /// Appends the whole frame to `out`.
    pub fn copy_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head);
        if let Some(body) = self.body {
            out.extend_from_slice(body);
        }
    }
}
