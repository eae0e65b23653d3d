//! Frames on their way out: small ones in one buffer, large bodies by reference.

use bytes::Bytes;

use super::framing::{Framing, apply};
use super::message::Message;

/// Encoded frames, in order.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    /// Large bodies, and where in `bytes` each belongs.
    bodies: Vec<(usize, Bytes)>,
    frames: usize,
}

impl Outgoing {
    /// Appends a frame.
    pub(super) fn put(&mut self, framing: Framing, number: u32, message: &Message) {
        self.frames += 1;
        let mask = framing.begin(message.payload_len(), &mut self.bytes);
        let start = self.bytes.len();
        message.write(number, &mut self.bytes);
        if let Message::Echo(body) = message {
            if framing.leaves_bodies_alone() && body.len() >= LARGE {
                self.bodies.push((self.bytes.len(), body.clone()));
            } else {
                self.bytes.extend_from_slice(body);
            }
        }
        if let Some(mask) = mask {
            apply(mask, self.bytes.get_mut(start..).unwrap_or_default());
        }
    }

    /// Appends a frame that was encoded before.
    pub(super) fn put_encoded(&mut self, frame: &[u8]) {
        self.frames += 1;
        self.bytes.extend_from_slice(frame);
    }

    /// How many frames there are.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bodies.clear();
        self.frames = 0;
    }

    /// Everything, if no body stands by itself.
    pub(super) fn in_one_piece(&self) -> Option<&[u8]> {
        self.bodies.is_empty().then_some(&self.bytes)
    }

    /// Everything, in pieces; empty afterwards.
    pub(super) fn take_pieces(&mut self) -> Vec<Bytes> {
        let mut bytes = Bytes::from(std::mem::take(&mut self.bytes));
        let mut pieces = Vec::with_capacity(2 * self.bodies.len() + 1);
        let mut taken = 0;
        for (position, body) in self.bodies.drain(..) {
            pieces.push(bytes.split_to(position - taken));
            pieces.push(body);
            taken = position;
        }
        pieces.push(bytes);
        self.frames = 0;
        pieces
    }

    /// Everything in memory of its own, which the next frames do not reuse if it is large; empty afterwards.
    pub(super) fn take_bytes(&mut self) -> Bytes {
        let bytes = if self.bytes.len() < LARGE {
            Bytes::copy_from_slice(&self.bytes)
        } else {
            Bytes::from(std::mem::take(&mut self.bytes))
        };
        self.clear();
        bytes
    }

    #[cfg(test)]
    pub(super) fn concatenated(&mut self) -> Vec<u8> {
        self.take_pieces().concat()
    }
}

/// From here on a body is cheaper to refer to than to copy.
const LARGE: usize = 8 * 1024;
