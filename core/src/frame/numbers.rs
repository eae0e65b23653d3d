//! The numbers that a message begins with, encoded on the stack.

use super::HEAD_LEN;

/// Three varints at most, behind room for a frame's head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    bytes: [u8; Self::ROOM],
    end: usize,
}

impl Numbers {
    /// Bytes of the head and of three numbers that are as long as can be.
    pub(super) const ROOM: usize = 40;

    /// `values`, three at most.
    pub(crate) fn new<const N: usize>(values: [u64; N]) -> Self {
        const { assert!(N <= 3, "there is room for three numbers") }
        let mut numbers = Self { bytes: [0; Self::ROOM], end: HEAD_LEN };
        for mut value in values {
            while value >= 0x80 {
                numbers.put((value & 0x7f) as u8 | 0x80);
                value >>= 7;
            }
            numbers.put((value & 0x7f) as u8);
        }
        numbers
    }

    fn put(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.end) {
            *place = byte;
            self.end += 1;
        }
    }

    /// Bytes of the numbers.
    pub(super) fn len(&self) -> usize {
        self.end - HEAD_LEN
    }

    /// The numbers alone.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(HEAD_LEN..self.end).unwrap_or_default()
    }

    /// Appends them behind `head`.
    #[inline]
    pub(crate) fn append_behind(&self, head: [u8; HEAD_LEN], out: &mut Vec<u8>) {
        let end = out.len() + self.end;
        // All the room is written, and what is not used cut off: a copy whose length the compiler knows.
        out.extend_from_slice(&self.behind(head));
        out.truncate(end);
    }

    /// Head, numbers, and nothing of meaning behind them.
    fn behind(&self, head: [u8; HEAD_LEN]) -> [u8; Self::ROOM] {
        let mut bytes = self.bytes;
        if let Some(place) = bytes.first_chunk_mut() {
            *place = head;
        }
        bytes
    }
}

/// A number of 28 bits at most as a varint, in a register: one that is put together in memory, byte by byte, cannot be loaded as a word for
/// some ten cycles (a store-to-load forwarding stall).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    word: u32,
    len: usize,
}

impl Short {
    /// None if `value` takes more than four bytes.
    #[inline]
    pub(crate) fn new(value: u32) -> Option<Self> {
        let groups = (value & 0x7f)
            | (value & (0x7f << 7)) << 1
            | (value & (0x7f << 14)) << 2
            | (value & (0x7f << 21)) << 3;
        let len = (value | 1).ilog2() / 7 + 1;
        let followed = 0x0080_8080 & ((1 << (8 * (len - 1).min(3))) - 1);
        (len <= 4).then_some(Self { word: groups | followed, len: len as usize })
    }

    /// Its bytes.
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// Appends it behind `head`.
    #[inline]
    pub(crate) fn append_behind(self, head: [u8; HEAD_LEN], out: &mut Vec<u8>) {
        let end = out.len() + HEAD_LEN + self.len;
        let word = u64::from(u32::from_le_bytes(head)) | u64::from(self.word) << 32;
        out.extend_from_slice(&word.to_le_bytes()); // one store; what is not used is cut off
        out.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::varint;

    #[test]
    fn a_short_one_is_the_same_varint_in_a_word() {
        for bits in 0..32 {
            for value in [(1_u32 << bits) - 1, 1 << bits, (1 << bits) | 1] {
                let mut wanted = vec![9, 1, 2, 3, 4];
                varint::write(&mut wanted, value.into());
                let Some(short) = Short::new(value) else {
                    assert!(wanted.len() > 9, "{value}");
                    continue;
                };
                let mut out = vec![9];
                short.append_behind([1, 2, 3, 4], &mut out);
                assert_eq!((&out, out.len()), (&wanted, 5 + short.len()), "{value}");
            }
        }
        assert!(Short::new(u32::MAX).is_none());
    }

    #[test]
    fn three_of_any_numbers_are_encoded_as_varints() {
        for number in [0, 127, 128, 300, 30_000_000, u64::from(u32::MAX), u64::MAX] {
            let mut wanted = vec![1, 2, 3, 4];
            for value in [number, 7, number] {
                varint::write(&mut wanted, value);
            }
            let numbers = Numbers::new([number, 7, number]);
            assert_eq!(numbers.behind([1, 2, 3, 4])[..HEAD_LEN + numbers.len()], wanted);
        }
    }
}
