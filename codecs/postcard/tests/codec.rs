//! The contract of a codec, kept by Postcard.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, in its helpers too"
)]

#[path = "../../tests/contract/mod.rs"]
mod contract;
#[path = "codec/hostile.rs"]
mod hostile;
#[path = "codec/set.rs"]
mod set;

use std::net::IpAddr;

use linkspan_core::{Blob, Codec, Decode, Encode, Error, ErrorKind};
use linkspan_postcard::Postcard;
use proptest::prelude::*;
use serde::{Deserialize, Serialize, Serializer};

use self::contract::nesting::{
    Chain, List, Node, Shell, Stout, Tree, Wrapper, ends_at, ends_where_limits_say,
};
use self::contract::sample::{Sample, sample};
use self::contract::{chain, copied, encoded, other_lengths_are_errors, round_trips};

proptest! {
    // Each case decodes once for each of its bytes.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn an_encoding_cut_short_or_prolonged_is_an_error(sample in sample()) {
        other_lengths_are_errors::<Postcard, Sample>(&sample);
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_an_equal_value(sample in sample()) {
        round_trips::<Postcard, Sample>(&sample);
    }

    #[test]
    fn a_damaged_encoding_never_panics(sample in sample(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encoded::<Postcard, _>(&sample);
        *at.get_mut(&mut bytes) = byte;
        drop(decode::<Sample>(&bytes));
    }

    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        drop(decode::<Sample>(&bytes));
        drop(decode::<Tree>(&bytes));
        drop(decode::<Stout>(&bytes));
    }
}

#[test]
fn nesting_ends_at_64_levels_whatever_the_type() {
    ends_at::<Postcard, List>(64, |depth| nested(&[1], &[0], depth - 1));
    ends_at::<Postcard, Node>(64, |depth| nested(&[1], &[0], depth - 1));
    ends_at::<Postcard, Chain>(64, |depth| nested(&[1], &[0], depth));
    ends_at::<Postcard, Shell>(64, |depth| nested(&[1], &[0], depth - 1));
    ends_at::<Postcard, Tree>(32, |depth| [vec![1; depth], vec![0; depth + 1]].concat());
    let mut open = encoded::<Postcard, _>(&Stout::default());
    *open.last_mut().unwrap() = 1;
    // The arrays in the last one are one level more.
    ends_at::<Postcard, Stout>(63, |depth| {
        nested(&open, &encoded::<Postcard, _>(&Stout::default()), depth - 1)
    });
}

#[test]
fn a_large_blob_is_sent_by_reference() {
    assert!((16 * 1024..17 * 1024).contains(&copied::<Postcard>()));
}

#[test]
fn nesting_ends_where_the_limits_say() {
    ends_where_limits_say::<Postcard, List>(|depth| nested(&[1], &[0], depth - 1));
    ends_where_limits_say::<Postcard, Chain>(|depth| nested(&[1], &[0], depth));
}

#[test]
fn options_and_newtypes_between_levels_cost_no_level() {
    #[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
    struct Forest(Vec<Option<Box<Self>>>);

    let mut forest = Forest::default();
    for _ in 1..64 {
        forest = Forest(vec![Some(Box::new(forest))]);
    }
    round_trips::<Postcard, _>(&forest);
    round_trips::<Postcard, _>(&Wrapper(Some(Wrapper(Some(Wrapper(vec![Some(Wrapper(1))]))))));
}

#[test]
fn bytes_are_bytes() {
    let blob = Blob::from(vec![0, 127, 255]);
    assert_eq!(encoded::<Postcard, _>(&blob), [3, 0, 127, 255]);
    round_trips::<Postcard, _>(&blob);
    round_trips::<Postcard, _>(&Blob::from(vec![7; 100_000]));
}

#[test]
fn types_with_a_compact_form_take_it() {
    let address = IpAddr::from([127, 0, 0, 1]);
    assert_eq!(encoded::<Postcard, _>(&address), [0, 127, 0, 0, 1]);
    round_trips::<Postcard, _>(&address);
}

#[test]
fn optional_options_stay_apart() {
    round_trips::<Postcard, _>(&vec![None, Some(None), Some(Some(()))]);
    round_trips::<Postcard, _>(&f64::INFINITY);
}

#[test]
fn borrowed_and_unsized_values_encode() {
    assert_eq!(encoded::<Postcard, str>("a"), [1, b'a']);
    assert_eq!(encoded::<Postcard, [u8]>(&[1, 2]), [2, 1, 2]);
}

#[test]
fn errors_say_what_failed_and_why() {
    let error = decode::<bool>(&[2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert_eq!(chain(&error), ["not valid Postcard for this type", "Found a bool that wasn't 0 or 1"]);
    let error = decode::<bool>(&[1, 1]).unwrap_err();
    assert_eq!(chain(&error), ["not valid Postcard for this type", "bytes are left over"]);

    struct Unmeasured;
    impl Serialize for Unmeasured {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq([1, 2].iter().filter(|_| true))
        }
    }
    let error = Postcard::encode(&Unmeasured, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert_eq!(chain(&error), ["no Postcard for this value", "The length of a sequence must be known"]);
}

#[test]
fn its_name_fits_an_endpoint() {
    assert_eq!(Postcard::NAME, "postcard");
}

fn decode<T>(bytes: &[u8]) -> Result<T, Error>
where
    Postcard: Decode<T>,
{
    contract::decoded::<Postcard, T>(bytes)
}

fn nested(open: &[u8], core: &[u8], depth: usize) -> Vec<u8> {
    [open.repeat(depth), core.to_vec()].concat()
}
