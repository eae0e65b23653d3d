mod fuzz;
mod golden;
mod hostile;
mod round_trip;
mod samples;

pub(crate) use samples::transcript;

use samples::{From, samples};

use super::*;
use crate::Batch;

/// `message` as a frame.
pub(crate) fn frame(message: &Message<'_>) -> Vec<u8> {
    let mut batch = Batch::new();
    encode(message, &mut batch).unwrap();
    let mut bytes = Vec::new();
    batch.take_frames(|frame| {
        frame.copy_to(&mut bytes);
        true
    });
    bytes
}

#[test]
fn every_message_survives_the_wire() {
    for (name, message) in samples() {
        assert_eq!(decode(&frame(&message)).unwrap(), Some(message), "{name}");
    }
}

#[test]
fn a_push_that_is_made_in_place_is_the_one_that_is_encoded() {
    for (path_len, body_len) in [(3, 0), (10, 200), (127, MAX_INLINE_LEN), (128, 1), (MAX_PATH_LEN, 9)] {
        let (path, body) = (format!("A/{}", "x".repeat(path_len - 2)), vec![7; body_len]);
        let (metadata, place) = (None, None);
        let push = Message::Push { path: &path, codec: None, metadata, body: &body, place };
        let mut made = Vec::new();
        assert!(begin_push(&path, &mut made));
        made.extend_from_slice(&body);
        end_push(&mut made);
        assert_eq!(made, frame(&push));
    }
    let mut made = Vec::new();
    assert!(!begin_push(&"x".repeat(MAX_PATH_LEN + 1), &mut made) && made.is_empty(), "it is too long");
}

#[test]
fn a_truncated_frame_never_panics() {
    for (_, message) in samples() {
        let bytes = frame(&message);
        for cut in 0..bytes.len() {
            let _ = decode(&bytes[..cut]);
        }
    }
}

#[test]
fn unknown_kinds_and_fields_are_ignored_or_refused_as_they_ask() {
    assert_eq!(decode(&[2, 0, 0x9a, 0]).unwrap(), None);
    assert!(decode(&[2, 0, 0x1a, 0]).is_err());
    let request =
        |tag: u8| [&[17u8, 0, kind::REQUEST, flag::FIELDS, 5, 0, 9][..], b"Arith/Mul", &[2, tag, 0]].concat();
    assert!(matches!(decode(&request(7)), Ok(Some(Message::Request(_)))));
    assert!(decode(&request(8)).is_err());
}
