//! Memory of batches that were sent and of notifications that were read, for the next ones of the thread.

use std::cell::RefCell;

/// Memory for frames, empty: what was given back last, if there is some, since it is still in the processor's cache. So a link
/// that is idle holds none.
pub(crate) fn take() -> Vec<u8> {
    SPARE.with_borrow_mut(Spare::take)
}

/// Takes the memory of `bytes`, which has none then.
pub(crate) fn give_back(bytes: &mut Vec<u8>) {
    if bytes.capacity() > 0 {
        let bytes = std::mem::take(bytes);
        SPARE.with_borrow_mut(|spare| spare.give_back(bytes));
    }
}

/// Pieces of memory, the last one used on top.
struct Spare {
    pieces: Vec<Vec<u8>>,
    /// Bytes of all of them.
    held: usize,
}

impl Spare {
    fn take(&mut self) -> Vec<u8> {
        let piece = self.pieces.pop().unwrap_or_default();
        self.held -= piece.capacity();
        piece
    }

    fn give_back(&mut self, mut piece: Vec<u8>) {
        if self.held + piece.capacity() <= MAX_HELD && self.pieces.len() < MAX_PIECES {
            piece.clear();
            self.held += piece.capacity();
            self.pieces.push(piece);
        }
    }
}

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { pieces: Vec::new(), held: 0 }) };
}

/// Bytes kept per thread. Chosen as twice what a full outbox of the default size takes, and little beside a thread's stack.
const MAX_HELD: usize = 1024 * 1024;
/// Pieces kept per thread: as many as there are links that something small was appended to between two turns of their drivers.
const MAX_PIECES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_given_back_last_is_taken_first_and_only_so_much_is_kept() {
        let mut spare = Spare { pieces: Vec::new(), held: 0 };
        let (first, second) = (vec![1; 100], vec![2; MAX_HELD - 100]);
        let places = [second.as_ptr(), first.as_ptr()];
        spare.give_back(first);
        spare.give_back(second);
        spare.give_back(vec![3]);
        let taken = [spare.take(), spare.take(), spare.take()];
        assert_eq!([taken[0].as_ptr(), taken[1].as_ptr()], places);
        assert!(taken.iter().all(Vec::is_empty) && taken[2].capacity() == 0);
        (0..2 * MAX_PIECES).for_each(|_| spare.give_back(vec![4]));
        assert_eq!((spare.pieces.len(), spare.held), (MAX_PIECES, MAX_PIECES));
    }
}
