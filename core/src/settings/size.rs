//! Sizes as files have them: a number of bytes, or one of a unit, as in `"64 KiB"`.
//!
//! ```
//! use linkspan_core::settings::size;
//!
//! assert_eq!(size::parse("64 KiB"), Some(65_536));
//! assert_eq!(size::parse("64 kB"), None); // 64,000 to some, and 65,536 to others
//! assert_eq!(size::to_text(4 << 20), "4 MiB");
//! ```

/// The number of bytes that `text` says, in `B`, `KiB`, `MiB`, `GiB` or `TiB`; none if it says none.
pub fn parse(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, shift) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(1 << shift)
}

/// `bytes` in the largest unit of which it is a multiple.
pub fn to_text(bytes: u64) -> String {
    let fits = |shift: &u32| bytes > 0 && bytes.is_multiple_of(1 << shift);
    let (name, shift) = UNITS.iter().find(|(_, shift)| fits(shift)).unwrap_or(&("B", 0));
    format!("{} {name}", bytes >> shift)
}

/// Those of a thousand (`kB`, `MB`) are left out: half of their users mean these.
const UNITS: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];
