//! The codecs an application is built with: a tuple, and an index into it.

use super::{Body, Codec, Decode, DecodeLimits, Encode};
use crate::{Error, ErrorKind};

/// Which codec of the application's set a connection uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodecIndex(u8);

impl CodecIndex {
    /// The codec at `index` of the set.
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// Its place in the set.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// The codecs an application is built with, most preferred first: a tuple of one to six of them.
///
/// Every pair of method and codec is compiled in when a service is registered or a stub is made, so choosing the codec
/// at run time costs one branch per value.
pub trait CodecSet: Send + Sync + 'static {
    /// Their names, in order.
    const NAMES: &'static [&'static str];

    /// The index of the codec called `name`.
    fn find(name: &str) -> Option<CodecIndex> {
        let is_it = |known: &str| std::ptr::eq(known, name) || known == name; // the very same, most often
        (0u8..).zip(Self::NAMES).find(|(_, known)| is_it(known)).map(|(index, _)| CodecIndex(index))
    }
}

/// A set of which every codec can write `T`.
#[diagnostic::on_unimplemented(
    message = "not every codec of `{Self}` can encode `{T}`",
    note = "a serde codec encodes what implements `serde::Serialize`"
)]
pub trait EncodeBy<T: ?Sized>: CodecSet {
    /// Appends `value` in the codec at `index`.
    ///
    /// # Errors
    /// As [`Encode::encode`]; [`ErrorKind::UnsupportedCodec`] if the index is not of this set.
    fn encode(index: CodecIndex, value: &T, out: &mut Vec<u8>) -> Result<(), Error>;

    /// The same to what is sent, as [`Encode::encode_body`].
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_body(index: CodecIndex, value: &T, out: &mut Body) -> Result<(), Error> {
        Self::encode(index, value, out.bytes())
    }
}

/// A set of which every codec can read `T`.
#[diagnostic::on_unimplemented(
    message = "not every codec of `{Self}` can decode `{T}`",
    note = "a serde codec decodes what implements `serde::de::DeserializeOwned`"
)]
pub trait DecodeBy<T>: CodecSet {
    /// Reads a value in the codec at `index` from exactly `bytes`, within `limits`.
    ///
    /// # Errors
    /// As [`Decode::decode`]; [`ErrorKind::UnsupportedCodec`] if the index is not of this set.
    fn decode(index: CodecIndex, bytes: &[u8], limits: DecodeLimits) -> Result<T, Error>;
}

fn no_such_codec() -> Error {
    Error::new(ErrorKind::UnsupportedCodec, "codec index is not of this set")
}

/// `name`, if peers can agree on it; else the set does not compile.
const fn checked(name: &'static str) -> &'static str {
    let (mut rest, mut fits) = (name.as_bytes(), !name.is_empty() && name.len() <= MAX_NAME_LEN);
    while let [first, others @ ..] = rest {
        fits = fits && matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'-');
        rest = others;
    }
    assert!(fits, "the name of a codec is 1 to 32 lower case letters, digits and `-`");
    name
}

/// Bytes of a codec's name. Chosen because it travels in every hello.
const MAX_NAME_LEN: usize = 32;

macro_rules! tuple {
    ($($codec:ident $index:literal),+) => {
        impl<$($codec: Codec),+> CodecSet for ($($codec,)+) {
            const NAMES: &'static [&'static str] = &[$(checked($codec::NAME)),+];
        }
        impl<T: ?Sized, $($codec: Encode<T>),+> EncodeBy<T> for ($($codec,)+) {
            fn encode(index: CodecIndex, value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
                match index.0 {
                    $($index => $codec::encode(value, out),)+
                    _ => Err(no_such_codec()),
                }
            }

            fn encode_body(index: CodecIndex, value: &T, out: &mut Body) -> Result<(), Error> {
                match index.0 {
                    $($index => $codec::encode_body(value, out),)+
                    _ => Err(no_such_codec()),
                }
            }
        }
        impl<T, $($codec: Decode<T>),+> DecodeBy<T> for ($($codec,)+) {
            fn decode(index: CodecIndex, bytes: &[u8], limits: DecodeLimits) -> Result<T, Error> {
                match index.0 {
                    $($index => $codec::decode(bytes, limits),)+
                    _ => Err(no_such_codec()),
                }
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_peers_can_agree_on_pass() {
        for name in ["json", "bson-2", "0123456789abcdef0123456789abcdef"] {
            assert_eq!(checked(name), name);
        }
    }

    #[test]
    fn names_that_no_url_can_hold_do_not() {
        for name in ["", "CBOR", "a b", "a_b", "é", "0123456789abcdef0123456789abcdef0"] {
            assert!(std::panic::catch_unwind(|| checked(name)).is_err(), "{name}");
        }
    }
}
