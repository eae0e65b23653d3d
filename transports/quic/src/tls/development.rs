//! Certificates for development and tests, made on the spot.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use linkspan_core::{Error, ErrorKind};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::Identity;

/// An issuer of certificates for development and tests: made on the spot, kept only in this value.
///
/// ```
/// use linkspan_quic::{DevelopmentCa, Quic, TrustedCa};
///
/// let ca = DevelopmentCa::generate()?;
/// let server = Quic::new().with_identity(ca.issue(&["localhost", "127.0.0.1", "::1"])?);
/// let client = Quic::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?);
/// # Ok::<(), linkspan_core::Error>(())
/// ```
pub struct DevelopmentCa(CertifiedIssuer<'static, KeyPair>);

impl DevelopmentCa {
    /// A new issuer, with a key of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`] if the system gives no randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        // Each has a name of its own: else a leftover of another run would fail as a bad signature, not as untrusted.
        let id: String = params.key_identifier(&key).iter().map(|byte| format!("{byte:02x}")).collect();
        params.distinguished_name.push(DnType::CommonName, format!("Linkspan development CA {id}"));
        CertifiedIssuer::self_signed(params, key).map(Self).map_err(failed)
    }

    /// A server's identity, valid for `names`: host names and IP addresses.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`] if a name is neither.
    pub fn issue(&self, names: &[&str]) -> Result<Identity, Error> {
        let (chain, key) = self.issue_pem(names)?;
        Identity::from_pem(chain, key)
    }

    /// The same, written to two files for the options `cert` and `key`. The key's file is readable by its owner only.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`], naming the file that cannot be written.
    pub fn issue_to_files(
        &self,
        names: &[&str],
        cert: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<(), Error> {
        let (chain, private) = self.issue_pem(names)?;
        write(cert.as_ref(), &chain, PUBLIC)?;
        write(key.as_ref(), &private, PRIVATE)
    }

    /// The issuer's certificate in PEM, for [`TrustedCa::from_pem`](crate::TrustedCa::from_pem).
    pub fn ca_pem(&self) -> String {
        self.0.pem()
    }

    /// The same, written to a file for the option `ca`.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`] if the file cannot be written.
    pub fn write_ca_pem(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        write(path.as_ref(), &self.ca_pem(), PUBLIC)
    }

    fn issue_pem(&self, names: &[&str]) -> Result<(String, String), Error> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, "Linkspan development server");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.0).map_err(failed)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

impl fmt::Debug for DevelopmentCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevelopmentCa").field("key", &"redacted").finish_non_exhaustive()
    }
}

fn failed(error: rcgen::Error) -> Error {
    Error::new(ErrorKind::Certificate, "cannot make a development certificate").with_source(error)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        Error::new(ErrorKind::Certificate, format!("cannot write {}", path.display())).with_source(error)
    })
}

const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;
