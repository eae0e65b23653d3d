//! Small answers on their way to callers, who take them without the session's lock.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::wire::Outcome;

/// A cell for each call's number: whoever handles what arrives puts an answer there, whoever made the call takes it. Between the two
/// the number has no other call.
///
/// They are made in chunks, each with three times as many as all before it, and stay where they are.
#[derive(Default)]
pub(crate) struct Cells([OnceLock<Box<[Cell]>>; CHUNKS]);

/// A cache line of its own, since its two users may run on two processors.
#[derive(Default)]
#[repr(align(64))]
struct Cell {
    /// What is in it, or [`EMPTY`].
    state: AtomicU32,
    words: [AtomicU64; MAX_LEN / WORD_LEN],
}

/// A plain answer with a small body.
pub(crate) struct SmallAnswer {
    pub(crate) outcome: Outcome,
    body: [u8; MAX_LEN],
    len: usize,
}

impl Cells {
    /// Puts the answer to `call` into its cell, which is empty. False if it does not fit there.
    pub(super) fn put(&self, call: u32, outcome: Outcome, body: &[u8]) -> bool {
        let Some(len) = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_LEN) else {
            return false;
        };
        let (chunk, index) = place(call);
        let Some(chunk_cells) = self.0.get(chunk) else { return false };
        let cells = chunk_cells.get_or_init(|| (0..chunk_len(chunk)).map(|_| Cell::default()).collect());
        let Some(cell) = cells.get(index) else { return false };
        let (whole, rest) = body.as_chunks();
        for (word, bytes) in cell.words.iter().zip(whole) {
            word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
        }
        if let Some(word) = cell.words.get(whole.len()).filter(|_| !rest.is_empty()) {
            let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            word.store(rest, Ordering::Relaxed);
        }
        let error = if outcome == Outcome::ApplicationError { ERROR } else { 0 };
        cell.state.store(FULL | error | len, Ordering::Release);
        true
    }

    /// Takes the answer to `call`, if it is in its cell.
    #[inline]
    pub(crate) fn take(&self, call: u32) -> Option<SmallAnswer> {
        let cell = self.get(call)?;
        let state = cell.state.load(Ordering::Acquire);
        if state == EMPTY {
            return None;
        }
        let (outcome, len) = (
            if state & ERROR == 0 { Outcome::Value } else { Outcome::ApplicationError },
            (state & MAX_STATE_LEN) as usize,
        );
        let mut answer = SmallAnswer { outcome, body: [0; MAX_LEN], len };
        let (bytes, _) = answer.body.as_chunks_mut();
        for (bytes, word) in bytes.iter_mut().zip(&cell.words).take(len.div_ceil(WORD_LEN)) {
            *bytes = word.load(Ordering::Relaxed).to_le_bytes();
        }
        cell.state.store(EMPTY, Ordering::Release);
        Some(answer)
    }

    /// True if no answer waits in the cell of `call`.
    pub(super) fn is_empty(&self, call: u32) -> bool {
        self.get(call).is_none_or(|cell| cell.state.load(Ordering::Acquire) == EMPTY)
    }

    fn get(&self, call: u32) -> Option<&Cell> {
        let (chunk, index) = place(call);
        self.0.get(chunk)?.get()?.get(index)
    }
}

impl SmallAnswer {
    pub(crate) fn body(&self) -> &[u8] {
        self.body.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cells")
    }
}

/// The chunk of `call`, and its index there.
fn place(call: u32) -> (usize, usize) {
    let chunk = (u32::BITS - call.leading_zeros()).div_ceil(2) as usize;
    (chunk, call as usize - before(chunk))
}

/// The cells of all chunks before `chunk`.
fn before(chunk: usize) -> usize {
    if chunk == 0 { 0 } else { 1 << (2 * (chunk - 1)) }
}

/// The cells of a chunk: most connections have one call in flight.
fn chunk_len(chunk: usize) -> usize {
    if chunk == 0 { 1 } else { 3 * before(chunk) }
}

const WORD_LEN: usize = size_of::<u64>();
/// Longest body that fits a cell, in bytes: what a cache line has beside the state.
const MAX_LEN: usize = 56;
/// Calls beyond their 4,096 cells, 256 KiB, find their answers under the lock.
const CHUNKS: usize = 7;
const EMPTY: u32 = 0;
const FULL: u32 = 1 << 16;
const ERROR: u32 = 1 << 17;
const MAX_STATE_LEN: u32 = 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_cell_of_its_own() {
        let numbers = 4096;
        let mut places: Vec<_> = (0..numbers).map(place).collect();
        assert!(places.iter().all(|(chunk, index)| *chunk < CHUNKS && *index < chunk_len(*chunk)));
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), numbers as usize);
        assert!([numbers, u32::MAX].map(place).iter().all(|(chunk, _)| *chunk >= CHUNKS));
    }

    #[test]
    fn what_was_put_is_taken_once() {
        let cells = Cells::default();
        for len in 0..=MAX_LEN {
            for call in [0, 1, 3, 4, 15, 16, 4095] {
                let body = Vec::from_iter((1..).take(len));
                let outcome = if len % 2 == 0 { Outcome::Value } else { Outcome::ApplicationError };
                assert!(cells.is_empty(call) && cells.take(call).is_none());
                assert!(cells.put(call, outcome, &body) && !cells.is_empty(call));
                let answer = cells.take(call).unwrap();
                assert_eq!((answer.outcome, answer.body()), (outcome, body.as_slice()), "{call} {len}");
                assert!(cells.is_empty(call));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let cells = Cells::default();
        assert!(!cells.put(0, Outcome::Value, &[7; MAX_LEN + 1]));
        assert!(!cells.put(4096, Outcome::Value, &[]) && !cells.put(u32::MAX, Outcome::Value, &[]));
        assert!(cells.is_empty(0) && cells.is_empty(4096) && cells.take(u32::MAX).is_none());
    }
}
