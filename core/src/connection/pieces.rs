//! A body as it arrives.

use bytes::Bytes;

use crate::Inbox;

/// The pieces of a body, in order: large ones by reference, small ones side by side. Joined once, when all are there; one that
/// came in one large piece is never copied.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    whole: Vec<Bytes>,
    /// What came behind the last large piece.
    tail: Vec<u8>,
    len: usize,
}

impl Pieces {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends a piece that `inbox` brought.
    pub(crate) fn push(&mut self, piece: &[u8], inbox: &Inbox) {
        self.len += piece.len();
        if piece.len() < MIN_SHARED {
            self.tail.extend_from_slice(piece);
            return;
        }
        if !self.tail.is_empty() {
            self.whole.push(std::mem::take(&mut self.tail).into());
        }
        self.whole.push(inbox.share(piece));
    }

    /// All of it, in one.
    pub(crate) fn join(mut self) -> Bytes {
        match (self.whole.pop(), self.whole.is_empty(), self.tail.is_empty()) {
            (None, ..) => self.tail.into(),
            (Some(only), true, true) => only,
            (Some(last), ..) => {
                let mut joined = Vec::with_capacity(self.len);
                for piece in self.whole.iter().chain([&last]) {
                    joined.extend_from_slice(piece);
                }
                joined.extend_from_slice(&self.tail);
                joined.into()
            }
        }
    }
}

/// Smallest piece that is kept by reference, in bytes. It keeps the read that brought it alive, 64 KiB and a little: no more than
/// four times what is counted.
const MIN_SHARED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// `piece` as it comes in: the whole of a frame that is alone in its read.
    fn push(pieces: &mut Pieces, piece: &[u8]) -> *const u8 {
        let len = u16::try_from(piece.len() + 2).unwrap().to_le_bytes();
        let frame = [&len, &[8, 0], piece].concat();
        let mut inbox = Inbox::new();
        inbox.fill_from_message(frame.into()).unwrap();
        let piece = &inbox.frames().next().unwrap()[4..];
        pieces.push(piece, &inbox);
        piece.as_ptr()
    }

    #[test]
    fn pieces_of_any_size_are_joined_in_order() {
        let sizes = [0, 1, MIN_SHARED - 1, MIN_SHARED, 60_000];
        for first in sizes {
            for second in sizes {
                for third in sizes {
                    let mut pieces = Pieces::default();
                    let mut wanted = Vec::new();
                    for (number, size) in (1u8..).zip([first, second, third]) {
                        let piece = vec![number; size];
                        push(&mut pieces, &piece);
                        wanted.extend(piece);
                    }
                    assert_eq!(pieces.len(), wanted.len());
                    assert!(pieces.join() == wanted, "{first}, {second}, {third}");
                }
            }
        }
    }

    #[test]
    fn one_large_piece_is_not_copied() {
        let mut pieces = Pieces::default();
        let place = push(&mut pieces, &[7; MIN_SHARED]);
        assert_eq!(pieces.join().as_ptr(), place);
    }
}
