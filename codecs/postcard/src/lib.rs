//! The Postcard codec of Linkspan: the smallest bytes and the least work, between peers that share their types.
//!
//! ```
//! use linkspan_core::{Decode, DecodeLimits, Encode, Error};
//! use linkspan_postcard::Postcard;
//!
//! let mut bytes = Vec::new();
//! Postcard::encode(&("apples", 3), &mut bytes)?;
//! assert_eq!(bytes, b"\x06apples\x06");
//! let (what, count): (String, i32) = Postcard::decode(&bytes, DecodeLimits::default())?;
//! assert_eq!((what.as_str(), count), ("apples", 3));
//! # Ok::<(), Error>(())
//! ```

mod append;

use linkspan_core::{Body, BoxError, Codec, Decode, DecodeLimits, DepthLimited, Encode, Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::append::{Append, AppendBody};

/// Serde types in the [Postcard wire format](https://postcard.jamesmunns.com/wire-format), version 1.
///
/// The bytes do not describe themselves: both peers must agree on every field and variant, in order. What serde can only
/// read from a format that does is an error when it is decoded (untagged and internally tagged enums,
/// `serde_json::Value`) or encoded (flattened fields). Elements that take no bytes are few: a
/// longer sequence of `()` than [`DecodeLimits::max_reserve_len`] and the message's own length does not decode.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl Codec for Postcard {
    const NAME: &'static str = "postcard";
}

impl<T: Serialize + ?Sized> Encode<T> for Postcard {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        postcard::serialize_with_flavor(value, Append(out)).map_err(unwritable)
    }

    fn encode_body(value: &T, out: &mut Body) -> Result<(), Error> {
        postcard::serialize_with_flavor(value, AppendBody(out)).map_err(unwritable)
    }
}

impl<T: DeserializeOwned> Decode<T> for Postcard {
    #[inline]
    fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<T, Error> {
        let mut postcard = postcard::Deserializer::from_bytes(bytes);
        let value = DepthLimited::new(&mut postcard, bytes.len(), limits).deserialize().map_err(invalid)?;
        match postcard.finalize().map_err(invalid)? {
            [] => Ok(value),
            _ => Err(invalid("bytes are left over")),
        }
    }
}

fn unwritable(cause: postcard::Error) -> Error {
    Error::new(ErrorKind::Encode, "no Postcard for this value").with_source(cause)
}

fn invalid(cause: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Decode, "not valid Postcard for this type").with_source(cause)
}
