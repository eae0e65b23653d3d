//! Large bodies that a byte stream reads into their place.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pair::{HUGE, LARGE, Pair, SESSION, Side, body, body_of, frame, offer};
use super::rng::Rng;
use crate::connection::close_for;
use crate::frame::{MAX_FRAME_LEN, reset_frame};
use crate::transport::Pipe;
use crate::wire::{BodyPlace, Message, Request};
use crate::{CloseCode, Endpoint, FrameReader, Inbox, Lane, Limits, Link, PeerInfo};

/// A road on which bytes come in parts of any size.
#[derive(Debug)]
struct Road {
    pipe: Box<dyn Pipe>,
    wire: Wire,
    inbox: Inbox,
}

#[derive(Clone, Debug, Default)]
struct Wire(Arc<Mutex<Way>>);

#[derive(Debug, Default)]
struct Way {
    bytes: VecDeque<u8>,
    /// How many may be read yet.
    cut: usize,
    /// Where they were read to.
    places: Vec<Range<usize>>,
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, Way> {
        self.0.lock().unwrap()
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Way { bytes, cut, places } = &mut *self.lock();
        let len = bytes.len().min(buf.remaining()).min(*cut);
        if len == 0 {
            return Poll::Pending;
        }
        *cut -= len;
        let before = buf.filled().len();
        buf.put_slice(&bytes.drain(..len).collect::<Vec<_>>());
        places
            .push(buf.filled()[before..].as_ptr_range().start.addr()..buf.filled().as_ptr_range().end.addr());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        unreachable!("nothing is sent")
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        unreachable!("nothing is sent")
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        unreachable!("nothing is sent")
    }
}

impl Road {
    fn new() -> Self {
        let wire = Wire::default();
        let peer = PeerInfo::new("tcp://127.0.0.1:1".parse::<Endpoint>().unwrap());
        let (pipe, _) = Link::from_io(wire.clone(), peer).into_parts();
        let mut road = Self { pipe, wire, inbox: Inbox::new() };
        road.wire.lock().bytes.extend(b"\x06\x00\x01\x00LSP1");
        assert!(road.recv(usize::MAX));
        road
    }

    /// Puts what `from` sends on the wire.
    fn send(&mut self, pair: &mut Pair) {
        let Pair { now, client, server } = pair;
        client.flush(*now, server);
        let frames = server.arriving.drain(..);
        self.wire.lock().bytes.extend(frames.flat_map(|(_, frame)| frame));
    }

    /// Reads once, of up to `cut` bytes that came. False if nothing is whole.
    fn recv(&mut self, cut: usize) -> bool {
        self.wire.lock().cut = cut;
        match self.pipe.poll_recv(&mut Context::from_waker(Waker::noop()), &mut self.inbox) {
            Poll::Ready(read) => read.unwrap(),
            Poll::Pending => false,
        }
    }

    /// Reads once, as a driver does.
    fn read(&mut self, cut: usize, now: std::time::Instant, side: &mut Side) -> bool {
        if !self.recv(cut) {
            return false;
        }
        self.handle(now, side);
        true
    }

    fn handle(&mut self, now: std::time::Instant, side: &mut Side) {
        if let Err(error) = side.connection.handle_inbox(now, &mut self.inbox, &mut side.events) {
            side.connection.close(close_for(&error), &mut side.events);
        }
        side.events.requests.iter_mut().for_each(|request| request.detach(&self.inbox));
        self.inbox.clear();
    }

    fn is_empty(&self) -> bool {
        self.wire.lock().bytes.is_empty()
    }
}

#[test]
fn what_comes_behind_the_beginning_of_a_large_body_is_not_copied() {
    // All of it but what comes with its head, or before a seventeenth is there.
    for (len, copied) in [(200_000, 0), (1024 * 1024, 0), (HUGE, HUGE / 17)] {
        let copied = copied + MAX_FRAME_LEN + 8192;
        for cut in [usize::MAX, 70_000, 1400] {
            let (mut pair, mut road) = (Pair::new(), Road::new());
            let arguments = body("arguments", len);
            pair.client.call(pair.now, &arguments);
            while !road.is_empty() || pair.client.connection.has_output() {
                road.send(&mut pair);
                road.read(cut, pair.now, &mut pair.server);
            }
            let received = pair.server.incoming().remove(0).content.shared_body().unwrap().clone();
            assert!(received == arguments);
            let place = received.as_ptr_range();
            let place = place.start.addr()..place.end.addr();
            let reads = road.wire.lock().places.clone();
            let landed: usize =
                reads.iter().filter(|read| place.contains(&read.start)).map(ExactSizeIterator::len).sum();
            assert!(landed + copied >= len, "{landed} of {len} bytes landed");
        }
    }
}

#[test]
fn bodies_that_land_are_whole_however_they_are_cut_and_whoever_is_given_up_meanwhile() {
    for seed in 0..12 {
        let (mut rng, mut pair, mut road) = (Rng::new(seed), Pair::new(), Road::new());
        let mut wanted = HashMap::new();
        let mut cancelled = Vec::new();
        let (mut made, mut served) = (0, 0);
        while made < 120 || pair.client.connection.has_output() || !road.is_empty() {
            match rng.below(12) {
                0 if made < 120 => {
                    let len = [10, LARGE, 70_000, 200_000, 700_000][rng.below(5)];
                    let name = format!("{made} of {seed};");
                    let sent = body(&name, len);
                    if let Some(call) = pair.client.try_call(pair.now, &sent) {
                        wanted.insert(name, (call, sent));
                    }
                    made += 1;
                }
                1 if !wanted.is_empty() => {
                    let name = wanted.keys().nth(rng.below(wanted.len())).cloned().unwrap();
                    let (call, _) = wanted.remove(&name).unwrap();
                    pair.client.connection.cancel_call(pair.now, call);
                    cancelled.push(name);
                }
                2..=4 => road.send(&mut pair),
                _ => {
                    let cut = [1, 20, 5_000, 70_000, usize::MAX][rng.below(5)];
                    road.read(cut, pair.now, &mut pair.server);
                }
            }
            for incoming in pair.server.incoming() {
                let body = body_of(&incoming);
                let name = String::from_utf8(body.split(|&byte| byte == b';').next().unwrap().to_vec())
                    .unwrap()
                    + ";";
                match wanted.remove(&name) {
                    Some((_, sent)) => assert!(body == sent, "seed {seed}: {name}"),
                    None => assert!(cancelled.contains(&name), "seed {seed}: {name}"),
                }
                served += 1;
                pair.server.respond(incoming.call.unwrap(), b"done");
            }
            pair.server.flush(pair.now, &mut pair.client);
            pair.client.read(pair.now);
        }
        assert!(wanted.is_empty() && served > 40, "seed {seed}: {} of {served} missing", wanted.len());
        assert_eq!(pair.server.close_code(), None);
        pair.server.connection.lanes.held();
        pair.wait(std::time::Duration::from_millis(1));
        assert!(pair.server.is_idle(), "seed {seed}: {:?}", pair.server.connection);
    }
}

#[test]
fn no_memory_is_lent_to_the_handshake() {
    let (mut pair, mut road) = (Pair::strangers(Limits::default(), Limits::default()), Road::new());
    pair.client.connection.offer(&offer(&["json"])).unwrap();
    pair.client.flush(pair.now, &mut pair.server);
    pair.server.read(pair.now);
    pair.server.connection.admit("json", SESSION);
    pair.server.push(&body("push", 200_000)).unwrap();
    pair.server.flush(pair.now, &mut pair.client);
    let bytes: Vec<_> = pair.client.arriving.drain(..).flat_map(|(_, frame)| frame).collect();
    road.wire.lock().bytes.extend(bytes);
    let opened = |pair: &Pair| pair.client.connection.is_open();
    road.read(150_000, pair.now, &mut pair.client);
    assert!(opened(&pair) && road.inbox.lent().is_none());
    while road.read(usize::MAX, pair.now, &mut pair.client) {}
    assert_eq!(pair.client.received(), ["pu"]);
}

/// A road on which the second piece of a body has begun to come, and memory is lent for it; and the rest of that frame.
fn lent() -> (Pair, Road, Vec<u8>, Vec<u8>) {
    let (mut pair, mut road) = (Pair::new(), Road::new());
    let arguments = body("arguments", 100_000);
    pair.client.call(pair.now, &arguments);
    pair.client.flush(pair.now, &mut pair.server);
    let frames: Vec<_> = pair.server.arriving.drain(..).map(|(_, frame)| frame).collect();
    let [head, first, second] = <[Vec<u8>; 3]>::try_from(frames).unwrap();
    road.wire.lock().bytes.extend([&head[..], &first, &second[..20]].concat());
    while !road.is_empty() {
        road.read(usize::MAX, pair.now, &mut pair.server);
    }
    assert!(road.inbox.lent().is_some());
    (pair, road, second, arguments)
}

#[test]
fn memory_that_the_link_did_not_use_serves_the_body_all_the_same() {
    for is_lost in [false, true] {
        let (mut pair, mut road, second, arguments) = lent();
        if is_lost {
            road.inbox = Inbox::new();
        }
        road.inbox.fill_from_message(second.into()).unwrap(); // as a wrapper may that brings other frames
        road.handle(pair.now, &mut pair.server);
        assert!(body_of(&pair.server.incoming().remove(0)) == arguments);
    }
}

#[test]
fn a_wrapper_may_have_an_inbox_of_its_own() {
    let (mut pair, mut road) = (Pair::new(), Road::new());
    let arguments = body("arguments", 1024 * 1024);
    pair.client.call(pair.now, &arguments);
    while !road.is_empty() || pair.client.connection.has_output() {
        road.send(&mut pair);
        let outer = std::mem::take(&mut road.inbox);
        if road.recv(usize::MAX) {
            road.handle(pair.now, &mut pair.server);
        } else {
            road.inbox = outer;
        }
        pair.server.connection.lanes.held();
    }
    assert!(body_of(&pair.server.incoming().remove(0)) == arguments);
}

#[test]
fn a_piece_that_comes_while_another_is_read_into_its_place_breaks_the_protocol() {
    let (mut pair, mut road, second, _) = lent();
    road.wire.lock().bytes.extend(&second[20..30]);
    assert!(!road.recv(usize::MAX) && road.inbox.lent().is_none());
    road.inbox.fill_from_message(second.into()).unwrap();
    road.handle(pair.now, &mut pair.server);
    assert_eq!(pair.server.close_code(), Some(CloseCode::PROTOCOL));
}

#[test]
fn a_place_serves_no_other_body_of_its_lane() {
    let (mut pair, mut road, second, _) = lent();
    road.wire.lock().bytes.extend(&second[20..30]);
    assert!(!road.recv(usize::MAX));
    // On streams of their own: the lane is given up, which frees its number only for who breaks the rules.
    let head = request_on_lane_one(200_000);
    let mut whole = vec![0xfe, 0xff, 8, 1, 1];
    whole.resize(MAX_FRAME_LEN, 7);
    for frame in [reset_frame(Lane::new(1)), head, whole] {
        let mut other = Inbox::new();
        other.fill_from_message(frame.into()).unwrap();
        pair.server.connection.handle_inbox(pair.now, &mut other, &mut pair.server.events).unwrap();
    }
    assert_eq!(pair.server.connection.lanes.held().0, MAX_FRAME_LEN - 5);
    road.wire.lock().bytes.extend(&second[30..]);
    road.read(usize::MAX, pair.now, &mut pair.server);
    assert_eq!(pair.server.close_code(), Some(CloseCode::PROTOCOL));
}

/// The head of another call, whose body is where the first one's was.
fn request_on_lane_one(len: u64) -> Vec<u8> {
    let place = BodyPlace { lane: Lane::new(1), len };
    frame(&Message::Request(Request { place: Some(place), ..super::violations::request(5) }))
}

#[test]
fn a_reader_that_is_asked_again_before_it_was_emptied_loses_nothing() {
    let (mut pair, mut road, second, arguments) = lent();
    let cx = &mut Context::from_waker(Waker::noop());
    let mut reader = FrameReader::new();
    let ping = [2, 0, 0x0c | 0x80, 0];
    let mut io = &[&second[..], &ping, &ping].concat()[..];
    let mut begun = io.split_off(..20).unwrap();
    assert!(reader.poll_read(cx, Pin::new(&mut begun)).is_ready());
    reader.accept(&mut road.inbox);
    for _ in 0..3 {
        assert!(reader.poll_read(cx, Pin::new(&mut io)).is_ready());
    }
    assert!(reader.fill(&mut road.inbox).unwrap());
    assert_eq!(road.inbox.len(), 2);
    road.handle(pair.now, &mut pair.server);
    assert!(body_of(&pair.server.incoming().remove(0)) == arguments);
}
