//! What a client's handshake reads behind the answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that keeps a copy of what is read behind the head of an HTTP answer: the library reads it with the head, and
/// keeps it for itself.
#[derive(Debug)]
pub(crate) struct Overread<S> {
    stream: S,
    place: Place,
    behind: Vec<u8>,
}

/// Where in the answer the next byte stands. An empty line ends the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Line,
    LineStart,
    /// A carriage return, which may be all of the line.
    LineStartReturned,
    Behind,
}

impl<S> Overread<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, place: Place::Line, behind: Vec::new() }
    }

    /// The stream, and what was read behind the head.
    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.behind)
    }

    fn saw(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.iter();
        while self.place != Place::Behind {
            let Some(byte) = bytes.next() else { return };
            self.place = match (self.place, byte) {
                (Place::LineStart | Place::LineStartReturned, b'\n') => Place::Behind,
                (Place::LineStart, b'\r') => Place::LineStartReturned,
                (_, b'\n') => Place::LineStart,
                _ => Place::Line,
            };
        }
        self.behind.extend_from_slice(bytes.as_slice());
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Overread<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.saw(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overread<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_head_is_kept_however_the_reads_fall() {
        for answer in
            [b"HTTP/1.1 101 a\r\nb: \r\r\n\r\nbe\r\n\r\nhind".as_slice(), b"a\nb: \n\nbe\r\n\r\nhind"]
        {
            for first in 0..=answer.len() {
                for second in first..=answer.len() {
                    let mut stream = Overread::new(());
                    stream.saw(&answer[..first]);
                    stream.saw(&answer[first..second]);
                    stream.saw(&answer[second..]);
                    assert_eq!(stream.into_parts().1, b"be\r\n\r\nhind", "{first}, {second}");
                }
            }
        }
    }
}
