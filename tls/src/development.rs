//! Certificates for development and tests, made on the spot.

use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use linkspan_core::{Error, ErrorKind};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::Identity;

/// An issuer of certificates for development and tests: made on the spot, kept only in this value.
///
/// ```
/// use linkspan_tls::{DevelopmentCa, Tls, TrustedCa};
///
/// let ca = DevelopmentCa::generate()?;
/// let server = Tls::new().with_identity(ca.issue(&["localhost", "127.0.0.1", "::1"])?);
/// let client = Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?);
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
        write_both(&self.issue_pem(names)?, cert.as_ref(), key.as_ref())
    }

    /// A client's identity for mutual TLS, whose common name is `name`.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`] if the system gives no randomness.
    pub fn issue_client(&self, name: &str) -> Result<Identity, Error> {
        let (chain, key) = self.issue_client_pem(name)?;
        Identity::from_pem(chain, key)
    }

    /// The same, written to two files for the options `cert` and `key`. The key's file is readable by its owner only.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`], naming the file that cannot be written.
    pub fn issue_client_to_files(
        &self,
        name: &str,
        cert: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<(), Error> {
        write_both(&self.issue_client_pem(name)?, cert.as_ref(), key.as_ref())
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

    pub(crate) fn issue_pem(&self, names: &[&str]) -> Result<(String, String), Error> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).map_err(failed)?;
        self.sign(params, "Linkspan development server", ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn issue_client_pem(&self, name: &str) -> Result<(String, String), Error> {
        self.sign(CertificateParams::default(), name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        common_name: &str,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<(String, String), Error> {
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
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

fn write_both((chain, private): &(String, String), cert: &Path, key: &Path) -> Result<(), Error> {
    write(cert, chain, PUBLIC)?;
    write(key, private, PRIVATE)
}

/// Writes a file of its own and puts it in the place of `path`: what is there keeps neither its mode nor its other names, and
/// a link there is not followed.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Certificate, format!("cannot write {}", path.display())).with_source(error)
    };
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(format!(".{}-{number}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&beside).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&beside); // the first failure is the one to tell
        failed(error)
    })
}

const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_never_shows() {
        let ca = DevelopmentCa::generate().unwrap();
        assert_eq!(format!("{ca:?}"), r#"DevelopmentCa { key: "redacted", .. }"#);
        let identity = ca.issue(&["localhost"]).unwrap();
        assert_eq!(format!("{identity:?}"), r#"Identity { certificates: 1, key: "redacted" }"#);
        let tls = crate::Tls::new().with_identity(identity);
        assert!(format!("{tls:?}").contains("redacted"));
    }

    #[cfg(unix)]
    #[test]
    fn a_private_keys_file_is_its_owners_only() {
        use std::os::unix::fs::PermissionsExt;

        let directory = std::env::temp_dir().join(format!("linkspan-tls-mode-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
        let ca = DevelopmentCa::generate().unwrap();
        ca.issue_to_files(&["localhost"], &cert, &key).unwrap();
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, PRIVATE);
        ca.issue_client_to_files("alice", &cert, &key).unwrap();
        assert!(Identity::from_pem_files(&cert, &key).is_ok());
        let written: Vec<_> = std::fs::read_dir(&directory).unwrap().collect();
        assert_eq!(written.len(), 2, "{written:?}");
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_private_key_goes_neither_into_a_file_of_others_nor_through_a_link() {
        use std::os::unix::fs::PermissionsExt;

        let directory = std::env::temp_dir().join(format!("linkspan-tls-replaced-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = |name: &str| directory.join(name);
        let ca = DevelopmentCa::generate().unwrap();
        std::fs::write(file("key.pem"), "of others").unwrap();
        std::fs::set_permissions(file("key.pem"), PermissionsExt::from_mode(0o644)).unwrap();
        std::fs::hard_link(file("key.pem"), file("kept")).unwrap();
        std::fs::write(file("target"), "of others").unwrap();
        std::os::unix::fs::symlink(file("target"), file("link.pem")).unwrap();
        for key in ["key.pem", "link.pem"] {
            ca.issue_to_files(&["localhost"], file("cert.pem"), file(key)).unwrap();
            let metadata = std::fs::symlink_metadata(file(key)).unwrap();
            assert!(metadata.is_file(), "{key}");
            assert_eq!(metadata.permissions().mode() & 0o777, PRIVATE, "{key}");
        }
        for name in ["kept", "target"] {
            assert_eq!(std::fs::read_to_string(file(name)).unwrap(), "of others", "{name}");
        }
        let wrong = ca.issue_to_files(&["localhost"], file("cert.pem"), &directory).unwrap_err();
        assert!(wrong.to_string().starts_with("cannot write "), "{wrong}");
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 5);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
