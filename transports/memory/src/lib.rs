//! Linkspan within one process: `mem://name`.
//!
//! For tests, and for services that live beside their clients. With [`Chaos`] the same links misbehave as networks
//! do, repeatably from a seed.
//!
//! ```
//! use std::future::poll_fn;
//!
//! use linkspan_core::{Batch, Inbox, Lane, Transport};
//! use linkspan_memory::Memory;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut listener = Memory::new().listen(&"mem://arith".parse()?).await?;
//! let client = Memory::new().connect(&"mem://arith".parse()?).await?;
//! let server = listener.accept().await?.await?;
//!
//! let (mut client, _) = client.into_parts();
//! let (mut server, _) = server.into_parts();
//! let mut batch = Batch::new();
//! batch.push((3, 0), Lane::ZERO, None, |fields| fields.extend_from_slice(b"one"))?;
//! poll_fn(|cx| client.poll_send(cx, &mut batch)).await?;
//! let mut inbox = Inbox::new();
//! assert!(poll_fn(|cx| server.poll_recv(cx, &mut inbox)).await?);
//! assert_eq!(inbox.frames().next().unwrap(), b"\x05\x00\x03\x00one");
//! # Ok::<(), linkspan_core::Error>(()) }).unwrap();
//! ```

mod chaos;
mod config;
mod connect;
mod link;
mod listen;
mod names;
mod queue;
#[cfg(test)]
mod tests;

pub use chaos::Chaos;
pub use config::Memory;
