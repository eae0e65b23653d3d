//! Heads of WebSocket frames: RFC 6455 §5.2.

use bytes::{BufMut, BytesMut};
use linkspan_core::Error;

use super::mask::Mask;
use crate::link::{MAX_RECEIVED_LEN, Role, broken, too_long};

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) opcode: Opcode,
    /// The last frame of its message.
    pub(super) is_last: bool,
    /// Length of the payload.
    pub(super) len: usize,
    pub(super) mask: Option<Mask>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Self> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|opcode| *opcode as u8 == bits)
    }

    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl Head {
    /// The head that stands first in `bytes`, which came to `role`, and its own length; none until it is whole.
    ///
    /// # Errors
    /// `Protocol` if it breaks a rule, `FrameTooLarge` if it announces more than is accepted; nothing is kept ahead of what
    /// it announces.
    pub(super) fn parse(bytes: &[u8], role: Role) -> Result<Option<(Self, usize)>, Error> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        if first & RESERVED != 0 {
            return Err(broken().with_source("reserved bits are set, and no extension was agreed on"));
        }
        let Some(opcode) = Opcode::from_bits(first & OPCODE) else {
            return Err(broken().with_source("invalid opcode"));
        };
        let is_last = first & LAST != 0;
        let (is_masked, short) = (second & MASKED != 0, second & LEN);
        match (role, is_masked) {
            (Role::Server, false) => return Err(broken().with_source("a client's frame is unmasked")),
            (Role::Client, true) => return Err(broken().with_source("a server's frame is masked")),
            _ => {}
        }
        if opcode.is_control() && !is_last {
            return Err(broken().with_source("fragmented control frame"));
        }
        if opcode.is_control() && short > MAX_CONTROL_LEN {
            return Err(broken().with_source("control frame too big"));
        }
        let Some((len, rest)) = len(short, rest)? else { return Ok(None) };
        let (mask, rest) = match rest {
            rest if !is_masked => (None, rest),
            [a, b, c, d, rest @ ..] => (Some(Mask::new([*a, *b, *c, *d])), rest),
            _ => return Ok(None),
        };
        Ok(Some((Self { opcode, is_last, len, mask }, bytes.len() - rest.len())))
    }

    /// Appends it to `out`.
    pub(super) fn write(&self, out: &mut BytesMut) {
        let last = if self.is_last { LAST } else { 0 };
        out.put_u8(last | self.opcode as u8);
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        match (u8::try_from(self.len), u16::try_from(self.len)) {
            (Ok(len), _) if len <= MAX_CONTROL_LEN => out.put_u8(masked | len),
            (_, Ok(len)) => {
                out.put_u8(masked | LEN_16);
                out.put_u16(len);
            }
            _ => {
                out.put_u8(masked | LEN_64);
                out.put_u64(self.len as u64);
            }
        }
        if let Some(mask) = self.mask {
            out.put_slice(&mask.key());
        }
    }
}

/// The length that the head's second byte and `rest` say, and what follows it; none until it is whole.
fn len(short: u8, rest: &[u8]) -> Result<Option<(usize, &[u8])>, Error> {
    let (len, least, rest) = match (short, rest) {
        (LEN_16, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 126, rest),
        (LEN_64, [a, b, c, d, e, f, g, h, rest @ ..]) => {
            (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 65_536, rest)
        }
        (LEN_16 | LEN_64, _) => return Ok(None),
        _ => (u64::from(short), 0, rest),
    };
    if len < least {
        return Err(broken().with_source("a length takes more bytes than it needs"));
    }
    match usize::try_from(len) {
        Ok(len) if len <= MAX_RECEIVED_LEN => Ok(Some((len, rest))),
        _ => Err(too_long().with_source(format!("a frame announces {len} bytes"))),
    }
}

const LAST: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LEN: u8 = 0x7f;
const LEN_16: u8 = 126;
const LEN_64: u8 = 127;
/// RFC 6455 §5.5: the longest payload of a control frame, which is the longest that needs no more length than one byte.
pub(super) const MAX_CONTROL_LEN: u8 = 125;

#[cfg(test)]
mod tests {
    use linkspan_core::ErrorKind;

    use super::*;

    #[test]
    fn a_head_comes_back_from_any_length_and_not_before_it_is_whole() {
        for len in [0, 1, 125, 126, 127, 65_535, 65_536, MAX_RECEIVED_LEN] {
            for (role, mask) in [(Role::Server, Some(Mask::new([1, 2, 3, 4]))), (Role::Client, None)] {
                for is_last in [true, false] {
                    let head = Head { opcode: Opcode::Binary, is_last, len, mask };
                    let mut bytes = BytesMut::new();
                    head.write(&mut bytes);
                    for cut in 0..bytes.len() {
                        assert_eq!(Head::parse(&bytes[..cut], role).unwrap(), None, "{cut} of {head:?}");
                    }
                    assert_eq!(Head::parse(&bytes, role).unwrap(), Some((head, bytes.len())));
                    bytes.put_slice(b"payload");
                    assert_eq!(Head::parse(&bytes, role).unwrap(), Some((head, bytes.len() - 7)));
                }
            }
        }
    }

    #[test]
    fn a_broken_rule_is_told_with_the_second_byte() {
        for (bytes, role, rule) in [
            ([0x82, 0x01], Role::Server, "unmasked"),
            ([0x82, 0x81], Role::Client, "masked"),
            ([0xc2, 0x81], Role::Server, "reserved"),
            ([0xa2, 0x81], Role::Server, "reserved"),
            ([0x92, 0x81], Role::Server, "reserved"),
            ([0x83, 0x80], Role::Server, "opcode"),
            ([0x8b, 0x80], Role::Server, "opcode"),
            ([0x09, 0x80], Role::Server, "fragmented"),
            ([0x89, 0xfe], Role::Server, "too big"),
        ] {
            let error = Head::parse(&bytes, role).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(rule), "{rule}: {cause}");
        }
    }

    #[test]
    fn lengths_are_as_short_as_they_can_be_and_within_the_limit() {
        let error = |bytes: &[u8]| Head::parse(bytes, Role::Client).unwrap_err().kind();
        assert_eq!(error(b"\x82\x7e\x00\x7d"), ErrorKind::Protocol);
        assert_eq!(error(b"\x82\x7f\0\0\0\0\0\0\xff\xff"), ErrorKind::Protocol);
        assert_eq!(error(b"\x82\x7f\0\0\0\0\0\x10\x00\x01"), ErrorKind::FrameTooLarge);
        assert_eq!(error(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), ErrorKind::FrameTooLarge);
    }
}
