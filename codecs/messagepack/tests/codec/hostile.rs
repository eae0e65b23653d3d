//! Lengths that promise more than the input holds.

use std::collections::{BTreeMap, HashMap, HashSet};

use linkspan_core::{Blob, Decode};
use linkspan_messagepack::MessagePack;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::contract::nesting::{List, Node};
use super::contract::{on_a_small_stack, round_trips};
use super::decode;

/// The head of each kind that names its length in 32 bits: array, map, str, bin, ext.
const HEADS: [&[u8]; 5] = [b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"];

#[test]
fn a_length_without_elements_reserves_nothing_big() {
    reserves_little::<Vec<u8>>();
    reserves_little::<Vec<[u64; 16]>>();
    reserves_little::<Vec<String>>();
    reserves_little::<HashSet<u64>>();
    reserves_little::<HashMap<u64, [u64; 8]>>();
    reserves_little::<BTreeMap<u64, [u64; 8]>>();
    reserves_little::<HashMap<u64, HashMap<u64, HashMap<u64, u64>>>>();
    reserves_little::<String>();
    reserves_little::<Blob>();
    reserves_little::<Option<Blob>>();
    reserves_little::<List>();
    reserves_little::<Node>();
    reserves_little::<Value>();
    reserves_little::<IgnoredAny>();
    reserves_little::<u128>();
}

#[test]
fn lengths_without_data_are_errors_in_fields_that_are_skipped_too() {
    for head in HEADS {
        let bytes = [b"\x81\xa1x", head, b"\xff\xff\xff\xff"].concat();
        let used = allocation_counter::measure(|| assert!(decode::<Node>(&bytes).is_err()));
        assert!(used.bytes_max < 1 << 10, "{head:02x?}: {used:?}");
    }
}

#[test]
fn every_length_of_every_head_is_an_error_or_a_value() {
    for head in 0xc0..=0xdf_u8 {
        for len in [0, 1, 2, 127, 128, 254, 255] {
            for rest in 0..8 {
                let bytes = [[head, len].as_slice(), &[len; 8][..rest]].concat();
                drop(decode::<Value>(&bytes));
                drop(decode::<IgnoredAny>(&bytes));
                drop(decode::<List>(&bytes));
            }
        }
    }
}

#[test]
fn deep_input_allocates_nothing_big() {
    let bytes = b"\x91".repeat(500_000);
    let used =
        on_a_small_stack(move || allocation_counter::measure(|| assert!(decode::<Value>(&bytes).is_err())));
    assert!(used.bytes_max < 64 << 10, "{used:?}");
}

#[test]
fn elements_are_as_many_as_they_like() {
    round_trips::<MessagePack, _>(&vec![(); 100_000]);
    round_trips::<MessagePack, _>(&vec![0u8; 100_000]);
    round_trips::<MessagePack, _>(&vec![vec![vec![false]; 10]; 1_000]);
    round_trips::<MessagePack, _>(&Blob::from(vec![7; 100_000]));
    round_trips::<MessagePack, BTreeMap<u32, ()>>(&(0..10_000).map(|key| (key, ())).collect());
}

fn reserves_little<T>()
where
    MessagePack: Decode<T>,
{
    for head in HEADS {
        for len in [5_000u32, 1 << 20, u32::MAX] {
            // Some elements come, and promise as much.
            let bytes = [head, &len.to_be_bytes()].concat().repeat(4);
            let used = allocation_counter::measure(|| assert!(decode::<T>(&bytes).is_err()));
            assert!(used.bytes_max < 24 << 10, "{}: {used:?}", std::any::type_name::<T>());
        }
    }
}
