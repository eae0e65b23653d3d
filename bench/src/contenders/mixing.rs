//! Computing that takes a handler some time.

/// What becomes of `seed` after so many steps. Each needs the one before, so a processor that is taken away is missing: a loop
/// until a time is over would end all the same.
pub(crate) fn mixed(seed: u64) -> u64 {
    (0..STEPS).fold(seed, |state, step| (state ^ (state >> 29) ^ step).wrapping_mul(ODD))
}

/// About 200 µs on a core of 2.5 GHz.
const STEPS: u64 = 100_000;
/// 2^64 divided by the golden ratio: any odd number with bits all over would do.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_has_an_answer_of_its_own() {
        let mut answers: Vec<_> = (0..16).map(mixed).collect();
        answers.sort_unstable();
        answers.dedup();
        assert_eq!(answers.len(), 16);
        assert_eq!(mixed(7), mixed(7));
    }
}
