//! TLS as a configuration file names it.

use std::fmt;
use std::path::{Path, PathBuf};

use linkspan_core::Error;
use linkspan_core::settings::Misfit;

use crate::identity::Part;
use crate::tls::both_or_neither;
use crate::{Identity, Tls, TrustedCa};

linkspan_core::settings! {
    /// The files of a listening side's [`Tls`]: plain data, for configuration files. Every field may be left out.
    ///
    /// ```
    /// use linkspan_tls::{DevelopmentCa, ServerTlsConfig};
    ///
    /// let directory = std::env::temp_dir();
    /// let file = |name: &str| format!("linkspan-tls-config-{}-{name}.pem", std::process::id());
    /// let ca = DevelopmentCa::generate()?;
    /// ca.issue_to_files(&["localhost"], directory.join(file("cert")), directory.join(file("key")))?;
    /// let text = serde_json::json!({ "cert": file("cert"), "key": file("key") });
    /// let config: ServerTlsConfig = serde_json::from_value(text).expect("every key is known");
    /// let tls = config.relative_to(&directory).load()?;
    /// # for name in ["cert", "key"] { std::fs::remove_file(directory.join(file(name))).unwrap(); }
    /// # Ok::<(), linkspan_core::Error>(())
    /// ```
    pub struct ServerTlsConfig {
        /// The file of the server's certificate chain, the own certificate first, in PEM. Goes with `key`.
        cert: Option<PathBuf> = None, set by with_cert;
        /// The file of its private key, in PEM. Goes with `cert`.
        key: Option<PathBuf> = None, set by with_key;
        /// The file of the certificates that issue clients' certificates, in PEM. With it every client must show one;
        /// default: none is asked for.
        client_ca: Option<PathBuf> = None, set by with_client_ca;
    }
    checked by ServerTlsConfig::check_pair;
}

linkspan_core::settings! {
    /// The files and names of a connecting side's [`Tls`]: plain data, for configuration files. Every field may be left
    /// out.
    ///
    /// ```
    /// use linkspan_tls::{ClientTlsConfig, DevelopmentCa};
    ///
    /// let file = std::env::temp_dir().join(format!("linkspan-tls-config-{}.pem", std::process::id()));
    /// DevelopmentCa::generate()?.write_ca_pem(&file)?;
    /// let text = serde_json::json!({ "ca": file, "server_name": "db.internal" });
    /// let config: ClientTlsConfig = serde_json::from_value(text).expect("every key is known");
    /// let tls = config.load()?;
    /// # std::fs::remove_file(file).unwrap();
    /// # Ok::<(), linkspan_core::Error>(())
    /// ```
    pub struct ClientTlsConfig {
        /// The file of the certificates that issue servers' certificates, in PEM. Default: what the operating system
        /// trusts.
        ca: Option<PathBuf> = None, set by with_ca;
        /// The name the server's certificate must be valid for. Default: the endpoint's host.
        server_name: Option<String> = None, set by with_server_name;
        /// The file of the client's certificate chain, for servers that ask for one; the own certificate first, in PEM.
        /// Goes with `key`.
        cert: Option<PathBuf> = None, set by with_cert;
        /// The file of its private key, in PEM. Goes with `cert`.
        key: Option<PathBuf> = None, set by with_key;
    }
    checked by ClientTlsConfig::check_pair;
}

impl ServerTlsConfig {
    fn check_pair(&self) -> Result<(), Misfit> {
        check_pair(self.cert.as_ref(), self.key.as_ref())
    }

    /// The same with relative paths taken from `directory`, as where the configuration file is.
    #[must_use]
    pub fn relative_to(mut self, directory: impl AsRef<Path>) -> Self {
        settle([&mut self.cert, &mut self.key, &mut self.client_ca], directory.as_ref());
        self
    }

    /// Reads the files. Blocks while it reads.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate), naming the file and what is wrong with it, or
    /// the field that is missing beside another.
    pub fn load(&self) -> Result<Tls, Error> {
        Ok(self.load_over(Tls::new())?)
    }

    /// The same with what the fields say in place of what `tls` says about it; the rest of `tls` stays.
    ///
    /// # Errors
    /// As [`load`](Self::load), with the field.
    pub fn load_over(&self, tls: Tls) -> Result<Tls, TlsConfigError> {
        let tls = show(tls, self.cert.as_deref(), self.key.as_deref())?;
        Ok(match &self.client_ca {
            Some(file) => tls.with_client_ca(issuer("client_ca", file)?),
            None => tls,
        })
    }
}

impl ClientTlsConfig {
    fn check_pair(&self) -> Result<(), Misfit> {
        check_pair(self.cert.as_ref(), self.key.as_ref())
    }

    /// The same with relative paths taken from `directory`, as where the configuration file is.
    #[must_use]
    pub fn relative_to(mut self, directory: impl AsRef<Path>) -> Self {
        settle([&mut self.ca, &mut self.cert, &mut self.key], directory.as_ref());
        self
    }

    /// Reads the files. Blocks while it reads.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate), naming the file and what is wrong with it, or
    /// the field that is missing beside another.
    pub fn load(&self) -> Result<Tls, Error> {
        Ok(self.load_over(Tls::new())?)
    }

    /// The same with what the fields say in place of what `tls` says about it; the rest of `tls` stays.
    ///
    /// # Errors
    /// As [`load`](Self::load), with the field.
    pub fn load_over(&self, tls: Tls) -> Result<Tls, TlsConfigError> {
        let mut tls = show(tls, self.cert.as_deref(), self.key.as_deref())?;
        if let Some(file) = &self.ca {
            tls = tls.with_trusted_ca(issuer("ca", file)?);
        }
        if let Some(name) = &self.server_name {
            tls = tls.with_server_name(name);
        }
        Ok(tls)
    }
}

/// What is wrong with a file of a configuration, and the field that names it.
#[derive(Debug)]
pub struct TlsConfigError {
    field: &'static str,
    error: Error,
}

impl TlsConfigError {
    /// The field's name.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.error)
    }
}

impl std::error::Error for TlsConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl From<TlsConfigError> for Error {
    fn from(error: TlsConfigError) -> Self {
        error.error
    }
}

fn check_pair(cert: Option<&PathBuf>, key: Option<&PathBuf>) -> Result<(), Misfit> {
    let together = "cert and key go together; name both files";
    match (cert, key) {
        (Some(_), None) => Err(Misfit::new("cert", together)),
        (None, Some(_)) => Err(Misfit::new("key", together)),
        _ => Ok(()),
    }
}

fn settle<const N: usize>(paths: [&mut Option<PathBuf>; N], directory: &Path) {
    for path in paths.into_iter().flatten() {
        *path = directory.join(&*path);
    }
}

fn show(tls: Tls, cert: Option<&Path>, key: Option<&Path>) -> Result<Tls, TlsConfigError> {
    let alone = if cert.is_some() { "cert" } else { "key" };
    let pair = both_or_neither(cert, key).map_err(|error| TlsConfigError { field: alone, error })?;
    let Some((cert, key)) = pair else { return Ok(tls) };
    let identity = Identity::read(cert, key).map_err(|(part, error)| {
        let field = match part {
            Part::Chain => "cert",
            Part::Key => "key",
        };
        TlsConfigError { field, error }
    })?;
    Ok(tls.with_identity(identity))
}

fn issuer(field: &'static str, file: &Path) -> Result<TrustedCa, TlsConfigError> {
    TrustedCa::from_pem_file(file).map_err(|error| TlsConfigError { field, error })
}

#[cfg(test)]
mod tests {
    use linkspan_core::ErrorKind;

    use super::*;
    use crate::DevelopmentCa;

    fn server(text: &str) -> Result<ServerTlsConfig, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn client(text: &str) -> Result<ClientTlsConfig, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        for wrong in [r#"{"certificate": "a"}"#, r#"{"ca": "a"}"#, r#"{"server_name": "a"}"#] {
            assert!(server(wrong).is_err(), "{wrong}");
        }
        assert!(client(r#"{"client_ca": "a"}"#).unwrap_err().to_string().contains("client_ca"));
        assert_eq!(server("{}").unwrap(), ServerTlsConfig::default());
        assert_eq!(client("{}").unwrap(), ClientTlsConfig::default());
    }

    #[test]
    fn what_cannot_be_loaded_names_its_file() {
        let server = |text: &str| server(text).unwrap().relative_to("/nowhere").load().unwrap_err();
        let client = |text: &str| client(text).unwrap().relative_to("/nowhere").load().unwrap_err();
        for (error, what) in [
            (client(r#"{"ca": "ca.pem"}"#), "/nowhere/ca.pem"),
            (server(r#"{"client_ca": "/else/ca.pem"}"#), "/else/ca.pem"),
            (server(r#"{"cert": "cert.pem", "key": "key.pem"}"#), "/nowhere/cert.pem"),
            (client(r#"{"cert": "cert.pem", "key": "key.pem"}"#), "/nowhere/cert.pem"),
            (server(r#"{"cert": "cert.pem"}"#), "cert and key go together"),
            (client(r#"{"key": "key.pem"}"#), "cert and key go together"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Certificate);
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn the_field_whose_file_is_wrong_is_named() {
        let directory = std::env::temp_dir().join(format!("linkspan-tls-fields-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let ca = DevelopmentCa::generate().unwrap();
        ca.issue_to_files(&["localhost"], directory.join("cert"), directory.join("key")).unwrap();
        std::fs::write(directory.join("empty"), "").unwrap();
        for (cert, key, field) in [
            ("cert", "nowhere", "key"),
            ("cert", "empty", "key"),
            ("cert", "cert", "key"),
            ("nowhere", "key", "cert"),
            ("empty", "key", "cert"),
        ] {
            let config = ServerTlsConfig::default().with_cert(Some(cert.into())).with_key(Some(key.into()));
            let error = config.relative_to(&directory).load_over(Tls::new()).unwrap_err();
            assert_eq!(error.field(), field, "{error}");
        }
        std::fs::remove_dir_all(directory).unwrap();
    }
}
