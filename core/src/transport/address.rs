//! An address as a road prints it, small enough to be kept with every link.

use std::fmt;

/// Text that lies in place if it is as short as most addresses are, and in memory of its own if not.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Address {
    Long(Box<str>),
    /// Its bytes, of which so many are meant. The others are zero.
    Short(u8, [u8; ROOM]),
}

impl Address {
    pub(super) fn new(text: String) -> Self {
        let mut bytes = [0; ROOM];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(len), Some(room)) => {
                room.copy_from_slice(text.as_bytes());
                Self::Short(len, bytes)
            }
            _ => Self::Long(text.into()),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Long(text) => text,
            Self::Short(len, bytes) => {
                let text = bytes.get(..usize::from(*len)).unwrap_or_default();
                std::str::from_utf8(text).unwrap_or_default() // it was text
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Bytes of the longest address that lies in place: `255.255.255.255:65535` has 21, and one more costs nothing.
const ROOM: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_any_length_is_what_it_was() {
        for len in [0, 1, ROOM - 1, ROOM, ROOM + 1, 300] {
            let text = "é".repeat(len / 2) + &"x".repeat(len % 2);
            assert_eq!(text.len(), len);
            assert_eq!(Address::new(text.clone()).as_str(), text);
        }
        assert_eq!(size_of::<Option<Address>>(), 24);
        let longest = Address::new("255.255.255.255:65535".to_owned());
        assert!(matches!(longest, Address::Short(..)), "{longest:?}");
    }
}
