//! Decoding is total: no bytes make it panic, or reserve memory for what has not come.

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{frame, samples};
use crate::Inbox;
use crate::wire::{decode, flag, kind, varint};

/// A frame of `kind` with `fields`.
fn made(kind: u8, flags: u8, fields: &[u8]) -> Vec<u8> {
    let len = u16::try_from(fields.len() + 2).unwrap();
    [&len.to_le_bytes()[..], &[kind, flags], fields].concat()
}

proptest! {
    #[test]
    fn any_bytes_decode_or_fail(bytes in vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn any_fields_of_any_kind_decode_or_fail(
        kind in 0u8..0x12,
        flags: u8,
        fields in vec(any::<u8>(), 0..200),
    ) {
        let _ = decode(&made(kind, flags & !flag::RESERVED, &fields));
    }

    #[test]
    fn mutated_samples_decode_or_fail(
        sample in 0..samples().len(),
        mutations in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = frame(&samples()[sample].1);
        for (at, byte) in mutations {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode(&bytes);
    }

    #[test]
    fn any_split_of_a_stream_yields_the_same_frames(cuts in vec(1usize..60, 0..60)) {
        let frames: Vec<_> = samples().iter().map(|(_, message)| frame(message)).collect();
        let stream = frames.concat();
        let mut rest = stream.as_slice();
        let (mut buffer, mut inbox, mut read) = (BytesMut::new(), Inbox::new(), Vec::new());
        for len in cuts.into_iter().chain([stream.len()]) {
            let (piece, later) = rest.split_at(len.min(rest.len()));
            rest = later;
            buffer.extend_from_slice(piece);
            inbox.fill_from_stream(&mut buffer).unwrap();
            read.extend(inbox.frames().map(<[u8]>::to_vec));
        }
        prop_assert_eq!(read, frames);
        prop_assert!(buffer.is_empty());
    }

    #[test]
    fn any_stream_splits_into_frames_or_fails(bytes in vec(any::<u8>(), 0..500)) {
        let mut buffer = BytesMut::from(bytes.as_slice());
        let mut inbox = Inbox::new();
        if inbox.fill_from_stream(&mut buffer).is_ok() {
            prop_assert_eq!(inbox.frames().map(<[u8]>::len).sum::<usize>() + buffer.len(), bytes.len());
        }
        let _ = inbox.fill_from_message(Bytes::from(bytes));
    }
}

#[test]
fn every_truncation_of_every_sample_fails_or_says_something_else() {
    for (name, message) in samples() {
        let bytes = frame(&message);
        for cut in 0..bytes.len() {
            if let Ok(Some(shorter)) = decode(&bytes[..cut]) {
                assert_ne!(shorter, message, "{name} cut at {cut}");
            }
        }
    }
}

#[test]
fn lengths_beyond_the_frame_fail() {
    for len in [1u64 << 63, u64::MAX, 1 << 32, 1 << 31, 65_536, 3] {
        let mut huge = Vec::new();
        varint::write(&mut huge, len);
        huge.extend_from_slice(b"ab");
        let after = |before: &[u8]| [before, &huge].concat();
        let path = b"\x09Arith/Mul";
        for bytes in [
            made(kind::REQUEST, 0, &after(&[5, 0])),
            made(kind::REQUEST, flag::FIELDS, &after(&[&[5, 0], &path[..]].concat())),
            made(kind::PUSH, 0, &huge),
            made(kind::PUSH, flag::FIELDS, &after(path)),
            made(kind::RESPONSE, flag::FIELDS, &after(&[5])),
            made(kind::FAILURE, 0, &after(&[5, 1, 0])),
            made(kind::GOAWAY, 0, &huge),
            made(kind::CLOSE, 0, &after(&[1])),
            made(kind::HELLO, 0, &after(b"LSP1\x05")),
            made(kind::HELLO, 0, &after(b"LSP1\x04")),
        ] {
            assert!(decode(&bytes).is_err(), "{bytes:02x?}");
        }
    }
}

#[test]
fn numbers_too_large_for_their_field_fail() {
    let mut beyond = Vec::new();
    varint::write(&mut beyond, 1 << 32);
    for kind in [kind::REQUEST, kind::RESPONSE, kind::FAILURE, kind::CANCEL] {
        assert!(decode(&made(kind, 0, &beyond)).is_err());
    }
    assert!(decode(&made(kind::CLOSE, 0, &[0x80, 0x80, 0x04, 0])).is_err(), "close code 65536");
    assert!(decode(&made(kind::CANCEL, 0, &[0xff; 11])).is_err());
}
