//! The settings of one side.

use std::path::Path;
use std::sync::Arc;

use linkspan_core::{Endpoint, Error};
use rustls::client::Resumption;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::ServerName;

use crate::anyone::Anyone;
use crate::pem::failed;
use crate::provider::provider;
use crate::trust::Trust;
use crate::{Identity, TlsAcceptor, TlsConnector, TrustedCa};

/// Who this side is and whom it trusts: one value for every road that encrypts. Cheap to clone.
///
/// A server needs an identity. A client needs none unless the server asks for one, and trusts what the operating
/// system trusts unless it is told otherwise.
///
/// ```
/// use linkspan_tls::{DevelopmentCa, Tls, TrustedCa};
///
/// let ca = DevelopmentCa::generate()?;
/// let trusted = TrustedCa::from_pem(ca.ca_pem())?;
/// let server = Tls::new().with_identity(ca.issue(&["localhost"])?).with_client_ca(trusted.clone());
/// let client = Tls::new().with_identity(ca.issue_client("alice")?).with_trusted_ca(trusted);
/// # Ok::<(), linkspan_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tls {
    identity: Option<Identity>,
    trust: Trust,
    client_ca: Option<TrustedCa>,
    server_name: Option<String>,
}

impl Tls {
    /// Options that endpoints take when connecting.
    pub const CONNECT_OPTIONS: &'static [&'static str] = &["ca", "server_name", "cert", "key"];
    /// Options that endpoints take when listening.
    pub const LISTEN_OPTIONS: &'static [&'static str] = &["cert", "key", "client_ca"];

    /// No identity, and the operating system's trust.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows `identity`: listening, it is the server's; connecting, the client's, if the server asks for one.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Connects only to servers whose certificate `ca` issued. Default: what the operating system trusts.
    #[must_use]
    pub fn with_trusted_ca(mut self, ca: TrustedCa) -> Self {
        self.trust = Trust::Ca(ca);
        self
    }

    /// Serves only clients that show a certificate issued by `ca`. Default: clients need none.
    #[must_use]
    pub fn with_client_ca(mut self, ca: TrustedCa) -> Self {
        self.client_ca = Some(ca);
        self
    }

    /// Connects only to servers whose certificate is valid for `name`, a host name or an IP address. Default: the
    /// endpoint's host.
    #[must_use]
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Connects to any server, whatever certificate it shows: anyone on the path can read and change everything.
    ///
    /// For experiments only. An endpoint's `ca` option still has its certificates verified.
    #[must_use]
    pub fn dangerously_skip_verification(mut self) -> Self {
        self.trust = Trust::Anyone;
        self
    }

    /// What a road needs to connect to `endpoint`, whose options `ca`, `server_name`, `cert` and `key` go before the
    /// settings of this value. For authors of roads.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate), naming the file; `Configuration` if the server's
    /// name is none.
    ///
    /// # Cancel safety
    /// Cancel safe: files are only read.
    pub async fn connector(&self, endpoint: &Endpoint, protocol: &Protocol) -> Result<TlsConnector, Error> {
        let trusted = match (endpoint.option("ca"), &self.trust) {
            (Some(file), _) => Some(TrustedCa::load(Path::new(file)).await?),
            (None, Trust::System) => Some(TrustedCa::of_the_system().await?),
            (None, Trust::Ca(ca)) => Some(ca.clone()),
            (None, Trust::Anyone) => None,
        };
        let identity = self.identity(endpoint).await?;
        let name = endpoint.option("server_name").or(self.server_name.as_deref()).unwrap_or(endpoint.host());
        let server_name = ServerName::try_from(name.to_owned()).map_err(|error| {
            Error::configuration(format!("`{name}` is no name a certificate can be for")).with_source(error)
        })?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(protocol.versions)
            .map_err(unavailable)?;
        let is_verified = trusted.is_some();
        let builder = match trusted {
            Some(ca) => builder.with_root_certificates(ca.0),
            None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider()))),
        };
        let mut config = match identity {
            Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.alpn.into()];
        // A resumed handshake proves nothing anew: an identity that has expired since would still count.
        config.resumption = Resumption::disabled();
        Ok(TlsConnector { config: Arc::new(config), server_name, is_verified })
    }

    /// What a road needs to listen on `endpoint`, whose options `cert`, `key` and `client_ca` go before the settings of
    /// this value. For authors of roads.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate), naming the file or what is missing.
    ///
    /// # Cancel safety
    /// Cancel safe: files are only read.
    pub async fn acceptor(&self, endpoint: &Endpoint, protocol: &Protocol) -> Result<TlsAcceptor, Error> {
        let identity = self.identity(endpoint).await?.ok_or_else(|| {
            failed(format!(
                "no certificate to show on {}; name the files with ?cert=FILE&key=FILE, or call Tls::with_identity",
                endpoint.clone().without_options()
            ))
        })?;
        let client_ca = match endpoint.option("client_ca") {
            Some(file) => Some(TrustedCa::load(Path::new(file)).await?),
            None => self.client_ca.clone(),
        };
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(protocol.versions)
            .map_err(unavailable)?;
        let is_verified = client_ca.is_some();
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(ca.0, provider());
                builder.with_client_cert_verifier(verifier.build().map_err(|error| {
                    failed("clients cannot be verified by this issuer".to_owned()).with_source(error)
                })?)
            }
        };
        let mut config = builder.with_cert_resolver(identity.resolver());
        config.alpn_protocols = vec![protocol.alpn.into()];
        // As on the connecting side: who comes again proves again who he is.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(TlsAcceptor { config: Arc::new(config), is_verified })
    }

    async fn identity(&self, endpoint: &Endpoint) -> Result<Option<Identity>, Error> {
        match both_or_neither(endpoint.option("cert"), endpoint.option("key"))? {
            Some((cert, key)) => Identity::load(Path::new(cert), Path::new(key)).await.map(Some),
            None => Ok(self.identity.clone()),
        }
    }
}

/// What a road speaks under TLS.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    alpn: &'static str,
    versions: &'static [&'static SupportedProtocolVersion],
}

impl Protocol {
    /// The protocol of this name (ALPN, RFC 7301), in TLS 1.3 or 1.2.
    pub const fn new(alpn: &'static str) -> Self {
        Self { alpn, versions: &TLS13_OR_12 }
    }

    /// The same in TLS 1.3 alone.
    #[must_use]
    pub const fn tls13_only(self) -> Self {
        Self { versions: &TLS13, ..self }
    }

    #[cfg(all(test, feature = "stream"))]
    pub(crate) const fn tls12_only(self) -> Self {
        static TLS12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
        Self { versions: &TLS12, ..self }
    }
}

/// Checks that a certificate comes with its key.
pub(crate) fn both_or_neither<T>(cert: Option<T>, key: Option<T>) -> Result<Option<(T, T)>, Error> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some((cert, key))),
        (None, None) => Ok(None),
        _ => Err(failed("cert and key go together; name both files, as in ?cert=FILE&key=FILE".to_owned())),
    }
}

fn unavailable(error: rustls::Error) -> Error {
    failed("no version of TLS is available".to_owned()).with_source(error)
}

static TLS13_OR_12: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
static TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
