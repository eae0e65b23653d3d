//! Any bytes as a frame: they decode to a message that means the same once it is encoded, or they are an error.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{frame, samples};
use crate::Batch;
use crate::wire::{Message, decode, encode, flag};

proptest! {
    #![proptest_config(effort())]

    #[test]
    fn any_bytes_that_decode_are_encoded_to_what_decodes_to_the_same(input in vec(any::<u8>(), 0..80)) {
        means_the_same(&input);
    }

    #[test]
    fn any_fields_that_decode_are_encoded_to_what_decodes_to_the_same(
        (kind, flags) in (0u8..0x10, any::<u8>()),
        fields in vec(prop_oneof![3 => 0u8..12, 1 => any::<u8>()], 0..60),
    ) {
        means_the_same(&[&[kind, flags & !flag::RESERVED][..], &fields].concat());
    }

    #[test]
    fn what_is_left_of_samples_means_the_same_once_encoded(
        (sample, other) in (0..samples().len(), 0..samples().len()),
        (cut, join) in any::<(prop::sample::Index, prop::sample::Index)>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let [first, second] = [sample, other].map(|index| frame(&samples()[index].1).split_off(2));
        let mut bytes = [&first[..cut.index(first.len() + 1)], &second[join.index(second.len())..]].concat();
        for (at, byte) in changes.into_iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            *at.get_mut(&mut bytes) = byte;
        }
        means_the_same(&bytes);
    }
}

fn means_the_same(input: &[u8]) {
    let bytes = whole(input);
    let Ok(Some(message)) = decode(&bytes) else { return };
    let mut batch = Batch::new();
    if let Err(error) = encode(&message, &mut batch) {
        assert!(matches!(message, Message::Hello(_)), "{error}: {message:?}"); // its agent may have grown
        return;
    }
    let again = bytes_of(batch);
    let read = decode(&again).unwrap().unwrap();
    if !is_cut_when_sent(&message) {
        assert_eq!(read, message);
    }
    let mut batch = Batch::new();
    encode(&read, &mut batch).unwrap();
    assert_eq!(bytes_of(batch), again, "one message has one form");
}

/// Texts for a person are cut to what is worth reading.
fn is_cut_when_sent(message: &Message<'_>) -> bool {
    match message {
        Message::Failure { status, .. } => status.message().len() > 1024,
        Message::Goaway { reason } => reason.len() > 1024,
        _ => false,
    }
}

/// `input` behind the length that it has: what it says itself was checked by whoever split the stream.
fn whole(input: &[u8]) -> Vec<u8> {
    let input = if input.len() < 2 { &[0, 0] } else { input };
    [&u16::try_from(input.len()).unwrap().to_le_bytes(), input].concat()
}

fn bytes_of(mut batch: Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    batch.take_frames(|frame| {
        frame.copy_to(&mut bytes);
        true
    });
    bytes
}

/// Short in every run, long on demand.
fn effort() -> ProptestConfig {
    let cases = if std::env::var_os("LINKSPAN_LONG").is_some() { 300_000 } else { 1_000 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}
