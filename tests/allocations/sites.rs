//! Where a program allocates, from the profile that the counting allocator leaves.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::loads::Failure;

/// The part of the profile that is needed; its names are those of valgrind's DHAT.
#[derive(Deserialize)]
struct Profile {
    pps: Vec<Site>,
    #[serde(rename = "ftbl")]
    frames: Vec<String>,
}

#[derive(Deserialize)]
struct Site {
    #[serde(rename = "tbk")]
    blocks: u64,
    #[serde(rename = "tb")]
    bytes: u64,
    #[serde(rename = "fs")]
    frames: Vec<usize>,
}

/// Sites that are shown, and the frames of each.
const SITES: usize = 12;
const FRAMES: usize = 12;
/// Names of generic functions can be pages long.
const FRAME_LEN: usize = 140;
/// Where the frames are that stand between an allocation and whoever wants it.
const BELOW: [&str; 6] =
    ["alloc/src/", "dhat-", "src/alloc/", "src/raw_vec/", "src/vec/", "tests/allocations/"];

/// The sites that allocated most often, each with its frames from the one that wanted memory.
pub(crate) fn read(file: &Path, units: usize) -> Result<String, Failure> {
    let mut profile: Profile = serde_json::from_str(&fs::read_to_string(file)?)?;
    profile.pps.sort_by_key(|site| std::cmp::Reverse(site.blocks));
    let mut text = String::new();
    for site in profile.pps.iter().take(SITES) {
        let per_unit = |number: u64| number as f64 / units as f64;
        writeln!(text, "{:>8.3} allocations, {:.0} bytes", per_unit(site.blocks), per_unit(site.bytes))?;
        let frames = site.frames.iter().filter_map(|index| profile.frames.get(*index));
        let wanting = frames.map(|frame| parts(frame)).skip_while(|(_, place)| is_below(place));
        for (name, place) in wanting.take(FRAMES) {
            let frame: String = format!("{place:<36} {name}").chars().take(FRAME_LEN).collect();
            writeln!(text, "           {frame}")?;
        }
    }
    Ok(text)
}

/// Name and place of a frame such as `0x55e8: new<Inner> (alloc/src/sync.rs:422:25)`.
fn parts(frame: &str) -> (&str, &str) {
    let frame = frame.split_once(": ").map_or(frame, |(_, frame)| frame);
    let (name, place) = frame.rsplit_once(" (").unwrap_or((frame, ""));
    (name, place.trim_end_matches(')'))
}

fn is_below(place: &str) -> bool {
    BELOW.iter().any(|below| place.starts_with(below))
}
