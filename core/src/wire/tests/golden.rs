//! The bytes that other languages rely on: `tests/golden/*.hex`, which `docs/wire.md` explains byte by byte.
//!
//! `LINKSPAN_BLESS=1` writes the files anew. A change of what is there breaks every other implementation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{From, frame, samples, transcript};
use crate::wire::{Message, decode};

const TRANSCRIPT: &str = "transcript";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn directory() -> PathBuf {
    repository().join("tests/golden")
}

/// What each file is to hold.
fn golden() -> BTreeMap<String, String> {
    let samples =
        samples().into_iter().map(|(name, message)| (name.to_owned(), hex(&frame(&message)) + "\n"));
    let lines = transcript().into_iter().map(|(from, message)| {
        let arrow = if from == From::Connector { '>' } else { '<' };
        format!("{arrow} {}\n", hex(&frame(&message)))
    });
    samples.chain([(TRANSCRIPT.to_owned(), lines.collect())]).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn unhex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

fn read(name: &str) -> String {
    let path = directory().join(name).with_extension("hex");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_message_has_its_golden_bytes() {
    let golden = golden();
    if std::env::var_os("LINKSPAN_BLESS").is_some() {
        fs::create_dir_all(directory()).unwrap();
        for (name, text) in &golden {
            fs::write(directory().join(name).with_extension("hex"), text).unwrap();
        }
    }
    for (name, text) in &golden {
        assert_eq!(read(name), *text, "{name}");
    }
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let hex_files = files.filter(|path| path.extension().is_some_and(|extension| extension == "hex"));
    let found: BTreeSet<_> =
        hex_files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(found, golden.keys().cloned().collect(), "a file is missing or too many");
}

#[test]
fn golden_bytes_decode_to_their_messages() {
    for (name, message) in samples() {
        let bytes = unhex(&read(name));
        assert_eq!(decode(&bytes).unwrap(), Some(message), "{name}");
    }
    let text = read(TRANSCRIPT);
    for (line, (_, message)) in text.lines().zip(transcript()) {
        let bytes = unhex(line.get(2..).unwrap());
        assert_eq!(decode(&bytes).unwrap(), Some(message));
    }
}

#[test]
fn every_kind_has_golden_bytes() {
    let kinds: BTreeSet<_> = samples()
        .iter()
        .map(|(_, message)| std::mem::discriminant(message))
        .map(|kind| format!("{kind:?}"))
        .collect();
    assert_eq!(kinds.len(), 13, "{kinds:?}");
    let _: fn(Message<'_>) = |message| match message {
        // A new kind belongs into the samples, and its number here.
        Message::Body { .. }
        | Message::Cancel { .. }
        | Message::Close(_)
        | Message::Failure { .. }
        | Message::Gap(_)
        | Message::Goaway { .. }
        | Message::Hello(_)
        | Message::Ping { .. }
        | Message::Pong { .. }
        | Message::Push { .. }
        | Message::Request(_)
        | Message::Reset { .. }
        | Message::Response(_) => {}
    };
}

/// The blocks of hex in the document, by name: bytes before the `;` of each line.
fn documented() -> BTreeMap<String, String> {
    let path = repository().join("docs/wire.md");
    let text = fs::read_to_string(path).unwrap();
    let mut blocks = BTreeMap::new();
    let mut name = None;
    for line in text.lines() {
        if let Some(opened) = line.strip_prefix("```hex ") {
            name = Some(opened.to_owned());
            assert!(blocks.insert(opened.to_owned(), String::new()).is_none(), "{opened} is there twice");
        } else if line == "```" {
            name = None;
        } else if let Some(name) = &name {
            let block = blocks.get_mut(name).unwrap();
            block.push_str(line.split(';').next().unwrap());
            block.push('\n');
        }
    }
    blocks
}

#[test]
fn the_document_shows_the_golden_bytes() {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let documented = documented();
    for (name, text) in golden() {
        let shown = documented.get(&name).unwrap_or_else(|| panic!("docs/wire.md does not show {name}"));
        assert_eq!(words(shown), words(&text), "{name}");
    }
    assert_eq!(documented.len(), golden().len(), "a block has no golden file");
}
