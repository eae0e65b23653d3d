//! What one side shows: a certificate chain and the key to it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use linkspan_core::Error;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::pem::{certificates, failed, load, read};
use crate::provider::provider;

/// A certificate chain and its private key: a server's, or a client's for mutual TLS. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// From a certificate chain (the own one first) and a private key, both in PEM.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate) if either is missing or unreadable, or they
    /// do not belong together.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Error> {
        let (chain, key): (Named<'_>, Named<'_>) =
            ((chain.as_ref(), &"the certificate chain"), (key.as_ref(), &"the private key"));
        Self::parse(chain, key).map_err(|(_, error)| error)
    }

    /// The same from two files.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate), naming the file.
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read(chain.as_ref(), key.as_ref()).map_err(|(_, error)| error)
    }

    /// The same. An error comes with the file it is about.
    pub(crate) fn read(chain: &Path, key: &Path) -> Result<Self, (Part, Error)> {
        let certificates = read(chain).map_err(|error| (Part::Chain, error))?;
        let private = read(key).map_err(|error| (Part::Key, error))?;
        Self::parse((&certificates, &chain.display()), (&private, &key.display()))
    }

    /// The same without blocking.
    pub(crate) async fn load(chain: &Path, key: &Path) -> Result<Self, Error> {
        let (certificates, private) = (load(chain).await?, load(key).await?);
        let identity = Self::parse((&certificates, &chain.display()), (&private, &key.display()));
        identity.map_err(|(_, error)| error)
    }

    fn parse(chain: Named<'_>, key: Named<'_>) -> Result<Self, (Part, Error)> {
        let certificates = certificates(chain.0, chain.1).map_err(|error| (Part::Chain, error))?;
        let private = PrivateKeyDer::from_pem_slice(key.0).map_err(|error| {
            (Part::Key, failed(format!("{} holds no private key in PEM", key.1)).with_source(error))
        })?;
        let made = CertifiedKey::from_der(certificates, private, &provider());
        made.map(Arc::new).map(Self).map_err(|error| {
            let (part, words) = match &error {
                rustls::Error::InconsistentKeys(_) => {
                    (Part::Key, format!("{} and {} do not belong together", chain.1, key.1))
                }
                rustls::Error::InvalidCertificate(_) => {
                    (Part::Chain, format!("the first certificate of {} cannot be used", chain.1))
                }
                _ => (Part::Key, format!("{} holds a private key of no kind that is known here", key.1)),
            };
            (part, failed(words).with_source(error))
        })
    }

    /// What rustls asks for the certificate to show.
    pub(crate) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.0)))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificates", &self.0.cert.len())
            .field("key", &"redacted")
            .finish()
    }
}

/// What an identity is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Chain,
    Key,
}

/// Bytes, and how to call where they come from.
type Named<'a> = (&'a [u8], &'a dyn fmt::Display);

#[cfg(test)]
mod tests {
    use linkspan_core::ErrorKind;

    use super::*;
    use crate::DevelopmentCa;

    /// PEM around bytes that mean nothing.
    const NO_KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    const NO_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    #[test]
    fn what_makes_no_identity_is_named() {
        let ca = DevelopmentCa::generate().unwrap();
        let other = DevelopmentCa::generate().unwrap();
        let (chain, key) = ca.issue_pem(&["localhost"]).unwrap();
        let (_, foreign) = other.issue_pem(&["localhost"]).unwrap();
        for (error, what) in [
            (Identity::from_pem("", &key).unwrap_err(), "certificate chain holds no"),
            (Identity::from_pem(&chain, &chain).unwrap_err(), "private key holds no"),
            (Identity::from_pem(&chain, foreign).unwrap_err(), "do not belong together"),
            (Identity::from_pem(&chain, NO_KEY).unwrap_err(), "of no kind that is known"),
            (
                Identity::from_pem(NO_CERTIFICATE, &key).unwrap_err(),
                "first certificate of the certificate chain cannot",
            ),
            (
                Identity::from_pem_files("/nowhere/cert.pem", "/nowhere/key.pem").unwrap_err(),
                "/nowhere/cert.pem",
            ),
        ] {
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
