//! Bytes that other languages write and read: they never change.

use std::collections::BTreeMap;
use std::fmt::Debug;

use linkspan_core::Blob;
use linkspan_messagepack::MessagePack;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::contract::encoded;
use super::decode;

/// Arguments and answer of a method, and its error.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Args {
    a: i64,
    b: i64,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct User {
    id: u64,
    name: String,
    email: Option<String>,
    tags: Vec<String>,
    scores: BTreeMap<u32, f64>,
    avatar: Blob,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Failure {
    Overflow,
    Denied(String),
    OutOfRange(i64, i64),
    TooLarge { limit: u64, got: u64 },
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Meters(f64);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Point(i32, i32);

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Nothing;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Empty {}

#[test]
fn structs_are_maps_from_names() {
    golden(&Args { a: 10, b: -20 }, b"\x82\xa1a\x0a\xa1b\xec");
    let user = User {
        id: 7,
        name: "Ada".into(),
        email: None,
        tags: vec!["x".into(), "y".into()],
        scores: BTreeMap::from([(300, 0.5)]),
        avatar: Blob::from(vec![0xde, 0xad]),
    };
    let bytes = b"\x86\xa2id\x07\xa4name\xa3Ada\xa5email\xc0\xa4tags\x92\xa1x\xa1y\
        \xa6scores\x81\xcd\x01\x2c\xcb\x3f\xe0\0\0\0\0\0\0\xa6avatar\xc4\x02\xde\xad";
    golden(&user, bytes);
}

#[test]
fn variants_are_names_or_maps_of_one_entry() {
    golden(&Failure::Overflow, b"\xa8Overflow");
    golden(&Failure::Denied("no".into()), b"\x81\xa6Denied\xa2no");
    golden(&Failure::OutOfRange(-1, 1), b"\x81\xaaOutOfRange\x92\xff\x01");
    golden(&Failure::TooLarge { limit: 1, got: 2 }, b"\x81\xa8TooLarge\x82\xa5limit\x01\xa3got\x02");
}

#[test]
fn wrappers_are_what_they_hold() {
    golden(&Meters(1.5), b"\xcb\x3f\xf8\0\0\0\0\0\0");
    golden(&Some(Args { a: 0, b: 0 }), b"\x82\xa1a\0\xa1b\0");
    golden(&None::<Args>, b"\xc0");
    golden(&Point(3, -4), b"\x92\x03\xfc");
    golden(&(1u8, "two".to_owned(), [3u8]), b"\x93\x01\xa3two\x91\x03");
    golden(&(), b"\xc0");
    golden(&Nothing, b"\x90");
    golden(&Empty {}, b"\x80");
}

#[test]
fn integers_take_the_shortest_form() {
    golden(&[0u64, 127, 128, 255, 256], b"\x95\x00\x7f\xcc\x80\xcc\xff\xcd\x01\x00");
    golden(&[65_536u64, 1 << 32], b"\x92\xce\0\x01\0\0\xcf\0\0\0\x01\0\0\0\0");
    golden(&u64::MAX, b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    golden(&[-1i64, -32, -33, -129], b"\x94\xff\xe0\xd0\xdf\xd1\xff\x7f");
    golden(&[i64::from(i32::MIN), 127, 128], b"\x93\xd2\x80\0\0\0\x7f\xcc\x80");
    golden(&i64::MIN, b"\xd3\x80\0\0\0\0\0\0\0");
    golden(&u128::MAX, b"\xc4\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    golden(&-2i128, b"\xc4\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe");
}

#[test]
fn scalars_and_texts_have_their_own_forms() {
    golden(&[true, false], b"\x92\xc3\xc2");
    golden(&0.5f32, b"\xca\x3f\0\0\0");
    golden(&f64::NEG_INFINITY, b"\xcb\xff\xf0\0\0\0\0\0\0");
    golden(&'\u{2603}', b"\xa3\xe2\x98\x83");
    golden(&"a".repeat(31), &[b"\xbf".as_slice(), &[b'a'; 31]].concat());
    golden(&"a".repeat(32), &[b"\xd9\x20".as_slice(), &[b'a'; 32]].concat());
    golden(&"a".repeat(256), &[b"\xda\x01\x00".as_slice(), &[b'a'; 256]].concat());
    golden(&vec![1u8; 16], &[b"\xdc\x00\x10".as_slice(), &[1; 16]].concat());
    golden(&Blob::from(vec![1; 256]), &[b"\xc5\x01\x00".as_slice(), &[1; 256]].concat());
}

#[test]
fn other_forms_of_the_same_value_are_read_too() {
    let args = Args { a: 10, b: -20 };
    assert_eq!(decode::<Args>(b"\x92\x0a\xec").unwrap(), args, "an array of fields");
    assert_eq!(decode::<Args>(b"\x82\xa1b\xec\xa1a\x0a").unwrap(), args, "another order");
    assert_eq!(
        decode::<Args>(b"\x82\xd9\x01a\xd3\0\0\0\0\0\0\0\x0a\xa1b\xd0\xec").unwrap(),
        args,
        "wider forms"
    );
    assert_eq!(decode::<Args>(b"\xde\0\x02\xa1a\x0a\xa1b\xec").unwrap(), args, "a wider map");
    assert_eq!(decode::<Meters>(b"\x02").unwrap(), Meters(2.0), "a float as an integer");
    assert_eq!(decode::<Vec<u8>>(b"\xc4\x02\x01\xff").unwrap(), [1, 255], "a sequence as bytes");
    assert_eq!(decode::<Blob>(b"\x92\x01\xcc\xff").unwrap(), Blob::from(vec![1, 255]), "bytes as a sequence");
    assert_eq!(decode::<Failure>(b"\x81\xa8Overflow\xc0").unwrap(), Failure::Overflow, "a map to nil");
    assert_eq!(decode::<Failure>(b"\x00").unwrap(), Failure::Overflow, "a variant's number");
    assert_eq!(decode::<Nothing>(b"\xc0").unwrap(), Nothing, "nil for nothing");
    assert_eq!(
        decode::<User>(b"\x85\xa2id\x07\xa4name\xa0\xa4tags\x90\xa6scores\x80\xa6avatar\xc4\0")
            .unwrap()
            .email,
        None
    );
}

#[test]
fn values_of_another_kind_are_errors() {
    for bytes in [
        b"\x82\xa1a\xcb\x3f\xf8\0\0\0\0\0\0\xa1b\x00".as_slice(),
        b"\x81\xa1a\x0a",
        b"\x82\xa1a\xa11\xa1b\x00",
    ] {
        assert!(decode::<Args>(bytes).is_err(), "{bytes:02x?}");
    }
    assert!(decode::<Args>(b"\x83\xa1a\x0a\xa1b\x0b\xa1a\x0c").is_err(), "a field twice");
    assert!(decode::<u8>(b"\xcd\x01\x00").is_err(), "a number too large");
    assert!(decode::<u64>(b"\xff").is_err(), "a number below zero");
    assert!(decode::<String>(b"\xa1\xff").is_err(), "a text that is none");
    assert!(decode::<Failure>(b"\xa7Unknown").is_err(), "a variant that is none");
    assert!(decode::<Failure>(b"\x82\xa8Overflow\xc0\xa6Denied\xa0").is_err(), "two variants");
    assert!(decode::<Option<u8>>(b"\xd4\x05\x00").is_err(), "an extension");
}

/// `value` is written as `bytes`, and they are read as `value`.
fn golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, bytes: &[u8]) {
    assert_eq!(encoded::<MessagePack, T>(value), bytes, "{value:?}");
    assert_eq!(decode::<T>(bytes).unwrap(), *value);
}
