//! Memory of batches that were sent, for the next ones of the thread.

use std::cell::RefCell;

/// Memory to encode frames into, empty: that of the batch that was sent last, if there is some, since it is still in the
/// processor's cache. So a link that is idle holds none.
pub(super) fn take() -> Vec<u8> {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Takes the memory of `bytes`, which has none then.
pub(super) fn give_back(bytes: &mut Vec<u8>) {
    let mut bytes = std::mem::take(bytes);
    bytes.clear();
    if (1..=MAX_LEN).contains(&bytes.capacity()) {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < MAX_SPARE {
                spare.push(bytes);
            }
        });
    }
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Largest piece that is kept, in bytes. Chosen as what a full outbox of the default size holds, and some.
const MAX_LEN: usize = 512 * 1024;
/// Most pieces kept per thread: more than are used at once, by a link and what is being appended to others meanwhile.
const MAX_SPARE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_given_back_last_is_taken_first_and_little_is_kept() {
        let place = |capacity| {
            let mut bytes = vec![1; capacity];
            let place = bytes.as_ptr();
            give_back(&mut bytes);
            assert_eq!(bytes.capacity(), 0);
            place
        };
        let (first, second) = (place(100), place(MAX_LEN));
        place(MAX_LEN + 1);
        give_back(&mut Vec::new());
        let (one, two) = (take(), take());
        assert_eq!((one.as_ptr(), two.as_ptr()), (second, first));
        assert_eq!((one.len(), two.len(), take().capacity()), (0, 0, 0));
        for _ in 0..2 * MAX_SPARE {
            place(100);
        }
        assert_eq!((0..2 * MAX_SPARE).filter(|_| take().capacity() > 0).count(), MAX_SPARE);
    }
}
