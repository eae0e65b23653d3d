//! What travels, as Protocol Buffers have it.

use bytes::Bytes;
use prost::Message;

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct MulRequest {
    #[prost(int64, tag = "1")]
    pub(super) a: i64,
    #[prost(int64, tag = "2")]
    pub(super) b: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct MulResponse {
    #[prost(int64, tag = "1")]
    pub(super) c: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EchoBody {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) body: Bytes,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Note {
    #[prost(uint64, tag = "1")]
    pub(super) sequence: u64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) filler: Bytes,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Nothing {}
