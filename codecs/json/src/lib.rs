//! The JSON codec of Linkspan: what people read, and what every language speaks.
//!
//! ```
//! use linkspan_core::{Decode, DecodeLimits, Encode, Error};
//! use linkspan_json::Json;
//!
//! let mut bytes = Vec::new();
//! Json::encode(&("apples", 3), &mut bytes)?;
//! assert_eq!(bytes, br#"["apples",3]"#);
//! let (what, count): (String, u32) = Json::decode(&bytes, DecodeLimits::default())?;
//! assert_eq!((what.as_str(), count), ("apples", 3));
//! # Ok::<(), Error>(())
//! ```

use linkspan_core::{BoxError, Codec, Decode, DecodeLimits, DepthLimited, Encode, Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Every serde type as JSON text (RFC 8259), without spaces; numbers keep every bit, floating-point ones too.
///
/// JSON has fewer kinds of value than Rust, so a few come back as others: NaN and the infinities are written as `null`,
/// and so are `Some(None)` and `Some(())`, which read as `None`. Keys of a map are strings; numbers and other scalars are
/// quoted, and a map with larger keys is an error. Bytes are an array of numbers. White space around a value is not
/// counted as bytes left over. Unknown fields are skipped, if they nest no deeper than known ones may.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Codec for Json {
    const NAME: &'static str = "json";
}

impl<T: Serialize + ?Sized> Encode<T> for Json {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        serde_json::to_writer(out, value)
            .map_err(|cause| Error::new(ErrorKind::Encode, "no JSON for this value").with_source(cause))
    }
}

impl<T: DeserializeOwned> Decode<T> for Json {
    fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<T, Error> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let value = DepthLimited::new(&mut json, bytes.len(), limits).deserialize().map_err(invalid)?;
        json.end().map_err(invalid)?;
        Ok(value)
    }
}

fn invalid(cause: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Decode, "not valid JSON for this type").with_source(cause)
}
