//! Many encoded frames on their way out: one contiguous buffer, and large bodies beside it by reference.

mod frame;
mod run;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
pub use frame::Frame;
use run::Run;

use super::spare;
use super::{
    HEAD_LEN, LANE, LAST, Lane, MAX_FRAME_LEN, Numbers, Queue, RESET, SharedFrame, SharedRow, Short,
    frame_len,
};
use crate::{Error, ErrorKind};

/// Encoded frames waiting to be sent, in order.
///
/// A byte-stream road writes [`chunks`](Self::chunks) and calls [`advance`](Self::advance). A road with messages or
/// streams of its own takes whole frames: with [`take_frames`](Self::take_frames), and those of
/// [`front`](Self::front) all at once. A sink uses one way or the other.
#[derive(Debug, Default)]
#[repr(C)] // what a push to many needs comes first
pub struct Batch {
    /// Bytes that wait, bodies included.
    len: usize,
    /// Small frames behind all others that other batches have too, until something follows or the batch is taken.
    shared: Queue<SharedRow>,
    runs: Queue<Run>,
    bytes: Vec<u8>,
    /// How many of `bytes` were sent already.
    sent: usize,
    /// Bodies by reference, each with the place in `bytes` before which it stands.
    bodies: VecDeque<(usize, Bytes)>,
    /// A pipe sent some of what it had taken before.
    progressed: bool,
}

impl Batch {
    /// An empty batch; allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// True if every frame was taken.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that wait, bodies included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many frames wait; on a byte-stream road those partly sent count too.
    pub fn frames(&self) -> usize {
        self.runs.iter().map(|run| run.frames).sum::<usize>()
            + self.shared.iter().map(SharedRow::len).sum::<usize>()
    }

    /// True if a frame of `lane` waits.
    pub fn has_lane(&self, lane: Lane) -> bool {
        self.runs.iter().any(|run| run.lane == lane)
    }

    /// Says that some of what was taken earlier was sent.
    ///
    /// For pipes that hold bytes of their own, while [`poll_send`](crate::Pipe::poll_send) pends: a peer that takes a large
    /// message slowly is alive, and only the pipe can see it. Taking frames counts by itself.
    pub fn progressed(&mut self) {
        self.progressed = true;
    }

    /// True once after [`progressed`](Self::progressed). For the runtime, and for wrappers that hand their pipe another batch.
    pub fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progressed)
    }

    /// Drops what waits.
    pub fn clear(&mut self) {
        spare::give_back(&mut self.bytes);
        self.sent = 0;
        self.bodies.clear();
        self.runs.clear();
        self.shared.clear();
        self.len = 0;
    }

    /// Appends a frame: `fields` writes what follows head and lane; `body`, if any, is kept by reference behind it.
    ///
    /// # Errors
    /// [`ErrorKind::FrameTooLarge`] if it exceeds [`MAX_FRAME_LEN`]; nothing is appended then.
    pub fn push(
        &mut self,
        (kind, flags): (u8, u8),
        lane: Lane,
        body: Option<Bytes>,
        fields: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Error> {
        self.prepare();
        let start = self.bytes.len();
        let lane_flag = if lane == Lane::ZERO { 0 } else { LANE };
        self.bytes.extend_from_slice(&[0, 0, kind, flags | lane_flag]);
        if lane != Lane::ZERO {
            crate::wire::varint::write(&mut self.bytes, lane.number());
        }
        fields(&mut self.bytes);
        let inline = self.bytes.len() - start;
        let body = body.filter(|body| !body.is_empty());
        let len = inline + body.as_ref().map_or(0, Bytes::len);
        let length = length_bytes(len);
        let Some((length, head)) = length.zip(self.bytes.get_mut(start..start + HEAD_LEN)) else {
            self.bytes.truncate(start);
            return Err(too_large(len));
        };
        if let Some(head) = head.get_mut(..2) {
            head.copy_from_slice(&length);
        }
        let flags = flags & (LAST | RESET);
        self.enter(Run { lane, flags, has_body: body.is_some(), frames: 1, len, inline, rest: 0 });
        if let Some(body) = body {
            self.bodies.push_back((self.bytes.len(), body));
        }
        Ok(())
    }

    /// Appends a frame of lane 0: [`push`](Self::push) for the frames of every call. Its fields are `numbers` and then
    /// `parts`, side by side.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(crate) fn push_parts<const N: usize>(
        &mut self,
        (kind, flags): (u8, u8),
        numbers: &Numbers,
        parts: [&[u8]; N],
    ) -> Result<(), Error> {
        let begin = HEAD_LEN + numbers.len();
        let len = begin + parts.iter().map(|part| part.len()).sum::<usize>();
        let Some([low, high]) = length_bytes(len) else { return Err(too_large(len)) };
        self.prepare();
        self.bytes.reserve(len.max(Numbers::ROOM));
        numbers.append_behind([low, high, kind, flags], &mut self.bytes);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.enter_plain(1, len);
        Ok(())
    }

    /// Appends whole frames of lane 0 that lie side by side.
    pub(crate) fn push_frames(&mut self, bytes: &[u8], frames: usize) {
        self.prepare();
        self.bytes.extend_from_slice(bytes);
        self.enter_plain(frames, bytes.len());
    }

    /// As [`push_parts`](Self::push_parts), with one short number.
    pub(crate) fn push_short(
        &mut self,
        (kind, flags): (u8, u8),
        number: Short,
        [first, second]: [&[u8]; 2],
    ) -> Result<(), Error> {
        let len = HEAD_LEN + number.len() + first.len() + second.len();
        let Some([low, high]) = length_bytes(len) else { return Err(too_large(len)) };
        self.prepare();
        self.bytes.reserve(len.max(8));
        number.append_behind([low, high, kind, flags], &mut self.bytes);
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.enter_plain(1, len);
        Ok(())
    }

    /// Appends a whole small frame of lane 0 that other batches have too. It is copied once the batch is taken: a frame that
    /// goes to a thousand links writes to little of each one's memory until then.
    pub(crate) fn push_shared(&mut self, frame: &SharedFrame) {
        self.len += frame.bytes().len();
        if !self.shared.back_mut().is_some_and(|row| row.add(frame)) {
            self.shared.push_back(SharedRow::new(frame));
        }
    }

    /// Copies the shared frames behind the others, if there are any.
    fn settle(&mut self) {
        if !self.shared.is_empty() {
            self.prepare();
        }
    }

    /// Makes ready to append: copies the shared frames behind the others, and sees to memory.
    #[inline]
    fn prepare(&mut self) {
        if self.bytes.capacity() == 0 {
            self.bytes = spare::take();
        }
        if !self.shared.is_empty() {
            self.copy_shared();
        }
    }

    fn copy_shared(&mut self) {
        let (mut frames, start) = (0, self.bytes.len());
        for row in self.shared.drain() {
            frames += row.len();
            row.frames().for_each(|frame| self.bytes.extend_from_slice(frame));
        }
        let len = self.bytes.len() - start;
        self.shared.keep_room(MAX_KEPT_ROWS);
        self.len -= len;
        self.enter_plain(frames, len);
    }

    /// Notes whole frames of lane 0 in the buffer, behind all others.
    fn enter_plain(&mut self, frames: usize, len: usize) {
        self.len += len;
        match self.runs.back_mut() {
            Some(last) if last.is_plain() => {
                last.frames += frames;
                last.len += len;
                last.inline += len;
            }
            _ => self.runs.push_back(Run { frames, len, inline: len, ..Run::default() }),
        }
    }

    /// Notes frames that stand behind all others.
    fn enter(&mut self, run: Run) {
        if run.is_plain() && run.rest == 0 {
            return self.enter_plain(run.frames, run.len);
        }
        self.len += run.len;
        self.runs.push_back(run);
    }

    /// Moves every frame of `other` behind those of this batch.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            if self.bytes.capacity() > 0 {
                self.clear();
            }
            if other.runs.is_empty() {
                // What is shared is copied to here, which is in the cache sooner than memory of the other's own.
                std::mem::swap(&mut self.shared, &mut other.shared);
                self.len = std::mem::take(&mut other.len);
                self.progressed |= std::mem::take(&mut other.progressed);
                return self.settle();
            }
            other.settle();
            std::mem::swap(self, other);
            self.progressed |= std::mem::take(&mut other.progressed);
            return;
        }
        self.settle();
        other.settle();
        let shift = self.bytes.len();
        let sent = other.sent;
        self.bytes.extend_from_slice(other.bytes.get(sent..).unwrap_or_default());
        self.bodies.extend(other.bodies.drain(..).map(|(at, body)| (at - sent + shift, body)));
        for run in other.runs.drain() {
            self.enter(run);
        }
        other.clear();
    }

    /// The whole frames of lane 0 that the batch begins with, as far as they lie side by side. Empty if another comes first.
    ///
    /// For roads with streams of their own: what they send of it, in whole frames, they [`advance`](Self::advance) past.
    pub fn front(&self) -> &[u8] {
        let whole = self.runs.front().filter(|run| run.is_plain() && run.rest == 0);
        let end = self.sent + whole.map_or(0, |run| run.inline);
        self.bytes.get(self.sent..end).unwrap_or_default()
    }

    /// Bytes of the whole frames in front that together take no more than `max`, and of one at least; 0 if it is empty.
    ///
    /// For roads whose messages hold whole frames: that many bytes of [`chunks_within`](Self::chunks_within) are one.
    pub fn whole_len(&self, max: usize) -> usize {
        let (mut len, mut at) = (0, self.sent);
        for run in self.runs.iter() {
            if len + run.len <= max {
                len += run.len;
                at += run.inline;
                continue;
            }
            if !run.is_plain() {
                return if len == 0 { run.len } else { len };
            }
            let mut next = if run.rest == 0 { frame_at(&self.bytes, at) } else { run.rest };
            while len == 0 || len + next <= max {
                len += next;
                at += next;
                next = frame_at(&self.bytes, at);
            }
            return len;
        }
        len
    }

    /// Everything that waits, if it is one piece: no body is held by reference. Most batches are, and need no list of slices.
    pub fn as_contiguous(&self) -> Option<&[u8]> {
        (self.bodies.is_empty() && self.shared.is_empty())
            .then(|| self.bytes.get(self.sent..).unwrap_or_default())
    }

    /// The bytes to write next, as slices for a vectored write; returns how many slices were filled.
    pub fn chunks<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.chunks_within(usize::MAX, slices)
    }

    /// The same, of the first `len` bytes.
    pub fn chunks_within<'a>(&'a self, len: usize, slices: &mut [IoSlice<'a>]) -> usize {
        let mut left = len;
        let mut filled = 0;
        let mut from = self.sent;
        let mut slots = slices.iter_mut();
        let mut put = |bytes: &'a [u8]| {
            if bytes.is_empty() {
                return true;
            }
            let Some(slot) = slots.next().filter(|_| left > 0) else { return false };
            let bytes = bytes.get(..left).unwrap_or(bytes);
            *slot = IoSlice::new(bytes);
            left -= bytes.len();
            filled += 1;
            true
        };
        for (at, body) in &self.bodies {
            if !put(self.bytes.get(from..*at).unwrap_or_default()) || !put(body) {
                return filled;
            }
            from = *at;
        }
        put(self.bytes.get(from..).unwrap_or_default());
        filled
    }

    /// Removes the first `written` bytes, which were sent. More than there are empties the batch.
    pub fn advance(&mut self, written: usize) {
        if written >= self.len {
            return self.clear();
        }
        self.len -= written;
        self.advance_bytes(written);
        self.advance_runs(written);
        if self.sent >= COMPACT_LEN && self.sent * 2 >= self.bytes.len() {
            self.compact();
        }
    }

    fn advance_bytes(&mut self, mut written: usize) {
        while let Some((at, body)) = self.bodies.front_mut() {
            let inline = at.saturating_sub(self.sent).min(written);
            self.sent += inline;
            written -= inline;
            if self.sent < *at {
                return;
            }
            let part = body.len().min(written);
            body.advance(part);
            written -= part;
            if !body.is_empty() {
                return;
            }
            self.bodies.pop_front();
        }
        self.sent += written;
    }

    /// As [`advance`](Self::advance), once `sent` is behind what was written.
    fn advance_runs(&mut self, mut written: usize) {
        while let Some(run) = self.runs.front_mut() {
            if run.len <= written {
                written -= run.len;
                self.runs.pop_front();
                continue;
            }
            if written == 0 {
                return;
            }
            run.len -= written;
            if !run.is_plain() {
                run.inline = run.inline.saturating_sub(written);
                run.rest = run.len;
                return;
            }
            run.inline = run.len;
            // Every frame whose last byte was sent leaves the run.
            let mut at = self.sent - written;
            if run.rest == 0 {
                run.rest = frame_at(&self.bytes, at);
            }
            while written >= run.rest {
                written -= run.rest;
                at += run.rest;
                run.frames -= 1;
                run.rest = frame_at(&self.bytes, at);
            }
            run.rest = if written == 0 { 0 } else { run.rest - written };
            return;
        }
    }

    /// Offers each frame in order; those that `take` answers with true are removed, the others stay in order.
    pub fn take_frames(&mut self, mut take: impl FnMut(Frame<'_>) -> bool) {
        let mut rest = std::mem::take(self);
        self.progressed = rest.progressed;
        let mut from = rest.sent;
        let mut bodies = rest.bodies.drain(..);
        for run in rest.runs.drain() {
            let end = from + run.inline;
            let body = if run.has_body { bodies.next().map(|(_, body)| body) } else { None };
            while from < end {
                let len =
                    if run.is_plain() { frame_at(&rest.bytes, from).min(end - from) } else { run.inline };
                let head = rest.bytes.get(from..from + len).unwrap_or_default();
                from += len;
                if !take(Frame { lane: run.lane, flags: run.flags, head, body: body.as_ref() }) {
                    self.keep(head, body.clone(), run);
                }
            }
        }
        drop(bodies);
        if self.is_empty() {
            // Its memory serves the next frames.
            spare::give_back(&mut rest.bytes);
            (self.bytes, self.bodies, self.runs) = (rest.bytes, rest.bodies, rest.runs);
        }
    }

    fn keep(&mut self, head: &[u8], body: Option<Bytes>, run: Run) {
        let len = head.len() + body.as_ref().map_or(0, Bytes::len);
        self.bytes.extend_from_slice(head);
        self.enter(Run { frames: 1, len, inline: head.len(), rest: 0, ..run });
        if let Some(body) = body {
            self.bodies.push_back((self.bytes.len(), body));
        }
    }

    fn compact(&mut self) {
        self.bytes.drain(..self.sent);
        for (at, _) in &mut self.bodies {
            *at -= self.sent;
        }
        self.sent = 0;
    }
}

/// The length that a frame of `len` bytes begins with.
pub(crate) fn length_bytes(len: usize) -> Option<[u8; 2]> {
    let behind = u16::try_from(len.checked_sub(2)?).ok()?;
    (len <= MAX_FRAME_LEN).then(|| behind.to_le_bytes())
}

fn too_large(len: usize) -> Error {
    Error::new(ErrorKind::FrameTooLarge, format!("frame of {len} bytes; at most {MAX_FRAME_LEN}"))
}

/// The length of the whole frame at `at`. Frames of a batch have one; should one not, the rest is taken for it.
fn frame_at(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    frame_len(rest).ok().flatten().unwrap_or(rest.len()).max(1)
}

/// Rows of shared frames for which room is kept when they were copied: those of a busy turn, at 16 bytes each.
const MAX_KEPT_ROWS: usize = 32;
/// Below this many sent bytes, moving the rest down costs more than it gives back.
const COMPACT_LEN: usize = 64 * 1024;
