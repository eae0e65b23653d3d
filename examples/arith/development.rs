//! Certificates for development: made here, trusted only where named.

use std::path::Path;

use linkspan::Error;
use linkspan::quic::{DevelopmentCa, Quic, TrustedCa};

/// Where `serve` leaves its certificate authority for `call`.
pub const CA_FILE: &str = "target/arith-dev/ca.pem";

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// QUIC with a fresh certificate, whose authority is written to [`CA_FILE`].
pub fn quic_server() -> Result<Quic, Box<dyn std::error::Error + Send + Sync>> {
    let ca = DevelopmentCa::generate()?;
    let file = Path::new(CA_FILE);
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(file, ca.ca_pem())?;
    Ok(quic_server_with(&ca)?)
}

/// QUIC with a certificate of `ca`.
pub fn quic_server_with(ca: &DevelopmentCa) -> Result<Quic, Error> {
    Ok(Quic::new().with_identity(ca.issue(&NAMES)?))
}

/// QUIC that trusts `file`, or what `serve` left here; with neither it trusts nobody, and says which option to use.
pub fn quic_client(file: Option<&Path>) -> Result<Quic, Box<dyn std::error::Error + Send + Sync>> {
    let file = file.unwrap_or(Path::new(CA_FILE));
    if !file.exists() {
        return Err(format!(
            "no certificate authority to trust: {} does not exist; run `serve` here first, or name one with --ca FILE",
            file.display()
        )
        .into());
    }
    Ok(Quic::new().with_trusted_ca(TrustedCa::from_pem_file(file)?))
}

/// QUIC that trusts `ca` only.
pub fn quic_client_with(ca: &DevelopmentCa) -> Result<Quic, Error> {
    Ok(Quic::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem().as_bytes())?))
}
