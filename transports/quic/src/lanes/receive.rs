//! Receiving: every open stream that has something to say in turn, a read each.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use linkspan_core::frame::{LAST, frame_lane, reset_frame};
use linkspan_core::{Error, FrameReader, Inbox, Lane};
use quinn::{Connection, ConnectionError, ReadError, RecvStream, VarInt};
use tokio_util::sync::ReusableBoxFuture;

use super::signal::{Driver, Signal};
use crate::failure;

/// Every lane the peer sends on. Their number is bounded by the streams QUIC lets the peer open.
pub(crate) struct ReceiveLanes {
    connection: Connection,
    driver: Driver,
    accepting: ReusableBoxFuture<'static, Result<RecvStream, ConnectionError>>,
    knocked: Signal,
    lanes: VecDeque<ReceiveLane>,
    /// Why no more will come, once that is known: what came before is still read.
    ending: Option<Ending>,
    ended: bool,
}

#[derive(Clone)]
enum Ending {
    /// The connection is closed or lost.
    Connection(ConnectionError),
    /// The peer finished lane 0, after everything else was acknowledged.
    LaneZero,
}

impl ReceiveLanes {
    pub(crate) fn new(connection: Connection) -> Self {
        let driver = Driver::default();
        Self {
            accepting: ReusableBoxFuture::new(accept(connection.clone())),
            knocked: Signal::new(&driver),
            connection,
            driver,
            lanes: VecDeque::new(),
            ending: None,
            ended: false,
        }
    }

    pub(crate) fn open_zero(&mut self, stream: RecvStream) {
        self.open(stream, true);
    }

    fn open(&mut self, stream: RecvStream, zero: bool) {
        self.lanes.push_back(ReceiveLane::new(stream, zero, Signal::new(&self.driver)));
    }

    /// True once the peer's end was reported.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// As [`Pipe::poll_recv`](linkspan_core::Pipe::poll_recv).
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        self.driver.register(cx);
        if let Some(lane) = self.lanes.back_mut() {
            lane.reader.accept(inbox); // what was lent is for the one that was read last
        }
        while !self.ended {
            let known = self.ending.is_some();
            self.poll_accept();
            match self.poll_lanes(inbox) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(true)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {}
            }
            match &self.ending {
                None => return Poll::Pending,
                // The end may have become known after some lanes were polled: they are asked once more.
                Some(_) if !known => self.ask_all(),
                Some(_) => self.ended = true,
            }
        }
        self.lanes.clear();
        inbox.clear();
        match &self.ending {
            Some(Ending::Connection(error)) => {
                Poll::Ready(failure::lost(error, self.connection.side()).map_or(Ok(false), Err))
            }
            _ => Poll::Ready(Ok(false)),
        }
    }

    fn ask_all(&self) {
        self.knocked.raise();
        self.lanes.iter().for_each(|lane| lane.signal.raise());
    }

    fn poll_accept(&mut self) {
        while self.knocked.is_raised() && !matches!(self.ending, Some(Ending::Connection(_))) {
            match self.accepting.poll(&mut self.knocked.lower()) {
                Poll::Pending => return,
                Poll::Ready(Ok(stream)) => {
                    self.knocked.raise();
                    self.accepting.set(accept(self.connection.clone()));
                    self.open(stream, false);
                }
                Poll::Ready(Err(error)) => self.ending = Some(Ending::Connection(error)),
            }
        }
    }

    /// Polls each lane that called once, in turn, until one yields frames.
    fn poll_lanes(&mut self, inbox: &mut Inbox) -> Poll<Result<(), Error>> {
        inbox.clear(); // its chunk pins the buffer that is read into next
        for _ in 0..self.lanes.len() {
            if self.lanes.front().is_some_and(|lane| !lane.signal.is_raised()) {
                self.lanes.rotate_left(1);
                continue;
            }
            let Some(mut lane) = self.lanes.pop_front() else { break };
            let read = match lane.poll_frames(inbox) {
                Poll::Pending => {
                    self.lanes.push_back(lane);
                    continue;
                }
                Poll::Ready(read) => read?,
            };
            match read {
                Read::Frames => {
                    self.lanes.push_back(lane);
                    return Poll::Ready(Ok(()));
                }
                Read::Reset(number) => {
                    inbox.fill_from_message(Bytes::from(reset_frame(number)))?;
                    return Poll::Ready(Ok(()));
                }
                Read::Lost(error) => self.ending = Some(Ending::Connection(error)),
                Read::End if lane.zero => {
                    self.ending.get_or_insert(Ending::LaneZero);
                }
                Read::End => {}
            }
        }
        Poll::Pending
    }
}

impl fmt::Debug for ReceiveLanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiveLanes").field("open", &self.lanes.len()).finish_non_exhaustive()
    }
}

async fn accept(connection: Connection) -> Result<RecvStream, ConnectionError> {
    connection.accept_uni().await
}

/// What a lane's stream gave.
enum Read {
    End,
    Frames,
    Lost(ConnectionError),
    Reset(Lane),
}

/// One stream of the peer, and the lane that its frames name, until one is the last of it.
struct ReceiveLane {
    stream: RecvStream,
    signal: Signal,
    zero: bool,
    lane: Option<Lane>,
    reader: FrameReader,
    /// The lane's last frame was read: the stream may end, or carry the next lane.
    last: bool,
}

impl ReceiveLane {
    fn new(stream: RecvStream, zero: bool, signal: Signal) -> Self {
        let lane = zero.then_some(Lane::ZERO);
        Self { stream, signal, zero, lane, reader: FrameReader::new(), last: false }
    }

    fn poll_frames(&mut self, inbox: &mut Inbox) -> Poll<Result<Read, Error>> {
        loop {
            let read = self.reader.poll_read(&mut self.signal.lower(), Pin::new(&mut self.stream));
            if read.is_ready() {
                self.signal.raise(); // more may be there, and nobody says so
            }
            match ready!(read) {
                Ok(0) => return Poll::Ready(self.end()),
                Ok(_) => {}
                Err(error) => {
                    let error = error.into_inner().and_then(|error| error.downcast::<ReadError>().ok());
                    return Poll::Ready(self.fail(error.map(|error| *error)));
                }
            }
            if self.reader.fill(inbox)? {
                inbox.landed().try_for_each(|landed| self.check(landed.lane, landed.last))?;
                for frame in inbox.frames() {
                    self.check(frame_lane(frame)?, frame.get(3).is_some_and(|flags| flags & LAST != 0))?;
                }
                return Poll::Ready(Ok(Read::Frames));
            }
        }
    }

    /// Checks that a frame of `lane` may come on this stream.
    fn check(&mut self, lane: Lane, last: bool) -> Result<(), Error> {
        if lane == Lane::ZERO && !self.zero {
            return Err(Error::protocol("a frame of lane 0 came on a stream of its own"));
        }
        if self.last && self.lane == Some(lane) {
            return Err(Error::protocol("a frame follows the last of its lane"));
        }
        if self.last {
            self.lane = Some(lane);
        }
        if *self.lane.get_or_insert(lane) != lane {
            return Err(Error::protocol("a lane began on a stream before the last frame of another"));
        }
        self.last = !self.zero && last;
        Ok(())
    }

    fn end(&mut self) -> Result<Read, Error> {
        if !self.reader.is_empty() {
            Err(Error::protocol("stream ended within a frame"))
        } else if self.zero || self.last {
            Ok(Read::End)
        } else {
            Err(Error::protocol("lane ended without its last frame"))
        }
    }

    fn fail(&self, error: Option<ReadError>) -> Result<Read, Error> {
        match error {
            Some(ReadError::ConnectionLost(error)) => Ok(Read::Lost(error)),
            Some(ReadError::Reset(code)) if !self.zero => {
                // A stream that was reset before any frame of a lane arrived still names it, in the code.
                let named = reset_lane(code);
                let lane = if self.last { named.filter(|_| named != self.lane) } else { self.lane.or(named) };
                Ok(lane.map_or(Read::End, Read::Reset))
            }
            Some(error) => Err(Error::protocol("stream failed").with_source(error)),
            None => Err(Error::closed("stream failed")),
        }
    }
}

fn reset_lane(code: VarInt) -> Option<Lane> {
    Some(code.into_inner()).filter(|&number| number != 0).map(Lane::new)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::tests::{raw_pair, run};

    #[test]
    fn streams_with_the_beginning_of_a_frame_hold_only_those_bytes() {
        run(async {
            let (client, server, _sockets) = raw_pair().await?;
            let mut streams = Vec::new();
            for _ in 0..100 {
                let mut stream = client.open_uni().await.unwrap();
                stream.write_all(b"\xff\xff\x03").await.unwrap();
                streams.push(stream);
            }
            let mut lanes = ReceiveLanes::new(server);
            let mut inbox = Inbox::new();
            poll_fn(|cx| {
                assert!(lanes.poll_recv(cx, &mut inbox)?.is_pending());
                let received: usize = lanes.lanes.iter_mut().map(|lane| lane.reader.begun().len()).sum();
                if received == 300 { Poll::Ready(Ok::<_, Error>(())) } else { Poll::Pending }
            })
            .await?;
            let held: usize = lanes.lanes.iter_mut().map(|lane| lane.reader.capacity()).sum();
            assert!(held < 100 * 64, "{held} bytes held for 300 received");
            Ok(())
        });
    }
}
