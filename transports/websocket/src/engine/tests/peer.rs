//! What a peer says: bytes made by hand, so that neither engine is held against itself.

use proptest::collection::vec;
use proptest::prelude::*;

use super::valid;

/// Something that a peer may say.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Linkspan frames in one message, cut into fragments, with a ping between them.
    Message {
        bodies: Vec<Vec<u8>>,
        cuts: Vec<prop::sample::Index>,
        pings: bool,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

impl Part {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let body = prop_oneof![vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..600)];
        let message = (vec(body, 0..6), vec(any::<prop::sample::Index>(), 0..5), any::<bool>());
        prop_oneof![
            4 => message.prop_map(|(bodies, cuts, pings)| Self::Message { bodies, cuts, pings }),
            1 => vec(any::<u8>(), 0..=125).prop_map(Self::Ping),
            1 => vec(any::<u8>(), 0..=125).prop_map(Self::Pong),
        ]
    }
}

/// What a peer says last, and should not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// A close with any code at all.
    AnyClose(u16),
    BadOpcode(u8),
    CloseNotUtf8,
    ContinuesNothing,
    FragmentedPing,
    HalfACloseCode,
    LongPing,
    MessageWithinMessage,
    MessageEndsWithinFrame,
    NoFrame,
    ReservedBits(u8),
    Text,
    TextNotUtf8,
    TooLong,
    WrongMask,
    /// The stream ends without a close.
    Leaves,
}

impl Fault {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            any::<u16>().prop_map(Self::AnyClose),
            (990..1020_u16).prop_map(Self::AnyClose),
            prop_oneof![3..8_u8, 11..16_u8].prop_map(Self::BadOpcode),
            (1..8_u8).prop_map(|bits| Self::ReservedBits(bits << 4)),
            prop::sample::select(vec![
                Self::CloseNotUtf8,
                Self::ContinuesNothing,
                Self::FragmentedPing,
                Self::HalfACloseCode,
                Self::LongPing,
                Self::MessageWithinMessage,
                Self::MessageEndsWithinFrame,
                Self::NoFrame,
                Self::Text,
                Self::TextNotUtf8,
                Self::TooLong,
                Self::WrongMask,
                Self::Leaves,
            ]),
        ]
    }

    fn bytes(self, key: Option<[u8; 4]>) -> Vec<u8> {
        match self {
            Self::AnyClose(code) => close_frame(code, "für".as_bytes(), key),
            Self::BadOpcode(opcode) => frame(0x80 | opcode, b"", key),
            Self::CloseNotUtf8 => close_frame(1000, b"\xff", key),
            Self::ContinuesNothing => frame(0x80, &valid(b"a"), key),
            Self::FragmentedPing => frame(9, b"", key),
            Self::HalfACloseCode => frame(0x88, b"\x03", key),
            Self::LongPing => frame(0x89, &[0; 126], key),
            Self::MessageWithinMessage => [frame(2, b"", key), frame(0x82, b"", key)].concat(),
            Self::MessageEndsWithinFrame => frame(0x82, &valid(b"abc")[..6], key),
            Self::NoFrame => frame(0x82, b"\x01\0\x03\0", key),
            Self::ReservedBits(bits) => frame(0x82 | bits, &valid(b"a"), key),
            Self::Text => frame(0x81, b"text", key),
            Self::TextNotUtf8 => frame(0x81, b"\xff", key),
            Self::TooLong => {
                let mut head = frame(0x82, b"", key);
                let second = head[1] | 127;
                head.splice(1..2, [second, 0, 0, 0, 0, 0, 0x10, 0, 1]);
                head
            }
            Self::WrongMask => frame(0x82, &valid(b"a"), if key.is_some() { None } else { Some([1; 4]) }),
            Self::Leaves => Vec::new(),
        }
    }
}

/// A peer's bytes, and the frames in them.
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    pub(super) frames: Vec<Vec<u8>>,
}

/// What a client or a server says that ends with `fault`, or in order.
pub(super) fn said(parts: &[Part], fault: Option<Fault>, by_client: bool) -> Said {
    let mut said = Said { bytes: Vec::new(), frames: Vec::new() };
    for (number, part) in parts.iter().enumerate() {
        let key = by_client.then_some([7, 77, 177, number.to_le_bytes()[0]]);
        match part {
            Part::Ping(payload) => said.bytes.extend(frame(0x89, payload, key)),
            Part::Pong(payload) => said.bytes.extend(frame(0x8a, payload, key)),
            Part::Message { bodies, cuts, pings } => {
                let frames: Vec<_> = bodies.iter().map(|body| valid(body)).collect();
                let payload = frames.concat();
                said.frames.extend(frames);
                let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
                cuts.extend([0, payload.len()]);
                cuts.sort_unstable();
                for (at, range) in cuts.windows(2).enumerate() {
                    let last = if at + 2 == cuts.len() { 0x80 } else { 0 };
                    let opcode = if at == 0 { 2 } else { 0 };
                    said.bytes.extend(frame(last | opcode, &payload[range[0]..range[1]], key));
                    if *pings && last == 0 {
                        said.bytes.extend(frame(0x89, &at.to_le_bytes(), key));
                    }
                }
            }
        }
    }
    let key = by_client.then_some([3, 33, 133, 233]);
    said.bytes.extend(fault.map_or_else(|| close_frame(1000, b"done", key), |fault| fault.bytes(key)));
    said
}

/// A WebSocket frame whose head begins with `first`.
pub(super) fn frame(first: u8, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if key.is_some() { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(masked | u8::try_from(len).unwrap()),
        len @ 126..65_536 => {
            frame.push(masked | 126);
            frame.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(masked | 127);
            frame.extend_from_slice(&u64::try_from(len).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(key.as_ref().map_or(&[], |key| &key[..]));
    let key = key.unwrap_or_default();
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

pub(super) fn close_frame(code: u16, reason: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes(), reason].concat(), key)
}
