//! The contract of a codec, kept by JSON.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, in its helpers too"
)]

#[path = "../../tests/contract/mod.rs"]
mod contract;

use std::collections::BTreeMap;

use linkspan_core::{Blob, Codec, Decode, Encode, Error, ErrorKind};
use linkspan_json::Json;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::contract::nesting::{Chain, List, Node, Shell, Stout, Tree, ends_at, ends_where_limits_say};
use self::contract::sample::{Sample, sample};
use self::contract::{
    Loaded, chain, copied, encoded, on_a_small_stack, other_lengths_are_errors, round_trips,
};

proptest! {
    // Each case decodes once for each of its bytes.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn an_encoding_cut_short_or_prolonged_is_an_error(sample in sample()) {
        other_lengths_are_errors::<Json, Sample>(&sample);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_an_equal_value(sample in sample()) {
        round_trips::<Json, Sample>(&sample);
    }

    #[test]
    fn a_damaged_encoding_never_panics(sample in sample(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encoded::<Json, _>(&sample);
        *at.get_mut(&mut bytes) = byte;
        drop(decode::<Sample>(&bytes));
        drop(decode::<Value>(&bytes));
    }

    #[test]
    fn random_text_never_panics(text in r#"[\[\]{}",:0-9.eE+\-ntrufalse\\ ]{0,64}"#) {
        drop(decode::<Sample>(text.as_bytes()));
        drop(decode::<Value>(text.as_bytes()));
    }

    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        drop(decode::<Sample>(&bytes));
        drop(decode::<Value>(&bytes));
    }
}

#[test]
fn nesting_ends_at_64_levels_whatever_the_type() {
    ends_at::<Json, List>(64, |depth| nested("[", "", "]", depth));
    ends_at::<Json, Value>(64, |depth| nested("[", "", "]", depth));
    ends_at::<Json, Value>(64, |depth| nested(r#"{"":"#, "0", "}", depth));
    ends_at::<Json, Node>(64, |depth| nested(r#"{"child":"#, "null", "}", depth));
    ends_at::<Json, Chain>(64, |depth| nested(r#"{"Next":"#, r#""End""#, "}", depth));
    ends_at::<Json, Stout>(64, |depth| nested(r#"{"inner":"#, "null", "}", depth));
    ends_at::<Json, Tree>(32, |depth| {
        nested(r#"{"Branch":{"right":"Leaf","left":"#, r#""Leaf""#, "}}", depth)
    });
}

#[test]
fn blobs_are_numbers_and_sent_as_such() {
    assert!(copied::<Json>() > 2 * Loaded::LEN);
}

#[test]
fn nesting_ends_where_the_limits_say() {
    ends_where_limits_say::<Json, List>(|depth| nested("[", "", "]", depth));
    ends_where_limits_say::<Json, Value>(|depth| nested(r#"{"":"#, "0", "}", depth));
}

#[test]
fn nesting_ends_in_types_that_serde_buffers_first() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(#[expect(dead_code, reason = "only its shape matters")] u8),
        List(#[expect(dead_code, reason = "only its shape matters")] Vec<Self>),
    }
    #[derive(Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Next { _child: Option<Box<Self>> },
    }
    #[derive(Deserialize)]
    struct Flat {
        #[serde(flatten)]
        _rest: BTreeMap<String, Self>,
    }

    ends_at::<Json, Untagged>(64, |depth| nested("[", "", "]", depth));
    ends_at::<Json, Tagged>(64, |depth| nested(r#"{"kind":"Next","_child":"#, "null", "}", depth));
    ends_at::<Json, Flat>(64, |depth| nested(r#"{"":"#, "{}", "}", depth - 1));
}

#[test]
fn a_type_that_recurses_without_consuming_anything_is_an_error() {
    assert_eq!(decode::<Shell>(b"null").unwrap(), Shell(None));
    let error = on_a_small_stack(|| decode::<Shell>(b"1").unwrap_err());
    assert_eq!(chain(&error)[1], "nested deeper than 64 levels");
}

#[test]
fn unknown_fields_are_skipped_and_nest_no_deeper_than_known_ones() {
    let skips = br#"{"unknown":{"a":[1,"x",{}],"b":null},"child":null,"more":[[]]}"#;
    assert_eq!(decode::<Node>(skips).unwrap(), Node::default());
    ends_at::<Json, Node>(64, |depth| {
        [br#"{"unknown":"#.as_slice(), &nested("[", "0", "]", depth - 1), b"}"].concat()
    });
}

#[test]
fn deep_input_allocates_nothing_big() {
    let bytes = nested("[", "", "]", 500_000);
    let used = allocation_counter::measure(|| assert!(decode::<Value>(&bytes).is_err()));
    assert!(used.bytes_max < 8 << 10, "{used:?}");
}

#[test]
fn bytes_are_an_array_of_numbers() {
    let blob = Blob::from(vec![0, 127, 255]);
    assert_eq!(encoded::<Json, _>(&blob), b"[0,127,255]");
    round_trips::<Json, _>(&blob);
    assert!(decode::<Blob>(b"[256]").is_err());
}

#[test]
fn untyped_values_round_trip() {
    round_trips::<Json, Value>(&serde_json::json!({"a": [1, -2, 3.5, "x", null, true, {"b": u64::MAX}]}));
}

#[test]
fn white_space_around_a_value_is_not_left_over() {
    assert_eq!(decode::<u8>(b" 7\r\n").unwrap(), 7);
    assert!(decode::<u8>(b"7 7").is_err());
    assert!(decode::<u8>(b"").is_err());
}

#[test]
fn borrowed_and_unsized_values_encode() {
    assert_eq!(encoded::<Json, str>("a"), br#""a""#);
    assert_eq!(encoded::<Json, [u8]>(&[1, 2]), b"[1,2]");
}

#[test]
fn errors_say_what_failed_and_why_without_the_payload() {
    let error = decode::<Node>(br#"{"child":{"child":"secret"}}"#).unwrap_err();
    let [context, cause] = chain(&error);
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(context, "not valid JSON for this type");
    assert!(cause.contains("column"), "{cause}");

    #[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
    struct Key(Vec<u8>);
    let unwritable = BTreeMap::from([(Key(vec![1]), 1)]);
    let error = Json::encode(&unwritable, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!(chain(&error), ["no JSON for this value", "key must be a string"]);
}

#[test]
fn its_name_fits_an_endpoint() {
    assert_eq!(Json::NAME, "json");
}

fn decode<T>(bytes: &[u8]) -> Result<T, Error>
where
    Json: Decode<T>,
{
    contract::decoded::<Json, T>(bytes)
}

fn nested(open: &str, core: &str, close: &str, depth: usize) -> Vec<u8> {
    format!("{}{core}{}", open.repeat(depth), close.repeat(depth)).into_bytes()
}
