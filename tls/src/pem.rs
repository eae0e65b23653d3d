//! Reading PEM, with errors that name where it came from.

use std::fmt::Display;
use std::path::Path;

use linkspan_core::{Error, ErrorKind};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Every certificate in `pem`, at least one; `name` says where it comes from.
pub(crate) fn certificates(pem: &[u8], name: impl Display) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| failed(format!("{name} is not readable as PEM")).with_source(error))?;
    if found.is_empty() { Err(failed(format!("{name} holds no certificate in PEM"))) } else { Ok(found) }
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| unreadable(path, error))
}

pub(crate) async fn load(path: &Path) -> Result<Vec<u8>, Error> {
    tokio::fs::read(path).await.map_err(|error| unreadable(path, error))
}

pub(crate) fn failed(context: String) -> Error {
    Error::new(ErrorKind::Certificate, context)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    failed(format!("cannot read {}", path.display())).with_source(error)
}
