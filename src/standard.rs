//! The stack of the paved path.

#[cfg(any(feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
use std::sync::Arc;

use crate::{Json, MessagePack, Postcard, Stack, Transports};

/// JSON, MessagePack and Postcard, over every transport whose feature is enabled.
///
/// An application with codecs or transports of its own names another stack: see [`Stack`].
#[derive(Clone, Copy, Debug)]
pub struct Standard;

#[cfg(feature = "tls")]
impl Standard {
    /// The same transports, all with this identity and this trust, for
    /// [`ServerBuilder::transports`](crate::ServerBuilder::transports) and
    /// [`ClientBuilder::transports`](crate::ClientBuilder::transports).
    ///
    /// ```
    /// use linkspan::tls::{DevelopmentCa, Tls, TrustedCa};
    /// use linkspan::{Client, Server, Standard};
    ///
    /// let ca = DevelopmentCa::generate()?;
    /// let server = Tls::new().with_identity(ca.issue(&["localhost"])?);
    /// let client = Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?);
    /// let server = Server::builder().transports(Standard::transports_with(server));
    /// let client = Client::builder().transports(Standard::transports_with(client));
    /// # Ok::<(), linkspan::Error>(())
    /// ```
    pub fn transports_with(tls: linkspan_tls::Tls) -> Transports {
        #[cfg_attr(
            not(any(feature = "tcp", feature = "websocket", feature = "quic")),
            expect(unused_mut, reason = "no road encrypts")
        )]
        let mut transports = Self::transports();
        #[cfg(feature = "tcp")]
        transports.register(Arc::new(linkspan_tcp::Tcp::new().with_tls(tls.clone())));
        #[cfg(feature = "websocket")]
        transports.register(Arc::new(linkspan_websocket::WebSocket::new().with_tls(tls.clone())));
        #[cfg(feature = "quic")]
        transports.register(Arc::new(linkspan_quic::Quic::new().with_tls(tls.clone())));
        drop(tls);
        transports
    }
}

impl Stack for Standard {
    type Codecs = (Json, MessagePack, Postcard);

    fn transports() -> Transports {
        #[cfg_attr(
            not(any(feature = "memory", feature = "tcp", feature = "websocket", feature = "quic")),
            expect(unused_mut, reason = "without transports there is nothing to register")
        )]
        let mut transports = Transports::new();
        #[cfg(feature = "memory")]
        transports.register(Arc::new(linkspan_memory::Memory::new()));
        #[cfg(feature = "tcp")]
        transports.register(Arc::new(linkspan_tcp::Tcp::new()));
        #[cfg(all(feature = "tcp", unix))]
        transports.register(Arc::new(linkspan_tcp::Unix::new()));
        #[cfg(feature = "websocket")]
        transports.register(Arc::new(linkspan_websocket::WebSocket::new()));
        #[cfg(feature = "quic")]
        transports.register(Arc::new(linkspan_quic::Quic::new()));
        transports
    }
}
