//! A body as it arrives.

use std::sync::Arc;

use bytes::Bytes;

use super::room;
use crate::frame::{Begun, Landing, Place};
use crate::{Error, Inbox};

/// The pieces of a body, in order. One that comes in one large piece is never copied. Others are put into memory of the announced length as
/// soon as a good deal of it has come; from then on the link reads them into it, if it can. If not they are copied, from a read that is still
/// in the cache, whose room then serves the next one.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// Large ones, by reference, while there is no memory for all.
    shared: Vec<Bytes>,
    /// What came behind those.
    joined: Vec<u8>,
    len: usize,
    /// What memory there is for in `joined`, if it was reserved for all.
    reserved: usize,
    /// Where `joined` is while the link may read into it, or does.
    lent: Option<Arc<Place>>,
}

impl Pieces {
    /// A body that came in one piece, which `inbox` brought.
    pub(crate) fn single(piece: &[u8], inbox: &Inbox) -> Bytes {
        if piece.len() < MIN_SHARED { Bytes::copy_from_slice(piece) } else { inbox.share(piece) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes that memory is reserved for, and that have not come.
    pub(crate) fn ahead(&self) -> usize {
        self.reserved.saturating_sub(self.len)
    }

    /// Appends a piece that `inbox` brought, of a body for whose `announced` bytes memory may be reserved.
    ///
    /// # Errors
    /// The link reads a piece that precedes it.
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        inbox: &Inbox,
        announced: Option<usize>,
    ) -> Result<(), Error> {
        if !self.take_back() {
            return Err(Error::protocol("a piece of a body overtook the one before"));
        }
        self.len += piece.len();
        if announced != Some(piece.len()) {
            self.reserve(self.len, announced);
        }
        if piece.len() < MIN_SHARED || self.joined.capacity() >= self.len {
            self.joined.extend_from_slice(piece);
            return Ok(());
        }
        if !self.joined.is_empty() {
            self.shared.push(std::mem::take(&mut self.joined).into());
        }
        self.shared.push(inbox.share(piece));
        Ok(())
    }

    /// Lends the memory for the piece that has `begun` to come, if there is enough, or may be.
    pub(crate) fn lend(&mut self, begun: Begun, announced: Option<usize>) -> Option<Landing> {
        let needed = self.len + begun.len;
        if !self.take_back() {
            return None;
        }
        self.reserve(needed, announced);
        if self.joined.capacity() < needed || !self.shared.is_empty() {
            return None;
        }
        let place = Arc::new(Place::new(std::mem::take(&mut self.joined)));
        self.lent = Some(Arc::clone(&place));
        Some(Landing::new(begun, self.len, place))
    }

    /// Takes what the link read into its place.
    ///
    /// # Errors
    /// It is not of this body.
    pub(crate) fn land(&mut self, landed: Landing) -> Result<(), Error> {
        let (place, joined) = landed.into_parts();
        if !self.lent.take().is_some_and(|lent| Arc::ptr_eq(&lent, &place)) {
            return Err(Error::protocol("a piece came for the place of another body"));
        }
        self.len = joined.len();
        self.joined = joined;
        Ok(())
    }

    /// Takes back memory that was lent, unless the link reads into it.
    fn take_back(&mut self) -> bool {
        if let Some(lent) = &self.lent {
            let Some(joined) = lent.take() else { return false };
            self.joined = joined;
            self.lent = None;
        }
        true
    }

    /// Sees to memory for all of it before more than `needed` bytes are there, if enough has come.
    fn reserve(&mut self, needed: usize, announced: Option<usize>) {
        if let Some(announced) = announced
            && (self.joined.capacity() < needed && self.len > 0)
            && announced / MAX_AHEAD <= self.len
        {
            self.gather(announced);
            self.reserved = announced;
        }
    }

    /// Puts what has come into memory that has room for `len` bytes.
    fn gather(&mut self, len: usize) {
        let mut all = room::take(len);
        for piece in self.shared.drain(..) {
            all.extend_from_slice(&piece);
        }
        all.extend_from_slice(&self.joined);
        self.joined = all;
    }

    /// All of it, in one.
    pub(crate) fn join(mut self) -> Bytes {
        match (self.shared.pop(), self.shared.is_empty(), self.joined.is_empty()) {
            (None, ..) => room::share(self.joined),
            (Some(only), true, true) => only,
            (Some(last), ..) => {
                self.shared.push(last);
                self.gather(self.len);
                room::share(self.joined)
            }
        }
    }
}

/// Smallest piece that is kept by reference, in bytes. It keeps the read that brought it alive, 64 KiB and a little: no more than
/// four times what is counted.
const MIN_SHARED: usize = 16 * 1024;
/// How many times what has come memory may be reserved for, within the bound of all bodies. Chosen so that a body of a megabyte, which is 17
/// frames, has its place once the first of them is there.
const MAX_AHEAD: usize = 17;

#[cfg(test)]
mod tests {
    use super::*;

    /// `piece` as it comes in: the whole of a frame that is alone in its read.
    fn push(pieces: &mut Pieces, piece: &[u8], announced: Option<usize>) -> *const u8 {
        let len = u16::try_from(piece.len() + 2).unwrap().to_le_bytes();
        let frame = [&len, &[8, 0], piece].concat();
        let mut inbox = Inbox::new();
        inbox.fill_from_message(frame.into()).unwrap();
        let piece = &inbox.frames().next().unwrap()[4..];
        pieces.push(piece, &inbox, announced).unwrap();
        piece.as_ptr()
    }

    #[test]
    fn pieces_of_any_size_are_joined_in_order() {
        let sizes = [0, 1, MIN_SHARED - 1, MIN_SHARED, 60_000];
        for first in sizes {
            for second in sizes {
                for third in sizes {
                    for announced_before in 0..=3 {
                        let mut pieces = Pieces::default();
                        let mut wanted = Vec::new();
                        let len = first + second + third;
                        for (number, size) in (1u8..).zip([first, second, third]) {
                            let piece = vec![number; size];
                            let announced = (usize::from(number) > announced_before).then_some(len);
                            push(&mut pieces, &piece, announced);
                            wanted.extend(piece);
                        }
                        assert_eq!(pieces.len(), wanted.len());
                        assert!(pieces.join() == wanted, "{first}, {second}, {third}");
                    }
                }
            }
        }
    }

    #[test]
    fn one_large_piece_is_not_copied() {
        let mut pieces = Pieces::default();
        let place = push(&mut pieces, &[7; MIN_SHARED], Some(MIN_SHARED));
        assert_eq!(pieces.join().as_ptr(), place);
    }

    #[test]
    fn memory_is_reserved_once_and_not_far_ahead_of_what_came() {
        let (mut pieces, len) = (Pieces::default(), 20 * MIN_SHARED);
        let mut place = None;
        for came in 1..=20 {
            push(&mut pieces, &[7; MIN_SHARED], Some(len));
            assert!(pieces.joined.capacity() <= MAX_AHEAD * came * MIN_SHARED);
            if came > 20 / MAX_AHEAD + 1 {
                assert_eq!(pieces.joined.as_ptr(), *place.get_or_insert(pieces.joined.as_ptr()));
                assert!(pieces.shared.is_empty(), "no read is kept any longer");
            }
        }
        assert_eq!(Some(pieces.join().as_ptr()), place);
    }
}
