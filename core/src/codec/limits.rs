//! What reading one value may take.

/// Deepest nesting that any limit allows, in levels: in a debug build it fits a stack of 2 MiB for values of 1 KiB a
/// level, and more would not.
///
/// A level is what JSON writes as a pair of brackets, whatever the codec: a sequence, tuple, map or struct is one level; a
/// variant with one unnamed field is one; a variant with several fields, or named ones, is two. Scalars, strings, bytes
/// and variants without fields are none.
///
/// Options and newtypes show in no bracket and are no level. But a type can recurse through them alone, so a path from
/// the root to a leaf may hold only two of them for each level that is allowed: 128 by default.
pub const MAX_DEPTH: u8 = 64;

/// What reading one value may take: given to every [`Decode::decode`](super::Decode::decode), because the bytes come from
/// a stranger.
///
/// A connection has those of its [`Limits`](crate::Limits); where there is none, the defaults are safe.
///
/// ```
/// use linkspan_core::{DecodeLimits, Limits};
///
/// let shallow = DecodeLimits::default().with_max_depth(8);
/// assert_eq!(shallow.max_depth(), 8);
/// assert_eq!(Limits::default().decode_limits(), DecodeLimits::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    max_depth: u8,
    max_reserve_len: usize,
}

impl DecodeLimits {
    /// [`MAX_DEPTH`] levels, and 8 KiB ahead of data.
    pub const fn new() -> Self {
        Self { max_depth: MAX_DEPTH, max_reserve_len: 8 * 1024 }
    }

    /// The same with another depth; none counts as one, and more than [`MAX_DEPTH`] as that, for the sake of the stack.
    #[must_use]
    pub const fn with_max_depth(mut self, levels: u8) -> Self {
        self.max_depth = match levels {
            0 => 1,
            1..=MAX_DEPTH => levels,
            _ => MAX_DEPTH,
        };
        self
    }

    /// The same with other memory ahead of data, in bytes.
    #[must_use]
    pub const fn with_max_reserve_len(mut self, bytes: usize) -> Self {
        self.max_reserve_len = bytes;
        self
    }

    /// Levels that a value may nest, as [`MAX_DEPTH`] counts them; from 1 to [`MAX_DEPTH`].
    pub const fn max_depth(self) -> u8 {
        self.max_depth
    }

    /// Bytes of memory that a collection may take ahead of the elements that have arrived.
    pub const fn max_reserve_len(self) -> usize {
        self.max_reserve_len
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_depth_exceeds_what_a_stack_holds() {
        let depths =
            [0, 1, 8, 64, 65, 255].map(|levels| DecodeLimits::new().with_max_depth(levels).max_depth());
        assert_eq!(depths, [1, 1, 8, 64, 64, 64]);
    }
}
