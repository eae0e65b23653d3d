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
const FRAMES: usize = 14;

/// The sites that allocated most often, each with the innermost frames that are not the standard library's.
pub(crate) fn read(file: &Path, units: usize) -> Result<String, Failure> {
    let mut profile: Profile = serde_json::from_str(&fs::read_to_string(file)?)?;
    profile.pps.sort_by_key(|site| std::cmp::Reverse(site.blocks));
    let mut text = String::new();
    for site in profile.pps.iter().take(SITES) {
        let per_unit = |number: u64| number as f64 / units as f64;
        writeln!(text, "{:>8.3} allocations, {:.0} bytes", per_unit(site.blocks), per_unit(site.bytes))?;
        let frames = site.frames.iter().filter_map(|index| profile.frames.get(*index));
        for frame in frames.filter(|frame| !is_of_std(frame)).take(FRAMES) {
            writeln!(text, "           {frame}")?;
        }
    }
    Ok(text)
}

/// Frames look like `0x55…: alloc::vec::Vec<T>::push (src/vec.rs:1:2)`.
fn is_of_std(frame: &str) -> bool {
    let name = frame.split_once(": ").map_or(frame, |(_, name)| name).trim_start_matches('<');
    ["alloc::", "core::", "std::", "[root]"].iter().any(|part| name.starts_with(part))
}
