//! Sending: one stream per lane, opened by the lane's first frame.
//!
//! Frames wait in the batch, not here. What the batch begins with of lane 0 is written as it lies there; any other lane
//! takes at most [`STAGE_LEN`] ahead of what its stream accepts, so that small frames share one write and a blocked lane
//! holds no more than one large frame.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use linkspan_core::frame::{RESET, frame_len};
use linkspan_core::{Batch, Frame, Lane};
use quinn::{Connection, ConnectionError, SendStream, VarInt, WriteError};

use super::signal::{Driver, Signal};

type Opening = Pin<Box<dyn Future<Output = Result<SendStream, ConnectionError>> + Send>>;

/// Every lane this side sends on.
pub(crate) struct SendLanes {
    connection: Connection,
    driver: Driver,
    zero: Option<SendLane>,
    others: VecDeque<SendLane>,
    /// Waits for the peer to allow one more stream.
    opening: Option<Opening>,
    allowed: Signal,
    /// Streams whose last frame was written; kept until acknowledged, so that a close can wait for them.
    finished: VecDeque<(Lane, SendStream)>,
}

impl SendLanes {
    pub(crate) fn new(connection: Connection) -> Self {
        let driver = Driver::default();
        Self {
            connection,
            zero: None,
            others: VecDeque::new(),
            opening: None,
            allowed: Signal::new(&driver),
            finished: VecDeque::new(),
            driver,
        }
    }

    pub(crate) fn open_zero(&mut self, stream: SendStream) {
        // Control goes first: a close or a cancel must not wait behind bodies. Fails only if the stream is gone.
        let _ = stream.set_priority(1);
        self.zero = Some(SendLane::new(Lane::ZERO, stream, &self.driver));
    }

    /// Gives up the streams that hold unacknowledged data, for closing: finished lanes', then lane 0's.
    pub(crate) fn end(&mut self) -> (Vec<SendStream>, Option<SendStream>) {
        let lanes = self.finished.drain(..).map(|(_, stream)| stream).collect();
        (lanes, self.zero.take().map(|zero| zero.stream))
    }

    /// As [`Pipe::poll_send`](linkspan_core::Pipe::poll_send).
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut Batch,
    ) -> Poll<Result<(), WriteError>> {
        self.driver.register(cx);
        let staged = self.staged();
        if let Err(error) = self.write() {
            return Poll::Ready(Err(error));
        }
        if self.staged() < staged {
            batch.progressed();
        }
        if let Err(error) = self.take(batch) {
            return Poll::Ready(Err(error));
        }
        self.retire();
        let flushed = self.lanes().all(SendLane::is_flushed);
        if flushed && batch.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn lanes(&self) -> impl Iterator<Item = &SendLane> {
        self.zero.iter().chain(&self.others)
    }

    /// Bytes taken from batches that no stream has taken yet.
    fn staged(&self) -> usize {
        self.lanes().map(|lane| lane.staged).sum()
    }

    /// Writes what is staged of lanes whose streams called.
    fn write(&mut self) -> Result<(), WriteError> {
        // Whoever is first takes the room that acknowledgements made, so they take turns.
        self.others.rotate_left(1.min(self.others.len()));
        self.zero.iter_mut().chain(&mut self.others).try_for_each(SendLane::write)
    }

    /// Takes from `batch` the frames of lanes that have room.
    fn take(&mut self, batch: &mut Batch) -> Result<(), WriteError> {
        if let Some(zero) = &mut self.zero {
            zero.write_front(batch)?;
            if zero.is_blocked() && batch.front().len() == batch.len() {
                return Ok(());
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.take_frames(batch)?;
        self.zero.iter_mut().chain(&mut self.others).try_for_each(SendLane::write)
    }

    fn take_frames(&mut self, batch: &mut Batch) -> Result<(), WriteError> {
        let mut failure = None;
        let mut abandoned = Vec::new();
        // A stream may find room at any moment: what comes behind a frame that was left must not overtake it then.
        let mut left = Vec::new();
        batch.take_frames(|frame| {
            if failure.is_some() {
                return false;
            }
            let taken = if frame.flags & RESET != 0 && frame.lane != Lane::ZERO {
                abandoned.push(frame.lane);
                self.reset(frame.lane)
            } else if left.contains(&frame.lane) {
                Ok(false)
            } else {
                self.stage(frame)
            };
            let taken = taken.unwrap_or_else(|error| {
                failure = Some(error);
                false
            });
            if !taken && !left.contains(&frame.lane) {
                left.push(frame.lane);
            }
            taken
        });
        if abandoned.iter().any(|&lane| batch.has_lane(lane)) {
            batch.take_frames(|frame| frame.flags & RESET == 0 && abandoned.contains(&frame.lane));
        }
        failure.map_or(Ok(()), Err)
    }

    /// Takes `frame` if its lane has room; false leaves it in the batch.
    fn stage(&mut self, frame: Frame<'_>) -> Result<bool, WriteError> {
        match self.lane(frame.lane)? {
            Some(lane) if !lane.is_blocked() => lane.stage(frame).map(|()| true),
            _ => Ok(false),
        }
    }

    /// The lane, opened if need be; `None` while it cannot be.
    fn lane(&mut self, lane: Lane) -> Result<Option<&mut SendLane>, WriteError> {
        if lane == Lane::ZERO {
            return Ok(self.zero.as_mut());
        }
        if let Some(index) = self.others.iter().position(|open| open.lane == lane) {
            return Ok(self.others.get_mut(index));
        }
        Ok(match self.open()? {
            Some(stream) => {
                self.others.push_back(SendLane::new(lane, stream, &self.driver));
                self.others.back_mut()
            }
            None => None,
        })
    }

    fn open(&mut self) -> Result<Option<SendStream>, ConnectionError> {
        if self.opening.is_none() {
            let mut nobody = Context::from_waker(Waker::noop());
            if let Poll::Ready(opened) = pin!(self.connection.open_uni()).poll(&mut nobody) {
                return opened.map(Some);
            }
            let connection = self.connection.clone();
            self.opening = Some(Box::pin(async move { connection.open_uni().await }));
            self.allowed.raise();
        }
        if let Some(opening) = &mut self.opening
            && self.allowed.is_raised()
            && let Poll::Ready(opened) = opening.as_mut().poll(&mut self.allowed.lower())
        {
            self.opening = None;
            return opened.map(Some);
        }
        Ok(None)
    }

    /// Abandons `lane` and drops what is staged of it; false if the peer cannot be told yet.
    fn reset(&mut self, lane: Lane) -> Result<bool, WriteError> {
        let open = self.others.iter().position(|open| open.lane == lane);
        let finished = self.finished.iter().position(|(finished, _)| *finished == lane);
        let stream = if let Some(open) = open.and_then(|index| self.others.remove(index)) {
            Some(open.stream)
        } else if let Some((_, stream)) = finished.and_then(|index| self.finished.remove(index)) {
            Some(stream)
        } else {
            // The peer may wait for a lane it was told of, so it is told even if no frame of it was sent.
            self.open()?
        };
        Ok(stream.map(|mut stream| stream.reset(reset_code(lane))).is_some())
    }

    /// Finishes the streams of lanes whose last frame was written.
    fn retire(&mut self) {
        while let Some(index) = self.others.iter().position(SendLane::is_done) {
            let Some(mut lane) = self.others.remove(index) else { return };
            // Fails only if the peer stopped the stream, and then nothing is left to finish.
            let _ = lane.stream.finish();
            self.finished.push_back((lane.lane, lane.stream));
        }
        // A stream that quinn no longer knows is acknowledged.
        while self.finished.front().is_some_and(|(_, stream)| stream.priority().is_err())
            || self.finished.len() > MAX_FINISHED
        {
            self.finished.pop_front();
        }
    }
}

impl fmt::Debug for SendLanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendLanes")
            .field("open", &self.lanes().count())
            .field("staged", &self.staged())
            .finish_non_exhaustive()
    }
}

/// One lane and its stream.
struct SendLane {
    lane: Lane,
    stream: SendStream,
    /// Lowered while the stream takes nothing more.
    room: Signal,
    /// Taken from the batch, not yet accepted by the stream: whole pieces, then the one that still grows.
    pieces: VecDeque<Bytes>,
    growing: BytesMut,
    staged: usize,
    /// The peer wants no more of this lane: its frames are dropped.
    unwanted: bool,
    last: bool,
}

impl SendLane {
    fn new(lane: Lane, stream: SendStream, driver: &Driver) -> Self {
        Self {
            lane,
            stream,
            room: Signal::new(driver),
            pieces: VecDeque::new(),
            growing: BytesMut::new(),
            staged: 0,
            unwanted: false,
            last: false,
        }
    }

    fn is_blocked(&self) -> bool {
        !self.room.is_raised()
    }

    fn is_flushed(&self) -> bool {
        self.staged == 0
    }

    fn is_done(&self) -> bool {
        self.last && self.is_flushed()
    }

    /// Writes what `batch` begins with of lane 0, if this is it: as it lies there, in one copy.
    fn write_front(&mut self, batch: &mut Batch) -> Result<(), WriteError> {
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

    fn stage(&mut self, frame: Frame<'_>) -> Result<(), WriteError> {
        self.last |= frame.is_last() && self.lane != Lane::ZERO;
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
    fn write(&mut self) -> Result<(), WriteError> {
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
                }
                Err(WriteError::Stopped(_)) if self.lane != Lane::ZERO => {
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

/// The error code of a reset stream: its lane's number, so that the peer knows the lane even if no frame reached it.
fn reset_code(lane: Lane) -> VarInt {
    VarInt::from_u64(lane.number()).unwrap_or(VarInt::MAX)
}

/// Bytes a lane may hold beyond what its stream accepted: one frame of the largest size.
const STAGE_LEN: usize = linkspan_core::frame::MAX_FRAME_LEN;
/// Finished streams remembered for a close; beyond, the oldest is left to quinn, which still delivers it.
const MAX_FINISHED: usize = 128;
