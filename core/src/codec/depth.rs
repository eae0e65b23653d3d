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
use super::DecodeLimits;
use crate::BoxError;

/// A deserializer that reads one value, within limits that no input exceeds:
///
/// - nesting ends at [`max_depth`](DecodeLimits::max_depth) levels, before the deserializer goes deeper;
/// - sequences and maps together hold at most one element for each byte of input, and
///   [`max_reserve_len`](DecodeLimits::max_reserve_len) bytes of elements more (by default 8,192 of `()`): some formats let
///   an element take no bytes, but no value needs many of those;
/// - a collection is told to reserve at most one element for each 128 bytes of
///   [`max_reserve_len`](DecodeLimits::max_reserve_len) ahead of those that have arrived (by default 64, so 8 KiB if they
///   are 128 bytes each; serde does not tell their size); it grows from there as they come.
///
/// What a type ignores is read like the rest and forgotten, since a deserializer that skips by itself may recurse where
/// nobody counts: [`deserialize_ignored_any`](Deserializer::deserialize_ignored_any) becomes
/// [`deserialize_any`](Deserializer::deserialize_any).
///
/// ```
/// use linkspan_core::{DecodeLimits, DepthLimited};
/// use serde::de::IntoDeserializer;
/// use serde::de::value::{Error, SeqDeserializer};
///
/// let sequence: SeqDeserializer<_, Error> = vec![1u8, 2, 3].into_deserializer();
/// let numbers: Vec<u8> = DepthLimited::new(sequence, 3, DecodeLimits::default()).deserialize()?;
/// assert_eq!(numbers, [1, 2, 3]);
/// # Ok::<(), linkspan_core::BoxError>(())
/// ```
#[derive(Debug)]
pub struct DepthLimited<D> {
    deserializer: D,
    input_len: usize,
    limits: DecodeLimits,
}

impl<D> DepthLimited<D> {
    /// Limits `deserializer`, whose input is `input_len` bytes long.
    pub fn new(deserializer: D, input_len: usize, limits: DecodeLimits) -> Self {
        Self { deserializer, input_len, limits }
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
        let budget = Budget::new(self.input_len, self.limits);
        let value = T::deserialize(Place::root(&budget).around(self.deserializer));
        match budget.exceeded() {
            Some(limit) => Err(limit.into()),
            None => Ok(value?),
        }
    }
}
