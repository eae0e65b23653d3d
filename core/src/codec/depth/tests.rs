//! The limits and the forwarding, over deserializers that no format would be.

mod endless;

use std::fmt;

use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer, Error};
use serde::de::{IgnoredAny, IntoDeserializer, SeqAccess, Visitor};

use self::endless::{Deep, Endless, Kind, Units};
use super::*;

#[test]
fn levels_end_at_64_and_wrappers_at_128() {
    let limits = [
        (Kind::Map, 64),
        (Kind::Newtype, 128),
        (Kind::NewtypeVariant, 64),
        (Kind::Option, 128),
        (Kind::Seq, 64),
        (Kind::StructVariant, 32),
        (Kind::TupleVariant, 32),
    ];
    for (kind, limit) in limits {
        for fits in [0, 1, limit - 1, limit] {
            assert_eq!(nested(kind, fits).unwrap(), Deep(fits), "{kind:?}");
        }
        for too_deep in [limit + 1, 1_020, usize::MAX] {
            let error = nested(kind, too_deep).unwrap_err();
            assert_eq!(error.to_string(), "nested deeper than 64 levels", "{kind:?}");
        }
    }
}

#[test]
fn levels_and_wrappers_end_where_the_limits_say() {
    let limits = DecodeLimits::default().with_max_depth(8);
    let nested = |kind, left| DepthLimited::new(Endless { kind, left }, 0, limits).deserialize::<Deep>();
    for (kind, limit) in [(Kind::Map, 8), (Kind::Newtype, 16), (Kind::Option, 16), (Kind::StructVariant, 4)] {
        assert_eq!(nested(kind, limit).unwrap(), Deep(limit), "{kind:?}");
        let error = nested(kind, limit + 1).unwrap_err();
        assert_eq!(error.to_string(), "nested deeper than 8 levels", "{kind:?}");
    }
}

#[test]
fn memory_ahead_of_data_ends_where_the_limits_say() {
    let elements = |limits| DepthLimited::new(Units { left: 3 }, 0, limits).deserialize::<Vec<()>>();
    let limits = DecodeLimits::default();
    assert_eq!(elements(limits.with_max_reserve_len(3)).unwrap().len(), 3);
    assert!(elements(limits.with_max_reserve_len(2)).is_err());
    for (bytes, reserved) in [(0, 0), (127, 0), (1024, 8), (1 << 20, 8192)] {
        let limits = limits.with_max_reserve_len(bytes);
        let hint = DepthLimited::new(Units { left: usize::MAX }, 0, limits).deserialize::<Hint>();
        assert_eq!(hint.unwrap(), Hint(Some(reserved)), "{bytes} bytes");
    }
}

#[test]
fn what_is_ignored_is_limited_too() {
    for kind in [Kind::Map, Kind::Newtype, Kind::NewtypeVariant, Kind::Option, Kind::Seq] {
        let endless = Endless { kind, left: usize::MAX };
        assert!(limited(endless, 0).deserialize::<IgnoredAny>().is_err(), "{kind:?}");
    }
}

#[test]
fn elements_end_at_the_input_length_and_8_kib() {
    assert_eq!(units::<Vec<()>>(8_192 + 100, 100).unwrap().len(), 8_192 + 100);
    let error = units::<Vec<()>>(8_192 + 101, 100).unwrap_err();
    assert_eq!(error.to_string(), "more elements than the input has bytes for");
    assert!(units::<Vec<()>>(usize::MAX, 100).is_err());
}

#[test]
fn elements_of_the_input_weigh_what_they_take_in_memory() {
    #[derive(Debug, Deserialize)]
    #[serde(from = "()")]
    struct Kilobyte(#[expect(dead_code, reason = "it is there to take room")] [u64; 128]);
    impl From<()> for Kilobyte {
        fn from((): ()) -> Self {
            Self([0; 128])
        }
    }
    assert_eq!(units::<Vec<Kilobyte>>(11, 3).unwrap().len(), 11);
    assert!(units::<Vec<Kilobyte>>(12, 3).is_err());
}

#[test]
fn at_most_64_elements_are_reserved() {
    assert_eq!(units::<Hint>(usize::MAX, 0).unwrap(), Hint(Some(64)));
    assert_eq!(units::<Hint>(3, 0).unwrap(), Hint(Some(3)));
}

#[test]
fn a_type_that_swallows_a_limit_does_not_get_past_it() {
    #[derive(Debug)]
    struct Careless;
    impl<'de> Deserialize<'de> for Careless {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            drop(Deep::deserialize(deserializer));
            Ok(Self)
        }
    }
    let seqs = |left| Endless { kind: Kind::Seq, left };
    assert!(limited(seqs(64), 0).deserialize::<Careless>().is_ok());
    assert!(limited(seqs(65), 0).deserialize::<Careless>().is_err());
}

#[test]
fn scalars_pass_through() {
    fn passes<'de, T>(value: &T)
    where
        T: IntoDeserializer<'de, Error> + Deserialize<'de> + PartialEq + fmt::Debug + Clone,
    {
        let limited = limited(value.clone().into_deserializer(), 0);
        assert_eq!(limited.deserialize::<T>().unwrap(), *value);
    }
    passes(&true);
    passes(&i8::MIN);
    passes(&u8::MAX);
    passes(&i16::MIN);
    passes(&u16::MAX);
    passes(&i32::MIN);
    passes(&u32::MAX);
    passes(&i64::MIN);
    passes(&u64::MAX);
    passes(&i128::MIN);
    passes(&u128::MAX);
    passes(&f32::MIN_POSITIVE);
    passes(&f64::MAX);
    passes(&'\u{10ffff}');
    passes(&String::from("text"));
    passes(&());
}

#[test]
fn borrowed_text_and_bytes_stay_borrowed() {
    let text = BorrowedStrDeserializer::<Error>::new("text");
    assert_eq!(limited(text, 0).deserialize::<&'static str>().unwrap(), "text");
    let bytes = BorrowedBytesDeserializer::<Error>::new(b"bytes");
    assert_eq!(limited(bytes, 0).deserialize::<&'static [u8]>().unwrap(), b"bytes");
}

#[test]
fn errors_of_the_deserializer_pass_through() {
    let error =
        limited(IntoDeserializer::<Error>::into_deserializer(true), 0).deserialize::<u8>().unwrap_err();
    assert_eq!(error.to_string(), "invalid type: boolean `true`, expected u8");
}

/// What a collection is told to reserve.
#[derive(Debug, PartialEq)]
struct Hint(Option<usize>);

struct HintVisitor;

impl<'de> Visitor<'de> for HintVisitor {
    type Value = Hint;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Hint, A::Error> {
        Ok(Hint(elements.size_hint()))
    }
}

impl<'de> Deserialize<'de> for Hint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(HintVisitor)
    }
}

fn nested(kind: Kind, left: usize) -> Result<Deep, BoxError> {
    limited(Endless { kind, left }, 0).deserialize()
}

fn units<'de, T: Deserialize<'de>>(left: usize, input_len: usize) -> Result<T, BoxError> {
    limited(Units { left }, input_len).deserialize()
}

fn limited<D>(deserializer: D, input_len: usize) -> DepthLimited<D> {
    DepthLimited::new(deserializer, input_len, DecodeLimits::default())
}
