//! Notifications in the order they came. Small ones lie one behind the other in one piece of memory, as they came: those of
//! one path in a row are a run, which is taken out of the read, handed on and counted as one.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use super::notification::Received;
use crate::frame::{Queue, spare};
use crate::wire::plain_push_head;
use crate::{Inbox, RAW};

/// Notifications and gaps, in order.
#[derive(Debug, Default)]
#[repr(C)] // what every read uses comes first: with many sessions, each of these lines comes from far away
pub(crate) struct Arrivals {
    runs: Queue<Run>,
    /// The small ones: each a frame of a plain push, or what that would be.
    bytes: Vec<u8>,
    /// How many of these bytes were taken.
    taken: usize,
    len: usize,
    weight: usize,
    /// The last run, if it is one of small ones, is of the path that is known.
    goes_on: bool,
    /// All that is not small, each in its turn.
    others: VecDeque<Received>,
    /// With what the frame of the last small one begins behind its length, and the length of its service: most often the
    /// next one's too.
    known: (Vec<u8>, u8),
}

#[derive(Clone, Copy, Debug)]
enum Run {
    /// One that is not small.
    Other,
    Small(Small),
}

/// Notifications without metadata, all of one path, and in the connection's codec or raw.
#[derive(Clone, Copy, Debug)]
struct Small {
    /// Lengths of the path and of its first part.
    path: u8,
    service: u8,
    raw: bool,
    /// How many are left, and the bytes they take.
    notes: u32,
    len: usize,
}

impl Small {
    /// Where the path lies in a note.
    fn path(self) -> Range<usize> {
        HEAD_LEN..HEAD_LEN + usize::from(self.path)
    }

    /// What its notes weigh.
    fn weight(self) -> usize {
        self.len - HEAD_LEN * self.notes as usize
    }

    /// Adds `next`, if that is of the same path and codec.
    fn join(&mut self, next: Self) -> bool {
        let (notes, len) = (self.notes.checked_add(next.notes), self.len.checked_add(next.len));
        match (notes, len) {
            (Some(notes), Some(len)) if self.raw == next.raw => {
                (self.notes, self.len) = (notes, len);
                true
            }
            _ => false,
        }
    }
}

/// One that is taken.
#[derive(Debug)]
pub(crate) enum Taken<'a> {
    Other(Received),
    Small(Note<'a>),
}

/// Where a small one lies that was taken.
#[derive(Debug)]
pub(crate) struct Place {
    small: Small,
    frame: Range<usize>,
}

/// A small notification where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note<'a> {
    pub(crate) path: &'a [u8],
    /// Length of the path's first part.
    pub(crate) service: usize,
    pub(crate) raw: bool,
    pub(crate) body: &'a [u8],
}

impl Arrivals {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many notifications and gaps.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of all of them.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Appends notifications that `inbox` has from frame `first` on, while they are of the path of the last small one,
    /// without metadata and in the connection's codec. Returns how many: none if the first is another, which is not
    /// checked then.
    pub(crate) fn push_again(&mut self, inbox: &Inbox, first: usize) -> usize {
        let (known, service) = &self.known;
        let path = known.get(HEAD_LEN - LEN_LEN..).map(|path| u8::try_from(path.len()));
        let Some(Ok(path @ ..0x80)) = path else { return 0 }; // a longer one has two bytes of length
        let (count, frames) = inbox.run(first, known);
        let Ok(notes @ 1..) = u32::try_from(count) else { return 0 };
        let small = Small { path, service: *service, raw: false, notes, len: frames.len() };
        self.close_ranks();
        self.bytes.extend_from_slice(frames);
        self.count(small, self.goes_on);
        self.goes_on = true;
        count
    }

    /// Appends a notification of a checked path, without metadata. False if it is not small: another codec than the connection's.
    pub(crate) fn push_small(&mut self, path: &str, codec: Option<&str>, body: &[u8]) -> bool {
        let raw = codec == Some(RAW);
        let service = path.bytes().position(|byte| byte == b'/').and_then(|at| u8::try_from(at).ok());
        let frame = u16::try_from(HEAD_LEN - LEN_LEN + path.len() + body.len());
        let (Some(service), Ok(path_len), Ok(frame)) = (service, u8::try_from(path.len()), frame) else {
            return false;
        };
        if codec.is_some() && !raw {
            return false;
        }
        let head = plain_push_head(path_len);
        let known = self.known.0.strip_prefix(&head) == Some(path.as_bytes());
        if !known {
            self.known.0.clear();
            self.known.0.extend_from_slice(&head);
            self.known.0.extend_from_slice(path.as_bytes());
            self.known.1 = service;
        }
        self.close_ranks();
        self.bytes.extend_from_slice(&frame.to_le_bytes());
        self.bytes.extend_from_slice(&self.known.0);
        self.bytes.extend_from_slice(body);
        let len = LEN_LEN + usize::from(frame);
        self.count(Small { path: path_len, service, raw, notes: 1, len }, known && self.goes_on);
        self.goes_on = true;
        true
    }

    /// Appends `frames`, which are `small`.
    fn append(&mut self, small: Small, frames: &[u8]) {
        let same = match self.runs.back() {
            Some(Run::Small(last)) => {
                let last_run =
                    self.bytes.len().checked_sub(last.len).and_then(|start| self.bytes.get(start..));
                last_run.and_then(|run| run.get(last.path())) == frames.get(small.path())
            }
            _ => false,
        };
        self.close_ranks();
        self.bytes.extend_from_slice(frames);
        self.count(small, same);
        self.goes_on = false;
    }

    /// Makes `small`, whose bytes are there, a part of the last run if that is of the `same` path, else a run of its own.
    fn count(&mut self, small: Small, same: bool) {
        self.len += small.notes as usize;
        self.weight += small.weight();
        let joined = match self.runs.back_mut() {
            Some(Run::Small(last)) => same && last.join(small),
            _ => false,
        };
        if !joined {
            self.runs.push_back(Run::Small(small));
        }
    }

    /// Appends whatever it is.
    pub(crate) fn push(&mut self, received: Received) {
        self.len += 1;
        self.weight += received.weight();
        self.runs.push_back(Run::Other);
        self.others.push_back(received);
    }

    /// The service of the first; `None` if that is a gap.
    pub(crate) fn service(&self) -> Option<&[u8]> {
        match self.runs.front()? {
            Run::Other => service_of(self.others.front()?),
            Run::Small(small) => {
                self.bytes.get(self.taken..)?.get(HEAD_LEN..HEAD_LEN + usize::from(small.service))
            }
        }
    }

    /// Hands the first to `read` and forgets it.
    pub(crate) fn take<R>(&mut self, read: impl FnOnce(Taken<'_>) -> R) -> Option<R> {
        let taken = match self.take_small() {
            Some(place) => Some(read(Taken::Small(self.note(place)))),
            None => self.take_other().map(|other| read(Taken::Other(other))),
        };
        self.release();
        taken
    }

    /// Forgets the first if it is small, but where it lies: there it stays until something is appended.
    #[inline]
    pub(crate) fn take_small(&mut self) -> Option<Place> {
        let Some(&Run::Small(small)) = self.runs.front() else { return None };
        let start = self.taken;
        let len = self.len_at(start)?;
        self.skip(Small { notes: 1, len, ..small });
        Some(Place { small, frame: start..start + len })
    }

    /// The small one that was taken last.
    pub(crate) fn note(&self, place: Place) -> Note<'_> {
        let Place { small, frame } = place;
        let rest = self.bytes.get(frame).and_then(|frame| frame.get(HEAD_LEN..)).unwrap_or_default();
        let (path, body) = rest.split_at_checked(usize::from(small.path)).unwrap_or_default();
        Note { path, service: usize::from(small.service), raw: small.raw, body }
    }

    /// Forgets the first if it is not small.
    pub(crate) fn take_other(&mut self) -> Option<Received> {
        if !matches!(self.runs.front(), Some(Run::Other)) {
            return None;
        }
        self.runs.pop_front();
        self.len -= 1;
        let received = self.others.pop_front()?;
        self.weight -= received.weight();
        Some(received)
    }

    /// Bytes of the small one that begins at `start`.
    fn len_at(&self, start: usize) -> Option<usize> {
        let len = self.bytes.get(start..)?.first_chunk()?;
        Some(LEN_LEN + usize::from(u16::from_le_bytes(*len)))
    }

    /// Forgets `part`, with which the first run begins.
    #[inline]
    fn skip(&mut self, part: Small) {
        let Some(Run::Small(first)) = self.runs.front_mut() else { return };
        first.notes -= part.notes;
        first.len -= part.len;
        if first.notes == 0 {
            self.runs.pop_front();
        }
        self.len -= part.notes as usize;
        self.weight -= part.weight();
        self.taken += part.len;
    }

    /// Forgets the first. Returns how many notifications it stood for.
    pub(crate) fn drop_first(&mut self) -> u64 {
        let count = self.take(|taken| match taken {
            Taken::Other(Received::Gap(gap)) => gap.count,
            Taken::Other(Received::Notification(_)) | Taken::Small(_) => 1,
        });
        count.unwrap_or(0)
    }

    /// Moves the first, and those behind it that are as it is, to the end of `to`: they are of one service.
    pub(crate) fn move_run(&mut self, to: &mut Self) {
        let count = match self.runs.front() {
            Some(Run::Small(small)) => small.notes as usize,
            Some(Run::Other) => 1,
            None => 0,
        };
        self.move_first(count, usize::MAX, to);
    }

    /// Moves the first `count` to the end of `to`: as many of them as weigh no more than `weight`, but at least one.
    pub(crate) fn move_first(&mut self, count: usize, weight: usize, to: &mut Self) {
        if to.is_empty() && self.len <= count && self.weight <= weight {
            return self.swap(to);
        }
        let mut left = count;
        while left > 0
            && let Some(run) = self.runs.front()
        {
            let room = weight.saturating_sub(to.weight);
            let moved = match *run {
                Run::Other => {
                    let fits =
                        self.others.front().is_some_and(|other| left == count || other.weight() <= room);
                    let other = if fits { self.take_other() } else { None };
                    other.map_or(0, |other| {
                        to.push(other);
                        1
                    })
                }
                Run::Small(small) => self.move_small(small, (u32::from(left == count), left), room, to),
            };
            if moved == 0 {
                break;
            }
            left -= moved;
        }
        self.release();
    }

    /// Moves notes of the first run, which is `small`: as many as weigh no more than `room`, within these numbers.
    fn move_small(&mut self, small: Small, (least, most): (u32, usize), room: usize, to: &mut Self) -> usize {
        let whole = small.notes as usize <= most && small.weight() <= room;
        let part = if whole { small } else { self.part(small, (least, most), room) };
        if part.notes > 0 {
            to.append(part, self.bytes.get(self.taken..self.taken + part.len).unwrap_or_default());
            self.skip(part);
        }
        part.notes as usize
    }

    /// The beginning of the first run, which is `small`: as much of it as [`move_small`](Self::move_small) says.
    fn part(&self, small: Small, (least, most): (u32, usize), room: usize) -> Small {
        let mut part = Small { notes: 0, len: 0, ..small };
        while part.notes < small.notes
            && (part.notes as usize) < most
            && let Some(len) = self.len_at(self.taken + part.len)
        {
            let more = Small { notes: part.notes + 1, len: part.len + len, ..small };
            if part.notes >= least && more.weight() > room {
                break;
            }
            part = more;
        }
        part
    }

    /// Changes place with `to`, but for what each knows of those that came before.
    fn swap(&mut self, to: &mut Self) {
        mem::swap(&mut self.runs, &mut to.runs);
        mem::swap(&mut self.bytes, &mut to.bytes);
        mem::swap(&mut self.taken, &mut to.taken);
        mem::swap(&mut self.len, &mut to.len);
        mem::swap(&mut self.weight, &mut to.weight);
        (self.goes_on, to.goes_on) = (false, false);
        if to.runs.len() > 1 || matches!(to.runs.front(), Some(Run::Other)) {
            mem::swap(&mut self.others, &mut to.others);
        }
    }

    /// Leaves its memory to the thread's next, if it is empty: where it lay, nothing is read any more.
    pub(crate) fn release(&mut self) {
        if !self.runs.is_empty() {
            return;
        }
        spare::give_back(&mut self.bytes);
        self.taken = 0;
        self.runs.keep_room(MAX_IDLE_RUNS);
        if self.others.capacity() > MAX_IDLE_RUNS {
            self.others = VecDeque::new();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.runs.clear();
        self.others.clear();
        (self.len, self.weight) = (0, 0);
        self.release();
    }

    /// Sees to memory before something is appended: the place of what was taken is used again.
    fn close_ranks(&mut self) {
        if self.bytes.capacity() == 0 {
            self.bytes = spare::take();
        } else if self.runs.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        } else if self.taken >= COMPACT_LEN && self.taken * 2 >= self.bytes.len() {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
    }
}

fn service_of(received: &Received) -> Option<&[u8]> {
    match received {
        Received::Gap(_) => None,
        Received::Notification(notification) => Some(notification.service().as_bytes()),
    }
}

/// Bytes of a frame that say how many follow.
const LEN_LEN: usize = 2;
/// Bytes before the path: the head of the frame, and the length of the path.
const HEAD_LEN: usize = crate::frame::HEAD_LEN + 1;
/// Runs for which an empty one keeps room. Chosen as more than a read brings, unless it mixes notifications of several paths.
const MAX_IDLE_RUNS: usize = 32;
/// Below this many bytes, moving the rest down costs more than it gives back.
const COMPACT_LEN: usize = 16 * 1024;

#[cfg(test)]
mod tests;
