//! Frames as the wire document has them, for saboteurs and raw peers: what core keeps to itself, written down again.

use linkspan_core::frame::{HEAD_LEN, LANE, frame_lane};

pub(crate) const HELLO: u8 = 0x01;
pub(crate) const REQUEST: u8 = 0x02;
pub(crate) const RESPONSE: u8 = 0x03;
pub(crate) const FAILURE: u8 = 0x04;
pub(crate) const CANCEL: u8 = 0x05;
pub(crate) const PUSH: u8 = 0x06;
pub(crate) const GAP: u8 = 0x07;
pub(crate) const BODY: u8 = 0x08;
pub(crate) const PING: u8 = 0x09;
pub(crate) const PONG: u8 = 0x0a;
pub(crate) const GOAWAY: u8 = 0x0b;
pub(crate) const CLOSE: u8 = 0x0c;
pub(crate) const RESET: u8 = 0x0f;
/// From here on, an unknown kind is ignored.
pub(crate) const IGNORABLE: u8 = 0x80;

/// Optional fields are there.
pub(crate) const FIELDS: u8 = 0x10;
/// Of a request.
pub(crate) const ONE_WAY: u8 = 0x20;
/// Of a response or failure.
pub(crate) const AFTER_PUSHES: u8 = 0x20;
/// Of a response.
pub(crate) const APPLICATION_ERROR: u8 = 0x40;

/// Tags of optional fields.
pub(crate) const METADATA: u64 = 2;
pub(crate) const BODY_PLACE: u64 = 4;
pub(crate) const CODEC: u64 = 6;
/// Tags of a hello.
pub(crate) const HELLO_VERSIONS: u64 = 2;
pub(crate) const HELLO_CODECS: u64 = 4;
pub(crate) const HELLO_AGENT: u64 = 5;
pub(crate) const HELLO_LIMITS: u64 = 6;
pub(crate) const HELLO_SESSION: u64 = 7;
pub(crate) const HELLO_METADATA: u64 = 9;

/// One whole frame.
pub(crate) type Owned = Vec<u8>;

/// A frame taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) kind: u8,
    /// Without the lane's.
    pub(crate) flags: u8,
    /// 0 if the frame names none.
    pub(crate) lane: u64,
    pub(crate) fields: Vec<u8>,
}

impl Parts {
    pub(crate) fn new(kind: u8, fields: Vec<u8>) -> Self {
        Self { kind, flags: 0, lane: 0, fields }
    }

    /// Takes `frame` apart; a frame without a head becomes an empty ignorable one.
    pub(crate) fn of(frame: &[u8]) -> Self {
        let &[_, _, kind, flags, ..] = frame else { return Self::new(IGNORABLE, Vec::new()) };
        let mut fields = frame.get(HEAD_LEN..).unwrap_or_default();
        let lane = frame_lane(frame).map_or(0, linkspan_core::Lane::number);
        if flags & LANE != 0 {
            read_number(&mut fields);
        }
        Self { kind, flags: flags & !LANE, lane, fields: fields.to_vec() }
    }

    /// The frame, put together again.
    pub(crate) fn frame(&self) -> Owned {
        let mut frame = vec![0, 0, self.kind, self.flags];
        if self.lane != 0 {
            frame = vec![0, 0, self.kind, self.flags | LANE];
            write_number(&mut frame, self.lane);
        }
        frame.extend_from_slice(&self.fields);
        let len = u16::try_from(frame.len() - 2).unwrap_or(u16::MAX).to_le_bytes();
        frame.splice(..2, len);
        frame
    }
}

/// What a kind is called.
pub(crate) fn kind_name(kind: u8) -> String {
    let name = match kind {
        HELLO => "HELLO",
        REQUEST => "REQUEST",
        RESPONSE => "RESPONSE",
        FAILURE => "FAILURE",
        CANCEL => "CANCEL",
        PUSH => "PUSH",
        GAP => "GAP",
        BODY => "BODY",
        PING => "PING",
        PONG => "PONG",
        GOAWAY => "GOAWAY",
        CLOSE => "CLOSE",
        RESET => "RESET",
        _ => return format!("kind {kind:#04x}"),
    };
    name.to_owned()
}

/// Optional fields and hellos: each value behind its tag and length.
pub(crate) fn read_fields(mut block: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Vec::new();
    while let Some(tag) = read_number(&mut block) {
        let Some(value) = read_bytes(&mut block) else { break };
        fields.push((tag, value.to_vec()));
    }
    fields
}

/// The opposite of [`read_fields`].
pub(crate) fn write_fields(fields: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (tag, value) in fields {
        write_number(&mut block, *tag);
        write_bytes(&mut block, value);
    }
    block
}

pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn read_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(read_number(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

/// Appends a number in seven-bit groups.
pub(crate) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = (number & 0x7f).to_le_bytes()[0];
        number >>= 7;
        out.push(if number > 0 { low | 0x80 } else { low });
        if number == 0 {
            return;
        }
    }
}

/// Takes a number off the front.
pub(crate) fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_being_taken_apart() {
        for (kind, flags, lane) in [(REQUEST, FIELDS, 0), (BODY, 2, 7), (BODY, 0, 300)] {
            let parts = Parts { kind, flags, lane, fields: b"fields".to_vec() };
            assert_eq!(Parts::of(&parts.frame()), parts);
        }
        let fields = vec![(2, vec![1, 2]), (300, Vec::new())];
        assert_eq!(read_fields(&write_fields(&fields)), fields);
    }
}
