//! Deliberately broken roads, runtimes and codecs: every promise must be failed by at least one of them, or its case proves
//! nothing.
//!
//! Each breaks one thing on the kit's own road with the kit's own codec, on a paused clock, so that what hangs fails at
//! once.

mod check;
mod lenient;
mod link;
mod runtime;
mod wording;

pub use check::{SabotageReport, check, check_all};

use crate::codecs::CodecChoice;
use crate::plain::Plain;
use crate::stage::Sabotage;

/// Something deliberately broken.
pub(crate) struct Saboteur {
    /// What it does, as a verb.
    pub(crate) name: &'static str,
    /// The promise that it must break. It may break others too.
    pub(crate) aims_at: &'static str,
    pub(crate) sabotage: Sabotage,
    /// The codec it speaks; the kit's own unless that is what is broken.
    pub(crate) codec: Option<CodecChoice>,
}

impl Saboteur {
    fn new(name: &'static str, aims_at: &'static str) -> Self {
        Self { name, aims_at, sabotage: Sabotage::default(), codec: CodecChoice::of::<(Plain,)>("plain") }
    }
}

/// All of them.
pub(crate) fn saboteurs() -> Vec<Saboteur> {
    let all = [link::saboteurs(), lenient::saboteurs(), runtime::saboteurs(), wording::saboteurs()];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::promises::promises;

    #[test]
    fn every_saboteur_aims_at_a_promise_of_the_kit() {
        let known: HashSet<_> = promises().iter().map(|promise| promise.name()).collect();
        let mut names = HashSet::new();
        for saboteur in saboteurs() {
            assert!(known.contains(saboteur.aims_at), "{} is no promise", saboteur.aims_at);
            assert!(names.insert(saboteur.name), "{} is there twice", saboteur.name);
        }
    }
}
