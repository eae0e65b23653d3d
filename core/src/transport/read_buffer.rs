//! Room for the bytes of one link, held only while there are some.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// The bytes that a link read and did not use yet, or is about to write. For transports that move bytes themselves.
///
/// Its room comes from spare buffers of the thread and goes back there when it is not needed: a link that is idle holds
/// none. Room that what was read still needs, since it is shared, is used again once it does not. Room is never zeroed.
///
/// ```
/// use linkspan_core::ReadBuffer;
/// use std::pin::Pin;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut io: &[u8] = b"what came";
/// let mut buffer = ReadBuffer::new();
/// let read = std::future::poll_fn(|cx| buffer.poll_read(cx, Pin::new(&mut io))).await?;
/// assert_eq!(buffer.bytes().split_to(read).freeze(), "what came");
/// # Ok::<(), std::io::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct ReadBuffer {
    bytes: BytesMut,
}

impl ReadBuffer {
    /// An empty one, without room.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that begins with what a handshake read too much.
    pub fn beginning_with(bytes: &[u8]) -> Self {
        Self { bytes: BytesMut::from(bytes) }
    }

    /// What is in it.
    pub fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Reads what `io` has behind what is in it, and returns how many bytes came; 0 is the end. While nothing comes it
    /// gives its room back.
    ///
    /// # Errors
    /// Those of `io`.
    pub fn poll_read<R: AsyncRead + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut R>,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        let read = poll_read_buf(io, cx, &mut self.bytes);
        if read.is_pending() {
            self.give_back_room();
        }
        read
    }

    /// Makes room for some bytes more: 68 KiB in all, and at least 8 KiB behind what is in it.
    pub fn make_room(&mut self) {
        let more = ROOM - self.bytes.len().min(ROOM - MIN_ROOM);
        if self.bytes.capacity() == 0 {
            // An idle link wakes.
            self.bytes = take_spare().unwrap_or_else(|| BytesMut::with_capacity(ROOM));
            return;
        }
        if self.bytes.try_reclaim(more) {
            return;
        }
        let mut room = take_spare().unwrap_or_else(|| BytesMut::with_capacity(ROOM));
        room.extend_from_slice(&self.bytes);
        room.reserve(more);
        let mut shared = std::mem::replace(&mut self.bytes, room);
        if shared.capacity() > 0 {
            shared.clear();
            keep_spare(shared);
        }
    }

    /// Keeps no more room than what is in it needs, if that is little: a peer that stops within a frame holds no large
    /// buffer of ours.
    pub fn give_back_room(&mut self) {
        if self.bytes.len() > MAX_IDLE_LEN || self.bytes.capacity() <= MAX_IDLE_LEN {
            return;
        }
        let begun = if self.bytes.is_empty() { BytesMut::new() } else { BytesMut::from(self.bytes.as_ref()) };
        let mut room = std::mem::replace(&mut self.bytes, begun);
        room.clear();
        keep_spare(room);
    }
}

/// Spare room that nobody shares any longer. The one kept last is asked first, since it is in the cache.
fn take_spare() -> Option<BytesMut> {
    SPARE.with_borrow_mut(|spare| {
        let index = spare.iter_mut().rposition(|room| room.try_reclaim(ROOM))?;
        spare.remove(index)
    })
}

/// Keeps room, which may be shared yet, in place of the oldest if there is enough.
fn keep_spare(room: BytesMut) {
    SPARE.with_borrow_mut(|spare| {
        if spare.len() >= MAX_SPARE {
            spare.pop_front();
        }
        spare.push_back(room);
    });
}

thread_local! {
    /// Room of links that went idle on this thread, and room that what was read from them still shares.
    static SPARE: RefCell<VecDeque<BytesMut>> = const { RefCell::new(VecDeque::new()) };
}

/// Room of a link: one frame of the largest size, and a small one before it. Measured as enough to saturate loopback.
const ROOM: usize = 68 * 1024;
/// Room kept for each read behind the beginning of a frame.
const MIN_ROOM: usize = 8 * 1024;
/// Bytes of a frame that has begun, up to which an idle link moves them to a buffer of their size. Chosen because
/// copying so few costs less than the read that brought them.
const MAX_IDLE_LEN: usize = 4 * 1024;
/// Spare buffers kept per thread: about 1 MiB.
const MAX_SPARE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_held_while_bytes_come_and_no_longer() {
        let (mut peer, mut io) = tokio::io::duplex(1024);
        let mut buffer = ReadBuffer::beginning_with(b"be");
        for expected in ["beg", "begu", "begun"] {
            let mut read = std::pin::pin!(std::future::poll_fn(|cx| buffer.poll_read(cx, Pin::new(&mut io))));
            assert!(std::future::poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_pending())).await);
            let last = &expected.as_bytes()[expected.len() - 1..];
            tokio::io::AsyncWriteExt::write_all(&mut peer, last).await.unwrap();
            assert_eq!(read.await.unwrap(), 1);
            assert_eq!(buffer.bytes(), expected);
        }
        assert!(buffer.bytes().capacity() >= MIN_ROOM);
        buffer.give_back_room();
        assert!(buffer.bytes().capacity() <= MAX_IDLE_LEN, "holds {}", buffer.bytes().capacity());
        assert_eq!(buffer.bytes(), "begun");
    }

    #[tokio::test]
    async fn room_that_is_shared_is_used_again_once_it_is_not() {
        let (mut peer, mut io) = tokio::io::duplex(1024);
        let mut buffer = ReadBuffer::new();
        let mut shared = Vec::new();
        let mut places = std::collections::HashSet::new();
        for round in 0..100 {
            tokio::io::AsyncWriteExt::write_all(&mut peer, b"whole, and begun").await.unwrap();
            std::future::poll_fn(|cx| buffer.poll_read(cx, Pin::new(&mut io))).await.unwrap();
            let len = buffer.bytes().len();
            shared.push(buffer.bytes().split_to(len - 5).freeze());
            assert_eq!(buffer.bytes(), "begun");
            places.insert(shared[round % 3].as_ptr().addr());
            shared.truncate(3);
            if shared.len() == 3 {
                shared.remove(0);
            }
        }
        assert!(places.len() <= 4, "{} rooms", places.len());
    }

    #[test]
    fn much_that_waits_stays_where_it_is() {
        let mut buffer = ReadBuffer::new();
        buffer.make_room();
        buffer.bytes().extend_from_slice(&[7; MAX_IDLE_LEN + 1]);
        let place = buffer.bytes().as_ptr();
        buffer.give_back_room();
        assert_eq!(buffer.bytes().as_ptr(), place);
    }
}
