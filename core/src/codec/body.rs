//! What an encoder leaves: bytes side by side, and large fields where they are.

use std::cell::Cell;
use std::fmt;
use std::io;

use bytes::Bytes;

use super::parts::{Parts, Run};
use crate::wire::MAX_INLINE_LEN;

/// An encoded value on its way out. Its bytes lie one behind the other, but for large [`Blob`](crate::Blob)s, which it holds by
/// reference.
///
/// [`Encode::encode_body`](crate::Encode::encode_body) writes to one. A codec that knows nothing of it writes to
/// [`bytes`](Self::bytes). One that has a byte string gives that to [`append`](Self::append), which copies it unless it is a large
/// `Blob` that serde serializes. One without serde hands such fields to [`refer`](Self::refer):
///
/// ```
/// use linkspan_core::{Blob, Body, Codec, Encode, Error};
///
/// /// Blobs as they are.
/// struct Plain;
///
/// impl Codec for Plain {
///     const NAME: &'static str = "plain";
/// }
/// impl Encode<Blob> for Plain {
///     fn encode(value: &Blob, out: &mut Vec<u8>) -> Result<(), Error> {
///         out.extend_from_slice(value);
///         Ok(())
///     }
///     fn encode_body(value: &Blob, out: &mut Body) -> Result<(), Error> {
///         out.refer(value.clone().into_bytes());
///         Ok(())
///     }
/// }
/// let mut body = Body::new();
/// Plain::encode_body(&Blob::from(vec![7; 100_000]), &mut body)?;
/// assert_eq!((body.len(), body.bytes().len()), (100_000, 0));
/// assert_eq!(body.into_vec(), [7; 100_000]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Default)]
pub struct Body {
    bytes: Vec<u8>,
    /// Each with its place in `bytes`, before which it stands.
    fields: Vec<(usize, Bytes)>,
}

impl Body {
    /// An empty one.
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), fields: Vec::new() }
    }

    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.fields.iter().map(|(_, field)| field.len()).sum::<usize>()
    }

    /// True if nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.fields.is_empty()
    }

    /// What was copied. To append to; what is there belongs to others, and stays.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Appends `bytes`. They are not copied if they are all of a [`Blob`](crate::Blob) of 16 KiB or more that is being
    /// serialized.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) {
        if bytes.len() < MIN_REFERRED {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.append_large(bytes);
        }
    }

    /// Appends `field`: by reference if it has 16 KiB or more, else as a copy.
    pub fn refer(&mut self, field: Bytes) {
        if field.len() < MIN_REFERRED {
            self.bytes.extend_from_slice(&field);
        } else {
            self.fields.push((self.bytes.len(), field));
        }
    }

    #[cold]
    fn append_large(&mut self, bytes: &[u8]) {
        match lent(bytes) {
            Some(field) => self.refer(field),
            None => self.bytes.extend_from_slice(bytes),
        }
    }

    /// All of it in one piece.
    pub fn into_vec(self) -> Vec<u8> {
        if self.fields.is_empty() { self.bytes } else { self.joined(0) }
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        if !self.fields.is_empty() {
            self.fields.clear();
        }
    }

    /// Forgets what was written since `bytes` ended at `start`.
    pub(crate) fn truncate(&mut self, start: usize) {
        self.bytes.truncate(start);
        self.fields.clear(); // those before were taken
    }

    /// Bytes of memory that it holds, besides its fields'.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes what was written since `bytes` ended at `start`.
    pub(crate) fn split_off(&mut self, start: usize) -> Self {
        let mut fields = std::mem::take(&mut self.fields);
        fields.iter_mut().for_each(|(at, _)| *at -= start.min(*at));
        Self { bytes: self.bytes.split_off(start.min(self.bytes.len())), fields }
    }

    /// Takes what was written since `bytes` ended at `start`, if it is too large to travel in its frame. If not, it lies there in
    /// one piece.
    #[inline]
    pub(crate) fn take_large(&mut self, start: usize) -> Option<Box<Parts>> {
        if self.is_large(start) { self.take_parts(start) } else { None }
    }

    /// False if [`take_large`](Self::take_large) would find nothing for sure.
    #[inline]
    pub(crate) fn is_large(&self, start: usize) -> bool {
        !self.fields.is_empty() || self.bytes.len().saturating_sub(start) > MAX_INLINE_LEN
    }

    #[cold]
    fn take_parts(&mut self, start: usize) -> Option<Box<Parts>> {
        if self.fields.is_empty() {
            return Some(Box::new(self.cut(start).into()));
        }
        let copied = self.bytes.len().saturating_sub(start);
        if copied + self.fields.iter().map(|(_, field)| field.len()).sum::<usize>() <= MAX_INLINE_LEN {
            let joined = self.joined(start);
            self.truncate(start);
            self.bytes.extend_from_slice(&joined);
            return None;
        }
        let mut bytes = if copied <= MAX_COPIED {
            let bytes = Bytes::copy_from_slice(self.bytes.get(start..).unwrap_or_default());
            self.bytes.truncate(start);
            bytes
        } else {
            self.cut(start)
        };
        if self.fields.len() == 1
            && let Some((at, field)) = self.fields.pop()
        {
            if at.saturating_sub(start) == bytes.len() && copied <= MAX_COPIED {
                return Some(Box::new(Run { copied: bytes, field }.into()));
            }
            self.fields.push((at, field));
        }
        let mut from = start;
        let mut parts = Parts::default();
        for (at, field) in self.fields.drain(..) {
            let before = bytes.split_to(at.saturating_sub(from).min(bytes.len()));
            parts.push(Run { copied: before, field });
            from = at;
        }
        parts.push(Run { copied: bytes, field: Bytes::new() });
        Some(Box::new(parts))
    }

    /// Takes out what was copied from `start` on: with the buffer's memory, if what is before it is less to copy.
    fn cut(&mut self, start: usize) -> Bytes {
        if start > self.bytes.len().saturating_sub(start) {
            return self.bytes.split_off(start.min(self.bytes.len())).into();
        }
        let before = self.bytes.get(..start).unwrap_or_default().to_vec();
        Bytes::from(std::mem::replace(&mut self.bytes, before)).slice(start..)
    }

    /// A copy of what was written since `bytes` ended at `start`.
    fn joined(&self, start: usize) -> Vec<u8> {
        let mut joined = Vec::with_capacity(self.len());
        let mut from = start;
        for (at, field) in &self.fields {
            joined.extend_from_slice(self.bytes.get(from..*at).unwrap_or_default());
            joined.extend_from_slice(field);
            from = *at;
        }
        joined.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        joined
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, fields: Vec::new() }
    }
}

/// Writes with [`append`](Body::append): for libraries that encode to a writer. It never fails.
impl io::Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes, {} fields by reference)", self.len(), self.fields.len())
    }
}

/// Has `serialize` hand `field` to whatever encodes, which may take it by reference meanwhile.
pub(super) fn lend<R>(field: &Bytes, serialize: impl FnOnce(&[u8]) -> R) -> R {
    struct Restore(Option<Bytes>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FIELD.set(self.0.take());
        }
    }
    if field.len() < MIN_REFERRED {
        return serialize(field);
    }
    let _restore = Restore(FIELD.replace(Some(field.clone())));
    serialize(field)
}

/// The field that is being serialized on this thread, if it is `bytes`.
fn lent(bytes: &[u8]) -> Option<Bytes> {
    let field = FIELD.take();
    let same =
        field.as_ref().is_some_and(|field| field.as_ptr() == bytes.as_ptr() && field.len() == bytes.len());
    if !same {
        FIELD.set(field);
        return None;
    }
    FIELD.set(field.clone()); // it may be written twice
    field
}

thread_local! {
    static FIELD: Cell<Option<Bytes>> = const { Cell::new(None) };
}

/// Smallest field that is sent by reference, in bytes: a message of less travels in one frame, whose bytes lie side by side.
const MIN_REFERRED: usize = MAX_INLINE_LEN;
/// Bytes beside the fields of one value that are copied out of a buffer which others use too.
const MAX_COPIED: usize = 4 * 1024;

#[cfg(test)]
mod tests;
