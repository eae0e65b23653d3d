//! Writing behind what a buffer already holds.

use linkspan_core::Body;
use postcard::ser_flavors::Flavor;

/// Appends to the caller's buffer. Postcard's own flavors take the buffer, begin at its start, or copy byte by byte.
pub(crate) struct Append<'a>(pub(crate) &'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() <= FEW {
            // One by one. So few are mostly a number that Postcard just stored byte by byte, and to load it as a word would wait until all of
            // it is stored.
            bytes.iter().for_each(|byte| self.0.push(*byte));
        } else {
            self.0.extend_from_slice(bytes);
        }
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends to what is sent, which may hold large fields by reference.
pub(crate) struct AppendBody<'a>(pub(crate) &'a mut Body);

impl Flavor for AppendBody<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if bytes.len() <= FEW {
            return Append(self.0.bytes()).try_extend(bytes);
        }
        self.0.append(bytes);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.bytes().push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Bytes of the longest number of 64 bits.
const FEW: usize = 10;
