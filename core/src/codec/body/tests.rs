use super::*;
use crate::Blob;

/// Has `blob` serialized, and `write` do what a codec does with the bytes.
fn serialize(blob: &Blob, write: impl FnOnce(&[u8])) {
    lend(&blob.clone().into_bytes(), write);
}

fn blob(len: usize) -> Blob {
    Blob::from(vec![7; len])
}

fn taken(body: &mut Body, start: usize) -> Vec<(Vec<u8>, Bytes)> {
    let mut parts = body.take_large(start).unwrap();
    let mut runs = Vec::new();
    while !parts.is_empty() {
        let Run { copied, field } = parts.split(usize::MAX);
        runs.push((copied.to_vec(), field));
    }
    runs
}

#[test]
fn a_large_blob_is_referred_to_between_what_is_copied() {
    let mut body = Body::new();
    body.bytes().extend_from_slice(b"of another");
    let start = body.bytes().len();
    let (one, other) = (blob(MIN_REFERRED), blob(MAX_INLINE_LEN + 1));
    body.append(b"before");
    serialize(&one, |bytes| body.append(bytes));
    body.append(b"between");
    serialize(&other, |bytes| body.append(bytes));
    body.append(b"behind");
    assert_eq!(body.len(), b"of anotherbeforebetweenbehind".len() + one.len() + other.len());
    let runs = taken(&mut body, start);
    let copied: Vec<_> = runs.iter().map(|(copied, _)| copied.as_slice()).collect();
    assert_eq!(copied, [&b"before"[..], b"between", b"behind"]);
    assert_eq!((runs[0].1.as_ptr(), runs[1].1.as_ptr()), (one.as_ptr(), other.as_ptr()));
    assert_eq!(body.into_vec(), b"of another");
}

#[test]
fn small_blobs_parts_of_large_ones_and_other_bytes_are_copied() {
    let large = blob(2 * MIN_REFERRED);
    let mut body = Body::new();
    serialize(&blob(MIN_REFERRED - 1), |bytes| body.append(bytes));
    serialize(&large, |bytes| body.append(&bytes[1..]));
    serialize(&large, |_| body.append(&[8; MIN_REFERRED]));
    body.append(&large);
    assert_eq!(body.bytes().len(), 6 * MIN_REFERRED - 2);
}

#[test]
fn what_fits_a_frame_lies_in_one_piece() {
    let mut body = Body::from(b"first".to_vec());
    serialize(&blob(MAX_INLINE_LEN), |bytes| body.append(bytes));
    assert!(body.bytes().len() == 5 && body.take_large(5).is_none());
    assert_eq!(body.into_vec(), [b"first".as_slice(), &[7; MAX_INLINE_LEN]].concat());
}

#[test]
fn much_that_was_copied_is_sent_by_reference_too() {
    let mut body = Body::new();
    body.bytes().resize(MAX_COPIED + 1, 1);
    let place = body.bytes().as_ptr();
    serialize(&blob(MIN_REFERRED), |bytes| body.append(bytes));
    let runs = taken(&mut body, 0);
    assert_eq!((runs.len(), runs[0].1.as_ptr()), (2, place));
}

#[test]
fn what_is_serialized_within_a_blob_is_told_from_it() {
    let (outer, inner) = (blob(MIN_REFERRED), blob(MIN_REFERRED));
    let (mut body, mut other) = (Body::new(), Body::new());
    serialize(&outer, |bytes| {
        serialize(&inner, |within| other.append(within));
        body.append(bytes);
    });
    assert_eq!((body.bytes().len(), other.bytes().len()), (0, 0));
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let large = blob(MIN_REFERRED);
    let panicked = std::panic::catch_unwind(|| serialize(&large, |_| panic!("within")));
    assert!(panicked.is_err() && lent(&large).is_none());
    let caught = std::panic::catch_unwind(|| {
        crate::codec::with_body(|body| {
            body.refer(large.clone().into_bytes());
            panic!("within");
        })
    });
    assert!(caught.is_err() && large.into_bytes().is_unique());
}

#[test]
fn what_is_split_off_takes_its_fields_along() {
    let mut body = Body::from(b"first".to_vec());
    body.append(b"second");
    body.refer(vec![7; MIN_REFERRED].into());
    body.append(b"end");
    let second = body.split_off(5);
    assert_eq!(body.into_vec(), b"first");
    assert_eq!(second.into_vec(), [b"second".as_slice(), &[7; MIN_REFERRED], b"end"].concat());
}
