use super::*;

fn batch() -> Batch {
    let mut batch = Batch::new();
    batch.push((3, 0), Lane::ZERO, None, |out| out.extend_from_slice(b"one")).unwrap();
    batch.push((16, 0), Lane::new(7), Some(Bytes::from_static(b"BODY")), |_| {}).unwrap();
    batch.push((4, 0), Lane::ZERO, None, |out| out.extend_from_slice(b"two")).unwrap();
    batch
}

const WIRE: &[u8] = b"\x05\x00\x03\x00one\x07\x00\x10\x01\x07BODY\x05\x00\x04\x00two";

#[test]
fn any_sequence_of_short_writes_sends_the_same_bytes() {
    for step in 1..WIRE.len() {
        let mut batch = batch();
        let mut sent = Vec::new();
        while !batch.is_empty() {
            let mut slices = [IoSlice::new(&[]); 2];
            let filled = batch.chunks(&mut slices);
            let bytes: Vec<u8> =
                slices[..filled].iter().flat_map(|slice| slice.to_vec()).take(step).collect();
            sent.extend_from_slice(&bytes);
            batch.advance(bytes.len());
        }
        assert_eq!(sent, WIRE);
    }
}

#[test]
fn frames_left_behind_keep_their_order() {
    let mut batch = batch();
    let mut taken = Vec::new();
    batch.take_frames(|frame| {
        let take = frame.lane == Lane::new(7);
        if take {
            frame.copy_to(&mut taken);
        }
        take
    });
    assert_eq!(taken, b"\x07\x00\x10\x01\x07BODY");
    assert_eq!((batch.frames(), batch.len(), batch.has_lane(Lane::new(7))), (2, 14, false));
    let mut rest = Vec::new();
    batch.take_frames(|frame| {
        frame.copy_to(&mut rest);
        true
    });
    assert_eq!(rest, b"\x05\x00\x03\x00one\x05\x00\x04\x00two");
}

#[test]
fn the_front_is_what_lies_side_by_side_of_lane_zero() {
    let mut batch = batch();
    assert_eq!(batch.front(), &WIRE[..7]);
    batch.push((4, 0), Lane::ZERO, None, |out| out.extend_from_slice(b"more")).unwrap();
    batch.advance(7);
    assert_eq!(batch.front(), b"");
    batch.take_frames(|frame| frame.lane != Lane::ZERO);
    assert_eq!(batch.front(), b"\x05\x00\x04\x00two\x06\x00\x04\x00more");
    batch.advance(7);
    assert_eq!(batch.front(), b"\x06\x00\x04\x00more");
    batch.advance(8);
    assert!(batch.front().is_empty() && batch.is_empty());
    batch.push((4, 0), Lane::ZERO, Some(Bytes::from_static(b"body")), |_| {}).unwrap();
    assert_eq!(batch.front(), b"");
}

#[test]
fn a_batch_appended_to_a_half_sent_one_follows_it() {
    let mut first = batch();
    first.advance(5);
    let mut second = batch();
    second.advance(9);
    first.append(&mut second);
    let mut slices = [IoSlice::new(&[]); 16];
    let filled = first.chunks(&mut slices);
    let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
    assert_eq!(bytes, [&WIRE[5..], &WIRE[9..]].concat());
}

#[test]
fn frames_that_were_sent_are_forgotten_though_others_follow() {
    let mut sending = batch();
    for _ in 0..1000 {
        sending.append(&mut batch());
        sending.advance(WIRE.len());
        assert_eq!((sending.frames(), sending.len()), (3, WIRE.len()));
    }
    sending.advance(7);
    assert!(sending.has_lane(Lane::new(7)));
    sending.advance(8);
    assert!(sending.has_lane(Lane::new(7)), "it was sent in part");
    let mut whole = Batch::new();
    whole.push((4, 0), Lane::ZERO, None, |_| {}).unwrap();
    whole.append(&mut sending);
    whole.advance(4);
    assert!(whole.has_lane(Lane::new(7)));
    whole.advance(1);
    assert!(!whole.has_lane(Lane::new(7)));
    assert_eq!((whole.frames(), whole.len()), (1, 7));
}

#[test]
fn the_first_bytes_of_whole_frames_are_cut_out_at_any_length() {
    let mut batch = batch();
    let lens = [0, 7, 8, 16, 22, 23, 100].map(|max| batch.whole_len(max));
    assert_eq!(lens, [7, 7, 7, 16, 16, 23, 23], "whole frames, and one at least");
    for len in 0..=WIRE.len() + 1 {
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = batch.chunks_within(len, &mut slices);
        let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        assert_eq!(bytes, WIRE[..len.min(WIRE.len())]);
    }
    batch.advance(9);
    assert_eq!([0, 7, 13, 14, 15].map(|max| batch.whole_len(max)), [7, 7, 7, 14, 14]);
    batch.clear();
    assert_eq!(batch.whole_len(100), 0);
}

#[test]
fn shared_frames_stand_behind_those_before_them_wherever_the_batch_goes() {
    let [a, b] = [b'a', b'b'].map(|body| SharedFrame::new(Box::new([3, 0, 3, 0, body])));
    let shared = || {
        let mut batch = batch();
        [&a, &b, &a, &b].into_iter().for_each(|frame| batch.push_shared(frame));
        assert_eq!((batch.len(), batch.frames(), batch.as_contiguous()), (WIRE.len() + 20, 7, None));
        batch
    };
    let frames = b"\x03\x00\x03\x00a\x03\x00\x03\x00b".repeat(2);
    for mut into in [Batch::new(), batch()] {
        let before = if into.is_empty() { &[] } else { WIRE };
        into.append(&mut shared());
        into.push((3, 0), Lane::ZERO, None, |out| out.push(b'c')).unwrap();
        assert_eq!(into.frames(), 8 + before.len().min(3));
        let mut bytes = Vec::new();
        into.take_frames(|frame| {
            frame.copy_to(&mut bytes);
            true
        });
        assert_eq!(bytes, [before, WIRE, &frames, b"\x03\x00\x03\x00c"].concat());
    }
    let (mut alone, mut into) = (Batch::new(), Batch::new());
    [&a, &b, &a, &b].into_iter().for_each(|frame| alone.push_shared(frame));
    into.append(&mut alone);
    assert_eq!((into.as_contiguous(), into.frames()), (Some(&frames[..]), 4));
    assert!(alone.is_empty() && alone.frames() == 0);
}

#[test]
fn a_frame_too_large_leaves_no_trace() {
    let mut batch = Batch::new();
    let error = batch.push((3, 0), Lane::ZERO, None, |out| out.resize(70_000, 0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FrameTooLarge);
    assert!(batch.is_empty());
}
