//! Key–value headers of a call or push.

use crate::{Error, ErrorKind};

/// Ordered key–value headers. A key may occur more than once; keys are text, values are bytes.
///
/// Bounded by [`Limits::max_metadata_len`](crate::Limits::max_metadata_len) and
/// [`Limits::max_metadata_entries`](crate::Limits::max_metadata_entries). The empty metadata allocates nothing.
///
/// ```
/// use linkspan_core::Metadata;
///
/// let metadata = Metadata::new().with("trace", "a1").with("shard", [7]);
/// assert_eq!(metadata.text("trace"), Some("a1"));
/// assert_eq!(metadata.get("shard"), Some(&[7][..]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, Vec<u8>)>);

impl Metadata {
    /// Without entries.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The same with one more entry.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        self.insert(key, value);
        self
    }

    /// Adds an entry behind the others.
    pub fn insert(&mut self, key: impl Into<String>, value: impl AsRef<[u8]>) {
        self.0.push((key.into(), value.as_ref().to_vec()));
    }

    /// The first value of `key`.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_slice())
    }

    /// The first value of `key`, if it is UTF-8.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every entry, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn byte_len(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    /// Checks both bounds.
    ///
    /// # Errors
    /// [`ErrorKind::FrameTooLarge`], naming the bound.
    pub fn check(&self, max_len: usize, max_entries: usize) -> Result<(), Error> {
        if self.len() > max_entries || self.byte_len() > max_len {
            return Err(Error::new(
                ErrorKind::FrameTooLarge,
                format!(
                    "metadata of {} entries and {} bytes; at most {max_entries} (max_metadata_entries) and {max_len} (max_metadata_len)",
                    self.len(),
                    self.byte_len()
                ),
            ));
        }
        Ok(())
    }
}
