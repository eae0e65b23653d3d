//! The second waist: typed values to payload bytes and back, chosen at run time, compiled in.

mod blob;
mod depth;
mod preference;
mod set;

pub use blob::Blob;
pub use depth::{DepthLimited, MAX_DEPTH};

pub(crate) use preference::{Known, choose, prefer};
pub use set::{CodecIndex, CodecSet, DecodeBy, EncodeBy};

use crate::Error;

/// The name of payloads that are bytes as they stand, whatever the connection's codec.
pub const RAW: &str = "raw";

/// A way to write values as bytes. What it can write is said by [`Encode`] and [`Decode`], so that the bound belongs to
/// the codec: a serde codec implements them for every serde type, a protobuf codec for its messages.
///
/// # Contract
/// - Decoding is total: no input panics, allocates ahead of its own length by more than 8 KiB, or recurses deeper than
///   64 levels. Bytes left over are an error.
/// - What is encoded decodes to an equal value.
///
/// ```
/// use linkspan_core::{Codec, Decode, Encode, Error, ErrorKind};
///
/// /// Values as text, for everything that prints and parses.
/// #[derive(Debug)]
/// struct Text;
///
/// impl Codec for Text {
///     const NAME: &'static str = "text";
/// }
/// impl<T: std::fmt::Display + ?Sized> Encode<T> for Text {
///     fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
///         out.extend_from_slice(value.to_string().as_bytes());
///         Ok(())
///     }
/// }
/// impl<T: std::str::FromStr> Decode<T> for Text {
///     fn decode(bytes: &[u8]) -> Result<T, Error> {
///         let text = std::str::from_utf8(bytes).ok();
///         text.and_then(|text| text.parse().ok()).ok_or_else(|| Error::new(ErrorKind::Decode, "not a value"))
///     }
/// }
/// let mut bytes = Vec::new();
/// Text::encode(&42, &mut bytes)?;
/// assert_eq!(<Text as Decode<i32>>::decode(&bytes)?, 42);
/// # Ok::<(), Error>(())
/// ```
pub trait Codec: Send + Sync + 'static {
    /// Its name on the wire and in endpoints (`?codec=json`): lower case letters, digits and `-`, at most 32.
    const NAME: &'static str;
}

/// A codec that can write `T`.
pub trait Encode<T: ?Sized>: Codec {
    /// Appends `value` to `out`.
    ///
    /// # Errors
    /// [`ErrorKind::Encode`](crate::ErrorKind::Encode) if this value cannot be written; what was appended is then
    /// meaningless.
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error>;
}

/// A codec that can read `T`.
pub trait Decode<T>: Codec {
    /// Reads a value from exactly `bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if they are anything else.
    fn decode(bytes: &[u8]) -> Result<T, Error>;
}
