//! Takes a frame apart, field by field; nothing is trusted, nothing allocated ahead.

use super::varint;
use crate::Error;

/// What is left of a frame.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Error> {
        varint::read(&mut self.0).ok_or_else(|| Error::protocol("number is cut short"))
    }

    /// A number that must fit 32 bits.
    pub(crate) fn varint32(&mut self) -> Result<u32, Error> {
        u32::try_from(self.varint()?).map_err(|_| Error::protocol("number exceeds 32 bits"))
    }

    /// Bytes behind their length.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let len = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        let (bytes, rest) =
            self.0.split_at_checked(len).ok_or_else(|| Error::protocol("field is cut short"))?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Text behind its length.
    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Error::protocol("text is not UTF-8"))
    }

    /// The next tagged field, or `None` at the end.
    pub(crate) fn field(&mut self) -> Result<Option<(u64, &'a [u8])>, Error> {
        if self.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        Ok(Some((tag, self.bytes()?)))
    }
}
