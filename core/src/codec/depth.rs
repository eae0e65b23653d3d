//! What a serde codec wraps around its deserializer, so that decoding is total.
//!
//! A deserializer that trusts its input can be made to recurse until the stack ends, to reserve memory for elements that
//! never come, or to produce elements that take no bytes until the end of time. Limiting each once, here, spares every
//! codec the work, and the user's types never notice.

mod access;
mod budget;
mod deserializer;
mod visitor;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Deserializer};

use self::budget::{Budget, Place};
use crate::BoxError;

/// Deepest nesting that decodes, in levels.
///
/// A level is what JSON writes as a pair of brackets, whatever the codec: a sequence, tuple, map or struct is one level; a
/// variant with one unnamed field is one; a variant with several fields, or named ones, is two. Scalars, strings, bytes
/// and variants without fields are none.
///
/// Options and newtypes show in no bracket and are no level. But a type can recurse through them alone, so a path from
/// the root to a leaf may hold at most 128 of them: two for each level.
pub const MAX_DEPTH: u8 = 64;

/// A deserializer that reads one value, within limits that no input exceeds:
///
/// - nesting ends at [`MAX_DEPTH`] levels, which in a debug build fits a stack of 2 MiB for values of 1 KiB a level;
/// - sequences and maps together hold at most one element for each byte of input, and 8 KiB of elements more (8,192 of
///   `()`): some formats let an element take no bytes, but no value needs many of those;
/// - a collection is told to reserve at most 64 elements ahead of those that have arrived, so 8 KiB if they are 128
///   bytes each; it grows from there as they come.
///
/// ```
/// use linkspan_core::DepthLimited;
/// use serde::de::IntoDeserializer;
/// use serde::de::value::{Error, SeqDeserializer};
///
/// let sequence: SeqDeserializer<_, Error> = vec![1u8, 2, 3].into_deserializer();
/// let numbers: Vec<u8> = DepthLimited::new(sequence, 3).deserialize()?;
/// assert_eq!(numbers, [1, 2, 3]);
/// # Ok::<(), linkspan_core::BoxError>(())
/// ```
#[derive(Debug)]
pub struct DepthLimited<D> {
    deserializer: D,
    input_len: usize,
}

impl<D> DepthLimited<D> {
    /// Limits `deserializer`, whose input is `input_len` bytes long.
    pub fn new(deserializer: D, input_len: usize) -> Self {
        Self { deserializer, input_len }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// The deserializer's own error, or the limit that was exceeded; a type that swallows the latter does not get past
    /// it.
    pub fn deserialize<'de, T>(self) -> Result<T, BoxError>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de, Error: Send + Sync + 'static>,
    {
        let budget = Budget::new(self.input_len);
        let value = T::deserialize(Place::root(&budget).around(self.deserializer));
        match budget.exceeded() {
            Some(limit) => Err(limit.into()),
            None => Ok(value?),
        }
    }
}
