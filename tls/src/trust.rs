//! Whose certificates are believed.

use std::path::Path;
use std::sync::Arc;

use linkspan_core::Error;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use tokio::sync::OnceCell;

use crate::pem::{certificates, failed, load, read};

/// Issuers whose certificates are trusted: of servers we connect to, or of clients that connect. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TrustedCa(pub(crate) Arc<RootCertStore>);

impl TrustedCa {
    /// From one or more certificates in PEM.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate) if there is none, or one is unreadable.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::parse(pem.as_ref(), "the trusted certificate")
    }

    /// The same from a file.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate), naming the file.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&read(path)?, path.display())
    }

    /// The same without blocking.
    pub(crate) async fn load(path: &Path) -> Result<Self, Error> {
        Self::parse(&load(path).await?, path.display())
    }

    fn parse(pem: &[u8], name: impl std::fmt::Display) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for root in certificates(pem, &name)? {
            roots.add(root).map_err(|error| {
                failed(format!("{name} cannot serve as a trusted issuer")).with_source(error)
            })?;
        }
        Ok(Self(Arc::new(roots)))
    }

    /// What the operating system trusts. Read once, when first needed, off the runtime's threads.
    pub(crate) async fn of_the_system() -> Result<Self, Error> {
        static ROOTS: OnceCell<TrustedCa> = OnceCell::const_new();
        let read = || async {
            let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            let found = found.map_err(|error| no_roots().with_source(error))?;
            Self::of_found(found.certs, found.errors.into_iter().next())
        };
        ROOTS.get_or_try_init(read).await.cloned()
    }

    fn of_found(
        certificates: Vec<CertificateDer<'static>>,
        error: Option<rustls_native_certs::Error>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        // Systems hold certificates that nobody can use; the others still count.
        let (added, _unusable) = roots.add_parsable_certificates(certificates);
        match (added, error) {
            (0, Some(error)) => Err(no_roots().with_source(error)),
            (0, None) => Err(no_roots()),
            _ => Ok(Self(Arc::new(roots))),
        }
    }
}

/// Whom the connecting side trusts.
#[derive(Clone, Debug, Default)]
pub(crate) enum Trust {
    Anyone,
    Ca(TrustedCa),
    #[default]
    System,
}

fn no_roots() -> Error {
    failed(
        "this system has no trusted certificates; install its package of them (ca-certificates), or name the \
         server's issuer with ?ca=FILE or Tls::with_trusted_ca"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use linkspan_core::ErrorKind;

    use super::*;

    #[test]
    fn what_is_no_issuer_is_named() {
        for (error, what) in [
            (TrustedCa::from_pem("nothing").unwrap_err(), "holds no certificate"),
            (TrustedCa::from_pem_file("/nowhere/ca.pem").unwrap_err(), "/nowhere/ca.pem"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn a_system_without_certificates_is_told_what_to_do() {
        let garbage = CertificateDer::from(vec![1, 2, 3]);
        for certificates in [Vec::new(), vec![garbage]] {
            let error = TrustedCa::of_found(certificates, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Certificate);
            assert!(error.to_string().contains("?ca=FILE"), "{error}");
        }
    }
}
