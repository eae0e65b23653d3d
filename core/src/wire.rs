//! The bytes of every message. `docs/wire.md` is normative; `tests/golden/` holds its vectors.

mod decode;
mod encode;
mod message;
mod reader;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod varint;

pub(crate) use decode::{PlainRequest, decode, is_path, plain_push_head, plain_request, plain_response};
pub(crate) use encode::{
    Fields, begin_push, begin_response, encode, end_push, end_response, micros as encode_timeout,
    order_response, push as encode_push, request as encode_request, request_with as encode_request_with,
    response as encode_response,
};
pub(crate) use message::{BodyPlace, Hello, Message, Outcome, Request, Response};
pub use message::{Gap, GapReason};

/// Longest body that travels in the frame of its message; larger ones get a lane of their own. 16 KiB, so that a
/// small message never waits long behind one (the peers that fragment do so at 16 KiB as well).
pub(crate) const MAX_INLINE_LEN: usize = 16 * 1024;
/// Longest `Service/Method`, in bytes.
pub(crate) const MAX_PATH_LEN: usize = 255;
/// Cancels, resets and pings a second that a side takes that says nothing about it.
pub(crate) const DEFAULT_RATE: u64 = 1000;
/// The protocol version this crate speaks.
pub(crate) const VERSION: u64 = 1;

/// Frame kinds. From 0x80 on, an unknown one is ignored; below, it is a protocol error.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = crate::frame::KIND_HELLO;
    pub(crate) const REQUEST: u8 = 0x02;
    pub(crate) const RESPONSE: u8 = 0x03;
    pub(crate) const FAILURE: u8 = 0x04;
    pub(crate) const CANCEL: u8 = 0x05;
    pub(crate) const PUSH: u8 = 0x06;
    pub(crate) const GAP: u8 = 0x07;
    pub(crate) const BODY: u8 = crate::frame::KIND_BODY;
    pub(crate) const PING: u8 = 0x09;
    pub(crate) const PONG: u8 = 0x0a;
    pub(crate) const GOAWAY: u8 = 0x0b;
    pub(crate) const CLOSE: u8 = crate::frame::KIND_CLOSE;
    pub(crate) const RESET: u8 = crate::frame::KIND_RESET;
    pub(crate) const IGNORABLE: u8 = 0x80;
}

/// Frame flags besides those of lanes.
pub(crate) mod flag {
    /// Optional fields follow the fixed ones.
    pub(crate) const FIELDS: u8 = 0x10;
    /// Request: no response is wanted. Response and failure: not before the pushes that precede it.
    pub(crate) const ONE_WAY: u8 = 0x20;
    pub(crate) const AFTER_PUSHES: u8 = 0x20;
    /// Response: the body is the method's own error.
    pub(crate) const APPLICATION_ERROR: u8 = 0x40;
    /// Flags with no meaning yet that must not be set.
    pub(crate) const RESERVED: u8 = 0x08;
}

/// Optional fields. An unknown odd tag is ignored; an unknown even one is a protocol error.
pub(crate) mod tag {
    pub(crate) const METADATA: u64 = 2;
    pub(crate) const BODY_PLACE: u64 = 4;
    pub(crate) const CODEC: u64 = 6;
    pub(crate) const HELLO_VERSIONS: u64 = 2;
    pub(crate) const HELLO_CODECS: u64 = 4;
    pub(crate) const HELLO_AGENT: u64 = 5;
    pub(crate) const HELLO_LIMITS: u64 = 6;
    pub(crate) const HELLO_SESSION: u64 = 7;
    pub(crate) const HELLO_METADATA: u64 = 9;
    pub(crate) const HELLO_RATE: u64 = 11;
}
