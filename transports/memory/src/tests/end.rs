//! One end of a link, for tests.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use linkspan_core::frame::{LAST, RESET, frame_lane};
use linkspan_core::{Batch, Close, CloseCode, Error, Inbox, Lane, Link, PeerInfo, Pipe};

/// A pipe with what it was told to send and what it received.
pub(super) struct End {
    pub(super) peer: PeerInfo,
    pub(super) outgoing: Batch,
    pub(super) inbox: Inbox,
    pub(super) received: Vec<Vec<u8>>,
    /// Reads that brought frames.
    pub(super) reads: usize,
    pipe: Box<dyn Pipe>,
    pushed: BTreeMap<Lane, u32>,
}

impl End {
    pub(super) fn new(link: Link) -> Self {
        let (pipe, peer) = link.into_parts();
        Self {
            peer,
            outgoing: Batch::new(),
            inbox: Inbox::new(),
            received: Vec::new(),
            reads: 0,
            pipe,
            pushed: BTreeMap::new(),
        }
    }

    /// Queues the next frame of `lane`, with a body of `len` bytes by reference.
    pub(super) fn push(&mut self, lane: u64, len: usize) {
        self.push_flagged(lane, len, LAST);
    }

    /// Queues a frame that abandons `lane`.
    pub(super) fn push_reset(&mut self, lane: u64) {
        self.push_flagged(lane, 0, LAST | RESET);
    }

    fn push_flagged(&mut self, lane: u64, len: usize, flags: u8) {
        let number = self.pushed.entry(Lane::new(lane)).or_default();
        let body = Bytes::from(vec![number.to_le_bytes()[0]; len]);
        let head = number.to_le_bytes();
        self.outgoing.push((0x10, flags), Lane::new(lane), Some(body), |out| out.extend(head)).unwrap();
        *number += 1;
    }

    /// Reads and writes until all is sent and `count` frames came.
    pub(super) async fn run(&mut self, count: usize) -> Result<(), Error> {
        poll_fn(|cx| {
            while self.received.len() < count {
                match self.poll_recv(cx) {
                    Poll::Ready(more) => assert!(more?, "ended after {} frames", self.received.len()),
                    Poll::Pending => break,
                }
            }
            ready!(self.poll_send(cx))?;
            if self.received.len() >= count { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }

    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let sent = self.pipe.poll_send(cx, &mut self.outgoing);
        assert!(!matches!(sent, Poll::Ready(Ok(()))) || self.outgoing.is_empty());
        sent
    }

    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        let more = ready!(self.pipe.poll_recv(cx, &mut self.inbox))?;
        assert_eq!(more, !self.inbox.is_empty());
        self.reads += usize::from(more);
        self.received.extend(self.inbox.frames().map(<[u8]>::to_vec));
        Poll::Ready(Ok(more))
    }

    pub(super) async fn recv(&mut self) -> Result<bool, Error> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    pub(super) fn close(&mut self) -> Result<(), Error> {
        let close = Close::new(CloseCode::NORMAL, "done");
        match self.pipe.poll_close(&mut Context::from_waker(Waker::noop()), &close) {
            Poll::Ready(closed) => closed,
            Poll::Pending => panic!("closing waits for nothing here"),
        }
    }

    pub(super) fn received_lanes(&self) -> impl Iterator<Item = Lane> {
        self.received.iter().map(|frame| frame_lane(frame).unwrap())
    }

    /// What came as `(lane, number)`, each frame checked to be whole.
    pub(super) fn received_numbers(&self) -> Vec<(u64, u32)> {
        let number_of = |frame: &Vec<u8>| {
            let lane = frame_lane(frame).unwrap();
            let fields = &frame[4 + usize::from(lane != Lane::ZERO)..];
            assert!(fields[4..].iter().all(|byte| *byte == fields[0]));
            (lane.number(), u32::from_le_bytes(fields[..4].try_into().unwrap()))
        };
        self.received.iter().map(number_of).collect()
    }

    /// Asserts that all that `peer` was told to send came, whole and in the order of each lane.
    pub(super) fn check_against(&self, peer: &Self) {
        let mut seen = BTreeMap::new();
        for (lane, number) in self.received_numbers() {
            let expected: &mut u32 = seen.entry(Lane::new(lane)).or_default();
            assert_eq!(number, *expected, "lane {lane}");
            *expected += 1;
        }
        assert_eq!(seen, peer.pushed);
    }
}
