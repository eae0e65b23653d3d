//! One direction of a link: frames that were sent and not yet received, bounded in bytes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use linkspan_core::{Batch, Error, Frame, Inbox, Lane};

use crate::Chaos;
use crate::chaos::Scrambler;

/// A bounded queue of frames between one writer and one reader.
#[derive(Debug)]
pub(crate) struct Queue {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    store: Store,
    phase: Phase,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Open,
    /// The writer ended in order; what is stored is still read.
    Ended,
    /// One side is gone; what is stored, if anything, is still read.
    Lost(&'static str),
}

/// Where the frames wait.
#[derive(Debug)]
enum Store {
    Chaotic(Box<Scrambler>),
    Plain(BytesMut),
}

/// What a store gives to one read.
#[derive(Debug)]
pub(crate) enum Pull {
    /// The link is cut here.
    Cut,
    /// Whole frames, one behind the other.
    Frames(Bytes),
    /// Something waits, but not for this read.
    Later,
    /// Nothing waits.
    Nothing,
}

impl Queue {
    pub(crate) fn new(capacity: usize, chaos: Option<Chaos>) -> Self {
        let store = match chaos {
            Some(chaos) => Store::Chaotic(Box::new(Scrambler::new(chaos))),
            None => Store::Plain(BytesMut::new()),
        };
        let state = State { store, phase: Phase::Open, reader: None, writer: None };
        Self { capacity, state: Mutex::new(state) }
    }

    /// Takes frames of `batch` while there is room; ready once it is empty.
    pub(crate) fn poll_send(&self, cx: &Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        let mut state = self.lock();
        match state.phase {
            Phase::Open => {}
            _ if batch.is_empty() => return Poll::Ready(Ok(())),
            Phase::Ended => return Poll::Ready(Err(Error::closed("frames sent after the end"))),
            Phase::Lost(why) => return Poll::Ready(Err(Error::closed(why))),
        }
        if batch.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let is_full = state.store.len() >= self.capacity.max(1) || state.fill(batch, self.capacity);
        let sent = if batch.is_empty() {
            Poll::Ready(Ok(()))
        } else {
            if is_full {
                state.writer = Some(cx.waker().clone());
            } else {
                cx.waker().wake_by_ref(); // a lane was held back: by chaos, not for want of room
            }
            Poll::Pending
        };
        if state.store.len() > 0 {
            wake(state, |state| state.reader.take());
        }
        sent
    }

    /// Replaces `inbox` by what waits; false is the writer's end.
    pub(crate) fn poll_recv(&self, cx: &Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        inbox.clear(); // its chunk pins the buffer that frames are put into next
        let mut state = self.lock();
        match state.store.pull()? {
            Pull::Cut => {
                drop(state);
                self.cut();
                Poll::Ready(Err(Error::closed(CUT)))
            }
            Pull::Frames(frames) => {
                wake(state, |state| state.writer.take());
                inbox.fill_from_message(frames)?;
                Poll::Ready(Ok(true))
            }
            Pull::Later => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Pull::Nothing => match state.phase {
                Phase::Open => {
                    state.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
                Phase::Ended => Poll::Ready(Ok(false)),
                Phase::Lost(why) => Poll::Ready(Err(Error::closed(why))),
            },
        }
    }

    /// The writer ends in order.
    pub(crate) fn end(&self) -> Result<(), Error> {
        let mut state = self.lock();
        match state.phase {
            Phase::Open => state.phase = Phase::Ended,
            Phase::Ended => {}
            Phase::Lost(why) => return Err(Error::closed(why)),
        }
        wake(state, |state| state.reader.take());
        Ok(())
    }

    /// The writer was dropped; without an end before, its frames are followed by an error.
    pub(crate) fn writer_left(&self) {
        let mut state = self.lock();
        if let Phase::Open = state.phase {
            state.phase = Phase::Lost(VANISHED);
        }
        wake(state, |state| state.reader.take());
    }

    /// The reader was dropped: nobody will take what waits.
    pub(crate) fn reader_left(&self) {
        self.fail(VANISHED);
    }

    /// The link failed: both sides get an error now, and what waits is lost.
    pub(crate) fn cut(&self) {
        self.fail(CUT);
    }

    fn fail(&self, why: &'static str) {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Lost(_)) {
            state.phase = Phase::Lost(why);
        }
        state.store = Store::Plain(BytesMut::new());
        let writer = state.writer.take();
        wake(state, |state| state.reader.take());
        writer.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // no update can stop half-way
    }
}

/// Wakes one side after the lock is released, so that it does not wake up only to wait for it.
fn wake(mut state: MutexGuard<'_, State>, side: impl FnOnce(&mut State) -> Option<Waker>) {
    let waker = side(&mut state);
    drop(state);
    waker.into_iter().for_each(Waker::wake);
}

impl State {
    /// Takes what has room; true if room ran out.
    fn fill(&mut self, batch: &mut Batch, capacity: usize) -> bool {
        let mut is_full = false;
        let mut held: Vec<Lane> = Vec::new();
        batch.take_frames(|frame| {
            let stored = self.store.len();
            is_full = is_full || (stored > 0 && stored + frame.len() > capacity);
            if is_full || held.contains(&frame.lane) {
                return false;
            }
            if self.store.holds_back(frame.lane) {
                held.push(frame.lane);
                return false;
            }
            self.store.push(&frame);
            true
        });
        is_full
    }
}

impl Store {
    fn len(&self) -> usize {
        match self {
            Self::Chaotic(scrambler) => scrambler.len(),
            Self::Plain(bytes) => bytes.len(),
        }
    }

    /// True if `lane` is blocked for now, as a stream without credit is.
    fn holds_back(&mut self, lane: Lane) -> bool {
        match self {
            Self::Chaotic(scrambler) => scrambler.holds_back(lane),
            Self::Plain(_) => false,
        }
    }

    fn push(&mut self, frame: &Frame<'_>) {
        match self {
            Self::Chaotic(scrambler) => scrambler.push(frame),
            Self::Plain(bytes) => {
                bytes.extend_from_slice(frame.head);
                bytes.extend_from_slice(frame.body.map_or(&[], |body| body));
            }
        }
    }

    fn pull(&mut self) -> Result<Pull, Error> {
        match self {
            Self::Chaotic(scrambler) => scrambler.pull(),
            Self::Plain(bytes) if bytes.is_empty() => {
                if bytes.capacity() > MAX_IDLE_LEN {
                    *bytes = BytesMut::new();
                }
                Ok(Pull::Nothing)
            }
            Self::Plain(bytes) => Ok(Pull::Frames(bytes.split().freeze())),
        }
    }
}

const CUT: &str = "link was cut";
const VANISHED: &str = "peer vanished";

/// Bytes of buffer an idle direction keeps: enough for a burst of small frames.
const MAX_IDLE_LEN: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_direction_holds_no_large_buffer() {
        let mut store = Store::Plain(BytesMut::new());
        for len in [60_000, 100] {
            let frame = Frame { lane: Lane::ZERO, flags: 0, head: &vec![0; len], body: None };
            store.push(&frame);
            assert!(matches!(store.pull(), Ok(Pull::Frames(bytes)) if bytes.len() == len));
            assert!(matches!(store.pull(), Ok(Pull::Nothing)));
            let Store::Plain(bytes) = &mut store else { panic!("it was plain") };
            assert!(bytes.capacity() <= MAX_IDLE_LEN);
        }
    }
}
