//! Durations as files have them: a number and its unit, `"250ms"`, `"10s"`, `"2m"` or `"1h"`.
//!
//! For fields of one's own: `#[serde(with = "linkspan_core::settings::duration")]`.
//!
//! ```
//! use std::time::Duration;
//!
//! use linkspan_core::settings::duration;
//!
//! assert_eq!(duration::parse("10s"), Some(Duration::from_secs(10)));
//! assert_eq!(duration::parse("10"), None);
//! assert_eq!(duration::to_text(Duration::from_secs(7200)).as_deref(), Some("2h"));
//! ```

use std::time::Duration;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

use super::SettingKind;
use super::value::wrong;

/// The duration that `text` says; none if it says none.
pub fn parse(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(MINUTE).map(Duration::from_secs),
        "h" => number.checked_mul(HOUR).map(Duration::from_secs),
        _ => None,
    }
}

/// `duration` in the largest unit that says it; none if it is no whole number of milliseconds.
pub fn to_text(duration: Duration) -> Option<String> {
    let seconds = duration.as_secs();
    if !duration.subsec_nanos().is_multiple_of(1_000_000) {
        return None;
    }
    Some(if duration.subsec_millis() != 0 || seconds == 0 {
        format!("{}ms", duration.as_millis())
    } else if seconds.is_multiple_of(HOUR) {
        format!("{}h", seconds / HOUR)
    } else if seconds.is_multiple_of(MINUTE) {
        format!("{}m", seconds / MINUTE)
    } else {
        format!("{seconds}s")
    })
}

/// Writes a duration as text.
///
/// # Errors
/// Those of the serializer; the duration is no whole number of milliseconds.
pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    match to_text(*value) {
        Some(text) => serializer.serialize_str(&text),
        None => Err(S::Error::custom(format!("{value:?} is no whole number of milliseconds"))),
    }
}

/// Reads a duration from text.
///
/// # Errors
/// Those of the deserializer; the text is no duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom(wrong(SettingKind::Duration, format_args!("{text:?}"))))
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
