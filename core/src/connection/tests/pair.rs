//! Two connections and the frames between them, stepped by hand under a time that only tests advance.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;

pub(super) use crate::wire::tests::frame;

use super::rng::Rng;
use crate::connection::{
    Answer, Connection, Ended, Events, Incoming, NoRoom, Offer, OutBody, OutPush, OutRequest, Received,
    Reply, ReplyBody, Role, Taken, close_for,
};
use crate::frame::{LAST, RESET};
use crate::wire::{self, MAX_INLINE_LEN, Message};
use crate::{Batch, Close, CloseCode, Inbox, Lane, Limits, Metadata, Status};

/// What every test calls.
pub(super) const PATH: &str = "Echo/Echo";
/// The session id that [`Pair`]'s server gives.
pub(super) const SESSION: [u8; 16] = *b"0123456789abcdef";

/// One end, what it reported, and the frames on their way to it.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) connection: Connection,
    pub(super) events: Events,
    /// What a driver would hold: polled, and not taken by the link.
    pub(super) batch: Batch,
    pub(super) arriving: VecDeque<(Lane, Vec<u8>)>,
}

#[derive(Debug)]
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) client: Side,
    pub(super) server: Side,
}

impl Pair {
    /// Two ends that have said hello.
    pub(super) fn new() -> Self {
        Self::with(Limits::default(), Limits::default())
    }

    pub(super) fn with(client: Limits, server: Limits) -> Self {
        let mut pair = Self::strangers(client, server);
        pair.client.connection.offer(&offer(&["json"])).unwrap();
        pair.run();
        pair.server.connection.admit("json", SESSION);
        pair.run();
        assert!(pair.client.connection.is_open() && pair.server.connection.is_open());
        pair
    }

    /// Two ends that have not said hello.
    pub(super) fn strangers(client: Limits, server: Limits) -> Self {
        let now = crate::clock::now();
        Self {
            now,
            client: Side::new(Connection::new(Role::Connector, client, 64, now)),
            server: Side::new(Connection::new(Role::Acceptor, server, 64, now)),
        }
    }

    /// Everything that is queued goes out, and everything that is out arrives, until nothing moves.
    pub(super) fn run(&mut self) {
        for _ in 0..10_000 {
            self.client.flush(self.now, &mut self.server);
            self.server.flush(self.now, &mut self.client);
            if !self.client.read(self.now) & !self.server.read(self.now) {
                return;
            }
        }
        panic!("the ends never come to rest");
    }

    /// As [`run`](Self::run), over lanes that overtake each other.
    pub(super) fn run_shuffled(&mut self, rng: &mut Rng) {
        for _ in 0..100_000 {
            self.client.flush(self.now, &mut self.server);
            self.server.flush(self.now, &mut self.client);
            let (now, first) = (self.now, rng.one_in(2));
            let read = if first { self.client.read_some(now, rng) } else { self.server.read_some(now, rng) };
            if !read && !self.client.read_some(now, rng) && !self.server.read_some(now, rng) {
                return;
            }
        }
        panic!("the ends never come to rest");
    }

    /// Advances time and does at both ends what it asks for.
    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.client.tick(self.now);
        self.server.tick(self.now);
    }

    /// One call from the client that the server has and has not answered.
    pub(super) fn running_call(&mut self) -> u32 {
        let call = self.client.call(self.now, b"arguments");
        self.run();
        assert_eq!(self.server.requests(), [Some(call)]);
        call
    }
}

impl Side {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, events: Events::default(), batch: Batch::new(), arriving: VecDeque::new() }
    }

    /// Sends everything that one poll gives; the link takes it at once.
    pub(super) fn flush(&mut self, now: Instant, to: &mut Self) {
        self.connection.poll_batch(&mut self.batch);
        self.take(to, usize::MAX);
        self.connection.handle_sent(now, true, 0);
    }

    /// The link takes up to `frames` frames of what was polled.
    pub(super) fn take(&mut self, to: &mut Self, mut frames: usize) {
        self.batch.take_frames(|frame| {
            if frames == 0 {
                return false;
            }
            frames -= 1;
            let mut bytes = Vec::new();
            frame.copy_to(&mut bytes);
            assert_eq!(frame.flags & RESET != 0, frame.flags & (LAST | RESET) == LAST | RESET);
            to.arriving.push_back((frame.lane, bytes));
            true
        });
    }

    /// Reads all that arrives as one read. False if there is nothing.
    pub(super) fn read(&mut self, now: Instant) -> bool {
        let frames: Vec<_> = self.arriving.drain(..).map(|(_, frame)| frame).collect();
        self.read_frames(now, &frames)
    }

    /// Reads up to three frames of lanes picked at random. False if there is nothing.
    pub(super) fn read_some(&mut self, now: Instant, rng: &mut Rng) -> bool {
        let mut frames = Vec::new();
        for _ in 0..=rng.below(3) {
            let mut lanes: Vec<_> = self.arriving.iter().map(|(lane, _)| *lane).collect();
            lanes.sort_unstable();
            lanes.dedup();
            if lanes.is_empty() {
                break;
            }
            let lane = lanes[rng.below(lanes.len())];
            let index = self.arriving.iter().position(|(of, _)| *of == lane).unwrap();
            frames.push(self.arriving.remove(index).unwrap().1);
        }
        self.read_frames(now, &frames)
    }

    /// Reads frames as if the peer had sent them, as a driver does.
    pub(super) fn read_frames(&mut self, now: Instant, frames: &[Vec<u8>]) -> bool {
        if frames.is_empty() {
            return false;
        }
        let mut inbox = Inbox::new();
        inbox.fill_from_message(Bytes::from(frames.concat())).unwrap();
        if let Err(error) = self.connection.handle_inbox(now, &mut inbox, &mut self.events) {
            self.connection.close(close_for(&error), &mut self.events);
        }
        self.events.requests.iter_mut().for_each(|request| request.detach(&inbox));
        true
    }

    pub(super) fn read_messages(&mut self, now: Instant, messages: &[Message<'_>]) {
        let frames: Vec<_> = messages.iter().map(frame).collect();
        self.read_frames(now, &frames);
    }

    pub(super) fn tick(&mut self, now: Instant) {
        if self.connection.poll_timeout().is_some_and(|due| due <= now) {
            self.connection.handle_timeout(now, &mut self.events);
        }
    }

    pub(super) fn call(&mut self, now: Instant, body: &[u8]) -> u32 {
        self.connection.start_call(now, request(body), Waker::noop()).unwrap()
    }

    /// A call, if one more may be in flight.
    pub(super) fn try_call(&mut self, now: Instant, body: &[u8]) -> Option<u32> {
        self.connection.start_call(now, request(body), Waker::noop()).ok()
    }

    pub(super) fn one_way(&mut self, body: &[u8]) -> bool {
        self.connection.start_one_way(request(body)).unwrap()
    }

    /// What came of `call`, if anything did.
    pub(super) fn answer(&mut self, call: u32) -> Option<Result<Answer, Status>> {
        let mut body = Vec::new();
        match self.connection.poll_call(call, &Context::from_waker(Waker::noop()), &mut body) {
            Poll::Ready(Ended::Other(ended)) => Some(*ended),
            Poll::Ready(Ended::Plain(outcome)) => {
                Some(Ok(Answer { outcome, metadata: Metadata::new(), codec: None, body: body.into() }))
            }
            Poll::Pending => None,
        }
    }

    /// The body that `call` brought.
    pub(super) fn value(&mut self, call: u32) -> Bytes {
        self.answer(call).expect("the call ended").expect("the call succeeded").body
    }

    /// The status that `call` brought.
    pub(super) fn status(&mut self, call: u32) -> Status {
        self.answer(call).expect("the call ended").expect_err("the call failed")
    }

    /// The requests to start.
    pub(super) fn incoming(&mut self) -> Vec<Incoming> {
        std::mem::take(&mut self.events.requests)
    }

    /// The requests to start: path and body of each.
    pub(super) fn contents(&mut self) -> Vec<(String, Bytes)> {
        let none = Inbox::new();
        let content = |incoming: Incoming| {
            let path = String::from_utf8(incoming.content.path(&none).to_vec()).unwrap();
            (path, body_of(&incoming))
        };
        self.incoming().into_iter().map(content).collect()
    }

    /// The numbers of the requests to start.
    pub(super) fn requests(&mut self) -> Vec<Option<u32>> {
        self.incoming().into_iter().map(|incoming| incoming.call).collect()
    }

    pub(super) fn respond(&mut self, call: u32, body: &[u8]) {
        let body = ReplyBody::Value(body.to_vec().into());
        self.connection.respond(call, Reply { body, metadata: Metadata::new() });
    }

    pub(super) fn fail(&mut self, call: u32, status: Status) {
        self.connection.respond(call, Reply::failure(status));
    }

    pub(super) fn push(&mut self, body: &[u8]) -> Result<(), NoRoom> {
        let body = Bytes::copy_from_slice(body);
        let body = OutBody::share(&body);
        self.connection.push(OutPush { path: "Ticks/Tick", metadata: None, raw: false, body })
    }

    /// The same, with its frame made before.
    pub(super) fn push_made(&mut self, body: &[u8]) -> Result<(), NoRoom> {
        let mut frame = Vec::new();
        assert!(wire::begin_push("Ticks/Tick", &mut frame));
        frame.extend_from_slice(body);
        wire::end_push(&mut frame);
        self.connection.push_made("Ticks/Tick", &frame, body.len())
    }

    /// Pushes; false if it is missing from now on.
    pub(super) fn push_or_miss(&mut self, push: OutPush<'_>) -> Result<bool, NoRoom> {
        let pushed = self.connection.push(push);
        self.connection.or_missed(pushed)
    }

    /// What was received: the first bytes of each notification, and `-n` for a gap of n.
    pub(super) fn received(&mut self) -> Vec<String> {
        let describe = |taken: Taken<'_>| match taken {
            Taken::Other(Received::Gap(gap)) => format!("-{}", gap.count),
            Taken::Other(Received::Notification(notification)) => start(notification.body()),
            Taken::Small(note) => start(note.body),
        };
        std::iter::from_fn(|| self.events.received.take(describe)).collect()
    }

    pub(super) fn close_code(&self) -> Option<CloseCode> {
        self.connection.closed().map(Close::code)
    }

    /// True if nothing of any call or body is left.
    pub(super) fn is_idle(&self) -> bool {
        let connection = &self.connection;
        connection.in_flight() == 0
            && connection.serving() == 0
            && connection.lanes.is_empty()
            && connection.bulk.is_empty()
            && connection.ordered.is_empty()
            && connection.answers.is_empty()
            && connection.one_way_arriving.is_empty()
    }
}

pub(super) fn offer(codecs: &[&'static str]) -> Offer {
    Offer { codecs: codecs.to_vec(), metadata: Metadata::new() }
}

pub(super) fn request(body: &[u8]) -> OutRequest<'_> {
    let body = if body.len() > MAX_INLINE_LEN {
        OutBody::Large(Box::new(Bytes::copy_from_slice(body).into()))
    } else {
        OutBody::Small(body)
    };
    OutRequest { path: PATH, metadata: None, timeout: None, raw: false, body }
}

/// A body that begins with `name` and is `len` bytes long.
pub(super) fn body(name: &str, len: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..=250).collect(); // no divisor of any frame's length, so that pieces out of place show
    let mut body = name.as_bytes().to_vec();
    while body.len() < len {
        body.extend_from_slice(&pattern);
    }
    body.truncate(len);
    body
}

/// More than fits a frame of its message.
pub(super) const LARGE: usize = crate::wire::MAX_INLINE_LEN + 1;
/// The default of the largest message.
pub(super) const HUGE: usize = 4 * 1024 * 1024;

/// The arguments of a request that has left its inbox.
pub(super) fn body_of(incoming: &Incoming) -> Bytes {
    Bytes::copy_from_slice(incoming.content.body(&Inbox::new()))
}

fn start(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(2)]).into_owned()
}
