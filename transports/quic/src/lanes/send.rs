//! Sending: one stream per lane, opened by the lane's first frame.
//!
//! Frames wait in the batch, not here: a lane takes at most [`STAGE_LEN`] ahead of what its stream accepts, so that
//! small frames share one write and a blocked lane holds no more than one large frame.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use linkspan_core::frame::RESET;
use linkspan_core::{Batch, Frame, Lane};
use quinn::{Connection, ConnectionError, SendStream, VarInt, WriteError};

type Opening = Pin<Box<dyn Future<Output = Result<SendStream, ConnectionError>> + Send>>;

/// Every lane this side sends on.
pub(crate) struct SendLanes {
    connection: Connection,
    zero: Option<SendLane>,
    others: VecDeque<SendLane>,
    /// Waits for the peer to allow one more stream.
    opening: Option<Opening>,
    /// Streams whose last frame was written; kept until acknowledged, so that a close can wait for them.
    finished: VecDeque<(Lane, SendStream)>,
}

impl SendLanes {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, zero: None, others: VecDeque::new(), opening: None, finished: VecDeque::new() }
    }

    pub(crate) fn open_zero(&mut self, stream: SendStream) {
        // Control goes first: a close or a cancel must not wait behind bodies. Fails only if the stream is gone.
        let _ = stream.set_priority(1);
        self.zero = Some(SendLane::new(Lane::ZERO, stream));
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
        self.unblock();
        let staged = self.staged();
        if let Err(error) = self.write(cx) {
            return Poll::Ready(Err(error));
        }
        if self.staged() < staged {
            batch.progressed();
        }
        if let Err(error) = self.take(cx, batch).and_then(|()| self.write(cx)) {
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

    fn unblock(&mut self) {
        // Whoever is first takes the room that acknowledgements made, so they take turns.
        self.others.rotate_left(1.min(self.others.len()));
        for lane in self.zero.iter_mut().chain(&mut self.others) {
            lane.blocked = false;
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), WriteError> {
        self.zero.iter_mut().chain(&mut self.others).try_for_each(|lane| lane.write(cx))
    }

    /// Takes from `batch` the frames of lanes that have room.
    fn take(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Result<(), WriteError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut failure = None;
        let mut abandoned = Vec::new();
        batch.take_frames(|frame| {
            if failure.is_some() {
                return false;
            }
            let taken = if frame.flags & RESET != 0 && frame.lane != Lane::ZERO {
                abandoned.push(frame.lane);
                self.reset(cx, frame.lane)
            } else {
                self.stage(cx, frame)
            };
            taken.unwrap_or_else(|error| {
                failure = Some(error);
                false
            })
        });
        if abandoned.iter().any(|&lane| batch.has_lane(lane)) {
            batch.take_frames(|frame| frame.flags & RESET == 0 && abandoned.contains(&frame.lane));
        }
        failure.map_or(Ok(()), Err)
    }

    /// Takes `frame` if its lane has room; false leaves it in the batch.
    fn stage(&mut self, cx: &mut Context<'_>, frame: Frame<'_>) -> Result<bool, WriteError> {
        match self.lane(cx, frame.lane)? {
            Some(lane) if !lane.blocked => lane.stage(cx, frame).map(|()| true),
            _ => Ok(false),
        }
    }

    /// The lane, opened if need be; `None` while it cannot be.
    fn lane(&mut self, cx: &mut Context<'_>, lane: Lane) -> Result<Option<&mut SendLane>, WriteError> {
        if lane == Lane::ZERO {
            return Ok(self.zero.as_mut());
        }
        if let Some(index) = self.others.iter().position(|open| open.lane == lane) {
            return Ok(self.others.get_mut(index));
        }
        Ok(match self.open(cx)? {
            Some(stream) => {
                self.others.push_back(SendLane::new(lane, stream));
                self.others.back_mut()
            }
            None => None,
        })
    }

    fn open(&mut self, cx: &mut Context<'_>) -> Result<Option<SendStream>, ConnectionError> {
        if self.opening.is_none()
            && let Poll::Ready(opened) = pin!(self.connection.open_uni()).poll(cx)
        {
            return opened.map(Some);
        }
        let connection = &self.connection;
        let opening = self.opening.get_or_insert_with(|| {
            let connection = connection.clone();
            Box::pin(async move { connection.open_uni().await })
        });
        match opening.as_mut().poll(cx) {
            Poll::Ready(opened) => {
                self.opening = None;
                opened.map(Some)
            }
            Poll::Pending => Ok(None),
        }
    }

    /// Abandons `lane` and drops what is staged of it; false if the peer cannot be told yet.
    fn reset(&mut self, cx: &mut Context<'_>, lane: Lane) -> Result<bool, WriteError> {
        let open = self.others.iter().position(|open| open.lane == lane);
        let finished = self.finished.iter().position(|(finished, _)| *finished == lane);
        let stream = if let Some(open) = open.and_then(|index| self.others.remove(index)) {
            Some(open.stream)
        } else if let Some((_, stream)) = finished.and_then(|index| self.finished.remove(index)) {
            Some(stream)
        } else {
            // The peer may wait for a lane it was told of, so it is told even if no frame of it was sent.
            self.open(cx)?
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
    /// Taken from the batch, not yet accepted by the stream: whole pieces, then the one that still grows.
    pieces: VecDeque<Bytes>,
    growing: BytesMut,
    staged: usize,
    /// The stream takes nothing more for now, and wakes us when it does.
    blocked: bool,
    /// The peer wants no more of this lane: its frames are dropped.
    unwanted: bool,
    last: bool,
}

impl SendLane {
    fn new(lane: Lane, stream: SendStream) -> Self {
        Self {
            lane,
            stream,
            pieces: VecDeque::new(),
            growing: BytesMut::new(),
            staged: 0,
            blocked: false,
            unwanted: false,
            last: false,
        }
    }

    fn is_flushed(&self) -> bool {
        self.staged == 0
    }

    fn is_done(&self) -> bool {
        self.last && self.is_flushed()
    }

    fn stage(&mut self, cx: &mut Context<'_>, frame: Frame<'_>) -> Result<(), WriteError> {
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
        if self.staged >= STAGE_LEN { self.write(cx) } else { Ok(()) }
    }

    fn seal(&mut self) {
        if !self.growing.is_empty() {
            self.pieces.push_back(self.growing.split().freeze());
        }
    }

    /// Writes what is staged, until done or blocked.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), WriteError> {
        self.seal();
        while !self.pieces.is_empty() && !self.blocked {
            let written = pin!(self.stream.write_chunks(self.pieces.make_contiguous())).poll(cx);
            match written {
                Poll::Pending => self.blocked = true,
                Poll::Ready(Ok(written)) => {
                    self.pieces.drain(..written.chunks);
                    self.staged -= written.bytes;
                }
                Poll::Ready(Err(WriteError::Stopped(_))) if self.lane != Lane::ZERO => {
                    self.unwanted = true;
                    self.pieces.clear();
                    self.staged = 0;
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        if self.is_flushed() {
            // An idle lane holds no buffer.
            self.growing = BytesMut::new();
        }
        Ok(())
    }
}

/// The error code of a reset stream: its lane's number, so that the peer knows the lane even if no frame reached it.
fn reset_code(lane: Lane) -> VarInt {
    VarInt::from_u64(lane.number()).unwrap_or(VarInt::MAX)
}

/// Bytes a lane may hold beyond what its stream accepted: one frame of the largest size.
const STAGE_LEN: usize = linkspan_core::frame::MAX_FRAME_LEN;
/// Finished streams remembered for a close; beyond, the oldest is left to quinn, which still delivers it.
const MAX_FINISHED: usize = 128;
