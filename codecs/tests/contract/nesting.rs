//! Types that nest as deep as their input says, and the check that it may not say too much.

use linkspan_core::{Decode, DecodeLimits, ErrorKind, MAX_DEPTH};
use serde::{Deserialize, Serialize};

use super::{chain, decoded, on_a_small_stack};

/// Recurses through a sequence: one level each.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct List(Vec<Self>);

/// Recurses through a struct and an option: one level each.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Node {
    pub(crate) child: Option<Box<Self>>,
}

/// Recurses through a variant: one level each.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) enum Chain {
    #[default]
    End,
    Next(Box<Self>),
}

/// Recurses through a variant and its fields: two levels each.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) enum Tree {
    #[default]
    Leaf,
    Branch {
        left: Box<Self>,
        right: Box<Self>,
    },
}

/// Recurses through an option and a newtype, so through no level at all.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Shell(pub(crate) Option<Box<Self>>);

/// Has large frames: many fields, and two wrappers for each level.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub(crate) struct Stout {
    pub(crate) name: String,
    pub(crate) numbers: [u64; 16],
    pub(crate) more: [u64; 16],
    pub(crate) title: Option<String>,
    pub(crate) place: Option<(f64, f64, f64)>,
    pub(crate) tags: Vec<String>,
    pub(crate) text: String,
    pub(crate) pair: (String, String),
    pub(crate) inner: Option<Wrapper<Box<Self>>>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Wrapper<T>(pub(crate) T);

/// `depth` of `C`'s levels decode as `T`; one more is an error, and so is any number more.
pub(crate) fn ends_at<C: Decode<T>, T: Send + 'static>(depth: usize, encoding: impl Fn(usize) -> Vec<u8>) {
    for fits in [1, 2, depth - 1, depth] {
        let bytes = encoding(fits);
        let result = on_a_small_stack(move || decoded::<C, T>(&bytes).map(drop));
        assert!(result.is_ok(), "{fits} deep: {result:?}");
    }
    for too_deep in [depth + 1, 2 * depth, 1_020, 100_000] {
        let bytes = encoding(too_deep);
        let error = on_a_small_stack(move || decoded::<C, T>(&bytes).map(drop)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(chain(&error)[1], format!("nested deeper than {MAX_DEPTH} levels"), "{too_deep} deep");
    }
}

/// The same, however few levels are allowed.
pub(crate) fn ends_where_limits_say<C: Decode<T>, T>(encoding: impl Fn(usize) -> Vec<u8>) {
    for depth in [1, 2, 8, 63] {
        let limits = DecodeLimits::default().with_max_depth(depth);
        let fits = C::decode(&encoding(depth.into()), limits).map(drop);
        assert!(fits.is_ok(), "{depth} deep: {fits:?}");
        let error = C::decode(&encoding(usize::from(depth) + 1), limits).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(chain(&error)[1], format!("nested deeper than {depth} levels"));
    }
}
