//! Whether all bytes were read, which the deserializer does not say.

use rmp_serde::decode::Error;
use serde::Deserializer;
use serde::de::IgnoredAny;

/// True if `deserializer` has no byte left: only then does a further value lack its first.
pub(crate) fn is_reached<'de>(deserializer: impl Deserializer<'de, Error = Error>) -> bool {
    // A request for a number reads that byte and at most eight more, whatever they are.
    matches!(deserializer.deserialize_u8(IgnoredAny), Err(Error::InvalidMarkerRead(_)))
}
