//! Writing frames to a stream of bytes.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use quinn::SendStream;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

use super::outgoing::Outgoing;
use crate::Failure;

/// The writing half of a stream.
pub(crate) trait FrameWriter: Send + 'static {
    /// Writes all of `outgoing`, and leaves it empty.
    fn write(&mut self, outgoing: &mut Outgoing) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Tells the peer that nothing follows.
    fn end(self) -> impl Future<Output = Result<(), Failure>> + Send;
}

impl FrameWriter for OwnedWriteHalf {
    async fn write(&mut self, outgoing: &mut Outgoing) -> Result<(), Failure> {
        if let Some(bytes) = outgoing.in_one_piece() {
            self.write_all(bytes).await?;
            outgoing.clear();
            return Ok(());
        }
        // Vectored: nothing is copied together first.
        Ok(self.write_all_buf(&mut Pieces(outgoing.take_pieces().into())).await?)
    }

    async fn end(mut self) -> Result<(), Failure> {
        Ok(self.shutdown().await?)
    }
}

impl FrameWriter for SendStream {
    async fn write(&mut self, outgoing: &mut Outgoing) -> Result<(), Failure> {
        if let Some(bytes) = outgoing.in_one_piece() {
            self.write_all(bytes).await?;
            outgoing.clear();
            return Ok(());
        }
        Ok(self.write_all_chunks(&mut outgoing.take_pieces()).await?)
    }

    async fn end(mut self) -> Result<(), Failure> {
        Ok(self.finish()?)
    }
}

/// Pieces of bytes, as one buffer.
#[derive(Debug)]
struct Pieces(VecDeque<Bytes>);

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.iter().find(|piece| !piece.is_empty()).map_or(&[], |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(self.0.iter().filter(|piece| !piece.is_empty())) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut len: usize) {
        while let Some(first) = self.0.front_mut() {
            let step = len.min(first.len());
            first.advance(step);
            len -= step;
            if !first.is_empty() {
                break;
            }
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_in_order_across_their_ends() {
        let pieces = ["abc", "", "de", "f"].map(|piece| Bytes::from_static(piece.as_bytes()));
        let mut pieces = Pieces(pieces.into());
        assert_eq!(pieces.chunks_vectored(&mut [IoSlice::new(&[]); 2]), 2);
        assert_eq!(pieces.copy_to_bytes(4), "abcd");
        assert_eq!((pieces.remaining(), pieces.chunk()), (2, b"e".as_slice()));
        assert_eq!(pieces.copy_to_bytes(2), "ef");
        assert!(!pieces.has_remaining());
    }
}
