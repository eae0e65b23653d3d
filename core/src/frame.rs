//! What crosses the transport waist: batches of encoded frames going out, inboxes of frames coming in.
//!
//! A frame begins with four bytes on every road: its length after the first two (`u16`, little endian), its kind, its
//! flags. If the flag [`LANE`] is set, the lane follows as a varint; absent means lane 0. A transport needs nothing
//! more: the rest belongs to core. `docs/wire.md` is normative.

mod batch;
mod inbox;
mod landing;
mod numbers;
mod queue;
mod shared;
pub(crate) mod spare;

pub(crate) use batch::length_bytes;
pub use batch::{Batch, Frame};
pub use inbox::Inbox;
pub use landing::Landed;
pub(crate) use landing::{Begun, Landing, Place};
pub(crate) use numbers::{Numbers, Short};
pub(crate) use queue::Queue;
pub(crate) use shared::SharedFrame;
use shared::SharedRow;

use crate::Error;

/// An ordered road inside a link. Frames of one lane keep order; lanes promise nothing to each other.
///
/// Lane 0 always exists. Others are opened by their first frame and ended by one flagged [`LAST`] or [`RESET`]; their
/// numbers are never used again. The connecting side opens odd ones, the accepting side even ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(u64);

impl Lane {
    /// Control, and the head of every message.
    pub const ZERO: Self = Self(0);

    /// Lane `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number on the wire.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Bytes before a frame's fields: length, kind, flags.
pub const HEAD_LEN: usize = 4;
/// Largest frame, in bytes, head included: what the two length bytes can say, less the borrow of one even number.
/// Small enough that a ping never waits long behind one.
pub const MAX_FRAME_LEN: usize = 65_536;
/// Flag: the frame is of another lane than 0, whose number follows the head.
pub const LANE: u8 = 0x01;
/// Flag: the last frame of its lane.
pub const LAST: u8 = 0x02;
/// Flag: the lane is abandoned; what is queued of it may be dropped.
pub const RESET: u8 = 0x04;
/// The kind of the first frame in each direction.
pub const KIND_HELLO: u8 = 0x01;
/// The kind of the frame with a piece of a large body, on a lane of its own.
pub(crate) const KIND_BODY: u8 = 0x08;
/// The kind of the frame that closes a connection; the first frame of a side that refuses the other.
pub const KIND_CLOSE: u8 = 0x0c;
/// The kind of a frame that abandons its lane. A transport whose lane ends abnormally delivers one.
pub const KIND_RESET: u8 = 0x0f;
/// The first bytes of the first frame's fields, in each direction.
pub const MAGIC: [u8; 4] = *b"LSP1";

/// The length of the frame that starts at `bytes`, head included, once its head is there.
///
/// # Errors
/// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) if the length is too short for a head.
#[inline]
pub fn frame_len(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let [low, high, _, _, ..] = *bytes else { return Ok(None) };
    let len = usize::from(u16::from_le_bytes([low, high])) + 2;
    if (HEAD_LEN..=MAX_FRAME_LEN).contains(&len) { Ok(Some(len)) } else { Err(wrong_len(len)) }
}

#[cold]
fn wrong_len(len: usize) -> Error {
    if len < HEAD_LEN {
        Error::protocol("frame is shorter than its head")
    } else {
        Error::new(crate::ErrorKind::FrameTooLarge, "frame is longer than 65536 bytes")
    }
}

/// The lane of a whole frame.
///
/// # Errors
/// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) if the lane's number is cut short.
pub fn frame_lane(frame: &[u8]) -> Result<Lane, Error> {
    match frame.get(3) {
        Some(flags) if flags & LANE == 0 => Ok(Lane::ZERO),
        Some(_) => {
            let mut rest = frame.get(HEAD_LEN..).unwrap_or_default();
            crate::wire::varint::read(&mut rest)
                .map(Lane)
                .ok_or_else(|| Error::protocol("lane number is cut short"))
        }
        None => Err(Error::protocol("frame is shorter than its head")),
    }
}

/// The kind of a whole frame, or `None` if it has no head.
pub fn frame_kind(frame: &[u8]) -> Option<u8> {
    frame.get(2).copied()
}

/// A whole frame that abandons `lane`, for a transport whose stream was reset by the peer.
pub fn reset_frame(lane: Lane) -> Vec<u8> {
    let mut frame = vec![0, 0, KIND_RESET, LANE | LAST | RESET];
    crate::wire::varint::write(&mut frame, lane.0);
    let len = u8::try_from(frame.len() - 2).unwrap_or(u8::MAX);
    if let Some(first) = frame.first_mut() {
        *first = len;
    }
    frame
}
