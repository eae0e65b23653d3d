//! What a road needs to connect.

use std::fmt;
use std::sync::Arc;

use linkspan_core::TlsInfo;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::peer;

/// The connecting side's settings for one endpoint. For authors of roads.
#[derive(Clone)]
pub struct TlsConnector {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: ServerName<'static>,
    pub(crate) is_verified: bool,
}

impl TlsConnector {
    /// The settings as rustls takes them.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// The name the server's certificate must be valid for.
    pub fn server_name(&self) -> String {
        self.server_name.to_str().into_owned()
    }

    /// Facts about the server, after a handshake with these settings that agreed on `alpn` and showed `chain`.
    pub fn peer(&self, alpn: Option<&[u8]>, chain: Option<&[CertificateDer<'_>]>) -> TlsInfo {
        let mut info = peer::info(alpn, chain, self.is_verified);
        info.server_name = Some(self.server_name());
        info
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector")
            .field("server_name", &self.server_name)
            .field("is_verified", &self.is_verified)
            .finish_non_exhaustive()
    }
}
