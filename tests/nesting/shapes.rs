//! Types that nest as deep as their input says, and their bytes at any depth.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A sequence of its like.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct List(pub(crate) Vec<Self>);

/// A struct that may hold another.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    #[serde(rename = "n")]
    pub(crate) _next: Option<Box<Self>>,
}

/// A variant that holds another.
#[derive(Debug, Deserialize)]
pub(crate) enum Chain {
    #[serde(rename = "e")]
    End,
    #[serde(rename = "n")]
    Next(#[expect(dead_code, reason = "only its shape matters")] Box<Self>),
}

/// A map to its like.
#[derive(Debug, Deserialize)]
pub(crate) struct Map(#[expect(dead_code, reason = "only its shape matters")] BTreeMap<String, Self>);

/// A type without the field that its input has.
#[derive(Debug, Deserialize)]
pub(crate) struct Ignoring {
    #[serde(rename = "known")]
    pub(crate) _known: u8,
}

/// How one codec writes values of one shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding {
    pub(crate) codec: &'static str,
    /// What stands around everything, and the levels it adds.
    pub(crate) around: ([&'static [u8]; 2], usize),
    /// What opens and closes one level.
    pub(crate) level: [&'static [u8]; 2],
    /// What is innermost, and its own levels.
    pub(crate) core: (&'static [u8], usize),
}

impl Encoding {
    pub(crate) const fn new(
        codec: &'static str,
        level: [&'static [u8]; 2],
        core: (&'static [u8], usize),
    ) -> Self {
        Self { codec, around: ([b"", b""], 0), level, core }
    }

    pub(crate) const fn within(mut self, around: [&'static [u8]; 2], levels: usize) -> Self {
        self.around = (around, levels);
        self
    }

    /// A value that nests `depth` levels.
    pub(crate) fn at(&self, depth: usize) -> Vec<u8> {
        let ([head, tail], levels) = self.around;
        let [open, close] = self.level;
        let (core, core_levels) = self.core;
        let repeated = depth - levels - core_levels;
        [head, &open.repeat(repeated), core, &close.repeat(repeated), tail].concat()
    }
}

/// [`List`] in every codec.
pub(crate) const LISTS: [Encoding; 3] = [
    Encoding::new("json", [b"[", b"]"], (b"[]", 1)),
    Encoding::new("messagepack", [b"\x91", b""], (b"\x90", 1)),
    Encoding::new("postcard", [b"\x01", b""], (b"\x00", 1)),
];

/// Depths that are fine, and those that are not.
pub(crate) const FITS: [usize; 2] = [63, 64];
pub(crate) const TOO_DEEP: [usize; 3] = [65, 1_020, 100_000];
