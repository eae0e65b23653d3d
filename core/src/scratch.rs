//! A buffer to encode into, one per thread.

use std::cell::Cell;

/// Lends a buffer that keeps its memory between calls and pushes of this thread, up to [`MAX_KEPT`].
pub(crate) fn with_buffer<R>(fill: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut buffer = BUFFER.take();
    buffer.clear();
    let result = fill(&mut buffer);
    if buffer.capacity() <= MAX_KEPT {
        BUFFER.set(buffer);
    }
    result
}

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Memory of encoded arguments and answers kept per thread.
const MAX_KEPT: usize = 64 * 1024;
