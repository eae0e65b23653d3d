//! Batches and inboxes: however frames are cut up on their way, the same ones come out.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

mod effort;

use std::io::IoSlice;

use bytes::{Bytes, BytesMut};
use effort::effort;
use linkspan_core::frame::{frame_kind, frame_lane, frame_len, reset_frame};
use linkspan_core::{Batch, Inbox, Lane};
use proptest::collection::vec;
use proptest::prelude::*;

/// The frames that a stream of `bytes` brings in reads of the lengths that `cuts` says, what is left, and whether it failed.
fn read(bytes: &[u8], cuts: &[u8]) -> (Vec<Vec<u8>>, usize, bool) {
    let (mut inbox, mut buffer, mut frames, mut rest) = (Inbox::new(), BytesMut::new(), Vec::new(), bytes);
    let mut lens = cuts.iter().cycle();
    while !rest.is_empty() {
        let len = lens.next().map_or(rest.len(), |len| usize::from(*len) + 1).min(rest.len());
        let (piece, later) = rest.split_at(len);
        rest = later;
        buffer.extend_from_slice(piece);
        if inbox.fill_from_stream(&mut buffer).is_err() {
            return (frames, 0, true);
        }
        frames.extend(inbox.frames().map(<[u8]>::to_vec));
    }
    (frames, buffer.len(), false)
}

fn brings_the_same((bytes, cuts): &(Vec<u8>, Vec<u8>)) {
    let (by_byte, left, failed) = read(bytes, &[0]);
    let (frames, also_left, also_failed) = read(bytes, cuts);
    assert_eq!(failed, also_failed);
    // A length that no frame has may be seen before the frames of the same read are handed on, never after.
    assert!(by_byte.starts_with(&frames));
    if !failed {
        assert_eq!((&by_byte, left), (&frames, also_left));
        assert_eq!(frames.iter().map(Vec::len).sum::<usize>() + left, bytes.len());
        assert_eq!(frames.concat(), bytes[..bytes.len() - left]);
    }
    for frame in &frames {
        assert_eq!(frame_len(frame).unwrap(), Some(frame.len()));
        assert_eq!(frame_kind(frame), Some(frame[2]));
        if let Ok(lane) = frame_lane(frame) {
            assert_eq!(frame_lane(&reset_frame(lane)).unwrap(), lane);
        }
    }
}

fn is_whole_or_an_error(bytes: &[u8]) {
    let mut inbox = Inbox::new();
    let filled = inbox.fill_from_message(Bytes::copy_from_slice(bytes));
    let (frames, left, failed) = read(bytes, &[0]);
    assert_eq!(filled.is_ok(), left == 0 && !failed);
    if filled.is_ok() {
        assert!(inbox.frames().eq(frames.iter().map(Vec::as_slice)));
        assert!(inbox.frames().all(|frame| inbox.share(frame) == frame));
    }
}

fn leaves_in_order(steps: &[(u8, u8, Vec<u8>, bool, u8)]) {
    let (mut batch, mut pushed, mut sent) = (Batch::new(), Vec::new(), Vec::new());
    for (kind, lane, body, by_reference, taken) in steps {
        let before = batch.len();
        let body_by_reference = by_reference.then(|| Bytes::copy_from_slice(body));
        let lane = Lane::new(u64::from(*lane) % 5 * 100);
        batch
            .push((*kind, 0), lane, body_by_reference, |out| {
                if !by_reference {
                    out.extend_from_slice(body);
                }
            })
            .unwrap();
        assert_eq!(
            batch.len() - before,
            4 + body.len() + if lane.number() == 0 { 0 } else { 1 + usize::from(lane.number() > 127) }
        );
        pushed.push(body.clone());
        match taken % 4 {
            0 => write(&mut batch, usize::from(*taken), &mut sent),
            1 => {
                let mut behind = Batch::new();
                behind.append(&mut batch);
                batch = behind;
            }
            _ => {}
        }
    }
    write(&mut batch, usize::MAX, &mut sent);
    assert!(batch.is_empty() && batch.len() == 0 && batch.frames() == 0);
    let (frames, left, failed) = read(&sent, &[255]);
    assert!(left == 0 && !failed);
    assert!(frames.iter().zip(&pushed).all(|(frame, body)| frame.ends_with(body)));
    assert_eq!(frames.len(), pushed.len());
}

/// A byte stream takes up to `most` bytes.
fn write(batch: &mut Batch, most: usize, sent: &mut Vec<u8>) {
    let mut left = most;
    while left > 0 && !batch.is_empty() {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = batch.chunks(&mut slices);
        let bytes: Vec<u8> =
            slices[..filled].iter().flat_map(|slice| slice.iter().copied()).take(left).collect();
        sent.extend_from_slice(&bytes);
        left -= bytes.len();
        batch.advance(bytes.len());
    }
}

/// Mostly small numbers, so that lengths are met.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![6 => 0u8..1, 6 => 2u8..9, 1 => any::<u8>()], 0..120)
}

proptest! {
    #![proptest_config(effort())]

    #[test]
    fn a_stream_brings_the_same_frames_wherever_it_is_cut(input in (stream(), vec(0u8..20, 1..20))) {
        brings_the_same(&input);
    }

    #[test]
    fn a_message_holds_whole_frames_or_is_an_error(input in stream()) {
        is_whole_or_an_error(&input);
    }

    #[test]
    fn what_a_batch_holds_leaves_it_once_in_order_however_it_is_taken(
        input in any::<Vec<(u8, u8, Vec<u8>, bool, u8)>>(),
    ) {
        leaves_in_order(&input);
    }
}
