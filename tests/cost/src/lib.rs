//! Nothing to use: `benches/cost` counts the instructions of calls and pushes, with as few crates beside it as it needs.

use linkspan_core as _;
