//! The heart of Linkspan: the three waists ([`Transport`], [`Codec`], [`PushSink`]), the sans-IO protocol, and the
//! runtime for calls and pushes in both directions.
//!
//! This crate knows no socket and no codec library; applications use the facade `linkspan`, authors of transports and
//! codecs use this crate.

mod client;
mod clock;
mod close;
mod codec;
mod config;
mod connection;
mod driver;
mod endpoint;
mod error;
pub mod frame;
mod metadata;
mod push;
mod rouse;
mod server;
mod service;
mod session;
pub mod settings;
mod stack;
mod status;
mod transport;
pub mod typed;
mod wire;

pub use async_trait::async_trait;
pub use client::{
    Backoff, Call, CallError, CallResponse, Client, ClientBuilder, Events, Notifications, OneWayCall,
    Response,
};
pub use close::{Close, CloseCode, Verdict};
pub use codec::{
    Blob, Body, Codec, CodecIndex, CodecSet, Decode, DecodeBy, DecodeLimits, DepthLimited, Encode, EncodeBy,
    MAX_DEPTH, RAW,
};
pub use config::Limits;
pub use connection::{Notification, Reply};
pub use endpoint::Endpoint;
pub use error::{BoxError, Error, ErrorKind};
pub use frame::{Batch, Frame, Inbox, Lane};
pub use metadata::Metadata;
pub use push::{BodyCodec, Encoded, Push, PushError, PushSink, Pushing, Refused, WriteBody};
pub use server::{Server, ServerBuilder};
pub use service::{CallRequest, Calls, Context};
pub use session::{Reach, Selection, Session, SessionId, Sessions};
pub use stack::Stack;
pub use status::{Code, Ran, Status};
pub use transport::{
    Arrival, Capabilities, Credentials, FrameReader, Link, Listener, PeerInfo, Pipe, ReadBuffer, TlsIdentity,
    TlsInfo, Transport, Transports, UpgradeHeaders, UpgradeInfo,
};
pub use wire::{Gap, GapReason};
