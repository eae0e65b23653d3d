//! The stack of the paved path.

#[cfg(any(feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
use std::sync::Arc;

use crate::{Json, MessagePack, Postcard, Stack, Transports};

/// JSON, MessagePack and Postcard, over every transport whose feature is enabled.
///
/// An application with codecs or transports of its own names another stack: see [`Stack`].
#[derive(Clone, Copy, Debug)]
pub struct Standard;

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
        #[cfg(feature = "websocket")]
        transports.register(Arc::new(linkspan_websocket::WebSocket::new()));
        #[cfg(feature = "quic")]
        transports.register(Arc::new(linkspan_quic::Quic::new()));
        transports
    }
}
