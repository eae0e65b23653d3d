//! One stream, and the lane or lanes on it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use linkspan_core::frame::frame_len;
use linkspan_core::{Batch, Frame, Lane};
use quinn::{SendStream, WriteError};

use super::order::Place;
use crate::lanes::signal::{Driver, Signal};

/// What a stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    Control,
    /// One lane, from its first frame to its last.
    Lane(Lane),
    /// Lanes of one frame each.
    WholeLanes,
}

/// A stream, what waits for it, and where it stands in line.
pub(super) struct LaneStream {
    carries: Carries,
    stream: SendStream,
    place: Place,
    /// Lowered while the stream takes nothing more.
    room: Signal,
    /// Taken from the batch, not yet accepted by the stream: whole pieces, then the one that still grows.
    pieces: VecDeque<Bytes>,
    growing: BytesMut,
    staged: usize,
    /// The peer wants no more of this stream: what it carries is dropped.
    unwanted: bool,
    last: bool,
}

impl LaneStream {
    pub(super) fn new(carries: Carries, stream: SendStream, place: Place, driver: &Driver) -> Self {
        let mut new = Self {
            carries,
            stream,
            place,
            room: Signal::new(driver),
            pieces: VecDeque::new(),
            growing: BytesMut::new(),
            staged: 0,
            unwanted: false,
            last: false,
        };
        new.stand_at(place);
        new
    }

    /// The lane, if it is the stream of one.
    pub(super) fn lane(&self) -> Option<Lane> {
        if let Carries::Lane(lane) = self.carries { Some(lane) } else { None }
    }

    pub(super) fn is_of(&self, lane: Lane) -> bool {
        self.carries == Carries::Lane(lane)
    }

    pub(super) fn into_stream(self) -> SendStream {
        self.stream
    }

    pub(super) fn staged(&self) -> usize {
        self.staged
    }

    pub(super) fn is_unwanted(&self) -> bool {
        self.unwanted
    }

    pub(super) fn stand_at(&mut self, place: Place) {
        self.place = place;
        // Control goes first: a close or a cancel must not wait behind bodies.
        let priority = if self.carries == Carries::Control { 1 } else { place.priority() };
        // Fails only if the stream is gone.
        let _ = self.stream.set_priority(priority);
    }

    pub(super) fn is_blocked(&self) -> bool {
        !self.room.is_raised()
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.staged == 0
    }

    pub(super) fn is_done(&self) -> bool {
        self.last && self.is_flushed()
    }

    /// Writes what `batch` begins with of lane 0, if this is it: as it lies there, in one copy.
    pub(super) fn write_front(&mut self, batch: &mut Batch) -> Result<(), WriteError> {
        while self.is_flushed() && !self.is_blocked() {
            let front = batch.front();
            if front.is_empty() {
                break;
            }
            if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(&mut self.room.lower(), front)
            {
                self.room.raise();
                let written = written?;
                let taken = whole_frames(front, written);
                self.growing.extend_from_slice(front.get(written..taken).unwrap_or_default());
                self.staged += self.growing.len();
                batch.advance(taken);
            }
        }
        Ok(())
    }

    pub(super) fn stage(&mut self, frame: Frame<'_>) -> Result<(), WriteError> {
        self.last |= frame.is_last() && matches!(self.carries, Carries::Lane(_));
        if self.unwanted {
            return Ok(());
        }
        self.growing.extend_from_slice(frame.head);
        if let Some(body) = frame.body {
            self.seal();
            self.pieces.push_back(body.clone());
        }
        self.staged += frame.len();
        if self.staged >= STAGE_LEN { self.write() } else { Ok(()) }
    }

    fn seal(&mut self) {
        if !self.growing.is_empty() {
            self.pieces.push_back(self.growing.split().freeze());
        }
    }

    /// Writes what is staged, until done or blocked.
    pub(super) fn write(&mut self) -> Result<(), WriteError> {
        if self.is_flushed() {
            return Ok(());
        }
        self.seal();
        while !self.pieces.is_empty() && !self.is_blocked() {
            let pieces = self.pieces.make_contiguous();
            let Poll::Ready(written) = pin!(self.stream.write_chunks(pieces)).poll(&mut self.room.lower())
            else {
                break;
            };
            self.room.raise();
            match written {
                Ok(written) => {
                    self.pieces.drain(..written.chunks);
                    self.staged -= written.bytes;
                    if matches!(self.carries, Carries::Lane(_)) && self.place.move_back(written.bytes) {
                        self.stand_at(self.place);
                    }
                }
                Err(WriteError::Stopped(_)) if self.carries != Carries::Control => {
                    self.unwanted = true;
                    self.pieces.clear();
                    self.staged = 0;
                }
                Err(error) => return Err(error),
            }
        }
        if self.is_flushed() {
            // An idle lane holds no buffer.
            self.growing = BytesMut::new();
        }
        Ok(())
    }
}

/// Where the frame ends whose bytes, or their beginning, are the last of the first `len` of `frames`.
fn whole_frames(frames: &[u8], len: usize) -> usize {
    let mut end = if len == frames.len() { len } else { 0 };
    while end < len {
        let next = frame_len(frames.get(end..).unwrap_or_default());
        end += next.ok().flatten().unwrap_or(frames.len());
    }
    end.min(frames.len())
}

/// Bytes a stream may hold beyond what it accepted: one frame of the largest size.
const STAGE_LEN: usize = linkspan_core::frame::MAX_FRAME_LEN;
