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
    /// True if clients are asked for a certificate, and theirs is then verified.
    pub(crate) is_verified: bool,
}

impl TlsAcceptor {
    /// The settings as rustls takes them.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Facts about a client, after a handshake with these settings that agreed on `alpn` and in which it asked for
    /// `server_name` and showed `chain`. It has an identity only if these settings verify clients.
    pub fn peer(
        &self,
        alpn: Option<&[u8]>,
        server_name: Option<String>,
        chain: Option<&[CertificateDer<'_>]>,
    ) -> TlsInfo {
        let mut info = peer::info(alpn, chain, self.is_verified);
        info.server_name = server_name;
        info
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").field("is_verified", &self.is_verified).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use linkspan_core::Endpoint;

    use crate::{DevelopmentCa, Protocol, Tls, TrustedCa};

    #[tokio::test]
    async fn who_is_not_verified_has_no_identity_whatever_it_shows() {
        let ca = DevelopmentCa::generate().unwrap();
        let open = Tls::new().with_identity(ca.issue(&["localhost"]).unwrap());
        let mutual = open.clone().with_client_ca(TrustedCa::from_pem(ca.ca_pem()).unwrap());
        let (chain, _) = ca.issue_pem(&["localhost"]).unwrap();
        let chain = crate::pem::certificates(chain.as_bytes(), "test").unwrap();
        let endpoint: Endpoint = "tls://localhost:1".parse().unwrap();
        for (tls, is_known) in [(open, false), (mutual, true)] {
            let acceptor = tls.acceptor(&endpoint, &Protocol::new("test")).await.unwrap();
            let info = acceptor.peer(None, None, Some(&chain));
            assert_eq!((info.identity.is_some(), info.certificates.len()), (is_known, 1));
        }
    }
}
