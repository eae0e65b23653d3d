//! Certificates for development: made here, trusted only where named.

use std::path::Path;

use linkspan::Error;
use linkspan::tls::{DevelopmentCa, Tls, TrustedCa};

use crate::Failure;

/// Where `serve` leaves its certificate authority for `call`.
pub const CA_FILE: &str = "target/arith-dev/ca.pem";

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const ENCRYPTED: [&str; 3] = ["tls://", "wss://", "quic://"];

/// True if the road of `endpoint` needs certificates.
pub fn is_encrypted(endpoint: &str) -> bool {
    ENCRYPTED.iter().any(|scheme| endpoint.starts_with(scheme))
}

/// A fresh certificate, whose authority is written to [`CA_FILE`].
pub fn server() -> Result<Tls, Failure> {
    let ca = DevelopmentCa::generate()?;
    let file = Path::new(CA_FILE);
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    ca.write_ca_pem(file)?;
    Ok(server_of(&ca)?)
}

/// A certificate of `ca`.
pub fn server_of(ca: &DevelopmentCa) -> Result<Tls, Error> {
    Ok(Tls::new().with_identity(ca.issue(&NAMES)?))
}

/// Trusts `file`, or what `serve` left here; with neither it trusts nobody, and says which option to use.
pub fn client(file: Option<&Path>) -> Result<Tls, Failure> {
    let file = file.unwrap_or(Path::new(CA_FILE));
    if !file.exists() {
        return Err(format!(
            "no certificate authority to trust: {} does not exist; run `serve` here first, or name one with --ca FILE",
            file.display()
        )
        .into());
    }
    Ok(Tls::new().with_trusted_ca(TrustedCa::from_pem_file(file)?))
}

/// Trusts `ca` only.
pub fn client_of(ca: &DevelopmentCa) -> Result<Tls, Error> {
    Ok(Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?))
}
