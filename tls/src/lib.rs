//! TLS for every road that encrypts: who this side is, whom it trusts, and who the peer turned out to be.
//!
//! An application makes one [`Tls`] and gives it to its transports. Certificates and keys come from PEM in files or in
//! memory, from a configuration file through [`ServerTlsConfig`] and [`ClientTlsConfig`], or, for development, from a
//! [`DevelopmentCa`] made on the spot. Options of an endpoint go before what the value says:
//!
//! | when | option | names |
//! |---|---|---|
//! | connecting | `ca` | the file of the certificates that issue servers' certificates; default: what the system trusts |
//! | connecting | `server_name` | the name the server's certificate must be valid for; default: the endpoint's host |
//! | connecting | `cert`, `key` | the files of the client's own certificate and key, for mutual TLS |
//! | listening | `cert`, `key` | the files of the server's certificate and key |
//! | listening | `client_ca` | the file of the certificates that issue clients' certificates; with it a client must show one |
//!
//! Who shows a verified certificate is known by its names in
//! [`TlsInfo::identity`](linkspan_core::TlsInfo::identity), in every handler and in the connect hook.
//!
//! Authors of roads take a [`TlsConnector`] or a [`TlsAcceptor`] from it, with the feature `stream` for byte streams.
//!
//! TLS is 1.3, or 1.2 where a road allows it. Handshakes are never resumed: each proves anew who is there.

mod acceptor;
mod anyone;
mod config;
mod connector;
mod development;
mod failure;
mod identity;
mod peer;
mod pem;
mod provider;
#[cfg(feature = "stream")]
mod stream;
mod tls;
mod trust;

pub use acceptor::TlsAcceptor;
pub use config::{ClientTlsConfig, ServerTlsConfig, TlsConfigError};
pub use connector::TlsConnector;
pub use development::DevelopmentCa;
pub use failure::{Finder, Side, explain};
pub use identity::Identity;
#[cfg(feature = "stream")]
pub use stream::TlsStream;
pub use tls::{Protocol, Tls};
pub use trust::TrustedCa;
