//! The heart of Linkspan: the three waists ([`Transport`], [`Codec`], [`PushSink`]), the sans-IO protocol, and the
//! runtime for calls and pushes in both directions.
//!
//! This crate knows no socket and no codec library; applications use the facade `linkspan`, authors of transports and
//! codecs use this crate.

mod close;
mod codec;
mod config;
mod endpoint;
mod error;
pub mod frame;
mod metadata;
mod push;
mod status;
mod transport;
mod wire;

pub use async_trait::async_trait;
pub use close::{Close, CloseCode, Verdict};
pub use codec::{
    Blob, Codec, CodecIndex, CodecSet, Decode, DecodeBy, DepthLimited, Encode, EncodeBy, MAX_DEPTH, RAW,
};
pub use config::Limits;
pub use endpoint::Endpoint;
pub use error::{BoxError, Error, ErrorKind};
pub use frame::{Batch, Frame, Inbox, Lane};
pub use metadata::Metadata;
pub use push::{BodyCodec, Encoded, Push, PushError, PushSink, Pushing, Refused};
pub use status::{Code, Ran, Status};
pub use transport::{
    Arrival, Capabilities, Link, Listener, PeerInfo, Pipe, TlsInfo, Transport, Transports, UpgradeInfo,
};
