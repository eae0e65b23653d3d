//! What a road needs to listen.

use std::fmt;
use std::sync::Arc;

use linkspan_core::TlsInfo;
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;

use crate::peer;

/// The listening side's settings for one endpoint. For authors of roads.
#[derive(Clone)]
pub struct TlsAcceptor {
    pub(crate) config: Arc<ServerConfig>,
}

impl TlsAcceptor {
    /// The settings as rustls takes them.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Facts about a client, after a handshake with these settings that agreed on `alpn` and in which it asked for
    /// `server_name` and showed `chain`.
    pub fn peer(
        &self,
        alpn: Option<&[u8]>,
        server_name: Option<String>,
        chain: Option<&[CertificateDer<'_>]>,
    ) -> TlsInfo {
        // A chain is there only if one was asked for, and then the handshake verified it.
        let mut info = peer::info(alpn, chain, true);
        info.server_name = server_name;
        info
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").finish_non_exhaustive()
    }
}
