//! The MessagePack codec of Linkspan: binary, compact, and spoken by every language.
//!
//! ```
//! use linkspan_core::{Decode, DecodeLimits, Encode, Error};
//! use linkspan_messagepack::MessagePack;
//!
//! let mut bytes = Vec::new();
//! MessagePack::encode(&("apples", 3), &mut bytes)?;
//! assert_eq!(bytes, b"\x92\xa6apples\x03");
//! let (what, count): (String, i32) = MessagePack::decode(&bytes, DecodeLimits::default())?;
//! assert_eq!((what.as_str(), count), ("apples", 3));
//! # Ok::<(), Error>(())
//! ```

mod end;

use std::io::Write;

use linkspan_core::{Body, BoxError, Codec, Decode, DecodeLimits, DepthLimited, Encode, Error, ErrorKind};
use rmp_serde::decode::Error as DecodeError;
use rmp_serde::{Deserializer, Serializer};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Every serde type in [MessagePack](https://github.com/msgpack/msgpack/blob/master/spec.md), so that a peer in any
/// language reads it without knowing more than the names of fields.
///
/// | Rust | MessagePack |
/// |---|---|
/// | struct with named fields | map from the fields' names, in order |
/// | tuple, tuple struct, array, sequence, set | array |
/// | struct around one value | that value |
/// | struct without fields | empty array (`struct A;`) or empty map (`struct A {}`) |
/// | map | map, with keys of any kind |
/// | `None`, `()` | nil |
/// | `Some(value)` | the value |
/// | variant without fields | its name, a string |
/// | variant around one value | map of one entry, from its name to the value |
/// | variant with several fields | map of one entry, from its name to an array |
/// | variant with named fields | map of one entry, from its name to a map |
/// | integers up to 64 bits | the shortest integer that holds them, unsigned unless negative |
/// | `i128`, `u128` | bin of 16 bytes, the highest first |
/// | `f32`, `f64` | float 32, float 64, every bit kept |
/// | `char`, `str`, `String` | str |
/// | `Vec<u8>`, `[u8; N]` | array of integers |
/// | [`Blob`](linkspan_core::Blob), `serde_bytes` | bin |
///
/// A method's `Result` is not an enum on the wire: its value and its error travel apart, each as its own type. Types with
/// a form for people take that one, as in JSON: an `IpAddr` is the string `127.0.0.1`.
///
/// Reading accepts more: a struct also as an array of its fields in order, a sequence also as bin, a variant's name also
/// as its number, a float also as an integer (JavaScript writes `1.0` as 1) and integers in any width that holds them.
/// Fields that the type does not know are skipped, if they nest no deeper than known ones may; extension types are read
/// only there. `Some(None)` and `Some(())` come back as `None`.
///
/// In these bytes, `Reply { c: 200 }` is the answer and `Error::Overflow` the error of a call:
///
/// ```
/// # use linkspan_core::Encode;
/// # use linkspan_messagepack::MessagePack;
/// # use serde::Serialize;
/// #[derive(Serialize)]
/// struct Reply {
///     c: i64,
/// }
/// #[derive(Serialize)]
/// enum Error {
///     Overflow,
///     TooLarge { limit: i64 },
/// }
/// # fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
/// #     let mut bytes = Vec::new();
/// #     MessagePack::encode(value, &mut bytes).expect("it has a form");
/// #     bytes
/// # }
/// assert_eq!(encoded(&Reply { c: 200 }), b"\x81\xa1c\xcc\xc8");
/// assert_eq!(encoded(&Error::Overflow), b"\xa8Overflow");
/// assert_eq!(encoded(&Error::TooLarge { limit: 9 }), b"\x81\xa8TooLarge\x81\xa5limit\x09");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Codec for MessagePack {
    const NAME: &'static str = "messagepack";
}

impl<T: Serialize + ?Sized> Encode<T> for MessagePack {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        write(value, out)
    }

    fn encode_body(value: &T, out: &mut Body) -> Result<(), Error> {
        write(value, out)
    }
}

impl<T: DeserializeOwned> Decode<T> for MessagePack {
    fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<T, Error> {
        let mut messagepack = Deserializer::from_read_ref(bytes).with_human_readable();
        let value =
            DepthLimited::new(&mut messagepack, bytes.len(), limits).deserialize().map_err(invalid)?;
        if end::is_reached(&mut messagepack) { Ok(value) } else { Err(invalid("bytes are left over")) }
    }
}

fn write<T: Serialize + ?Sized>(value: &T, out: impl Write) -> Result<(), Error> {
    // For people, because what serde buffers (flattened fields, untagged enums) is read in that form whatever the
    // format says, and because other languages know an address as text, not as an enum of Rust's.
    value.serialize(&mut Serializer::new(out).with_struct_map().with_human_readable()).map_err(|cause| {
        Error::new(ErrorKind::Encode, "no MessagePack for this value").with_source(flat(cause.into()))
    })
}

fn invalid(cause: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Decode, "not valid MessagePack for this type").with_source(flat(cause.into()))
}

/// The same, with nothing beneath that it prints already.
fn flat(cause: BoxError) -> BoxError {
    match cause.downcast_ref() {
        Some(DecodeError::InvalidDataRead(_) | DecodeError::InvalidMarkerRead(_)) => {
            "bytes are missing".into()
        }
        _ if cause.source().is_some() => cause.to_string().into(),
        _ => cause,
    }
}
