//! Memory of large bodies, used again: fresh memory costs a fault for each page, as much as copying it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Memory for a body of `len` bytes.
pub(crate) fn take(len: usize) -> Vec<u8> {
    SPARE.take(len)
}

/// The body in `room`, whose memory is kept for another once it is dropped.
pub(crate) fn share(room: Vec<u8>) -> Bytes {
    SPARE.share(room)
}

/// What is kept, for all threads: a body is often dropped on another thread than the one that read it, and what is kept does
/// not grow with the number of threads.
struct Spare(Mutex<Kept>);

/// In the order in which they were given back.
#[derive(Debug, Default)]
struct Kept {
    rooms: VecDeque<Vec<u8>>,
    /// Bytes of all of them.
    held: usize,
}

static SPARE: Spare = Spare(Mutex::new(Kept { rooms: VecDeque::new(), held: 0 }));

impl Spare {
    fn take(&self, len: usize) -> Vec<u8> {
        if len < MIN_LEN {
            return Vec::with_capacity(len);
        }
        let fits = |room: &Vec<u8>| (len..=len.saturating_mul(MAX_WASTE)).contains(&room.capacity());
        let mut kept = self.lock();
        let room = kept.rooms.iter().rposition(fits).and_then(|index| kept.rooms.remove(index));
        kept.held -= room.as_ref().map_or(0, Vec::capacity);
        drop(kept);
        room.unwrap_or_else(|| Vec::with_capacity(len.next_multiple_of(GRANULE)))
    }

    fn share(&'static self, room: Vec<u8>) -> Bytes {
        if room.capacity() < MIN_LEN { room.into() } else { Bytes::from_owner(Room(room, self)) }
    }

    /// Keeps `room` in the place of those that were given back first, so that what is kept fits what comes now.
    fn give_back(&self, mut room: Vec<u8>) {
        if room.capacity() > MAX_SPARE {
            return;
        }
        room.clear();
        let mut dropped = Vec::new();
        let mut kept = self.lock();
        kept.held += room.capacity();
        kept.rooms.push_back(room);
        while kept.held > MAX_SPARE
            && let Some(oldest) = kept.rooms.pop_front()
        {
            kept.held -= oldest.capacity();
            dropped.push(oldest);
        }
        drop(kept); // memory is given back without the lock
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Room(Vec<u8>, &'static Spare);

impl AsRef<[u8]> for Room {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.1.give_back(std::mem::take(&mut self.0));
    }
}

/// Smallest memory that is kept, in bytes: less is not worth a look.
const MIN_LEN: usize = 64 * 1024;
/// What lengths are rounded up to, so that bodies of about the same length use the same memory.
const GRANULE: usize = 64 * 1024;
/// How many times its own length a body may hold.
const MAX_WASTE: usize = 2;
/// Bytes kept per process: eight messages of the default `max_message_len`. Less than callers have in flight costs them
/// faults: 1 MiB echoes, 16 at a time, are 5 % fewer with half of it.
const MAX_SPARE: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn spare() -> &'static Spare {
        Box::leak(Box::new(Spare(Mutex::default())))
    }

    fn body(spare: &'static Spare, len: usize) -> Bytes {
        let mut room = spare.take(len);
        room.resize(len, 7);
        spare.share(room)
    }

    fn held(spare: &Spare) -> usize {
        let kept = spare.lock();
        assert_eq!(kept.held, kept.rooms.iter().map(Vec::capacity).sum());
        kept.held
    }

    #[test]
    fn memory_of_a_large_body_serves_the_next_of_about_its_length() {
        let spare = spare();
        let first = body(spare, 1_000_000);
        let place = first.as_ptr();
        let part = first.slice(5..10);
        drop(first);
        assert_eq!(held(spare), 0, "a part is held");
        std::thread::spawn(move || drop(part)).join().unwrap();
        assert!(held(spare) >= 1_000_000);
        assert_ne!(body(spare, 100_000).as_ptr(), place, "it would hold ten times its length");
        let again = body(spare, 900_000);
        assert_eq!((again.as_ptr(), again.len()), (place, 900_000));
    }

    #[test]
    fn so_much_is_kept_and_no_more() {
        let spare = spare();
        drop(body(spare, MIN_LEN - 1));
        assert_eq!(held(spare), 0);
        let bodies: Vec<_> = (0..40).map(|_| body(spare, 1024 * 1024)).collect();
        drop(bodies);
        assert_eq!(held(spare), MAX_SPARE);
        let large = body(spare, MAX_SPARE / 2);
        let place = large.as_ptr();
        drop(large);
        assert_eq!(held(spare), MAX_SPARE);
        assert_eq!(body(spare, MAX_SPARE / 2).as_ptr(), place, "the oldest make way");
        drop(body(spare, MAX_SPARE + 1));
        assert_eq!(held(spare), MAX_SPARE, "more than is kept takes nobody's place");
    }
}
