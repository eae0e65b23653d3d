//! The buffers of a client's notifications: bounded, in order, never silent about a loss.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::Caller;
use crate::connection::{Arrivals, Note, NotificationRef, Received, Taken};
use crate::driver::Deliver;
use crate::wire::{Gap, GapReason};
use crate::{CodecIndex, DecodeLimits, Limits, Notification};

/// The buffers of one client: one per subscribed service, and one for the others.
#[repr(C)] // as `Buffer`
pub(crate) struct Buffers {
    map: Mutex<Map>,
    how: How,
}

#[repr(C)]
struct Map {
    /// The one that notifications came for last: most often the next are for it too.
    latest: Option<Subscribed>,
    services: Vec<Subscribed>,
    others: Arc<Buffer>,
    ended: bool,
}

/// The name of a service, and its buffer.
type Subscribed = (&'static str, Arc<Buffer>);

impl Map {
    fn all(&self) -> impl Iterator<Item = &Arc<Buffer>> {
        self.services.iter().map(|(_, buffer)| buffer).chain([&self.others])
    }

    /// The buffer of `service`, and the service's name if it is subscribed.
    fn find(&mut self, service: &[u8]) -> (Option<&'static str>, &Buffer) {
        let is_it = |(name, _): &&Subscribed| name.as_bytes() == service;
        if self.latest.as_ref().filter(is_it).is_none() {
            self.latest = self.services.iter().find(is_it).cloned();
        }
        match &self.latest {
            Some((name, buffer)) => (Some(name), buffer),
            None => (None, &self.others),
        }
    }
}

/// How much one buffer holds, and how what it holds is read.
#[derive(Clone, Copy, Debug)]
#[repr(C)] // as `Buffer`
pub(super) struct How {
    codec: (CodecIndex, &'static str),
    decode_limits: DecodeLimits,
    pub(super) max_messages: usize,
    pub(super) max_bytes: usize,
}

impl Buffers {
    pub(crate) fn new(limits: &Limits, codec: (CodecIndex, &'static str)) -> Self {
        let how = How {
            max_messages: limits.max_event_buffer_messages,
            max_bytes: limits.max_event_buffer_len,
            codec,
            decode_limits: limits.decode_limits(),
        };
        let others = Arc::new(Buffer::new(how));
        let map = Map { services: Vec::new(), latest: None, others, ended: false };
        Self { map: Mutex::new(map), how }
    }

    pub(crate) fn others(&self) -> Arc<Buffer> {
        lock(&self.map).others.clone()
    }

    /// A buffer for `service`, holding what waited unread for it. An earlier one ends.
    pub(crate) fn subscribe(&self, service: &'static str) -> Arc<Buffer> {
        let mut map = lock(&self.map);
        let buffer = Arc::new(Buffer::new(self.how));
        lock(&map.others.waiting).move_to(service, &mut lock(&buffer.waiting));
        let mut wakers = Vec::new();
        if map.ended {
            buffer.end(&mut wakers);
        }
        map.latest = None;
        let known = map.services.iter_mut().find(|(name, _)| *name == service);
        let earlier = match known {
            Some((_, known)) => Some(std::mem::replace(known, buffer.clone())),
            None => {
                map.services.push((service, buffer.clone()));
                None
            }
        };
        drop(map);
        earlier.into_iter().for_each(|earlier| earlier.end(&mut wakers));
        wakers.into_iter().for_each(Waker::wake);
        buffer
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        let mut wakers = Vec::new();
        let mut map = lock(&self.map);
        map.ended = true;
        map.all().for_each(|buffer| buffer.end(&mut wakers));
        drop(map);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Deliver for Buffers {
    fn deliver(&self, received: &mut Arrivals, wakers: &mut Vec<Waker>) -> usize {
        let mut crowd = 0;
        let mut map = lock(&self.map);
        while !received.is_empty() {
            match received.service() {
                Some(service) => {
                    let (name, buffer) = map.find(service);
                    let put = buffer.put(wakers, |waiting| {
                        received.move_run(waiting);
                        while name.is_some() && received.service() == name.map(str::as_bytes) {
                            received.move_run(waiting);
                        }
                    });
                    crowd = crowd.max(put);
                }
                // A gap has no service: every reader is told.
                None => {
                    let count = received.take(|taken| match taken {
                        Taken::Other(Received::Gap(gap)) => Some(gap),
                        Taken::Other(Received::Notification(_)) | Taken::Small(_) => None,
                    });
                    for buffer in map.all() {
                        let gap = count.flatten().map(Received::Gap);
                        buffer.put(wakers, |waiting| gap.into_iter().for_each(|gap| waiting.push(gap)));
                    }
                }
            }
        }
        crowd
    }

    fn crowd(&self) -> usize {
        let map = lock(&self.map);
        map.all().map(|buffer| buffer.crowd(&lock(&buffer.waiting))).max().unwrap_or(0)
    }
}

/// One bounded buffer. Full means that the oldest goes, and a gap stands in its place.
#[repr(C)] // what every read uses lies side by side, as in `Arrivals`
pub(crate) struct Buffer {
    pub(super) how: How,
    /// What its reader took along to read one by one, and has not read: it counts as waiting still.
    lent_messages: AtomicUsize,
    lent_bytes: AtomicUsize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
#[repr(C)]
pub(super) struct Waiting {
    ended: bool,
    /// Dropped before the first that waits.
    dropped: u64,
    wakers: Wakers,
    pub(super) received: Arrivals,
}

impl Waiting {
    fn move_to(&mut self, service: &str, other: &mut Self) {
        let mut kept = Arrivals::default();
        while !self.received.is_empty() {
            let moved = self.received.service() == Some(service.as_bytes());
            let to = if moved { &mut other.received } else { &mut kept };
            self.received.move_first(1, usize::MAX, to);
        }
        self.received = kept;
    }

    fn take_wakers(&mut self, wakers: &mut Vec<Waker>) {
        self.wakers.take(wakers);
    }

    /// What the reader is to be told first.
    pub(super) fn take_gap(&mut self) -> Option<Gap> {
        let count = std::mem::take(&mut self.dropped);
        (count > 0).then(|| Gap::new(count, GapReason::EventBufferFull))
    }
}

/// Who waits: at most one task per reader. The first reader, mostly the only one, has a place that is not apart.
#[derive(Default)]
struct Wakers {
    first: Option<Option<Waker>>,
    others: Option<Box<Slab<Option<Waker>>>>,
}

/// The place of a reader, unless it is the first.
type Key = Option<usize>;

impl Wakers {
    /// A place for one more reader.
    fn insert(&mut self) -> Key {
        match self.first {
            None => {
                self.first = Some(None);
                None
            }
            Some(_) => Some(self.others.get_or_insert_default().insert(None)),
        }
    }

    /// Gives a place up. Returns who waited there.
    fn remove(&mut self, key: Key) -> Option<Waker> {
        match key {
            None => self.first.take().flatten(),
            Some(key) => self.others.as_mut().and_then(|others| others.try_remove(key)).flatten(),
        }
    }

    fn have_readers(&self) -> bool {
        self.first.is_some() || self.others.as_ref().is_some_and(|others| !others.is_empty())
    }

    /// Wakes whoever waits with `key` when something comes. Returns a waker to drop outside the lock: it may be the last
    /// handle of a task.
    fn wait(&mut self, key: Key, waker: &Waker) -> Option<Waker> {
        let place = match key {
            None => self.first.as_mut()?,
            Some(key) => self.others.as_mut()?.get_mut(key)?,
        };
        match place {
            Some(known) if known.will_wake(waker) => None,
            _ => place.replace(waker.clone()),
        }
    }

    fn take(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.first.as_mut().and_then(Option::take));
        if let Some(others) = &mut self.others {
            wakers.extend(others.iter_mut().filter_map(|(_, waker)| waker.take()));
        }
    }
}

impl Buffer {
    fn new(how: How) -> Self {
        Self {
            how,
            lent_messages: AtomicUsize::new(0),
            lent_bytes: AtomicUsize::new(0),
            waiting: Mutex::default(),
        }
    }

    /// Has `put` append something, and drops the oldest beyond the bounds; the last stays however large it is. Adds whom
    /// to wake to `wakers`. Returns the [`crowd`](Self::crowd).
    fn put(&self, wakers: &mut Vec<Waker>, put: impl FnOnce(&mut Arrivals)) -> usize {
        let mut waiting = lock(&self.waiting);
        if waiting.ended {
            put(&mut Arrivals::default());
            return 0;
        }
        put(&mut waiting.received);
        let max_messages = self.how.max_messages.saturating_sub(self.lent_messages.load(Relaxed));
        let max_bytes = self.how.max_bytes.saturating_sub(self.lent_bytes.load(Relaxed));
        while waiting.received.len() > 1
            && (waiting.received.len() > max_messages || waiting.received.weight() > max_bytes)
        {
            waiting.dropped += waiting.received.drop_first();
        }
        waiting.take_wakers(wakers);
        self.crowd(&waiting)
    }

    /// How many wait, if that is more than half of what may, and somebody reads them.
    fn crowd(&self, waiting: &Waiting) -> usize {
        let (messages, bytes) = (waiting.received.len(), waiting.received.weight());
        let half_full = messages > self.how.max_messages / 2 || bytes > self.how.max_bytes / 2;
        if half_full && waiting.wakers.have_readers() { messages } else { 0 }
    }

    /// Notes what its reader took along.
    pub(super) fn lend(&self, piece: &Arrivals) {
        self.lent_messages.store(piece.len(), Relaxed);
        self.lent_bytes.store(piece.weight(), Relaxed);
    }

    /// A small notification, as the application sees it.
    pub(super) fn view<'a>(&self, note: Note<'a>) -> NotificationRef<'a> {
        NotificationRef::new(note, self.how.codec, self.how.decode_limits)
    }

    /// Any other.
    pub(super) fn complete(&self, mut notification: Notification) -> Notification {
        notification.set_connection(self.how.codec.1, self.how.decode_limits);
        notification
    }

    /// Nothing more will come. Adds whom to wake to `wakers`.
    fn end(&self, wakers: &mut Vec<Waker>) {
        let mut waiting = lock(&self.waiting);
        waiting.ended = true;
        waiting.take_wakers(wakers);
    }
}

/// One that reads a buffer.
pub(super) struct Reader {
    pub(super) buffer: Arc<Buffer>,
    key: Key,
    /// Reading keeps the connection open.
    pub(super) caller: Caller,
}

impl Reader {
    pub(super) fn new(buffer: Arc<Buffer>, caller: Caller) -> Self {
        let key = lock(&buffer.waiting).wakers.insert();
        Self { buffer, key, caller }
    }

    /// Takes what `take` finds; `None` once there is nothing and never will be.
    pub(super) fn poll_take<R>(
        &self,
        cx: &Context<'_>,
        take: impl FnOnce(&mut Waiting) -> Option<R>,
    ) -> Poll<Option<R>> {
        let mut waiting = lock(&self.buffer.waiting);
        if let Some(taken) = take(&mut waiting) {
            return Poll::Ready(Some(taken));
        }
        if waiting.ended {
            return Poll::Ready(None);
        }
        let displaced = waiting.wakers.wait(self.key, cx.waker());
        drop(waiting);
        drop(displaced);
        Poll::Pending
    }
}

impl Clone for Reader {
    fn clone(&self) -> Self {
        Self::new(self.buffer.clone(), self.caller.clone())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let waker = lock(&self.buffer.waiting).wakers.remove(self.key);
        drop(waker);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
