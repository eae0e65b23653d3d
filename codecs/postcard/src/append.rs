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
            append_few(self.0, bytes);
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
            append_few(self.0.bytes(), bytes);
        } else {
            self.0.append(bytes);
        }
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

/// Appends bytes one by one. So few are mostly a number that Postcard just put together byte by byte, and to read it as a whole from where
/// it lies would wait until all of them are there.
#[inline]
fn append_few(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(*byte);
    }
}

/// Bytes of the longest number of 64 bits.
const FEW: usize = 10;
