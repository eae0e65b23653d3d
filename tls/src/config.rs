//! TLS as a configuration file names it.

use std::path::{Path, PathBuf};

use linkspan_core::Error;
use linkspan_core::settings::Misfit;

use crate::tls::both_or_neither;
use crate::{Identity, Tls, TrustedCa};

linkspan_core::settings! {
    /// The files and names of a [`Tls`]: plain data, for configuration files. Every field may be left out.
    ///
    /// ```
    /// use linkspan_tls::{DevelopmentCa, TlsConfig};
    ///
    /// let file = std::env::temp_dir().join(format!("linkspan-tls-config-{}.pem", std::process::id()));
    /// DevelopmentCa::generate()?.write_ca_pem(&file)?;
    /// let text = serde_json::json!({ "ca": file, "server_name": "db.internal" });
    /// let config: TlsConfig = serde_json::from_value(text).expect("every key is known");
    /// let tls = config.load()?;
    /// # std::fs::remove_file(file).unwrap();
    /// # Ok::<(), linkspan_core::Error>(())
    /// ```
    pub struct TlsConfig {
        /// The file of the certificate chain to show, the own certificate first, in PEM. Goes with `key`.
        cert: Option<PathBuf> = None, set by with_cert;
        /// The file of its private key, in PEM. Goes with `cert`.
        key: Option<PathBuf> = None, set by with_key;
        /// Connecting: the file of the certificates that issue servers' certificates, in PEM. Default: what the operating
        /// system trusts.
        ca: Option<PathBuf> = None, set by with_ca;
        /// Listening: the file of the certificates that issue clients' certificates, in PEM. With it every client must
        /// show one; default: none is asked for.
        client_ca: Option<PathBuf> = None, set by with_client_ca;
        /// Connecting: the name the server's certificate must be valid for. Default: the endpoint's host.
        server_name: Option<String> = None, set by with_server_name;
    }
    checked by TlsConfig::check_pair;
}

impl TlsConfig {
    fn check_pair(&self) -> Result<(), Misfit> {
        let together = "cert and key go together; name both files";
        match (&self.cert, &self.key) {
            (Some(_), None) => Err(Misfit::new("cert", together)),
            (None, Some(_)) => Err(Misfit::new("key", together)),
            _ => Ok(()),
        }
    }

    /// The same with relative paths taken from `directory`, as where the configuration file is.
    #[must_use]
    pub fn relative_to(mut self, directory: impl AsRef<Path>) -> Self {
        for path in [&mut self.cert, &mut self.key, &mut self.ca, &mut self.client_ca].into_iter().flatten() {
            *path = directory.as_ref().join(&*path);
        }
        self
    }

    /// Reads the files. Blocks while it reads.
    ///
    /// # Errors
    /// [`ErrorKind::Certificate`](linkspan_core::ErrorKind::Certificate), naming the file and what is wrong with it, or
    /// the field that is missing beside another.
    pub fn load(&self) -> Result<Tls, Error> {
        let mut tls = Tls::new();
        if let Some((cert, key)) = both_or_neither(self.cert.as_ref(), self.key.as_ref())? {
            tls = tls.with_identity(Identity::from_pem_files(cert, key)?);
        }
        if let Some(ca) = &self.ca {
            tls = tls.with_trusted_ca(TrustedCa::from_pem_file(ca)?);
        }
        if let Some(ca) = &self.client_ca {
            tls = tls.with_client_ca(TrustedCa::from_pem_file(ca)?);
        }
        if let Some(name) = &self.server_name {
            tls = tls.with_server_name(name);
        }
        Ok(tls)
    }
}

#[cfg(test)]
mod tests {
    use linkspan_core::ErrorKind;

    use super::*;

    fn parse(text: &str) -> Result<TlsConfig, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(parse(r#"{"certificate": "a"}"#).unwrap_err().to_string().contains("certificate"));
        assert_eq!(parse("{}").unwrap(), TlsConfig::default());
    }

    #[test]
    fn what_cannot_be_loaded_names_its_file() {
        for (text, what) in [
            (r#"{"ca": "ca.pem"}"#, "/nowhere/ca.pem"),
            (r#"{"client_ca": "/else/ca.pem"}"#, "/else/ca.pem"),
            (r#"{"cert": "cert.pem", "key": "key.pem"}"#, "/nowhere/cert.pem"),
            (r#"{"cert": "cert.pem"}"#, "cert and key go together"),
            (r#"{"key": "key.pem"}"#, "cert and key go together"),
        ] {
            let error = parse(text).unwrap().relative_to("/nowhere").load().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Certificate);
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
