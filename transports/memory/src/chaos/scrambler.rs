//! Frames on their way through chaos.

use std::collections::BTreeMap;

use bytes::{Buf, BytesMut};
use linkspan_core::frame::{RESET, frame_len};
use linkspan_core::{Error, Frame, Inbox, Lane};

use super::Chaos;
use super::rng::Rng;
use crate::queue::Pull;

/// Where the frames of one direction wait, and what happens to them there.
///
/// Each lane is a byte stream of its own, as on QUIC; without shuffling, one stream carries them all, as on TCP.
#[derive(Debug)]
pub(crate) struct Scrambler {
    chaos: Chaos,
    rng: Rng,
    /// Streams with bytes in them.
    streams: BTreeMap<Lane, Stream>,
    /// Bytes in all streams.
    len: usize,
    delivered: u64,
    is_cut: bool,
    /// Polls until the next delivery, once drawn.
    wait: Option<u32>,
    inbox: Inbox,
}

#[derive(Debug, Default)]
struct Stream {
    /// Not yet arrived.
    travelling: BytesMut,
    /// The beginning of a frame whose rest still travels.
    arrived: BytesMut,
}

impl Scrambler {
    pub(crate) fn new(chaos: Chaos) -> Self {
        Self {
            chaos,
            rng: Rng::new(chaos.seed),
            streams: BTreeMap::new(),
            len: 0,
            delivered: 0,
            is_cut: false,
            wait: None,
            inbox: Inbox::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True if `lane` is blocked for this batch. Lane 0 never is: it is the one lane that always has credit.
    pub(crate) fn holds_back(&mut self, lane: Lane) -> bool {
        self.chaos.shuffle_lanes && lane != Lane::ZERO && self.rng.one_in(BLOCKED_ONE_IN)
    }

    pub(crate) fn push(&mut self, frame: &Frame<'_>) {
        let lane = if self.chaos.shuffle_lanes { frame.lane } else { Lane::ZERO };
        let resets = self.chaos.shuffle_lanes && lane != Lane::ZERO && frame.flags & RESET != 0;
        if resets
            && self.rng.one_in(2)
            && let Some(stream) = self.streams.remove(&lane)
        {
            self.len -= stream.travelling.len() + stream.arrived.len();
        }
        let stream = self.streams.entry(lane).or_default();
        stream.travelling.extend_from_slice(frame.head);
        stream.travelling.extend_from_slice(frame.body.map_or(&[], |body| body));
        self.len += frame.len();
    }

    /// What arrives now.
    pub(crate) fn pull(&mut self) -> Result<Pull, Error> {
        if self.len == 0 && !self.is_cut {
            return Ok(Pull::Nothing);
        }
        if self.waits() {
            return Ok(Pull::Later);
        }
        let mut frames = BytesMut::new();
        let wanted = self.delivered.saturating_add(1 + u64::from(self.rng.one_in(2)) * EXTRA_FRAMES);
        for _ in 0..MAX_PIECES {
            self.is_cut |=
                self.len > 0 && self.chaos.cut_after_frames.is_some_and(|cut| self.delivered >= cut);
            if self.is_cut || self.delivered >= wanted || self.len == 0 {
                break;
            }
            self.advance(&mut frames)?;
        }
        Ok(match frames.is_empty() {
            false => Pull::Frames(frames.freeze()),
            true if self.is_cut => Pull::Cut,
            true => Pull::Later,
        })
    }

    /// Counts down to the next delivery.
    fn waits(&mut self) -> bool {
        let wait = self.wait.take().unwrap_or_else(|| {
            if self.chaos.stall > 0 && self.rng.one_in(STALL_ONE_IN) {
                return self.chaos.stall;
            }
            let delay = usize::try_from(self.chaos.delay).unwrap_or(usize::MAX);
            u32::try_from(self.rng.below(delay.saturating_add(1))).unwrap_or_default()
        });
        self.wait = wait.checked_sub(1);
        self.wait.is_some()
    }

    /// Lets one piece of one stream arrive, and appends the frames that it completes to `frames`.
    fn advance(&mut self, frames: &mut BytesMut) -> Result<(), Error> {
        let index = self.rng.below(self.streams.len());
        let Some((&lane, stream)) = self.streams.iter_mut().nth(index) else { return Ok(()) };
        let most = stream.travelling.len();
        let piece = match self.chaos.split {
            true if self.rng.one_in(2) => 1,
            true => 1 + self.rng.below(MAX_PIECE_LEN),
            false => frame_len(&stream.travelling)?.unwrap_or(most),
        };
        let piece = piece.min(most);
        stream.arrived.extend_from_slice(stream.travelling.get(..piece).unwrap_or_default());
        stream.travelling.advance(piece);
        self.inbox.fill_from_stream(&mut stream.arrived)?;
        for frame in self.inbox.frames() {
            self.len -= frame.len();
            self.is_cut |= self.chaos.cut_after_frames.is_some_and(|cut| self.delivered >= cut);
            if !self.is_cut {
                self.delivered += 1;
                frames.extend_from_slice(frame);
            }
        }
        if stream.travelling.is_empty() {
            self.streams.remove(&lane);
        }
        Ok(())
    }
}

/// Chosen so that many batches leave a lane behind, and none for long.
const BLOCKED_ONE_IN: usize = 8;
/// Chosen so that a stall is rare enough for the link to fill in between.
const STALL_ONE_IN: usize = 16;
/// Half of the reads bring one frame, the others up to this many more.
const EXTRA_FRAMES: u64 = 7;
/// Pieces per poll: bounds the time under the queue's lock.
const MAX_PIECES: usize = 64;
/// Longest piece, in bytes: long frames take many pieces, and short ones share one.
const MAX_PIECE_LEN: usize = 4096;
