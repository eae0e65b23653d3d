//! Both engines, held against each other: what one makes of a peer's bytes, the other must make of them too.

mod peer;
mod script;

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use linkspan_core::{Batch, Close, CloseCode, ErrorKind, Inbox, Lane, PeerInfo, Pipe};
use proptest::collection::vec;
use proptest::prelude::*;

use super::Engine;
use crate::link::Role;
use peer::{Fault, Part, Said, close_frame, frame, said};
use script::{End, Outcome, Script, run};

proptest! {
    #![proptest_config(effort())]

    #[test]
    fn what_a_peer_says_comes_out_the_same(
        (parts, fault) in (vec(Part::any(), 0..8), proptest::option::of(Fault::any())),
        (by_client, cuts) in (any::<bool>(), vec(1..200_usize, 1..20)),
    ) {
        let Said { bytes, frames } = said(&parts, fault, by_client);
        let [own, other] = both(by_client, &bytes, &cuts);
        assert!(own.frames.starts_with(&other.frames), "{own:?}\n{other:?}");
        assert!(frames.starts_with(&own.frames), "{own:?}");
        assert_eq!(own.end, other.end);
        same_answers(&own, &other);
        if fault.is_none() {
            assert_eq!(own.frames, frames);
        }
    }

    #[test]
    fn a_stream_that_ends_anywhere_ends_the_same(
        (parts, fault) in (vec(Part::any(), 0..4), proptest::option::of(Fault::any())),
        (by_client, cut, cuts) in (any::<bool>(), any::<prop::sample::Index>(), vec(1..50_usize, 1..9)),
    ) {
        let Said { bytes, frames } = said(&parts, fault, by_client);
        let cut = cut.index(bytes.len() + 1);
        let [own, other] = both(by_client, &bytes[..cut], &cuts);
        let [whole, _] = both(by_client, &bytes, &cuts);
        assert!(own.frames.starts_with(&other.frames) && frames.starts_with(&own.frames));
        // Of a broken frame the own engine needs the head only.
        let early = other.end == End::Error(ErrorKind::Closed) && own.end == whole.end;
        assert!(own.end == other.end || early, "{own:?}\n{other:?}");
    }

    #[test]
    fn any_frames_are_taken_or_refused_by_both(
        frames in vec((any::<u8>(), any::<bool>(), vec(any::<u8>(), 0..6), vec(any::<u8>(), 0..140)), 0..6),
        (by_client, cuts) in (any::<bool>(), vec(1..60_usize, 1..9)),
    ) {
        let mut bytes = Vec::new();
        for (first, plausible, body, raw) in &frames {
            // Most first bytes have reserved bits: half of them are made plausible.
            let (first, payload) = if *plausible { (first & 0x8a, valid(body)) } else { (*first, raw.clone()) };
            bytes.extend(frame(first, &payload, by_client.then_some([1, 2, 3, first])));
        }
        let [own, other] = both(by_client, &bytes, &cuts);
        let open = frames.iter().any(|(first, ..)| first & 0x80 == 0);
        // In fragments the own engine finds what is wrong before the message is whole.
        assert!(own.end.is_orderly() == other.end.is_orderly() || open, "{own:?}\n{other:?}");
        assert!(own.frames.starts_with(&other.frames) || open, "{own:?}\n{other:?}");
    }

    #[test]
    fn any_bytes_are_survived(
        (bytes, by_client) in (vec(any::<u8>(), 0..300), any::<bool>()),
        cuts in vec(1..60_usize, 1..9),
    ) {
        let [own, _] = both(by_client, &bytes, &cuts);
        assert!(own.end != End::None, "{own:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: effort().cases / 16, ..ProptestConfig::default() })]

    #[test]
    fn each_engine_understands_the_other(
        lens in vec(prop_oneof![0..300_usize, 0..65_532_usize, Just(65_531)], 1..25),
        (room, steps) in (prop_oneof![1..500_usize, Just(256 * 1024)], vec(1..40_usize, 1..5)),
    ) {
        talks(&lens, room.max(lens.iter().sum::<usize>() / 500), &steps);
    }
}

#[test]
fn the_engines_talk_and_close_with_room_for_a_few_bytes() {
    for room in 1..16 {
        talks(&[5, 0, 200], room, &[2]);
    }
}

/// Every pair of engines talks, see [`talk`].
fn talks(lens: &[usize], room: usize, steps: &[usize]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for client in ENGINES {
        for server in ENGINES {
            let talk = talk((client, server), lens, room, steps);
            let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, talk).await });
            assert!(ended.is_ok(), "{client:?} and {server:?} wait for each other");
        }
    }
}

/// Longer than any talk takes on a busy machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Sends frames of these lengths both ways at once, some more with each step, then closes.
async fn talk((client, server): (Engine, Engine), lens: &[usize], room: usize, steps: &[usize]) {
    let (near, far) = tokio::io::duplex(room);
    let peer = || PeerInfo::new("ws://h:1".parse().unwrap());
    let (mut client, _) = client.link((near, b""), Role::Client, peer()).await.into_parts();
    let (mut server, _) = server.link((far, b""), Role::Server, peer()).await.into_parts();
    let (up, down) = tokio::join!(side(&mut *client, lens, steps), side(&mut *server, lens, steps));
    let expected: Vec<_> = lens.iter().enumerate().map(|(number, len)| body(number, *len)).collect();
    assert!(up == expected && down == expected);
    // There may be less room than a close needs: it goes while the other end reads.
    let close = Close::new(CloseCode::SHUTDOWN, "bye");
    let (closed, left) = tokio::join!(poll_fn(|cx| server.poll_close(cx, &close)), has_left(&mut *client));
    assert!(closed.is_ok() && left);
    let (_, left) = tokio::join!(poll_fn(|cx| client.poll_close(cx, &close)), has_left(&mut *server));
    assert!(left);
}

/// True if the peer ends with a close and nothing comes before it.
async fn has_left(pipe: &mut dyn Pipe) -> bool {
    let mut inbox = Inbox::new();
    !poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await.unwrap()
}

/// One end: sends all of it, and reads as much.
async fn side(pipe: &mut dyn Pipe, lens: &[usize], steps: &[usize]) -> Vec<Vec<u8>> {
    let (mut batch, mut inbox, mut bodies) = (Batch::new(), Inbox::new(), Vec::new());
    let mut waiting = lens.iter().enumerate();
    let mut steps = steps.iter().cycle();
    let mut flushed = false;
    poll_fn(|cx| {
        loop {
            let more: Vec<_> = waiting.by_ref().take(*steps.next().unwrap()).collect();
            for (number, len) in &more {
                let body = Bytes::from(body(*number, **len));
                let (inline, shared) =
                    if body.len() < 100 { (body, None) } else { (Bytes::new(), Some(body)) };
                batch.push((3, 0), Lane::ZERO, shared, |out| out.extend_from_slice(&inline)).unwrap();
            }
            if !flushed || !more.is_empty() {
                flushed = pipe.poll_send(cx, &mut batch).map(Result::unwrap).is_ready();
            }
            while bodies.len() < lens.len() {
                let Poll::Ready(read) = pipe.poll_recv(cx, &mut inbox) else { break };
                assert!(read.unwrap());
                bodies.extend(inbox.frames().map(|frame| frame[4..].to_vec()));
            }
            if more.is_empty() {
                let done = flushed && bodies.len() == lens.len();
                return if done { Poll::Ready(()) } else { Poll::Pending };
            }
        }
    })
    .await;
    bodies
}

#[test]
fn a_message_above_the_limit_is_refused_in_one_frame_or_in_many() {
    for by_client in [true, false] {
        let key = by_client.then_some([9, 8, 7, 6]);
        let body = [&[0xfe, 0xff, 3, 0][..], &[0; 65_532]].concat();
        let whole = body.repeat(16);
        let fits = [frame(0x82, &whole, key), close_frame(1000, b"", key)].concat();
        let many: Vec<u8> = (0..17).flat_map(|at| frame(if at == 0 { 2 } else { 0 }, &body, key)).collect();
        let longer = frame(0x82, &body.repeat(17), key);
        for (bytes, end) in [
            (fits, End::Orderly),
            (many, End::Error(ErrorKind::FrameTooLarge)),
            (longer, End::Error(ErrorKind::FrameTooLarge)),
        ] {
            let outcomes = both(by_client, &bytes, &[70_000]);
            assert!(outcomes.iter().all(|outcome| outcome.end == end), "{}", outcomes[0].end == end);
        }
    }
}

#[test]
fn many_messages_of_one_read_are_one_inbox() {
    let bytes: Vec<u8> = (0..50).flat_map(|_| frame(0x82, &valid(b"one"), Some([5, 6, 7, 8]))).collect();
    let (script, _) = Script::new(&bytes, &[bytes.len()]);
    let mut pipe = script::open(Engine::Own, Role::Server, script);
    let mut inbox = Inbox::new();
    assert!(matches!(script::poll_recv(&mut *pipe, &mut inbox), Poll::Ready(Ok(true))));
    assert_eq!(inbox.len(), 50);
    assert!(inbox.frames().all(|frame| frame == valid(b"one")));
}

#[test]
fn of_a_flood_of_pings_the_last_is_answered() {
    for by_client in [true, false] {
        let key = by_client.then_some([1, 1, 2, 3]);
        let pings: Vec<u8> =
            (0..20_000_u32).flat_map(|number| frame(0x89, &number.to_be_bytes(), key)).collect();
        let (script, written) = Script::new(&pings, &[4096]);
        let mut pipe = script::open(Engine::Own, role(by_client), script.blocked());
        let mut inbox = Inbox::new();
        for _ in 0..20 {
            assert!(script::poll_recv(&mut *pipe, &mut inbox).is_pending() || script::is_at_end(&written));
        }
        script::unblock(&written);
        let _ = script::poll_recv(&mut *pipe, &mut inbox);
        let pongs = script::control(&written, 10);
        assert!((1..=2).contains(&pongs.len()), "{} pongs were kept", pongs.len());
        assert_eq!(*pongs.last().unwrap(), 19_999_u32.to_be_bytes());
    }
}

fn both(by_client: bool, bytes: &[u8], cuts: &[usize]) -> [Outcome; 2] {
    ENGINES.map(|engine| run(engine, role(by_client), bytes, cuts))
}

/// Every answer to a ping that the own engine gave is one the other gave, the last one too; closes are the same.
fn same_answers(own: &Outcome, other: &Outcome) {
    assert_eq!(own.pongs.last(), other.pongs.last(), "{own:?}\n{other:?}");
    let mut all = other.pongs.iter();
    assert!(own.pongs.iter().all(|pong| all.any(|other| other == pong)), "{own:?}\n{other:?}");
    if own.end != End::Error(ErrorKind::Closed) {
        assert_eq!(own.closes, other.closes);
        assert_eq!(own.closes.len(), 1, "{own:?}");
    }
}

/// The end that reads what a client, or a server, says.
fn role(by_client: bool) -> Role {
    if by_client { Role::Server } else { Role::Client }
}

/// A Linkspan frame around `body`.
fn valid(body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len() + 2).unwrap().to_le_bytes();
    [&len[..], &[3, 0], body].concat()
}

fn body(number: usize, len: usize) -> Vec<u8> {
    let first = number.to_le_bytes()[0];
    (0..len).map(|at| first.wrapping_add(at.to_le_bytes()[0])).collect()
}

/// Short in every run, long on demand.
fn effort() -> ProptestConfig {
    let cases = if std::env::var_os("LINKSPAN_LONG").is_some() { 20_000 } else { 256 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}

const ENGINES: [Engine; 2] = [Engine::Own, Engine::Tungstenite];
