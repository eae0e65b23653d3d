//! What waits to be written, who writes it, and who waits for room.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::framing::Framing;
use super::message::Message;
use super::outgoing::Outgoing;
use crate::Failure;
use crate::contenders::{NOTES_WAITING, Outlet};

/// One connection's, under the lock of its owner.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    outgoing: Outgoing,
    /// The writer, while there is nothing to write.
    writer: Option<Waker>,
    /// Who has a note for which there is no room.
    room: Option<Waker>,
    closed: bool,
}

impl Outbox {
    pub(super) fn put(&mut self, framing: Framing, number: u32, message: &Message) -> Option<Waker> {
        self.outgoing.put(framing, number, message);
        self.writer.take()
    }

    /// Nothing more will be put; what is there is written.
    pub(super) fn close(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.closed = true;
        self.writer.take().into_iter().chain(self.room.take())
    }

    /// Swaps everything into `output`, which is empty, once there is something, and says who may be told of the room; `None` at
    /// the end. If the connection is `busy`, wakes itself once before: that puts the writer behind the tasks that are ready to
    /// put more.
    pub(super) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        busy: bool,
        waited: &mut bool,
        output: &mut Outgoing,
    ) -> Poll<Option<Room>> {
        if self.outgoing.frames() == 0 {
            self.writer = Some(cx.waker().clone());
            return if self.closed { Poll::Ready(None) } else { Poll::Pending };
        }
        if busy && !*waited {
            *waited = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        std::mem::swap(&mut self.outgoing, output);
        Poll::Ready(Some(Room(self.room.take())))
    }

    fn poll_put_note(
        &mut self,
        cx: &mut Context<'_>,
        (framing, note): (Framing, &Note),
    ) -> Poll<Result<Option<Waker>, Failure>> {
        if self.closed {
            return Poll::Ready(Err("subscriber left".into()));
        }
        if self.outgoing.frames() >= NOTES_WAITING {
            self.room = Some(cx.waker().clone());
            return Poll::Pending;
        }
        match note {
            Note::Many(frame) => self.outgoing.put_encoded(frame),
            Note::Single(sequence) => self.outgoing.put(framing, 0, &Message::Note(*sequence)),
        }
        Poll::Ready(Ok(self.writer.take()))
    }
}

/// Who waited for the room there is now.
#[derive(Debug)]
pub(super) struct Room(Option<Waker>);

impl Room {
    /// Tells it; not under the lock.
    pub(super) fn tell(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

/// The server's end of a connection: what any task may write to it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    framing: Framing,
    outbox: Arc<Mutex<Outbox>>,
}

impl Session {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, outbox: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the answers that `answer` gives until it gives none, under one lock.
    pub(super) fn put_all(
        &self,
        mut answer: impl FnMut() -> Result<Option<(u32, Message)>, Failure>,
    ) -> Result<(), Failure> {
        let mut outbox = self.lock();
        let mut writer = None;
        let mut result = Ok(());
        loop {
            match answer() {
                Ok(Some((number, message))) => {
                    writer = outbox.put(self.framing, number, &message).or(writer);
                }
                Ok(None) => break,
                Err(failure) => {
                    result = Err(failure);
                    break;
                }
            }
        }
        drop(outbox);
        writer.into_iter().for_each(Waker::wake);
        result
    }

    /// What is to be written next.
    pub(super) async fn take(&self, output: &mut Outgoing) -> bool {
        let mut waited = false;
        poll_fn(|cx| {
            let mut outbox = self.lock();
            let busy = outbox.outgoing.frames() > 1;
            outbox.poll_take(cx, busy, &mut waited, output)
        })
        .await
        .map(Room::tell)
        .is_some()
    }

    pub(super) fn close(&self) {
        let wakers = self.lock().close();
        wakers.for_each(Waker::wake);
    }
}

/// A note: encoded once if it is for many, and where it is sent from if it is not.
#[derive(Debug)]
pub(crate) enum Note {
    Many(Vec<u8>),
    Single(u64),
}

impl Outlet for Session {
    type Note = Note;

    fn encode(&self, sequence: u64, subscribers: usize) -> Note {
        if subscribers == 1 {
            return Note::Single(sequence);
        }
        let mut frame = Outgoing::default();
        frame.put(self.framing, 0, &Message::Note(sequence));
        Note::Many(frame.in_one_piece().unwrap_or_default().to_vec())
    }

    async fn deliver(&self, note: &Note) -> Result<(), Failure> {
        let writer = poll_fn(|cx| self.lock().poll_put_note(cx, (self.framing, note))).await?;
        writer.into_iter().for_each(Waker::wake);
        Ok(())
    }
}
