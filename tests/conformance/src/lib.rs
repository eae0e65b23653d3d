//! The conformance kit of Linkspan: every promise as a named case.
//!
//! Whoever writes a transport or a codec proves it equal to the others in one line, in a file under `tests/`:
//!
//! ```
//! use linkspan_conformance::{Loopback, Road};
//!
//! linkspan_conformance::transport!(mine, Road::new("mine", Loopback::new(), "loop://server-{n}"));
//! ```
//!
//! ```
//! linkspan_conformance::codec!(mine, linkspan_conformance::Plain);
//! ```
//!
//! Each makes one `#[test]` that holds every promise of [`promises()`] against the road or the codec, prints a table of
//! what was kept, and panics with what was not: which promise, what it says, and what came in place of what was wanted.
//!
//! # Roads
//! A road that picks no free address by itself writes `{n}` where a number makes it free. A road whose clients need
//! something of their own, such as a certificate to trust, says so with [`Road::with_client`] and
//! [`Road::with_connect`], or implements [`Harness`]. It is tested in the kit's own codec, [`Plain`].
//!
//! What a road does not claim in its [`Capabilities`](linkspan_core::Capabilities) is not asked of it: only an `encrypted`
//! one is asked what it knows of its TLS. [`Promise::needs`] says so for a promise, and the table shows `–`.
//!
//! # Codecs
//! A codec must write and read [`Ask`], [`Answer`], [`Note`], [`Refusal`], [`Sample`] and `String` ([`Speaks`]). They are
//! serde types, so a codec for every serde type does already; another implements `Encode` and `Decode` for them in its
//! tests. It is tested on the kit's own road, [`Loopback`].
//!
//! # One promise alone
//! `LINKSPAN_PROMISE="a lost link" cargo test` runs the promises whose name contains that; a column's name, such as
//! `tcp·json`, picks a column. `LINKSPAN_REPORT=target/report cargo test` writes pages with every cell, its time and its
//! reason. With `LINKSPAN_LONG=1`, scenarios are many and long.
//!
//! # Known failures
//! A promise that is not kept yet is listed with its reason; it still runs, and fails the test once it is kept:
//!
//! ```no_run
//! # use linkspan_conformance::{Loopback, Road};
//! linkspan_conformance::transport!(
//!     mine,
//!     Road::new("mine", Loopback::new(), "loop://server-{n}"),
//!     known: ["a server's close arrives intact": "the road has no close codes yet"]
//! );
//! ```
//!
//! # Many roads, many codecs
//! A [`Matrix`] holds several roads against several codecs, each road in all of them or in [some](Matrix::road_in), with
//! promises of one's own if you like: as the body of a test ([`Matrix::assert_kept`]), or as a test program
//! ([`Matrix::main`]) that takes a filter, `--list` and `--saboteurs`.
//!
//! [`sabotage`] keeps the kit honest: every promise is failed by at least one deliberately broken road, runtime or codec.

mod broken;
mod codecs;
mod guard;
mod harness;
mod hook;
mod loopback;
mod matrix;
mod message;
mod observer;
mod pair;
mod peer;
mod plain;
mod promise;
mod promises;
mod raw;
mod report;
mod rng;
mod run;
pub mod sabotage;
mod scenario;
mod service;
mod stage;
mod values;
mod waits;
mod watched;
mod wire;

pub use broken::Broken;
pub use codecs::{CodecChoice, Speaks};
pub use harness::{Harness, Road};
pub use loopback::Loopback;
pub use matrix::Matrix;
pub use observer::{Observer, Seen};
pub use pair::{Pair, Settings};
pub use peer::{Notes, Peer};
pub use plain::Plain;
pub use promise::Promise;
pub use promises::promises;
pub use report::Report;
pub use stage::Stage;
pub use values::{Answer, Ask, Nest, Note, Refusal, Sample, Step};

/// Makes a `#[test]` that holds every promise against a road: a name, an expression that makes a [`Harness`], and
/// optionally the known failures with their reasons.
#[macro_export]
macro_rules! transport {
    ($name:ident, $harness:expr $(, known: [$($promise:literal: $reason:literal),* $(,)?])? $(,)?) => {
        #[test]
        fn $name() {
            let matrix = $crate::Matrix::new().road($harness).codecs::<($crate::Plain,)>();
            $($(let matrix = matrix.known_failure($promise, "plain", $reason);)*)?
            matrix.assert_kept(stringify!($name));
        }
    };
}

/// Makes a `#[test]` that holds every promise against a codec: a name, the codec's type, and optionally the known failures
/// with their reasons.
#[macro_export]
macro_rules! codec {
    ($name:ident, $codec:ty $(, known: [$($promise:literal: $reason:literal),* $(,)?])? $(,)?) => {
        #[test]
        fn $name() {
            let road = $crate::Road::new("loop", $crate::Loopback::new(), "loop://server-{n}");
            let matrix = $crate::Matrix::new().road(road).codecs::<($codec,)>();
            $($(let matrix = matrix.known_failure($promise, "loop", $reason);)*)?
            matrix.assert_kept(stringify!($name));
        }
    };
}

/// True if scenarios are to be many and long.
fn is_long() -> bool {
    std::env::var_os("LINKSPAN_LONG").is_some_and(|value| value != "0")
}
