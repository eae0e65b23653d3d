//! Fuzz targets for everything public that reads foreign bytes. They are ordinary property tests, in `tests/`; those of
//! what is private stand beside it: `core/src/wire/tests/fuzz.rs`, `core/src/connection/tests/fuzz.rs`,
//! `transports/websocket/src/fuzz.rs` and, for what follows the upgrade, `transports/websocket/src/engine/tests.rs`.
//!
//! `cargo test` tries a few hundred inputs each, `LINKSPAN_LONG=1` many thousands; see `CONTRIBUTING.md`.

use linkspan_core as _;
