//! Every codec: any bytes are a value or an error, and a value that was read is written as what is read alike.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod effort;

use std::collections::BTreeMap;
use std::fmt::Debug;

use effort::effort;
use linkspan_core::{Blob, Decode, DecodeLimits, Encode};
use linkspan_json::Json;
use linkspan_messagepack::MessagePack;
use linkspan_postcard::Postcard;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// A value with every shape that peers may lie about: lengths, nesting, variants, text, numbers.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Sample {
    flag: bool,
    small: (u8, i8),
    large: (u64, i64),
    text: String,
    letter: char,
    blob: Blob,
    maybe: Option<Box<Self>>,
    shapes: Vec<Shape>,
    map: BTreeMap<String, Vec<u16>>,
    nothing: (),
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Empty,
    Number(u32),
    Pair(u8, String),
    Named { inner: Vec<Self> },
}

fn holds<C, T: Debug + PartialEq>(bytes: &[u8])
where
    C: Decode<T> + Encode<T>,
{
    let Ok(value) = <C as Decode<T>>::decode(bytes, limits()) else { return };
    let mut again = Vec::new();
    C::encode(&value, &mut again).unwrap();
    assert_eq!(<C as Decode<T>>::decode(&again, limits()).unwrap(), value);
}

fn limits() -> DecodeLimits {
    DecodeLimits::default()
}

fn holds_all<C>(bytes: &[u8])
where
    C: Decode<Sample> + Encode<Sample> + Decode<Vec<Shape>> + Encode<Vec<Shape>>,
    C: Decode<String> + Encode<String> + Decode<u64> + Encode<u64> + Decode<Blob> + Encode<Blob>,
    C: Decode<Vec<Vec<Vec<()>>>> + Encode<Vec<Vec<Vec<()>>>>,
{
    holds::<C, Sample>(bytes);
    holds::<C, Vec<Shape>>(bytes);
    holds::<C, String>(bytes);
    holds::<C, u64>(bytes);
    holds::<C, Blob>(bytes);
    holds::<C, Vec<Vec<Vec<()>>>>(bytes);
}

fn is_json_or_an_error(bytes: &[u8]) {
    holds_all::<Json>(bytes);
    holds::<Json, serde_json::Value>(bytes);
}

fn is_messagepack_or_an_error(bytes: &[u8]) {
    holds_all::<MessagePack>(bytes);
    drop(<MessagePack as Decode<serde_json::Value>>::decode(bytes, limits()));
}

fn make_json_or_an_error(picks: &[u8]) {
    const TOKENS: [&str; 28] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\u0000",
        "\\ud800",
        "\"flag\"",
        "\"maybe\"",
        "\"shapes\"",
        "\"Named\"",
        "\"inner\"",
        "\"Number\"",
        "\"Empty\"",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "18446744073709551616",
        "0.1",
        "\"\"",
        " ",
        "\n",
        "é",
        "\"a\"",
    ];
    let text: String =
        picks.iter().filter_map(|pick| TOKENS.get(usize::from(*pick) % TOKENS.len())).copied().collect();
    holds_all::<Json>(text.as_bytes());
    holds::<Json, serde_json::Value>(text.as_bytes());
}

proptest! {
    #![proptest_config(effort())]

    #[test]
    fn any_json_is_a_value_or_an_error(input in vec(any::<u8>(), 0..400)) {
        is_json_or_an_error(&input);
    }

    #[test]
    fn any_messagepack_is_a_value_or_an_error(input in vec(any::<u8>(), 0..400)) {
        is_messagepack_or_an_error(&input);
    }

    #[test]
    fn any_postcard_is_a_value_or_an_error(input in vec(any::<u8>(), 0..400)) {
        holds_all::<Postcard>(&input);
    }

    /// Random bytes hardly ever get past the first brace; tokens do.
    #[test]
    fn tokens_of_json_make_values_or_errors(input in vec(any::<u8>(), 0..40)) {
        make_json_or_an_error(&input);
    }
}
