//! Where a frame begins and ends: behind a length, or as RFC 6455 has it.

use bytes::{Buf, BytesMut};

use super::message::Message;
use crate::Failure;

/// The shape of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// A length of four bytes before each.
    Lengths,
    /// WebSocket frames of a client, whose payload is masked.
    Masked,
    /// As `Lengths`, for a library that frames each message itself and needs it in one piece.
    Messages,
    /// WebSocket frames of a server.
    Unmasked,
}

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    len: usize,
    payload_len: usize,
    mask: Option<[u8; 4]>,
}

impl Framing {
    /// True if a body may follow by reference.
    pub(super) fn leaves_bodies_alone(self) -> bool {
        matches!(self, Self::Lengths | Self::Unmasked)
    }

    /// Appends a header for `payload_len` bytes.
    pub(super) fn begin(self, payload_len: usize, output: &mut Vec<u8>) -> Option<[u8; 4]> {
        if matches!(self, Self::Lengths | Self::Messages) {
            output.extend_from_slice(&u32::try_from(payload_len).unwrap_or(u32::MAX).to_le_bytes());
            return None;
        }
        let masked = if self == Self::Masked { MASKED } else { 0 };
        match (u8::try_from(payload_len), u16::try_from(payload_len)) {
            (Ok(len), _) if len < SHORT => output.extend_from_slice(&[BINARY, masked | len]),
            (_, Ok(len)) => {
                output.extend_from_slice(&[BINARY, masked | SHORT]);
                output.extend_from_slice(&len.to_be_bytes());
            }
            _ => {
                output.extend_from_slice(&[BINARY, masked | LONG]);
                output.extend_from_slice(&(payload_len as u64).to_be_bytes());
            }
        }
        let mask = (self == Self::Masked).then(|| fastrand::u32(..).to_ne_bytes());
        output.extend_from_slice(mask.as_ref().map_or(&[], |mask| mask.as_slice()));
        mask
    }

    /// Takes a message off the front of `input` once all of it is there; makes room for the rest of one that is not.
    pub(super) fn next(self, input: &mut BytesMut) -> Result<Option<(u32, Message)>, Failure> {
        let Some(header) = self.header(input)? else { return Ok(None) };
        let frame_len = header.len + header.payload_len;
        if input.len() < frame_len {
            input.reserve(frame_len - input.len());
            return Ok(None);
        }
        input.advance(header.len);
        if let Some(mask) = header.mask {
            apply(mask, input.get_mut(..header.payload_len).unwrap_or_default());
        }
        Message::take(input, header.payload_len).map(Some)
    }

    fn header(self, input: &[u8]) -> Result<Option<Header>, Failure> {
        if matches!(self, Self::Lengths | Self::Messages) {
            let len = input.first_chunk().map(|len| u32::from_le_bytes(*len) as usize);
            return Ok(len.map(|payload_len| Header { len: 4, payload_len, mask: None }));
        }
        let Some(&[first, second]) = input.first_chunk() else { return Ok(None) };
        if first != BINARY {
            return Err(format!("a frame that begins with {first:#x}, not one binary message").into());
        }
        let (len, payload_len) = match second & !MASKED {
            SHORT => {
                (4, input.get(2..).and_then(<[u8]>::first_chunk).map(|len| u16::from_be_bytes(*len).into()))
            }
            LONG => (10, input.get(2..).and_then(<[u8]>::first_chunk).map(|len| u64::from_be_bytes(*len))),
            short => (2, Some(short.into())),
        };
        let Some(payload_len) = payload_len else { return Ok(None) };
        let payload_len = usize::try_from(payload_len)?;
        if second & MASKED == 0 {
            return Ok(Some(Header { len, payload_len, mask: None }));
        }
        let mask = input.get(len..).and_then(<[u8]>::first_chunk).copied();
        Ok(mask.map(|mask| Header { len: len + 4, payload_len, mask: Some(mask) }))
    }
}

/// Masks, or unmasks: RFC 6455 §5.3.
pub(super) fn apply(mask: [u8; 4], payload: &mut [u8]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// The only frame of a binary message.
const BINARY: u8 = 0x82;
const MASKED: u8 = 0x80;
/// Two bytes of length follow.
const SHORT: u8 = 126;
/// Eight bytes of length follow.
const LONG: u8 = 127;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::contenders::Args;
    use crate::contenders::raw::outgoing::Outgoing;

    const ALL: [Framing; 4] = [Framing::Lengths, Framing::Masked, Framing::Messages, Framing::Unmasked];

    #[test]
    fn frames_of_every_shape_and_length_come_back_however_they_are_cut() {
        for framing in ALL {
            for len in [0, 1, 100, 120, 121, 125, 126, 65_530, 65_531, 70_000] {
                let body = Bytes::from_iter((0..=250).cycle().take(len));
                let mut outgoing = Outgoing::default();
                outgoing.put(framing, 7, &Message::Echo(body.clone()));
                outgoing.put(framing, 8, &Message::Mul(Args { a: 6, b: -7 }));
                let bytes = outgoing.concatenated();
                let mut input = BytesMut::new();
                let mut got = Vec::new();
                for piece in bytes.chunks(61) {
                    input.extend_from_slice(piece);
                    while let Some(message) = framing.next(&mut input).unwrap() {
                        got.push(message);
                    }
                }
                assert_eq!(got.len(), 2, "{framing:?} {len}");
                assert!(matches!(&got[0], (7, Message::Echo(echo)) if *echo == body), "{framing:?} {len}");
                assert!(matches!(got[1], (8, Message::Mul(Args { a: 6, b: -7 }))), "{framing:?} {len}");
            }
        }
    }

    #[test]
    fn masks_repeat_every_four_bytes() {
        let mut payload: Vec<u8> = (0..23).collect();
        apply([1, 2, 3, 4], &mut payload);
        let expected: Vec<u8> =
            (0..23).zip([1, 2, 3, 4].into_iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(payload, expected);
    }

    #[test]
    fn what_is_not_one_binary_message_is_refused() {
        assert!(Framing::Unmasked.next(&mut BytesMut::from(&[0x89, 0][..])).is_err());
    }
}
