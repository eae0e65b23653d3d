//! Nesting ends at the limit in every codec, whatever the type: in a value alone, and on a live connection.
//!
//! Debug builds take the most stack and release builds inline the most, so this is run in both.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod hostile;
mod limits;
mod live;
mod shapes;
mod values;
