//! Streams that carry one whole lane after the other.
//!
//! Opening and finishing a stream is a tenth of what an echo of 16 KiB costs. A lane that has a single frame needs no
//! stream of its own: nothing of it can be abandoned once it is sent, so the stream is never reset for it.

use std::collections::VecDeque;

use quinn::SendStream;

use super::order::Place;
use super::stream::LaneStream;

/// Streams for lanes of one frame; whoever carried one longest ago is first.
#[derive(Default)]
pub(super) struct SharedStreams(VecDeque<LaneStream>);

impl SharedStreams {
    pub(super) fn iter(&self) -> impl Iterator<Item = &LaneStream> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut LaneStream> {
        self.0.iter_mut()
    }

    /// True if a lane should get a stream more rather than follow another.
    pub(super) fn wants_more(&self) -> bool {
        self.0.len() < MAX_SHARED
    }

    pub(super) fn add(&mut self, stream: LaneStream) {
        self.0.push_front(stream);
    }

    /// The stream for the next lane, which stands at `place` then; `None` while none has room.
    pub(super) fn next(&mut self, place: Place) -> Option<&mut LaneStream> {
        let index = self.0.iter().position(|stream| !stream.is_blocked() && !stream.is_unwanted())?;
        let stream = self.0.remove(index)?;
        self.0.push_back(stream);
        let next = self.0.back_mut()?;
        next.stand_at(place);
        Some(next)
    }

    /// Drops the streams that the peer does not want: other streams carry the next lanes.
    pub(super) fn retire(&mut self) {
        self.0.retain(|stream| !stream.is_unwanted());
    }

    /// Takes a stream out that nothing waits for.
    pub(super) fn take_idle(&mut self) -> Option<SendStream> {
        let index = self.0.iter().position(LaneStream::is_flushed)?;
        self.0.remove(index).map(LaneStream::into_stream)
    }
}

/// Streams shared by lanes: each lane in flight up to here has one to itself. Beyond, a lost packet delays the lanes that
/// follow on its stream, of which there is one in so many. Chosen because an open stream costs each end about half a
/// kilobyte.
const MAX_SHARED: usize = 16;
