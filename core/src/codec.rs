//! The second waist: typed values to payload bytes and back, chosen at run time, compiled in.

mod blob;
mod body;
mod depth;
mod limits;
mod parts;
mod preference;
mod scratch;
mod set;
mod shared;

pub use blob::Blob;
pub use body::Body;
pub use depth::DepthLimited;
pub use limits::{DecodeLimits, MAX_DEPTH};
pub(crate) use parts::{Parts, Run};
pub(crate) use preference::{Known, choose, prefer};
pub(crate) use scratch::with_body;
pub use set::{CodecIndex, CodecSet, DecodeBy, EncodeBy};
pub(crate) use shared::sharing;

use crate::Error;

/// The name of payloads that are bytes as they stand, whatever the connection's codec.
pub const RAW: &str = "raw";

/// A way to write values as bytes. What it can write is said by [`Encode`] and [`Decode`], so that the bound belongs to
/// the codec: a serde codec implements them for every serde type, a protobuf codec for its messages.
///
/// # Contract
/// - What is encoded decodes to an equal value. What the format cannot tell apart, the codec's documentation lists (JSON's
///   NaN, for instance).
/// - Encoding appends, and touches nothing that the buffer already holds.
/// - Decoding is total, since the bytes come from strangers. They are exactly one value or an error: nothing panics, no
///   stack or memory runs out, and the time is bounded by their number. Bytes left over are an error, and so is every
///   value cut short.
/// - Decoding stays within the [`DecodeLimits`] it is given: what nests deeper is an error, and a length without its
///   elements reserves little. That holds for fields that the type ignores too.
/// - Errors have the kind that [`Encode`] and [`Decode`] name, with what was wrong as their source.
/// - The same name always means the same bytes: peers find each other by it. A format that changes gets another name.
///
/// # For a serde codec
/// [`DepthLimited`] around the deserializer keeps depth, reservations and the number of elements within the limits, for
/// every type and whatever the deserializer itself would allow; its documentation says how elements that take no bytes are
/// counted. Left to the codec are bytes left over, lengths that the deserializer itself would reserve for (a string
/// without its bytes), and whether the deserializer recurses without asking its visitor.
///
/// # What is checked
/// `linkspan_conformance::codec!(mine, Mine)` in a test runs every promise of the conformance kit with the codec. Those
/// about codecs: values survive, extremes included; an encoding cut short or prolonged is an error; damaged ones never
/// panic; values nested too deep are refused, at the default depth and at that of the limits. How to show the rest (what
/// is reserved, how the stack fares) is in the tests of the JSON, MessagePack and Postcard codecs.
///
/// ```
/// use linkspan_core::{Codec, Decode, DecodeLimits, Encode, Error, ErrorKind};
///
/// /// Values as text, for everything that prints and parses: flat, so that there is nothing to limit.
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
///     fn decode(bytes: &[u8], _limits: DecodeLimits) -> Result<T, Error> {
///         let text = std::str::from_utf8(bytes).ok();
///         text.and_then(|text| text.parse().ok()).ok_or_else(|| Error::new(ErrorKind::Decode, "not a value"))
///     }
/// }
/// let mut bytes = Vec::new();
/// Text::encode(&42, &mut bytes)?;
/// assert_eq!(<Text as Decode<i32>>::decode(&bytes, DecodeLimits::default())?, 42);
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

    /// Appends `value` to `out`: the same bytes, of which large fields may be there by reference. What is sent is encoded so.
    ///
    /// What is provided copies all of it. A codec with a byte string spares large ones the copy with [`Body::append`]; it then
    /// must not look at what it appended, or move it: a codec around another leaves this method out.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_body(value: &T, out: &mut Body) -> Result<(), Error> {
        Self::encode(value, out.bytes())
    }
}

/// A codec that can read `T`.
pub trait Decode<T>: Codec {
    /// Reads a value from exactly `bytes`, within `limits`.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if they are anything else, or exceed a limit.
    fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<T, Error>;
}
