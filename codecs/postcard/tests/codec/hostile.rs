//! Lengths that promise more than the input holds.

use std::collections::{BTreeMap, HashMap, HashSet};

use linkspan_core::{Blob, Decode};
use linkspan_postcard::Postcard;
use serde::{Deserialize, Serialize};

use super::contract::nesting::List;
use super::contract::{chain, encoded, round_trips};
use super::decode;

/// Takes 512 bytes of memory and none of input.
#[derive(Debug, Deserialize)]
struct Skipped {
    #[serde(skip)]
    _ballast: [[u64; 8]; 8],
}

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
    reserves_little::<List>();
}

#[test]
fn elements_that_take_no_bytes_end() {
    for len in [1u64 << 20, 1 << 60, u64::MAX] {
        let bytes = encoded::<Postcard, _>(&len);
        assert_eq!(too_many::<Vec<()>>(&bytes), "more elements than the input has bytes for");
        too_many::<BTreeMap<(), ()>>(&bytes);
        too_many::<HashSet<[u8; 0]>>(&bytes);
    }
    // However they are shared out.
    let many: Vec<u8> = [vec![100], vec![100; 100]].concat();
    too_many::<Vec<Vec<()>>>(&many);
}

#[test]
fn elements_that_take_no_bytes_take_little_memory() {
    let bytes = encoded::<Postcard, _>(&(1u64 << 60));
    let used = allocation_counter::measure(|| assert!(decode::<Vec<Skipped>>(&bytes).is_err()));
    // 16 and one for each byte of input, in the room reserved for 64.
    assert!(used.bytes_max <= 64 * size_of::<Skipped>() as u64 + 1_024, "{used:?}");
}

#[test]
fn some_elements_that_take_no_bytes_decode() {
    round_trips::<Postcard, _>(&vec![(); 8_192]);
    round_trips::<Postcard, _>(&vec![vec![(); 3]; 300]);
}

#[test]
fn elements_that_take_bytes_are_as_many_as_they_like() {
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    struct Row((), u8, [(); 8], (u8, ()), Vec<Option<u8>>);

    round_trips::<Postcard, _>(&vec![0u8; 100_000]);
    round_trips::<Postcard, _>(&vec![vec![vec![false]; 10]; 1_000]);
    round_trips::<Postcard, _>(&vec![Row((), 1, [(); 8], (2, ()), vec![None; 3]); 2_000]);
    round_trips::<Postcard, BTreeMap<u32, ()>>(&(0..10_000).map(|key| (key, ())).collect());
}

fn reserves_little<T>()
where
    Postcard: Decode<T>,
{
    for len in [5_000u64, 1 << 20, 1 << 60, u64::MAX] {
        let mut bytes = encoded::<Postcard, _>(&len);
        // Some elements come, and promise as much.
        bytes = bytes.repeat(4);
        let used = allocation_counter::measure(|| assert!(decode::<T>(&bytes).is_err()));
        assert!(used.bytes_max < 24 << 10, "{}: {used:?}", std::any::type_name::<T>());
    }
}

fn too_many<T: std::fmt::Debug>(bytes: &[u8]) -> String
where
    Postcard: Decode<T>,
{
    let [_, cause] = chain(&decode::<T>(bytes).unwrap_err());
    cause
}
