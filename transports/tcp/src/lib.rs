//! Linkspan over TCP: `tcp://host:port`, and with the feature `tls` encrypted: `tls://host:port`; and over Unix sockets, at
//! `unix:///path/to.sock`.
//!
//! Certificates of `tls://` come from a `Tls` through `Tcp::with_tls`, or from the endpoint's options: `cert`, `key` and
//! `client_ca` when listening, `ca`, `server_name`, `cert` and `key` when connecting. ALPN is `linkspan/1`. TLS is 1.3 or
//! 1.2, and an orderly end says so in TLS (`close_notify`).
//!
//! ```
//! use std::future::poll_fn;
//!
//! use linkspan_core::frame::{KIND_HELLO, MAGIC};
//! use linkspan_core::{Batch, Inbox, Lane, Transport};
//! use linkspan_tcp::Tcp;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let tcp = Tcp::new();
//! let mut listener = tcp.listen(&"tcp://127.0.0.1:0".parse()?).await?;
//! let client = tcp.connect(listener.endpoint()).await?;
//! let server = listener.accept().await?.await?;
//! assert_eq!(client.peer().local_address(), server.peer().remote_address());
//!
//! let (mut client, _) = client.into_parts();
//! let (mut server, _) = server.into_parts();
//! let mut batch = Batch::new();
//! batch.push((KIND_HELLO, 0), Lane::ZERO, None, |fields| fields.extend(MAGIC))?;
//! poll_fn(|cx| client.poll_send(cx, &mut batch)).await?;
//! let mut inbox = Inbox::new();
//! assert!(poll_fn(|cx| server.poll_recv(cx, &mut inbox)).await?);
//! assert_eq!(inbox.frames().next().unwrap(), b"\x06\x00\x01\x00LSP1");
//! # Ok::<(), linkspan_core::Error>(()) }).unwrap();
//! ```

mod config;
mod connect;
mod link;
mod listen;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;

pub use config::Tcp;
#[cfg(unix)]
pub use unix::Unix;
