//! Misbehaviour on request: what networks do to links, repeatable from a seed.

mod rng;
mod scrambler;

pub(crate) use scrambler::Scrambler;

/// How links misbehave. Plain data; a new one does nothing.
///
/// The same seed, frames and order of polls give the same trouble, on every link anew. Nothing here uses a timer: what
/// is late is late by a number of polls, each of which wakes its task again.
///
/// ```
/// use linkspan_memory::Chaos;
///
/// let chaos = Chaos::harmless(7).with_cut_after_frames(100);
/// assert!(chaos.shuffle_lanes && chaos.split);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chaos {
    /// Where the random numbers start.
    pub seed: u64,
    /// Each delivery is late by up to this many polls. Default 0.
    pub delay: u32,
    /// Frames of different lanes overtake each other, lanes are blocked for a while, and a reset lane loses what was
    /// on its way, all as on QUIC; never within a lane. Default false.
    pub shuffle_lanes: bool,
    /// Frames travel in pieces, many of one byte, and are put together again. Default false.
    pub split: bool,
    /// Now and then (one delivery in 16) the receiver takes nothing for this many polls, so that its peer finds the
    /// link full. Default 0.
    pub stall: u32,
    /// In each direction, the link fails for both ends within the frame that follows this many. Default none.
    pub cut_after_frames: Option<u64>,
}

impl Chaos {
    /// No trouble yet, from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Everything the contract of a transport allows without losing the link: delays, shuffled lanes and splits.
    pub fn harmless(seed: u64) -> Self {
        Self::new(seed).with_delay(HARMLESS_DELAY).with_shuffled_lanes(true).with_splits(true)
    }

    /// The same with [`delay`](Self::delay).
    #[must_use]
    pub fn with_delay(mut self, polls: u32) -> Self {
        self.delay = polls;
        self
    }

    /// The same with [`shuffle_lanes`](Self::shuffle_lanes).
    #[must_use]
    pub fn with_shuffled_lanes(mut self, shuffle: bool) -> Self {
        self.shuffle_lanes = shuffle;
        self
    }

    /// The same with [`split`](Self::split).
    #[must_use]
    pub fn with_splits(mut self, split: bool) -> Self {
        self.split = split;
        self
    }

    /// The same with [`stall`](Self::stall).
    #[must_use]
    pub fn with_stall(mut self, polls: u32) -> Self {
        self.stall = polls;
        self
    }

    /// The same with [`cut_after_frames`](Self::cut_after_frames).
    #[must_use]
    pub fn with_cut_after_frames(mut self, frames: u64) -> Self {
        self.cut_after_frames = Some(frames);
        self
    }
}

/// Chosen so that a few other tasks run in between, while thousands of frames still pass within a second.
const HARMLESS_DELAY: u32 = 4;
