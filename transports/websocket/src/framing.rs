//! The first engine: RFC 6455 framing of our own.
//!
//! What one read brought becomes one inbox, however many messages it was: frames are found where they lie, behind the
//! heads of messages and across their fragments. A batch becomes messages without being copied, unless it is small or must
//! be masked.

mod head;
mod mask;
mod pipe;
mod reader;
mod writer;

pub(crate) use pipe::FramingPipe;
