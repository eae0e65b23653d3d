//! What an application is built with.

use crate::{CodecSet, Transports};

/// What an application is built with: its codecs, and the transports it knows from the start.
///
/// The facade `linkspan` has one, `Standard`, with the codecs and transports its features name. A tuple of codecs is
/// one too, without transports: they are then added to the builder.
pub trait Stack: Send + Sync + 'static {
    /// The codecs, most preferred first.
    type Codecs: CodecSet;

    /// The transports known from the start.
    fn transports() -> Transports;
}

impl<C: CodecSet> Stack for C {
    type Codecs = C;

    fn transports() -> Transports {
        Transports::new()
    }
}
