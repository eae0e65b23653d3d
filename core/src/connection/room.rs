//! Memory of large bodies, used again: fresh memory costs a fault for each page, as much as copying it.

use std::cell::RefCell;

use bytes::Bytes;

/// Memory for a body of `len` bytes.
pub(crate) fn take(len: usize) -> Vec<u8> {
    if len < MIN_LEN {
        return Vec::with_capacity(len);
    }
    let spare = SPARE.with_borrow_mut(|spare| {
        let fits = |room: &Vec<u8>| (len..=len.saturating_mul(MAX_WASTE)).contains(&room.capacity());
        let index = spare.iter().rposition(fits)?;
        Some(spare.swap_remove(index))
    });
    spare.unwrap_or_else(|| Vec::with_capacity(len.next_multiple_of(GRANULE)))
}

/// The body in `room`, whose memory is kept for another once it is dropped.
pub(crate) fn share(room: Vec<u8>) -> Bytes {
    if room.capacity() < MIN_LEN { room.into() } else { Bytes::from_owner(Room(room)) }
}

struct Room(Vec<u8>);

impl AsRef<[u8]> for Room {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut room = std::mem::take(&mut self.0);
        // Fails while the thread ends, whose spare memory is gone.
        let _ = SPARE.try_with(|spare| {
            let Ok(mut spare) = spare.try_borrow_mut() else { return };
            let held: usize = spare.iter().map(Vec::capacity).sum();
            if held + room.capacity() <= MAX_SPARE {
                room.clear();
                spare.push(room);
            }
        });
    }
}

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Smallest memory that is kept, in bytes: less is not worth a look.
const MIN_LEN: usize = 64 * 1024;
/// What lengths are rounded up to, so that bodies of about the same length use the same memory.
const GRANULE: usize = 64 * 1024;
/// How many times its own length a body may hold.
const MAX_WASTE: usize = 2;
/// Bytes kept per thread: one message of the default `max_message_len`, or what a few callers have in flight.
const MAX_SPARE: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn body(len: usize) -> Bytes {
        let mut room = take(len);
        room.resize(len, 7);
        share(room)
    }

    fn held() -> usize {
        SPARE.with_borrow(|spare| spare.iter().map(Vec::capacity).sum())
    }

    #[test]
    fn memory_of_a_large_body_serves_the_next_of_about_its_length() {
        let first = body(1_000_000);
        let place = first.as_ptr();
        let part = first.slice(5..10);
        drop(first);
        assert_eq!(held(), 0, "a part is held");
        drop(part);
        assert!(held() >= 1_000_000);
        assert_ne!(body(100_000).as_ptr(), place, "it would hold ten times its length");
        let again = body(900_000);
        assert_eq!((again.as_ptr(), again.len()), (place, 900_000));
    }

    #[test]
    fn so_much_is_kept_and_no_more() {
        drop(body(MIN_LEN - 1));
        assert_eq!(held(), 0);
        let bodies: Vec<_> = (0..10).map(|_| body(1024 * 1024)).collect();
        drop(bodies);
        assert_eq!(held(), MAX_SPARE);
    }

    #[test]
    fn a_body_may_be_dropped_on_another_thread() {
        let body = body(MIN_LEN);
        std::thread::spawn(move || drop(body)).join().unwrap();
        assert_eq!(held(), 0);
    }
}
