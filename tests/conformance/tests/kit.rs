//! The kit on its own road with its own codec, as an author uses it.

use linkspan_conformance::{Loopback, Plain, Road};

linkspan_conformance::transport!(loopback, Road::new("loop", Loopback::new(), "loop://server-{n}"));

linkspan_conformance::codec!(plain, Plain);
