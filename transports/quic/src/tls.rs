//! Who we are and whom we trust: certificates, keys, and the TLS settings made of them.
//!
//! The cryptography provider is given explicitly everywhere, so that the process default, which another library may
//! have installed, never matters.

mod anyone;
mod development;

pub use development::DevelopmentCa;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use linkspan_core::{Error, ErrorKind};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The application protocol both sides must name in the handshake.
pub(crate) const ALPN: &str = "linkspan/1";

/// A server's certificate chain and private key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From a certificate chain (the server's own first) and a private key, both in PEM.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`] if either is missing or unreadable.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Error> {
        let key = PrivateKeyDer::from_pem_slice(key.as_ref())
            .map_err(|error| certificate("private key is not readable as PEM").with_source(error))?;
        Ok(Self { chain: certificates(chain.as_ref())?, key })
    }

    /// The same from two files.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`], naming the file.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| unreadable(path, error));
        Self::from_pem(read(chain.as_ref())?, read(key.as_ref())?)
    }

    /// The same without blocking.
    pub(crate) async fn load(chain: &Path, key: &Path) -> Result<Self, Error> {
        Self::from_pem(read(chain).await?, read(key).await?)
    }

    pub(crate) fn server_config(&self) -> Result<QuicServerConfig, Error> {
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| certificate("TLS 1.3 is not available").with_source(error))?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|error| {
                certificate("certificate and private key do not make an identity").with_source(error)
            })?;
        config.alpn_protocols = vec![ALPN.into()];
        QuicServerConfig::try_from(config)
            .map_err(|error| certificate("TLS cannot serve QUIC").with_source(error))
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).field("key", &"redacted").finish()
    }
}

/// The certificates a client trusts to issue servers' certificates.
#[derive(Clone, Debug)]
pub struct TrustedCa(Arc<RootCertStore>);

impl TrustedCa {
    /// From one or more certificates in PEM.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`] if there is none, or one is unreadable.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for root in certificates(pem.as_ref())? {
            roots.add(root).map_err(|error| {
                certificate("certificate cannot serve as a trusted issuer").with_source(error)
            })?;
        }
        Ok(Self(Arc::new(roots)))
    }

    /// The same from a file.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`], naming the file.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::from_pem(std::fs::read(path).map_err(|error| unreadable(path, error))?)
    }

    /// The same without blocking.
    pub(crate) async fn load(path: &Path) -> Result<Self, Error> {
        Self::from_pem(read(path).await?)
    }
}

/// Whom a client trusts.
#[derive(Clone, Debug, Default)]
pub(crate) enum Trust {
    Anyone,
    Ca(TrustedCa),
    #[default]
    Nobody,
}

impl Trust {
    pub(crate) fn client_config(&self) -> Result<QuicClientConfig, Error> {
        let provider = provider();
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| certificate("TLS 1.3 is not available").with_source(error))?;
        let builder = match self {
            Self::Anyone => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(anyone::Anyone(provider)))
            }
            Self::Ca(ca) => builder.with_root_certificates(Arc::clone(&ca.0)),
            Self::Nobody => {
                return Err(certificate(
                    "no certificate is trusted; name the issuer's file with ?ca=FILE, or call Quic::with_trusted_ca",
                ));
            }
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![ALPN.into()];
        QuicClientConfig::try_from(config)
            .map_err(|error| certificate("TLS cannot serve QUIC").with_source(error))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| certificate("certificate is not readable as PEM").with_source(error))?;
    if found.is_empty() { Err(certificate("PEM holds no certificate")) } else { Ok(found) }
}

fn certificate(context: &'static str) -> Error {
    Error::new(ErrorKind::Certificate, context)
}

async fn read(path: &Path) -> Result<Vec<u8>, Error> {
    tokio::fs::read(path).await.map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Certificate, format!("cannot read {}", path.display())).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_never_shows() {
        let identity = DevelopmentCa::generate().unwrap().issue(&["localhost"]).unwrap();
        assert_eq!(format!("{identity:?}"), r#"Identity { certificates: 1, key: "redacted" }"#);
        let quic = crate::Quic::new().with_identity(identity);
        assert!(format!("{quic:?}").contains("redacted"));
    }

    #[test]
    fn what_is_no_pem_is_named() {
        let ca = DevelopmentCa::generate().unwrap();
        for error in [
            Identity::from_pem("", "").unwrap_err(),
            Identity::from_pem(ca.ca_pem(), ca.ca_pem()).unwrap_err(),
            TrustedCa::from_pem("nothing").unwrap_err(),
            TrustedCa::from_pem_file("/nowhere/ca.pem").unwrap_err(),
            Identity::from_pem_files("/nowhere/cert.pem", "/nowhere/key.pem").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
        }
    }
}
