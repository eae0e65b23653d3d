//! Paths that one side called.

use crate::wire::is_path;

/// What was checked once and need not be again: most connections call the same few methods all the time.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    known: Vec<Box<[u8]>>,
    recent: usize,
}

impl Paths {
    /// True if `path` was learnt.
    #[inline]
    pub(crate) fn knows(&mut self, path: &[u8]) -> bool {
        if self.known.get(self.recent).is_some_and(|known| **known == *path) {
            return true;
        }
        self.find(path)
    }

    fn find(&mut self, path: &[u8]) -> bool {
        let found = self.known.iter().position(|known| **known == *path);
        self.recent = found.unwrap_or(self.recent);
        found.is_some()
    }

    /// True if `path` is one, known or not; it is learnt then.
    #[inline]
    pub(crate) fn accepts(&mut self, path: &str) -> bool {
        if self.knows(path.as_bytes()) {
            return true;
        }
        self.check(path)
    }

    fn check(&mut self, path: &str) -> bool {
        let accepted = is_path(path);
        if accepted {
            self.learn(path.as_bytes());
        }
        accepted
    }

    /// Learns a path that was checked, while there is room.
    pub(crate) fn learn(&mut self, path: &[u8]) {
        if self.known.len() < MAX_KNOWN && !self.knows(path) {
            self.known.reserve_exact(1); // most connections call few
            self.known.push(path.into());
        }
    }
}

/// Paths that are known: of the longest, 4 KiB.
const MAX_KNOWN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_learnt_and_no_more() {
        let path = |number: usize| format!("A/{number}").into_bytes();
        let mut paths = Paths::default();
        for number in (0..=MAX_KNOWN).chain(0..=MAX_KNOWN) {
            paths.learn(&path(number));
        }
        let known: Vec<_> = (0..=MAX_KNOWN).filter(|number| paths.knows(&path(*number))).collect();
        assert_eq!(known, (0..MAX_KNOWN).collect::<Vec<_>>());
        assert!(!paths.knows(b"A") && !paths.knows(b"A/10000"));
    }
}
