//! Sending: a stream per lane, opened by the lane's first frame, and streams that lanes of one frame share.
//!
//! Frames wait in the batch, not here. What the batch begins with of lane 0 is written as it lies there; any other stream
//! takes at most a frame of the largest size ahead of what it accepts, so that small frames share one write and a blocked
//! lane holds no more than one large frame.

mod order;
mod shared;
mod stream;

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use linkspan_core::frame::RESET;
use linkspan_core::{Batch, Frame, Lane};
use quinn::{Connection, ConnectionError, SendStream, VarInt, WriteError};

use self::order::Order;
use self::shared::SharedStreams;
use self::stream::{Carries, LaneStream};
use super::signal::{Driver, Signal};

type Opening = Pin<Box<dyn Future<Output = Result<SendStream, ConnectionError>> + Send>>;

/// Every lane this side sends on.
pub(crate) struct SendLanes {
    connection: Connection,
    driver: Driver,
    zero: Option<LaneStream>,
    shared: SharedStreams,
    /// Lanes of more than one frame.
    others: VecDeque<LaneStream>,
    order: Order,
    /// Waits for the peer to allow one more stream.
    opening: Option<Opening>,
    allowed: Signal,
    /// Streams whose last frame was written; kept until acknowledged, so that a close can wait for them.
    finished: VecDeque<(Option<Lane>, SendStream)>,
}

impl SendLanes {
    pub(crate) fn new(connection: Connection) -> Self {
        let driver = Driver::default();
        Self {
            connection,
            zero: None,
            shared: SharedStreams::default(),
            others: VecDeque::new(),
            order: Order::default(),
            opening: None,
            allowed: Signal::new(&driver),
            finished: VecDeque::new(),
            driver,
        }
    }

    pub(crate) fn open_zero(&mut self, stream: SendStream) {
        self.zero = Some(LaneStream::new(Carries::Control, stream, self.order.end(), &self.driver));
    }

    /// Gives up the streams that hold unacknowledged data, for closing: finished lanes', then lane 0's.
    pub(crate) fn end(&mut self) -> (Vec<SendStream>, Option<SendStream>) {
        while self.finish_shared() {}
        let lanes = self.finished.drain(..).map(|(_, stream)| stream).collect();
        (lanes, self.zero.take().map(LaneStream::into_stream))
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
        let flushed = self.streams().all(LaneStream::is_flushed);
        if flushed && batch.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn streams(&self) -> impl Iterator<Item = &LaneStream> {
        self.zero.iter().chain(self.shared.iter()).chain(&self.others)
    }

    /// Bytes taken from batches that no stream has taken yet.
    fn staged(&self) -> usize {
        self.streams().map(LaneStream::staged).sum()
    }

    /// Writes what is staged for streams that called.
    fn write(&mut self) -> Result<(), WriteError> {
        // Whoever is first takes the room that acknowledgements made, so they take turns.
        self.others.rotate_left(1.min(self.others.len()));
        self.write_all()
    }

    fn write_all(&mut self) -> Result<(), WriteError> {
        let streams = self.zero.iter_mut().chain(self.shared.iter_mut()).chain(&mut self.others);
        streams.into_iter().try_for_each(LaneStream::write)
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
        self.write_all()
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

    /// Takes `frame` if a stream has room for it; false leaves it in the batch.
    fn stage(&mut self, frame: Frame<'_>) -> Result<bool, WriteError> {
        let stream = if frame.lane == Lane::ZERO {
            self.zero.as_mut()
        } else if let Some(index) = self.others.iter().position(|open| open.is_of(frame.lane)) {
            self.others.get_mut(index)
        } else if frame.is_last() {
            self.shared_stream()?
        } else {
            self.own_stream(frame.lane)?
        };
        let Some(stream) = stream.filter(|stream| !stream.is_blocked()) else { return Ok(false) };
        stream.stage(frame)?;
        if frame.lane != Lane::ZERO {
            self.order.advance(frame.len());
        }
        Ok(true)
    }

    /// A stream for a lane of one frame; `None` while there is none.
    fn shared_stream(&mut self) -> Result<Option<&mut LaneStream>, WriteError> {
        let place = self.order.end();
        if self.shared.wants_more()
            && let Some(stream) = self.open()?
        {
            self.shared.add(LaneStream::new(Carries::WholeLanes, stream, place, &self.driver));
        }
        Ok(self.shared.next(place))
    }

    /// A stream for the first frame of `lane`; `None` while there is none.
    fn own_stream(&mut self, lane: Lane) -> Result<Option<&mut LaneStream>, WriteError> {
        let Some(stream) = self.open_or_make_way()? else { return Ok(None) };
        self.others.push_back(LaneStream::new(Carries::Lane(lane), stream, self.order.end(), &self.driver));
        Ok(self.others.back_mut())
    }

    /// As [`open`](Self::open), for a lane that must have a stream to itself: the peer may allow no more of them than are
    /// shared.
    fn open_or_make_way(&mut self) -> Result<Option<SendStream>, ConnectionError> {
        let stream = self.open()?;
        if stream.is_none() && self.others.is_empty() {
            self.finish_shared();
        }
        Ok(stream)
    }

    /// Finishes a shared stream; false if none is idle.
    fn finish_shared(&mut self) -> bool {
        let Some(mut stream) = self.shared.take_idle() else { return false };
        let _ = stream.finish();
        self.finished.push_back((None, stream));
        true
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
        let open = self.others.iter().position(|open| open.is_of(lane));
        let finished = self.finished.iter().position(|(finished, _)| *finished == Some(lane));
        let stream = if let Some(open) = open.and_then(|index| self.others.remove(index)) {
            Some(open.into_stream())
        } else if let Some((_, stream)) = finished.and_then(|index| self.finished.remove(index)) {
            Some(stream)
        } else {
            // The peer may wait for a lane it was told of, so it is told even if no frame of it was sent.
            self.open_or_make_way()?
        };
        Ok(stream.map(|mut stream| stream.reset(reset_code(lane))).is_some())
    }

    /// Finishes the streams of lanes whose last frame was written.
    fn retire(&mut self) {
        while let Some(index) = self.others.iter().position(LaneStream::is_done) {
            let Some(done) = self.others.remove(index) else { return };
            let lane = done.lane();
            let mut stream = done.into_stream();
            // Fails only if the peer stopped the stream, and then nothing is left to finish.
            let _ = stream.finish();
            self.finished.push_back((lane, stream));
        }
        self.shared.retire();
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
            .field("open", &self.streams().count())
            .field("staged", &self.staged())
            .finish_non_exhaustive()
    }
}

/// The error code of a reset stream: its lane's number, so that the peer knows the lane even if no frame reached it.
fn reset_code(lane: Lane) -> VarInt {
    VarInt::from_u64(lane.number()).unwrap_or(VarInt::MAX)
}

/// Finished streams remembered for a close; beyond, the oldest is left to quinn, which still delivers it.
const MAX_FINISHED: usize = 128;
