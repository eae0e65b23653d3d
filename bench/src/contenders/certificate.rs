//! Tells the client's process which certificate to trust.

use std::path::PathBuf;

use crate::Failure;

/// A certificate in a file, until dropped.
#[derive(Debug)]
pub(super) struct CertificateFile(PathBuf);

impl CertificateFile {
    pub(super) fn write(pem: &str) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("linkspan-bench-{}.pem", std::process::id()));
        std::fs::write(&path, pem)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> std::borrow::Cow<'_, str> {
        self.0.to_string_lossy()
    }
}

impl Drop for CertificateFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // what remains is no secret
    }
}
