//! Linkspan over QUIC (`quic://host:port`): lanes are streams, so that one large body delays only its own lane, and one
//! lost packet only the lanes of its stream. Always encrypted (TLS 1.3).
//!
//! Certificates come from a [`Tls`](linkspan_tls::Tls) through [`Quic::with_tls`], or from the endpoint's options:
//! `cert`, `key` and `client_ca` when listening, `ca`, `server_name`, `cert` and `key` when connecting
//! (see [`linkspan_tls`]). There is no default that skips verification.
//!
//! # On the wire
//! ALPN is `linkspan/1`. Lane 0 is the one bidirectional stream, opened by the connecting side. Every other lane is on a
//! unidirectional stream of its sender, which carries it from its first frame to its last; frames name their lane, so
//! streams need no mapping. A lane of more than one frame has a stream of its own, finished after it; lanes of one frame
//! follow each other on up to 16 streams. An abandoned lane is a reset stream whose error code is the lane's number.
//!
//! Lane 0 goes first. Of the others, those that began first do, but for bodies longer than 64 KiB: each time they sent so
//! many they let others pass, so that a short body does not wait for a long one.
//!
//! A link that ends in order first finishes its lanes, then lane 0; the connection's close code is the close's number.
//!
//! # Example
//! A server and a client in one program, with certificates made on the spot:
//!
//! ```
//! use linkspan_core::{Batch, Error, Inbox, Lane, Transport};
//! use linkspan_quic::Quic;
//! use linkspan_tls::{DevelopmentCa, Tls, TrustedCa};
//! use std::future::poll_fn;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Error> {
//! let ca = DevelopmentCa::generate()?;
//! let server = Quic::new().with_tls(Tls::new().with_identity(ca.issue(&["localhost", "127.0.0.1"])?));
//! let client = Quic::new().with_tls(Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?));
//!
//! let mut listener = server.listen(&"quic://127.0.0.1:0".parse()?).await?;
//! let endpoint = listener.endpoint().clone();
//! let (connected, arrived) =
//!     tokio::join!(client.connect(&endpoint), async { listener.accept().await?.await });
//! let (mut outgoing, _) = connected?.into_parts();
//! let (mut incoming, peer) = arrived?.into_parts();
//! assert_eq!(peer.tls().and_then(|tls| tls.alpn.as_deref()), Some("linkspan/1"));
//!
//! let mut batch = Batch::new();
//! batch.push((3, 0), Lane::ZERO, None, |fields| fields.extend_from_slice(b"hello"))?;
//! poll_fn(|cx| outgoing.poll_send(cx, &mut batch)).await?;
//!
//! let mut inbox = Inbox::new();
//! assert!(poll_fn(|cx| incoming.poll_recv(cx, &mut inbox)).await?);
//! assert_eq!(inbox.frames().next(), Some(&b"\x07\x00\x03\x00hello"[..]));
//! # Ok(()) }
//! ```

mod config;
mod connect;
mod failure;
mod lanes;
mod link;
mod listen;
mod socket;
mod tls;

pub use config::{Quic, QuicConfig};

#[cfg(test)]
mod tests;
