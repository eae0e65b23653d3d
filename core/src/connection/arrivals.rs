//! Notifications in the order they came. Small ones of one path in a row are a run: the path once, then their bodies one
//! behind the other, so that a note costs its body and two bytes, and a run is handed on in one piece.

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use super::notification::Received;
use crate::RAW;

/// Notifications and gaps, in order.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    runs: VecDeque<Run>,
    /// Of each run of small ones its path, and then each note: [`LEN_LEN`] bytes that say how long its body is, and the body.
    bytes: Vec<u8>,
    /// Where in them the first note begins that was not taken.
    taken: usize,
    /// Where the path of the first run lies, if it is one of small ones, and that of the last.
    first_path: usize,
    last_path: usize,
    /// All that is not small, each in its turn.
    others: VecDeque<Received>,
    len: usize,
    weight: usize,
    /// Something came since [`rest`](Self::rest) was called last.
    used: bool,
    /// The last path that a small one brought, and the length of its service: most often the next one's too.
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
    fn path_len(self) -> usize {
        usize::from(self.path)
    }

    /// What its notes weigh.
    fn weight(self) -> usize {
        let notes = self.notes as usize;
        self.len - notes * LEN_LEN + notes * self.path_len()
    }

    /// Adds what is behind it. False if that is of another path or codec, or too much.
    fn join(&mut self, next: Self) -> bool {
        let (Some(notes), Some(len)) = (self.notes.checked_add(next.notes), self.len.checked_add(next.len))
        else {
            return false;
        };
        let same = (self.path, self.raw) == (next.path, next.raw);
        if same {
            (self.notes, self.len) = (notes, len);
        }
        same
    }
}

/// One that is taken.
#[derive(Debug)]
pub(crate) enum Taken<'a> {
    Other(Received),
    Small(Note<'a>),
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

    /// Bytes of all of them, with a path for each.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Appends a notification of the path of the last small one, without metadata and in the connection's codec. False if
    /// it is of another path, which is not checked then.
    pub(crate) fn push_again(&mut self, path: &[u8], body: &[u8]) -> bool {
        let Ok(len) = u16::try_from(body.len()) else { return false };
        match self.runs.back_mut() {
            Some(Run::Small(last)) if !last.raw && last.notes < u32::MAX => {
                let known = self.bytes.get(self.last_path..self.last_path + last.path_len());
                if known != Some(path) {
                    return false;
                }
                last.notes += 1;
                last.len += LEN_LEN + body.len();
            }
            _ => {
                let (known, service) = &self.known;
                if known != path || path.is_empty() {
                    return false;
                }
                let Ok(path_len) = u8::try_from(path.len()) else { return false };
                self.begin(
                    Small {
                        path: path_len,
                        service: *service,
                        raw: false,
                        notes: 1,
                        len: LEN_LEN + body.len(),
                    },
                    path,
                );
            }
        }
        self.put(path.len(), len, body);
        true
    }

    /// Appends a notification of a checked path, without metadata. False if it is not small: another codec than the connection's.
    pub(crate) fn push_small(&mut self, path: &str, codec: Option<&str>, body: &[u8]) -> bool {
        let raw = codec == Some(RAW);
        let service = path.bytes().position(|byte| byte == b'/').and_then(|at| u8::try_from(at).ok());
        let path_len = u8::try_from(path.len()).ok();
        let (Some(service), Some(path_len), Ok(len)) = (service, path_len, u16::try_from(body.len())) else {
            return false;
        };
        if codec.is_some() && !raw {
            return false;
        }
        self.append(
            Small { path: path_len, service, raw, notes: 1, len: LEN_LEN + body.len() },
            path.as_bytes(),
        );
        self.put(path.len(), len, body);
        self.known.0.clear();
        self.known.0.extend_from_slice(path.as_bytes());
        self.known.1 = service;
        true
    }

    /// Makes `small` a part of the last run, or a run of its own; its notes follow.
    fn append(&mut self, small: Small, path: &[u8]) {
        let last_path = self.last_path;
        if let Some(Run::Small(last)) = self.runs.back_mut()
            && self.bytes.get(last_path..last_path + last.path_len()) == Some(path)
            && last.join(small)
        {
            return;
        }
        self.begin(small, path);
    }

    fn begin(&mut self, small: Small, path: &[u8]) {
        self.last_path = self.bytes.len();
        self.bytes.extend_from_slice(path);
        self.runs.push_back(Run::Small(small));
        if self.runs.len() == 1 {
            self.enter();
        }
    }

    fn put(&mut self, path_len: usize, len: u16, body: &[u8]) {
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(body);
        self.len += 1;
        self.weight += path_len + body.len();
        self.used = true;
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
                self.bytes.get(self.first_path..self.first_path + usize::from(small.service))
            }
        }
    }

    /// Hands the first to `read` and forgets it.
    pub(crate) fn take<R>(&mut self, read: impl FnOnce(Taken<'_>) -> R) -> Option<R> {
        // Forgotten first: what reads it may be the application's, and panic.
        let result = match *self.runs.front()? {
            Run::Other => read(Taken::Other(self.pop_other()?)),
            Run::Small(small) => {
                let path = self.first_path..self.first_path + small.path_len();
                let body = self.body_of(self.taken)?;
                self.skip(1, LEN_LEN + body.len());
                read(Taken::Small(Note {
                    path: self.bytes.get(path).unwrap_or_default(),
                    service: usize::from(small.service),
                    raw: small.raw,
                    body: self.bytes.get(body).unwrap_or_default(),
                }))
            }
        };
        self.close_ranks();
        Some(result)
    }

    /// Where the body of the note lies that begins at `note`.
    fn body_of(&self, note: usize) -> Option<Range<usize>> {
        let len = self.bytes.get(note..)?.first_chunk().map(|len| u16::from_le_bytes(*len))?;
        let start = note + LEN_LEN;
        Some(start..start + usize::from(len))
    }

    /// Forgets the first `notes` of the first run, which is one of small ones and has so many; they take `len` bytes.
    fn skip(&mut self, notes: u32, len: usize) {
        let Some(Run::Small(small)) = self.runs.front_mut() else { return };
        let before = small.weight();
        small.notes -= notes;
        small.len -= len;
        self.weight -= before - small.weight();
        self.len -= notes as usize;
        self.taken += len;
        if small.notes == 0 {
            self.runs.pop_front();
            self.enter();
        }
    }

    fn pop_other(&mut self) -> Option<Received> {
        let received = self.others.pop_front()?;
        self.weight -= received.weight();
        self.len -= 1;
        self.runs.pop_front();
        self.enter();
        Some(received)
    }

    /// Skips the path of a run that has become the first.
    fn enter(&mut self) {
        if let Some(Run::Small(small)) = self.runs.front() {
            self.first_path = self.taken;
            self.taken += small.path_len();
        }
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
                    let other = if fits { self.pop_other() } else { None };
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
        self.close_ranks();
    }

    /// Moves notes of the first run, which is `small`: as many as weigh no more than `room`, within these numbers.
    fn move_small(&mut self, small: Small, (least, most): (u32, usize), room: usize, to: &mut Self) -> usize {
        let whole = small.notes as usize <= most && small.weight() <= room;
        let part = if whole { small } else { self.part(small, (least, most), room) };
        if part.notes == 0 {
            return 0;
        }
        let path = self.bytes.get(self.first_path..self.first_path + small.path_len());
        to.append(part, path.unwrap_or_default());
        to.bytes.extend_from_slice(self.bytes.get(self.taken..self.taken + part.len).unwrap_or_default());
        to.len += part.notes as usize;
        to.weight += part.weight();
        self.skip(part.notes, part.len);
        part.notes as usize
    }

    /// The beginning of the first run, which is `small`: as much of it as [`move_small`](Self::move_small) says.
    fn part(&self, small: Small, (least, most): (u32, usize), room: usize) -> Small {
        let mut part = Small { notes: 0, len: 0, ..small };
        while part.notes < small.notes
            && (part.notes as usize) < most
            && let Some(body) = self.body_of(self.taken + part.len)
        {
            let more = Small { notes: part.notes + 1, len: part.len + LEN_LEN + body.len(), ..small };
            if part.notes >= least && more.weight() > room {
                break;
            }
            part = more;
        }
        part
    }

    /// Changes place with `to`, but for what each knows of those that came before.
    fn swap(&mut self, to: &mut Self) {
        mem::swap(self, to);
        mem::swap(&mut self.used, &mut to.used);
        mem::swap(&mut self.known, &mut to.known);
    }

    /// True if nothing came since this was called last; memory that it holds is then given back.
    pub(crate) fn rest(&mut self) -> bool {
        if mem::take(&mut self.used) {
            return false;
        }
        self.give_back();
        true
    }

    /// Gives memory back that an empty one does not need to keep.
    pub(crate) fn give_back(&mut self) {
        if self.is_empty() && self.bytes.capacity() + RUN_LEN * self.runs.capacity() > MAX_IDLE_LEN {
            *self = Self::default();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.runs.clear();
        self.others.clear();
        (self.len, self.weight) = (0, 0);
        self.close_ranks();
    }

    /// Takes the place of what was taken.
    fn close_ranks(&mut self) {
        if self.runs.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        } else if self.taken >= COMPACT_LEN && self.taken * 2 >= self.bytes.len() {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let mut start = self.taken;
        if let Some(Run::Small(first)) = self.runs.front() {
            // The path goes ahead of the notes that are left.
            let path = self.first_path..self.first_path + first.path_len();
            start -= first.path_len();
            self.bytes.copy_within(path, start);
            if self.last_path == self.first_path {
                self.last_path = start;
            }
            self.first_path = 0;
        }
        self.bytes.drain(..start);
        self.taken -= start;
        self.last_path = self.last_path.saturating_sub(start); // of no run, if the last is not small
    }
}

fn service_of(received: &Received) -> Option<&[u8]> {
    match received {
        Received::Gap(_) => None,
        Received::Notification(notification) => Some(notification.service().as_bytes()),
    }
}

/// Bytes that say how long a body is.
const LEN_LEN: usize = 2;
/// Memory that an empty one keeps for the next. Chosen to hold what a reader takes along, unless its notes are large.
const MAX_IDLE_LEN: usize = 16 * 1024;
/// Bytes of what is noted of a run.
const RUN_LEN: usize = mem::size_of::<Run>();
/// Below this many bytes, moving the rest down costs more than it gives back.
const COMPACT_LEN: usize = 16 * 1024;

#[cfg(test)]
mod tests;
