//! Every codec by itself, on the stack that a thread has by default.

use std::collections::BTreeSet;
use std::error::Error as _;

use linkspan::{CodecSet, DecodeBy, DecodeLimits, ErrorKind, Stack, Standard};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::shapes::{Chain, Encoding, FITS, Ignoring, LISTS, List, Map, Node, TOO_DEEP};

type Codecs = <Standard as Stack>::Codecs;

#[test]
fn sequences() {
    ends_at_64::<List>(&LISTS, &[]);
}

#[test]
fn structs() {
    let encodings = [
        Encoding::new("json", [br#"{"n":"#, b"}"], (b"null", 0)),
        Encoding::new("messagepack", [b"\x81\xa1n", b""], (b"\xc0", 0)),
        Encoding::new("postcard", [b"\x01", b""], (b"\x00", 1)),
    ];
    ends_at_64::<Node>(&encodings, &[]);
    let as_array = [Encoding::new("messagepack", [b"\x91", b""], (b"\xc0", 0))];
    ends_at_64::<Node>(&as_array, &["json", "postcard"]);
}

#[test]
fn enums() {
    let encodings = [
        Encoding::new("json", [br#"{"n":"#, b"}"], (br#""e""#, 0)),
        Encoding::new("messagepack", [b"\x81\xa1n", b""], (b"\xa1e", 0)),
        Encoding::new("postcard", [b"\x01", b""], (b"\x00", 0)),
    ];
    ends_at_64::<Chain>(&encodings, &[]);
}

#[test]
fn maps() {
    let encodings = [
        Encoding::new("json", [br#"{"k":"#, b"}"], (b"{}", 1)),
        Encoding::new("messagepack", [b"\x81\xa1k", b""], (b"\x80", 1)),
        Encoding::new("postcard", [b"\x01\x01k", b""], (b"\x00", 1)),
    ];
    ends_at_64::<Map>(&encodings, &[]);
}

#[test]
fn values_without_a_type() {
    let arrays = [
        Encoding::new("json", [b"[", b"]"], (b"0", 0)),
        Encoding::new("messagepack", [b"\x91", b""], (b"\x00", 0)),
    ];
    let maps = [
        Encoding::new("json", [br#"{"k":"#, b"}"], (b"0", 0)),
        Encoding::new("messagepack", [b"\x81\xa1k", b""], (b"\x00", 0)),
    ];
    for encodings in [arrays, maps] {
        ends_at_64::<Value>(&encodings, &NOT_SELF_DESCRIBING);
        ends_at_64::<IgnoredAny>(&encodings, &NOT_SELF_DESCRIBING);
    }
}

#[test]
fn fields_that_are_ignored() {
    let json: [&[u8]; 2] = [br#"{"known":1,"other":"#, b"}"];
    let messagepack: [&[u8]; 2] = [b"\x82\xa5known\x01\xa5other", b""];
    let arrays = [
        Encoding::new("json", [b"[", b"]"], (b"0", 0)).within(json, 1),
        Encoding::new("messagepack", [b"\x91", b""], (b"\x00", 0)).within(messagepack, 1),
    ];
    let maps = [
        Encoding::new("json", [br#"{"k":"#, b"}"], (b"0", 0)).within(json, 1),
        Encoding::new("messagepack", [b"\x81\xa1k", b""], (b"\x00", 0)).within(messagepack, 1),
    ];
    for encodings in [arrays, maps] {
        ends_at_64::<Ignoring>(&encodings, &NOT_SELF_DESCRIBING);
    }
}

/// Codecs without values that say what they are, and so without unknown fields.
const NOT_SELF_DESCRIBING: [&str; 1] = ["postcard"];

/// `T` decodes at every depth that fits, and at no other, in every codec of the set but the `excused`.
fn ends_at_64<T: 'static>(encodings: &[Encoding], excused: &[&str])
where
    Codecs: DecodeBy<T>,
{
    let shown: BTreeSet<_> =
        encodings.iter().map(|encoding| encoding.codec).chain(excused.iter().copied()).collect();
    assert_eq!(shown, Codecs::NAMES.iter().copied().collect(), "a codec is missing");
    for encoding in encodings {
        for depth in FITS {
            let decoded = on_a_small_stack::<T>(encoding, depth);
            assert!(decoded.is_ok(), "{}, {depth} deep: {decoded:?}", encoding.codec);
        }
        for depth in TOO_DEEP {
            let error = on_a_small_stack::<T>(encoding, depth).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "{}, {depth} deep", encoding.codec);
            let why = error.source().unwrap().to_string();
            assert_eq!(why, "nested deeper than 64 levels", "{}, {depth} deep", encoding.codec);
        }
    }
}

fn on_a_small_stack<T>(encoding: &Encoding, depth: usize) -> Result<(), linkspan::Error>
where
    Codecs: DecodeBy<T>,
{
    let (index, bytes) = (Codecs::find(encoding.codec).unwrap(), encoding.at(depth));
    let decode = move || <Codecs as DecodeBy<T>>::decode(index, &bytes, DecodeLimits::default()).map(drop);
    std::thread::Builder::new().stack_size(DEFAULT_STACK).spawn(decode).unwrap().join().unwrap()
}

/// What a thread has by default, and a worker of tokio.
const DEFAULT_STACK: usize = 2 << 20;
