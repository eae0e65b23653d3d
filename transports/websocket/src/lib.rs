//! Linkspan over WebSocket: [`Transport`](linkspan_core::Transport) for `ws://host:port/path`, and with the feature `tls`
//! encrypted: `wss://host:port/path`.
//!
//! Certificates of `wss://` come from a `Tls` through `WebSocket::with_tls`, or from the endpoint's options: `cert`, `key`
//! and `client_ca` when listening, `ca`, `server_name`, `cert` and `key` when connecting. ALPN is `http/1.1`; TLS is 1.3
//! or 1.2.
//!
//! The server is an HTTP/1.1 server: it upgrades `GET` of the endpoint's path and answers everything else as a web
//! server does, in words a person can read. A client offers the subprotocol `linkspan.1`, and so should others.
//!
//! | on the wire | holds |
//! |---|---|
//! | a binary message | any number of whole frames, at most 1 MiB; this crate sends at most 128 KiB, a client 64 KiB or one frame |
//! | a text message | nothing: it ends the link with a protocol error |
//! | a close frame | 1000 for [`CloseCode::NORMAL`](linkspan_core::CloseCode::NORMAL), else 4000 + (thousands − 1) × 300 + the rest of the code, at most 299 |
//!
//! So a terminal close shows as 4000–4299, *back off* as 4300–4599 and *reconnect now* as 4600–4899: 3000, a server
//! going away, is 4600. Browsers may send 1000 and 3000–4999 only, and 3000–3999 belong to a registry.
//!
//! Two [engines](Engine) frame messages once a link is upgraded: one of this crate's own, which is the default, and
//! tokio-tungstenite, which also does a client's upgrade. Peers cannot tell them apart.
//!
//! A page of another origin may not connect unless it is [allowed](WebSocket::allow_origin); to a `wss://` endpoint, a page of
//! `http://` is one, whatever its host.
//!
//! ```
//! use linkspan_core::{Batch, Inbox, Lane, Transport};
//! use linkspan_websocket::WebSocket;
//! use std::future::poll_fn;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let websocket = WebSocket::new().allow_origin("https://app.example");
//! let mut listener = websocket.listen(&"ws://127.0.0.1:0/rpc".parse()?).await?;
//! let endpoint = listener.endpoint().clone();
//!
//! let server = async { listener.accept().await?.await };
//! let (client, server) = tokio::try_join!(websocket.connect(&endpoint), server)?;
//! assert_eq!(server.peer().upgrade().unwrap().subprotocol.as_deref(), Some("linkspan.1"));
//!
//! let (mut client, _) = client.into_parts();
//! let (mut server, _) = server.into_parts();
//! let mut batch = Batch::new();
//! batch.push((1, 0), Lane::ZERO, None, |fields| fields.extend_from_slice(b"LSP1"))?;
//! poll_fn(|cx| client.poll_send(cx, &mut batch)).await?;
//!
//! let mut inbox = Inbox::new();
//! assert!(poll_fn(|cx| server.poll_recv(cx, &mut inbox)).await?);
//! assert_eq!(inbox.frames().next(), Some(&b"\x06\x00\x01\x00LSP1"[..]));
//! # Ok::<(), linkspan_core::Error>(()) }).unwrap();
//! ```

mod config;
mod connect;
mod engine;
mod framing;
#[cfg(test)]
mod fuzz;
mod http;
mod link;
mod listen;
mod origin;
mod overread;
mod site;
#[cfg(feature = "tls")]
mod tls;
mod tungstenite;

pub use config::{WebSocket, WebSocketConfig};
pub use engine::Engine;
