//! What is noted of frames that wait.

use super::Lane;

/// Frames side by side that nothing tells apart but their own lengths; or a single one that is more than its bytes in the
/// buffer, or not of lane 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    pub(super) lane: Lane,
    pub(super) flags: u8,
    pub(super) has_body: bool,
    pub(super) frames: usize,
    /// Bytes that wait, bodies included, and how many of them stand in the buffer.
    pub(super) len: usize,
    pub(super) inline: usize,
    /// Bytes that wait of the first frame, if some of it was sent; else 0.
    pub(super) rest: usize,
}

impl Run {
    /// True if frames like its own may join it.
    pub(super) fn is_plain(&self) -> bool {
        self.lane == Lane::ZERO && !self.has_body && self.flags == 0
    }
}
