//! The rules of the house that no compiler checks: which way dependencies point, how siblings look, which words are used.
//!
//! A rule may be broken where it is listed with the reason; an entry that is no longer needed fails too, so that the lists
//! only ever get shorter by themselves.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what fails here fails the test"
)]

mod advisories;
mod floors;
mod licences;
mod manifests;
mod skeletons;
mod sources;
mod words;
mod workspace;
