//! Values with every part of serde's data model.

use std::collections::BTreeMap;

use linkspan_core::Blob;
use proptest::collection::{btree_map, vec};
use proptest::num::{f32, f64};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// A value of every kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Sample {
    scalars: Scalars,
    words: Words,
    marker: Marker,
    id: Id,
    pair: Pair,
    maybe: Option<Option2>,
    shapes: Vec<Shape>,
    by_name: BTreeMap<String, Vec<Option<i32>>>,
    by_id: BTreeMap<u64, Shape>,
    cube: Vec<Vec<Vec<u8>>>,
    units: Vec<()>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Scalars {
    flag: bool,
    bytes: (u8, i8),
    shorts: (u16, i16),
    ints: [i32; 3],
    longs: (u64, i64),
    huge: (u128, i128),
    single: f32,
    double: f64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Words {
    letter: char,
    text: String,
    blob: Blob,
    nothing: (),
    #[serde(skip)]
    skipped: u64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Marker;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Id(u64);

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Pair(i64, String);

/// An option with a field, since JSON cannot tell `Some(None)` from `None`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Option2 {
    inner: Option<Id>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Empty,
    Circle(f64),
    Rectangle(u32, u32),
    Named { label: String, tags: Vec<String> },
    Group(Vec<Self>),
}

/// Any sample that every codec carries.
pub(crate) fn sample() -> impl Strategy<Value = Sample> {
    let parts = (scalars(), words(), any::<u64>(), any::<(i64, String)>(), any::<Option<Option<u64>>>());
    let shapes = vec(shape(), 0..4);
    let by_name = btree_map(any::<String>(), vec(any::<Option<i32>>(), 0..4), 0..4);
    let by_id = btree_map(any::<u64>(), shape(), 0..4);
    let cube = vec(vec(vec(any::<u8>(), 0..4), 0..4), 0..4);
    (parts, shapes, by_name, by_id, cube, vec(Just(()), 0..200)).prop_map(
        |((scalars, words, id, (left, right), maybe), shapes, by_name, by_id, cube, units)| Sample {
            scalars,
            words,
            marker: Marker,
            id: Id(id),
            pair: Pair(left, right),
            maybe: maybe.map(|inner| Option2 { inner: inner.map(Id) }),
            shapes,
            by_name,
            by_id,
            cube,
            units,
        },
    )
}

fn scalars() -> impl Strategy<Value = Scalars> {
    let single = f32::POSITIVE | f32::NEGATIVE | f32::NORMAL | f32::SUBNORMAL | f32::ZERO;
    let narrow = any::<(bool, (u8, i8), (u16, i16), [i32; 3])>();
    let wide = any::<((u64, i64), (u128, i128))>();
    (narrow, wide, single, finite()).prop_map(
        |((flag, bytes, shorts, ints), (longs, huge), single, double)| Scalars {
            flag,
            bytes,
            shorts,
            ints,
            longs,
            huge,
            single,
            double,
        },
    )
}

fn words() -> impl Strategy<Value = Words> {
    any::<(char, String, Vec<u8>)>().prop_map(|(letter, text, blob)| Words {
        letter,
        text,
        blob: Blob::from(blob),
        nothing: (),
        skipped: 0,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let flat = prop_oneof![
        Just(Shape::Empty),
        finite().prop_map(Shape::Circle),
        any::<(u32, u32)>().prop_map(|(width, height)| Shape::Rectangle(width, height)),
        (any::<String>(), vec(any::<String>(), 0..3)).prop_map(|(label, tags)| Shape::Named { label, tags }),
    ];
    flat.prop_recursive(4, 16, 4, |inner| vec(inner, 0..4).prop_map(Shape::Group))
}

/// JSON has no other numbers.
fn finite() -> impl Strategy<Value = f64> {
    f64::POSITIVE | f64::NEGATIVE | f64::NORMAL | f64::SUBNORMAL | f64::ZERO
}
