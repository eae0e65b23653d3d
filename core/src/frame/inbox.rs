//! Frames that one read brought: one chunk, and where each frame lies in it.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::{Begun, Landed, Landing, frame_len};
use crate::{Error, ErrorKind};

/// What one read completed. A read replaces it; the receiver takes bodies out of it by reference.
#[derive(Debug, Default)]
pub struct Inbox {
    chunk: Bytes,
    ranges: Vec<Range<usize>>,
    /// What comes next, if it is a piece of a body that may be read into its place.
    begun: Option<Begun>,
    /// That place, for the link to take.
    lent: Option<Box<Landing>>,
    /// Places with pieces that reads completed. They precede the frames.
    landed: Vec<Landing>,
}

impl Inbox {
    /// An empty inbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// True if it brings nothing: no frame, and no piece that [`landed`](Self::landed).
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.landed.is_empty()
    }

    /// True if it brings nothing, and has no place for what comes next.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_empty() && self.lent.is_none()
    }

    /// How many frames it holds.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The whole frames, in order. A piece of a large body that was read into its place is none of them, but [`landed`](Self::landed); a
    /// wrapper of pipes that must see all has them read into an inbox of its own.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        self.ranges.iter().map(|range| self.chunk.get(range.clone()).unwrap_or_default())
    }

    /// The frame at `index`.
    pub(crate) fn frame(&self, index: usize) -> Option<&[u8]> {
        self.chunk.get(self.ranges.get(index)?.clone())
    }

    /// The frames from `first` on that begin with `prefix` behind their length and lie one behind the other: how many, and
    /// their bytes.
    pub(crate) fn run(&self, first: usize, prefix: &[u8]) -> (usize, &[u8]) {
        let ranges = self.ranges.get(first..).unwrap_or_default();
        let start = ranges.first().map_or(0, |range| range.start);
        let (mut count, mut end) = (0, start);
        for range in ranges {
            let frame = self.chunk.get(range.start + 2..range.end);
            if range.start != end || !frame.is_some_and(|frame| frame.starts_with(prefix)) {
                break;
            }
            (count, end) = (count + 1, range.end);
        }
        (count, self.chunk.get(start..end).unwrap_or_default())
    }

    /// A part of one of the frames, by reference: no copy, but it keeps the whole chunk alive.
    pub fn share(&self, part: &[u8]) -> Bytes {
        if part.is_empty() { Bytes::new() } else { self.chunk.slice_ref(part) }
    }

    /// Where `part`, which is one of this inbox's, lies in it.
    pub(crate) fn locate(&self, part: &[u8]) -> Range<usize> {
        let start = part.as_ptr().addr().wrapping_sub(self.chunk.as_ptr().addr());
        start..start.wrapping_add(part.len())
    }

    /// The part at `range`, as [`locate`](Self::locate) told it.
    pub(crate) fn part(&self, range: &Range<usize>) -> &[u8] {
        self.chunk.get(range.clone()).unwrap_or_default()
    }

    /// Forgets the frames.
    pub fn clear(&mut self) {
        self.chunk = Bytes::new();
        self.ranges.clear();
        self.begun = None;
    }

    /// What comes next, if it is a piece of a body that may be read into its place.
    pub(crate) fn begun(&self) -> Option<Begun> {
        self.begun
    }

    /// Pieces of bodies that were read into their place. They precede the frames.
    pub fn landed(&self) -> impl Iterator<Item = Landed> {
        self.landed.iter().map(|landed| {
            let Begun { lane, last, len, .. } = landed.begun();
            Landed { lane, last, len }
        })
    }

    /// Notes what comes next: `rest` are the first bytes of it.
    pub(crate) fn begin(&mut self, rest: &[u8]) {
        self.begun = Begun::of(rest);
    }

    /// The place for what comes next, for the link to take.
    pub(crate) fn lent(&mut self) -> &mut Option<Box<Landing>> {
        &mut self.lent
    }

    /// Brings a place with a whole piece.
    pub(crate) fn land(&mut self, landed: Landing) {
        self.landed.push(landed);
    }

    /// The next place with a whole piece.
    pub(crate) fn take_landed(&mut self) -> Option<Landing> {
        if self.landed.is_empty() { None } else { Some(self.landed.remove(0)) }
    }

    /// Marks every whole frame in `bytes[part]`, behind those that are marked, and returns where in `bytes` the first that
    /// is not whole begins. They are in the inbox once it [holds](Self::hold) the bytes.
    ///
    /// For roads whose frames do not lie one behind the other, as in messages with heads of their own. Clear it first.
    ///
    /// # Errors
    /// As [`frame_len`]; those before it stay marked.
    pub fn mark(&mut self, bytes: &[u8], part: Range<usize>) -> Result<usize, Error> {
        let mut start = part.start;
        while let Some(len) = frame_len(bytes.get(start..part.end).unwrap_or_default())? {
            if part.end - start < len {
                break;
            }
            self.ranges.push(start..start + len);
            start += len;
        }
        Ok(start)
    }

    /// Takes the bytes in which frames were [marked](Self::mark), or the beginning of them that has them all.
    pub fn hold(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// Splits every whole frame off the front of `buffer`; what is left is the beginning of one.
    ///
    /// # Errors
    /// As [`frame_len`]; the link should then fail.
    pub fn fill_from_stream(&mut self, buffer: &mut BytesMut) -> Result<(), Error> {
        self.clear();
        let end = self.mark(buffer, 0..buffer.len())?;
        if end > 0 {
            self.chunk = buffer.split_to(end).freeze();
        }
        Ok(())
    }

    /// Takes a message that holds whole frames and nothing else.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if a frame is cut short.
    pub fn fill_from_message(&mut self, message: Bytes) -> Result<(), Error> {
        self.clear();
        let mut end = 0;
        while end < message.len() {
            let len = frame_len(message.get(end..).unwrap_or_default())?
                .filter(|len| end + len <= message.len())
                .ok_or_else(|| Error::new(ErrorKind::Protocol, "message ends within a frame"))?;
            self.ranges.push(end..end + len);
            end += len;
        }
        self.chunk = message;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"\x05\x00\x03\x00one\x02\x00\x0c\x00";

    #[test]
    fn a_stream_cut_anywhere_yields_the_same_frames() {
        for cut in 0..=TWO.len() {
            let mut inbox = Inbox::new();
            let mut buffer = BytesMut::new();
            let mut frames = Vec::new();
            for part in [&TWO[..cut], &TWO[cut..]] {
                buffer.extend_from_slice(part);
                inbox.fill_from_stream(&mut buffer).unwrap();
                frames.extend(inbox.frames().map(<[u8]>::to_vec));
            }
            assert_eq!(frames, [&TWO[..7], &TWO[7..]]);
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn what_was_located_is_found_again() {
        let mut inbox = Inbox::new();
        inbox.fill_from_message(Bytes::from_static(TWO)).unwrap();
        let parts: Vec<_> = inbox.frames().map(|frame| inbox.locate(&frame[4..])).collect();
        assert_eq!(parts.iter().map(|part| inbox.part(part)).collect::<Vec<_>>(), [&b"one"[..], b""]);
        inbox.clear();
        assert_eq!(inbox.part(&parts[0]), b"", "what is gone is not there");
    }

    #[test]
    fn frames_that_begin_alike_and_lie_side_by_side_are_a_run() {
        let bytes = b"\x05\x00\x06\x00\x01a1\x04\x00\x06\x00\x01a-\x04\x00\x06\x00\x01a\x04\x00\x06\x00\x01b";
        let mut inbox = Inbox::new();
        for part in [0..7, 7..13, 14..20, 20..26] {
            assert_eq!(inbox.mark(bytes, part.clone()).unwrap(), part.end);
        }
        inbox.hold(Bytes::from_static(bytes));
        let prefix = b"\x06\x00\x01a";
        assert_eq!(inbox.run(0, prefix), (2, &bytes[..13]), "then something lies between");
        assert_eq!(inbox.run(1, prefix), (1, &bytes[7..13]));
        assert_eq!(inbox.run(2, prefix), (1, &bytes[14..20]), "then one begins otherwise");
        assert_eq!(inbox.run(2, &prefix[..3]), (2, &bytes[14..]));
        assert_eq!((inbox.run(3, prefix).0, inbox.run(4, prefix).0), (0, 0));
    }

    #[test]
    fn a_message_that_ends_within_a_frame_is_an_error() {
        for cut in 1..TWO.len() {
            let filled = Inbox::new().fill_from_message(Bytes::from_static(&TWO[..cut]));
            assert_eq!(filled.is_ok(), cut == 7, "cut at {cut}");
        }
        assert!(Inbox::new().fill_from_message(Bytes::from_static(b"\x01\x00\x0c\x00")).is_err());
    }
}
