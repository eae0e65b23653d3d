//! Write a service once as a Rust trait; call it, and push to its clients, over TCP, WebSocket, QUIC or any transport
//! you plug in.
//!
//! This crate is the paved path: it re-exports the core and names one [`Stack`] with the codecs and transports that its
//! features enable. Authors of transports and codecs depend on `linkspan-core` alone.

#[cfg(feature = "config")]
pub mod config;
mod standard;

pub use linkspan_core::{
    Arrival, Batch, Blob, BodyCodec, BoxError, Call, CallError, CallRequest, CallResponse, Calls,
    Capabilities, Close, CloseCode, Code, Codec, CodecIndex, CodecSet, Context, Decode, DecodeBy,
    DecodeLimits, DepthLimited, Encode, EncodeBy, Encoded, Endpoint, Error, ErrorKind, Events, Frame, Gap,
    GapReason, Inbox, Lane, Limits, Link, Listener, MAX_DEPTH, Metadata, Notification, Notifications,
    OneWayCall, PeerInfo, Pipe, Push, PushError, PushSink, Pushing, RAW, Ran, Refused, Reply, Response,
    Session, SessionId, Sessions, Stack, Status, TlsIdentity, TlsInfo, Transport, Transports, UpgradeInfo,
    Verdict, async_trait, frame,
};
pub use linkspan_core::{settings, typed};
pub use linkspan_json::Json;
pub use linkspan_macros::{notifications, service};
#[cfg(feature = "memory")]
pub use linkspan_memory as memory;
pub use linkspan_messagepack::MessagePack;
pub use linkspan_postcard::Postcard;
#[cfg(feature = "quic")]
pub use linkspan_quic as quic;
#[cfg(feature = "tcp")]
pub use linkspan_tcp as tcp;
#[cfg(feature = "tls")]
pub use linkspan_tls as tls;
#[cfg(feature = "websocket")]
pub use linkspan_websocket as websocket;
pub use standard::Standard;

/// A client built with the [`Standard`] stack.
pub type Client = linkspan_core::Client<Standard>;
/// Settings of a [`Client`].
pub type ClientBuilder = linkspan_core::ClientBuilder<Standard>;
/// A server built with the [`Standard`] stack.
pub type Server = linkspan_core::Server<Standard>;
/// Settings of a [`Server`].
pub type ServerBuilder = linkspan_core::ServerBuilder<Standard>;

/// The README's quickstart, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The guide to configuration files.
#[cfg(all(doctest, feature = "config"))]
#[doc = include_str!("../docs/guide/configuration.md")]
struct ConfigurationGuide;
