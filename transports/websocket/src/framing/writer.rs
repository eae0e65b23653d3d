//! What goes out, made into WebSocket frames: a value that says which bytes to write next.

use std::io::IoSlice;

use linkspan_core::{Batch, ReadBuffer};

use super::head::{Head, Opcode};
use super::mask::Mask;
use crate::link::{MAX_SENT_LEN, Role};

/// Where in the stream of the other direction the next byte stands.
///
/// Each message holds whole frames of a batch. It is copied if it is small or must be masked; else its head is written here
/// and its payload from where the batch has it. Control frames go between messages: at most one pong waits, for RFC 6455
/// §5.5.3 lets the latest ping stand for all.
#[derive(Debug)]
pub(super) struct Writer {
    role: Role,
    /// The stream takes one slice at a time.
    is_plain: bool,
    /// Heads, control frames and copied payload.
    out: ReadBuffer,
    /// How much of it was written.
    written: usize,
    /// What the message that has begun still takes from the front of the batch.
    left: usize,
    mask: Option<Mask>,
    /// The payload of the pong that waits.
    pong: Option<Vec<u8>>,
    /// The payload of the close that waits.
    close: Option<Vec<u8>>,
    /// A close waits or went: nothing may follow it.
    is_closed: bool,
    has_progressed: bool,
}

impl Writer {
    pub(super) fn new(role: Role, is_plain: bool) -> Self {
        Self {
            role,
            is_plain,
            out: ReadBuffer::new(),
            written: 0,
            left: 0,
            mask: None,
            pong: None,
            close: None,
            is_closed: false,
            has_progressed: false,
        }
    }

    /// Answers a ping, unless a close is what goes next.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        if !self.is_closed {
            let pong = self.pong.get_or_insert_default();
            pong.clear();
            pong.extend_from_slice(payload);
        }
    }

    /// Sends a close with `payload`, unless one was sent. No message begins any more.
    pub(super) fn close(&mut self, payload: Vec<u8>) {
        if !self.is_closed {
            self.is_closed = true;
            self.close = Some(payload);
        }
    }

    /// True if no message is under way whose rest is in a batch: then control frames can go without one.
    pub(super) fn is_between_messages(&self) -> bool {
        self.left == 0
    }

    /// True if a control frame waits, or what was copied.
    pub(super) fn owes(&mut self) -> bool {
        self.pong.is_some() || self.close.is_some() || self.written < self.out.bytes().len()
    }

    /// True if something is to be written, of `batch` too.
    pub(super) fn has_more(&mut self, batch: &Batch) -> bool {
        self.left > 0 || self.owes() || !(self.is_closed || batch.is_empty())
    }

    /// True once after something was written.
    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.has_progressed)
    }

    /// The bytes to write next, as slices.
    pub(super) fn chunks<'a>(&'a mut self, batch: &'a mut Batch, slices: &mut [IoSlice<'a>]) -> usize {
        if self.written == self.out.bytes().len() {
            self.refill(batch);
        }
        let left = if self.copies() { 0 } else { self.left };
        let own = self.out.bytes().get(self.written..).unwrap_or_default();
        let Some((first, rest)) = slices.split_first_mut().filter(|_| !own.is_empty()) else {
            return batch.chunks_within(left, slices);
        };
        *first = IoSlice::new(own);
        1 + batch.chunks_within(left, rest)
    }

    /// The first `written` of those bytes went.
    pub(super) fn advance(&mut self, batch: &mut Batch, written: usize) {
        self.has_progressed = true;
        let own = written.min(self.out.bytes().len() - self.written);
        self.written += own;
        let of_batch = (written - own).min(self.left);
        if of_batch > 0 {
            batch.advance(of_batch);
            self.left -= of_batch;
        }
    }

    /// Gives back what nothing is in.
    pub(super) fn give_back_room(&mut self) {
        if self.written == self.out.bytes().len() {
            self.out.bytes().clear();
            self.written = 0;
            self.out.give_back_room();
        }
    }

    /// What goes next: the rest of a message that is copied, else control frames and the next message.
    fn refill(&mut self, batch: &mut Batch) {
        self.out.bytes().clear();
        self.written = 0;
        if self.left == 0 {
            if let Some(payload) = self.pong.take() {
                self.control(Opcode::Pong, &payload);
            }
            if let Some(payload) = self.close.take() {
                self.control(Opcode::Close, &payload);
            }
            if self.is_closed || batch.is_empty() {
                return;
            }
            self.left = batch.whole_len(if self.copies() { MAX_COPIED_LEN } else { MAX_SENT_LEN });
            self.mask = self.masks().then(Mask::fresh);
            self.out.make_room();
            let head = Head { opcode: Opcode::Binary, is_last: true, len: self.left, mask: self.mask };
            head.write(self.out.bytes());
        }
        if self.copies() || self.left <= SMALL_LEN {
            self.copy(batch);
        }
    }

    fn masks(&self) -> bool {
        self.role == Role::Client
    }

    fn copies(&self) -> bool {
        self.masks() || self.is_plain
    }

    /// Moves as much of the message as there is room for out of the batch.
    fn copy(&mut self, batch: &mut Batch) {
        self.out.make_room();
        let out = self.out.bytes();
        let start = out.len();
        let mut room = self.left.min(out.capacity() - start);
        while room > 0 {
            let mut slices = [IoSlice::new(&[]); COPIED_SLICES];
            let filled = batch.chunks_within(room, &mut slices);
            let before = out.len();
            slices.iter().take(filled).for_each(|slice| out.extend_from_slice(slice));
            let copied = out.len() - before;
            if copied == 0 {
                break;
            }
            batch.advance(copied);
            self.left -= copied;
            room -= copied;
        }
        if let (Some(mask), Some(copied)) = (&mut self.mask, out.get_mut(start..)) {
            mask.apply(copied);
        }
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8]) {
        let mask = self.masks().then(Mask::fresh);
        let out = self.out.bytes();
        Head { opcode, is_last: true, len: payload.len(), mask }.write(out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let (Some(mut mask), Some(payload)) = (mask, out.get_mut(start..)) {
            mask.apply(payload);
        }
    }
}

/// The payload of a close frame: a code, and a reason of at most 123 bytes.
pub(super) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// Up to this length a message is copied behind its head. Chosen because one slice costs the kernel less than two, and
/// copying so little less than that.
const SMALL_LEN: usize = 4 * 1024;
/// Largest message that is copied, unless it is one frame: one such frame and its head are within the room of a buffer, so that
/// every message is one write.
const MAX_COPIED_LEN: usize = 64 * 1024;
/// Slices copied at a time.
const COPIED_SLICES: usize = 16;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use linkspan_core::{Inbox, Lane};

    use super::super::reader::Reader;
    use super::*;

    /// Writes everything, `step` bytes at a time, and says how often and how much of `shared` was not copied.
    fn written(
        writer: &mut Writer,
        batch: &mut Batch,
        step: usize,
        shared: &[Bytes],
    ) -> (Vec<u8>, usize, usize) {
        let (mut all, mut writes, mut uncopied) = (Vec::new(), 0, 0);
        while writer.has_more(batch) {
            let mut slices = [IoSlice::new(&[]); 64];
            let filled = writer.chunks(batch, &mut slices);
            let mut len = 0;
            for slice in &slices[..filled] {
                let part = &slice[..slice.len().min(step - len)];
                let lies_in = |body: &&Bytes| body.as_ptr_range().contains(&part.as_ptr());
                uncopied += shared.iter().find(lies_in).map_or(0, |_| part.len());
                all.extend_from_slice(part);
                len += part.len();
            }
            assert!(len > 0, "something is to be written, and nothing is there");
            writer.advance(batch, len);
            writes += 1;
        }
        writer.give_back_room();
        (all, writes, uncopied)
    }

    fn frames(lens: &[usize]) -> (Batch, Vec<Bytes>, Vec<Vec<u8>>) {
        let (mut batch, mut bodies, mut frames) = (Batch::new(), Vec::new(), Vec::new());
        for (number, len) in lens.iter().enumerate() {
            let body = Bytes::from(vec![number.to_le_bytes()[0]; *len]);
            batch.push((3, 0), Lane::ZERO, Some(body.clone()), |_| {}).unwrap();
            frames.push([&u16::try_from(len + 2).unwrap().to_le_bytes()[..], &[3, 0], &body].concat());
            bodies.push(body);
        }
        (batch, bodies, frames)
    }

    fn read(role: Role, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut bytes = bytes::BytesMut::from(bytes);
        let (mut reader, mut inbox) = (Reader::new(role), Inbox::new());
        assert_eq!(reader.advance(&mut bytes, &mut inbox).unwrap(), None);
        inbox.hold(reader.finish(&mut bytes));
        assert!(bytes.is_empty());
        inbox.frames().map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn a_server_copies_no_large_body() {
        let (mut batch, bodies, expected) = frames(&[60_000, 10, 60_000, 60_000, 65_532]);
        let mut writer = Writer::new(Role::Server, false);
        let (bytes, writes, uncopied) = written(&mut writer, &mut batch, usize::MAX, &bodies);
        assert_eq!((writes, uncopied), (2, 180_010 + 65_532), "two messages, each one write");
        assert_eq!(read(Role::Client, &bytes), expected);
    }

    #[test]
    fn short_writes_change_nothing_on_either_side() {
        for (role, other) in [(Role::Server, Role::Client), (Role::Client, Role::Server)] {
            for is_plain in [true, false] {
                for step in [7, 100, 4096, 70_000] {
                    let (mut batch, bodies, expected) = frames(&[0, 5, 5000, 65_532, 3]);
                    let mut writer = Writer::new(role, is_plain);
                    let (bytes, ..) = written(&mut writer, &mut batch, step, &bodies);
                    assert_eq!(read(other, &bytes), expected, "{role:?}, {step} bytes at a time");
                }
            }
        }
    }

    #[test]
    fn a_client_needs_one_write_for_a_message_and_keeps_no_room() {
        let (mut batch, bodies, _) = frames(&[65_532, 30_000, 30_000, 10]);
        let mut writer = Writer::new(Role::Client, false);
        let (_, writes, uncopied) = written(&mut writer, &mut batch, usize::MAX, &bodies);
        assert_eq!((writes, uncopied), (2, 0));
        assert!(writer.out.bytes().capacity() <= 4096, "holds {}", writer.out.bytes().capacity());
    }

    #[test]
    fn control_frames_go_between_messages_and_nothing_behind_a_close() {
        let (mut batch, ..) = frames(&[60_000, 65_532]);
        let mut writer = Writer::new(Role::Server, false);
        let mut slices = [IoSlice::new(&[]); 64];
        writer.chunks(&mut batch, &mut slices);
        writer.advance(&mut batch, 5);
        assert!(!writer.is_between_messages());
        writer.pong(b"first");
        writer.pong(b"last");
        writer.close(close_payload(1000, "bye"));
        writer.pong(b"late");
        writer.close(close_payload(1001, "again"));
        let (bytes, ..) = written(&mut writer, &mut batch, usize::MAX, &[]);
        assert!(bytes.ends_with(b"\x8a\x04last\x88\x05\x03\xe8bye"));
        assert!(batch.is_empty(), "both were in the message");
        let (mut batch, ..) = frames(&[1]);
        assert!(!writer.has_more(&batch) && !batch.is_empty());
        batch.clear();
    }
}
