//! Random numbers that are the same everywhere, so that a seed names a scenario.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// Text of `len` bytes whose every kilobyte differs, so that a lost, repeated or exchanged piece shows.
    pub(crate) fn text(&mut self, len: usize) -> String {
        let block: String = (0..len.div_ceil(16).min(62)).map(|_| format!("{:016x}", self.next())).collect();
        let mut text = String::with_capacity(len + 1024);
        while text.len() < len {
            text.push_str(&format!("{:08x}", text.len()));
            text.push_str(&block);
        }
        text.truncate(len);
        text
    }
}
