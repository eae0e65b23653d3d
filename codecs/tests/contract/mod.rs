//! The contract of a codec, as checks over any serde codec; what differs between codecs is the bytes.

pub(crate) mod nesting;
pub(crate) mod sample;

use std::fmt::Debug;

use linkspan_core::{Blob, Body, Decode, DecodeLimits, Encode, Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// `value` written behind nothing.
pub(crate) fn encoded<C: Encode<T>, T: ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    C::encode(value, &mut bytes).unwrap();
    bytes
}

/// What `bytes` are within the default limits.
pub(crate) fn decoded<C: Decode<T>, T>(bytes: &[u8]) -> Result<T, Error> {
    C::decode(bytes, DecodeLimits::default())
}

/// What is encoded decodes to an equal value, and appends to what the buffer holds.
pub(crate) fn round_trips<C: Encode<T> + Decode<T>, T: PartialEq + Debug>(value: &T) {
    let mut bytes = b"head".to_vec();
    C::encode(value, &mut bytes).unwrap();
    let body = bytes.strip_prefix(b"head").unwrap();
    assert_eq!(decoded::<C, T>(body).unwrap(), *value);
    let mut sent = Body::from(b"head".to_vec());
    C::encode_body(value, &mut sent).unwrap();
    assert_eq!(sent.into_vec(), bytes, "what is sent is what is encoded");
}

/// A large blob among other fields.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Loaded {
    before: u32,
    load: Blob,
    behind: String,
    small: Blob,
}

impl Loaded {
    /// Bytes of the large blob.
    pub(crate) const LEN: usize = 100_000;

    pub(crate) fn new() -> Self {
        let load = Blob::from(vec![7; Self::LEN]);
        Self { before: 1, load, behind: "behind".into(), small: Blob::from(vec![8; 16 * 1024 - 1]) }
    }
}

/// How many bytes are copied when a [`Loaded`] is encoded to be sent.
pub(crate) fn copied<C: Encode<Loaded> + Decode<Loaded>>() -> usize {
    let loaded = Loaded::new();
    round_trips::<C, _>(&loaded);
    let mut sent = Body::new();
    C::encode_body(&loaded, &mut sent).unwrap();
    sent.bytes().len()
}

/// Every encoding cut short is an error, as is one with a byte too many.
pub(crate) fn other_lengths_are_errors<C: Encode<T> + Decode<T>, T: Debug>(value: &T) {
    let mut bytes = encoded::<C, T>(value);
    for len in 0..bytes.len() {
        assert_eq!(
            decoded::<C, T>(&bytes[..len]).unwrap_err().kind(),
            ErrorKind::Decode,
            "cut to {len} bytes"
        );
    }
    bytes.push(b'!');
    assert_eq!(decoded::<C, T>(&bytes).unwrap_err().kind(), ErrorKind::Decode);
}

/// `decode` on the smallest stack that anything runs on, so that recursion shows.
pub(crate) fn on_a_small_stack<R: Send + 'static>(decode: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(decode).unwrap().join().unwrap()
}

/// What this level says, and what the one below says.
pub(crate) fn chain(error: &Error) -> [String; 2] {
    let cause = std::error::Error::source(error).expect("a codec's error has a cause");
    assert!(cause.source().is_none());
    [error.to_string(), cause.to_string()]
}

/// What a new thread has by default.
const SMALL_STACK: usize = 2 << 20;
