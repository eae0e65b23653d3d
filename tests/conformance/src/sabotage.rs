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

pub use check::{SabotageReport, check};

use crate::codecs::CodecChoice;
use crate::plain::Plain;
use crate::stage::Sabotage;

/// Something deliberately broken.
pub(crate) struct Saboteur {
    /// What it does, as a verb.
    pub(crate) name: &'static str,
    pub(crate) sabotage: Sabotage,
    /// The codec it speaks; the kit's own unless that is what is broken.
    pub(crate) codec: Option<CodecChoice>,
}

impl Saboteur {
    fn new(name: &'static str) -> Self {
        Self { name, sabotage: Sabotage::default(), codec: CodecChoice::of::<(Plain,)>("plain") }
    }
}

/// All of them.
pub(crate) fn saboteurs() -> Vec<Saboteur> {
    let all = [link::saboteurs(), lenient::saboteurs(), runtime::saboteurs(), wording::saboteurs()];
    all.into_iter().flatten().collect()
}
