//! The contract of a codec, kept by MessagePack.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, in its helpers too"
)]

#[path = "../../tests/contract/mod.rs"]
mod contract;
#[path = "codec/golden.rs"]
mod golden;
#[path = "codec/hostile.rs"]
mod hostile;

use std::collections::BTreeMap;
use std::net::IpAddr;

use linkspan_core::{Blob, Codec, Decode, Encode, Error, ErrorKind};
use linkspan_messagepack::MessagePack;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::contract::nesting::{
    Chain, List, Node, Shell, Stout, Tree, Wrapper, ends_at, ends_where_limits_say,
};
use self::contract::sample::{Sample, sample};
use self::contract::{chain, copied, encoded, on_a_small_stack, other_lengths_are_errors, round_trips};

proptest! {
    // Each case decodes once for each of its bytes.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn an_encoding_cut_short_or_prolonged_is_an_error(sample in sample()) {
        other_lengths_are_errors::<MessagePack, Sample>(&sample);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_an_equal_value(sample in sample()) {
        round_trips::<MessagePack, Sample>(&sample);
    }

    #[test]
    fn every_bit_of_a_number_survives(single: u32, double: u64, signed: i64, unsigned: u64) {
        let floats = (f32::from_bits(single), f64::from_bits(double));
        let read: (f32, f64) = decode(&encoded::<MessagePack, _>(&floats)).unwrap();
        assert_eq!((read.0.to_bits(), read.1.to_bits()), (single, double));
        round_trips::<MessagePack, _>(&(signed, unsigned));
    }

    #[test]
    fn a_damaged_encoding_never_panics(sample in sample(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encoded::<MessagePack, _>(&sample);
        *at.get_mut(&mut bytes) = byte;
        drop(decode::<Sample>(&bytes));
        drop(decode::<Value>(&bytes));
        drop(decode::<Node>(&bytes));
    }

    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        drop(decode::<Sample>(&bytes));
        drop(decode::<Value>(&bytes));
        drop(decode::<Tree>(&bytes));
        drop(decode::<Stout>(&bytes));
    }

    #[test]
    fn any_byte_after_a_value_is_left_over(byte: u8) {
        let error = decode::<u8>(&[1, byte]).unwrap_err();
        assert_eq!(chain(&error), ["not valid MessagePack for this type", "bytes are left over"]);
    }
}

#[test]
fn nesting_ends_at_64_levels_whatever_the_type() {
    ends_at::<MessagePack, List>(64, |depth| nested(b"\x91", b"\x90", depth - 1));
    ends_at::<MessagePack, Value>(64, |depth| nested(b"\x91", b"\x90", depth - 1));
    ends_at::<MessagePack, Value>(64, |depth| nested(b"\x81\xa0", b"\x00", depth));
    ends_at::<MessagePack, Node>(64, |depth| nested(b"\x81\xa5child", b"\xc0", depth));
    ends_at::<MessagePack, Node>(64, |depth| nested(b"\x91", b"\xc0", depth));
    ends_at::<MessagePack, Chain>(64, |depth| nested(b"\x81\xa4Next", b"\xa3End", depth));
    ends_at::<MessagePack, Stout>(64, |depth| nested(b"\x81\xa5inner", b"\xc0", depth));
    ends_at::<MessagePack, Tree>(32, |depth| {
        nested(b"\x81\xa6Branch\x82\xa5right\xa4Leaf\xa4left", b"\xa4Leaf", depth)
    });
}

#[test]
fn a_large_blob_is_sent_by_reference() {
    assert!((16 * 1024..17 * 1024).contains(&copied::<MessagePack>()));
}

#[test]
fn nesting_ends_where_the_limits_say() {
    ends_where_limits_say::<MessagePack, List>(|depth| nested(b"\x91", b"\x90", depth - 1));
    ends_where_limits_say::<MessagePack, Value>(|depth| nested(b"\x81\xa0", b"\x00", depth));
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
    struct Flat {
        #[serde(flatten)]
        _rest: BTreeMap<String, Self>,
    }

    ends_at::<MessagePack, Untagged>(64, |depth| nested(b"\x91", b"\x90", depth - 1));
    ends_at::<MessagePack, Flat>(64, |depth| nested(b"\x81\xa0", b"\x80", depth - 1));
}

#[test]
fn a_type_that_recurses_without_consuming_anything_is_an_error() {
    assert_eq!(decode::<Shell>(b"\xc0").unwrap(), Shell(None));
    let error = on_a_small_stack(|| decode::<Shell>(b"\x01").unwrap_err());
    assert_eq!(chain(&error)[1], "nested deeper than 64 levels");
}

#[test]
fn unknown_fields_are_skipped_and_nest_no_deeper_than_known_ones() {
    // A map, an extension, a large number and bytes, beside the one field there is.
    let skips = b"\x85\xa1a\x81\x01\x91\xc2\xa1b\xd4\x05\x00\xa5child\xc0\xa1c\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1d\xc4\x01\x00";
    assert_eq!(decode::<Node>(skips).unwrap(), Node::default());
    for open in [b"\x91".as_slice(), b"\x81\xa0", b"\x81\xc0", b"\xdd\x00\x00\x00\x01"] {
        ends_at::<MessagePack, Node>(64, |depth| [b"\x81\xa1x", &*nested(open, b"\x00", depth - 1)].concat());
    }
    // Deep keys are no way around it.
    ends_at::<MessagePack, Node>(64, |depth| {
        [b"\x81\xa1x".as_slice(), &b"\x81".repeat(depth - 1), &b"\x00".repeat(depth)].concat()
    });
}

#[test]
fn wrappers_between_levels_cost_no_level() {
    round_trips::<MessagePack, _>(&Wrapper(Some(Wrapper(Some(Wrapper(vec![Some(Wrapper(1))]))))));
}

#[test]
fn options_of_options_and_of_units_lose_their_depth() {
    let nones: Vec<Option<Option<u8>>> =
        decode(&encoded::<MessagePack, _>(&[None, Some(None), Some(Some(1))])).unwrap();
    assert_eq!(nones, [None, None, Some(Some(1))]);
    assert_eq!(decode::<Option<()>>(&encoded::<MessagePack, _>(&Some(()))).unwrap(), None);
}

#[test]
fn what_serde_buffers_round_trips_too() {
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Host { address: IpAddr },
        Quiet,
    }
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Flat {
        name: String,
        #[serde(flatten)]
        inner: Inner,
        #[serde(flatten)]
        rest: BTreeMap<String, u64>,
    }
    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Inner {
        address: IpAddr,
        blob: Blob,
    }

    let address = IpAddr::from([127, 0, 0, 1]);
    assert_eq!(encoded::<MessagePack, _>(&address), b"\xa9127.0.0.1");
    round_trips::<MessagePack, _>(&vec![Tagged::Host { address }, Tagged::Quiet]);
    let rest = BTreeMap::from([("more".to_owned(), u64::MAX)]);
    let inner = Inner { address, blob: Blob::from(vec![0, 255]) };
    round_trips::<MessagePack, _>(&Flat { name: "n".into(), inner, rest });
}

#[test]
fn untyped_values_round_trip() {
    let value = serde_json::json!({"a": [1, -2, 3.5, "x", null, true, {"b": u64::MAX, "c": i64::MIN}]});
    round_trips::<MessagePack, Value>(&value);
}

#[test]
fn borrowed_and_unsized_values_encode() {
    assert_eq!(encoded::<MessagePack, str>("a"), b"\xa1a");
    assert_eq!(encoded::<MessagePack, [u8]>(&[1, 200]), b"\x92\x01\xcc\xc8");
}

#[test]
fn errors_say_what_failed_and_why_each_once() {
    let cases: [(&[u8], &str); 4] = [
        (b"\x81\xa5child\x01", "invalid type: integer `1`, expected struct Node"),
        (b"\x81\xa5chi", "bytes are missing"),
        (b"", "bytes are missing"),
        (b"\xc1", "wrong msgpack marker Reserved"),
    ];
    for (bytes, why) in cases {
        let error = decode::<Node>(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(chain(&error), ["not valid MessagePack for this type", why]);
    }
    let [_, why] = chain(&decode::<String>(b"\xa1\xff").unwrap_err());
    assert_eq!(why, "string found to be invalid utf8: invalid utf-8 sequence of 1 bytes from index 0");

    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it is not known"))
        }
    }
    let error = MessagePack::encode(&Unwritable, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!(chain(&error), ["no MessagePack for this value", "it is not known"]);
}

#[test]
fn its_name_fits_an_endpoint() {
    assert_eq!(MessagePack::NAME, "messagepack");
}

fn decode<T>(bytes: &[u8]) -> Result<T, Error>
where
    MessagePack: Decode<T>,
{
    contract::decoded::<MessagePack, T>(bytes)
}

fn nested(open: &[u8], core: &[u8], depth: usize) -> Vec<u8> {
    [open.repeat(depth), core.to_vec()].concat()
}
