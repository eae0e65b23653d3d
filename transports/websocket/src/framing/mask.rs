//! Masks of what a client sends.

/// A masking key, turned to the byte that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mask([u8; 4]);

impl Mask {
    /// A key that nobody can foresee, as RFC 6455 §10.3 wants: else a page could choose what stands on the wire, and make
    /// a proxy take it for HTTP. It comes from the thread's generator (ChaCha, seeded by the operating system), which makes
    /// many at once.
    pub(super) fn fresh() -> Self {
        Self(rand::random())
    }

    pub(super) fn new(key: [u8; 4]) -> Self {
        Self(key)
    }

    pub(super) fn key(self) -> [u8; 4] {
        self.0
    }

    /// Masks `bytes`, or takes the mask off.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let [a, b, c, d] = self.0;
        let key = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
        let (words, rest) = bytes.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_ne_bytes(*word) ^ key).to_ne_bytes();
        }
        for (byte, key) in rest.iter_mut().zip(self.0.iter().cycle()) {
            *byte ^= key;
        }
        self.0.rotate_left(rest.len() % 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_goes_on_in_pieces_as_it_does_at_once() {
        let plain: Vec<u8> = (0..100).collect();
        let key = [1, 20, 75, 255];
        let masked: Vec<u8> = plain.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        for first in 0..=40 {
            for second in first..=first + 20 {
                let mut bytes = plain.clone();
                let mut mask = Mask::new(key);
                mask.apply(&mut bytes[..first]);
                mask.apply(&mut bytes[first..second]);
                mask.apply(&mut bytes[second..]);
                assert_eq!(bytes, masked, "{first}, {second}");
            }
        }
    }

    #[test]
    fn keys_differ() {
        let keys: std::collections::HashSet<_> = (0..1000).map(|_| Mask::fresh().key()).collect();
        assert!(keys.len() > 990, "only {} of 1000 differ", keys.len());
    }
}
