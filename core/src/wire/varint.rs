//! Unsigned integers in seven-bit groups, least significant first (LEB128), at most ten bytes.

/// Longest encoding, in bytes.
pub(crate) const MAX_LEN: usize = 10;

/// Appends `value`.
pub(crate) fn write(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_seven(value) | 0x80);
        value >>= 7;
    }
    out.push(low_seven(value));
}

/// Takes a value off the front of `bytes`, or `None` if it is cut short or exceeds 64 bits.
pub(crate) fn read(bytes: &mut &[u8]) -> Option<u64> {
    if let Some((&byte @ 0..0x80, rest)) = bytes.split_first() {
        *bytes = rest; // most numbers are small
        return Some(u64::from(byte));
    }
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if shift == 63 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The lowest group.
pub(super) fn low_seven(value: u64) -> u8 {
    (value & 0x7f) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_survives_and_every_truncation_fails() {
        for value in (0..64).map(|bit| 1u64 << bit).chain([0, 127, 128, 300, u64::MAX]) {
            let mut out = Vec::new();
            write(&mut out, value);
            assert_eq!(read(&mut out.as_slice()), Some(value));
            for cut in 0..out.len() {
                assert_eq!(read(&mut &out[..cut]), None);
            }
        }
        assert_eq!(read(&mut [0xff; 10].as_slice()), None);
        assert_eq!(read(&mut [0x80; 11].as_slice()), None);
    }
}
