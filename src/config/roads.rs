//! The transports that a file is about.

#[cfg(any(feature = "tls", feature = "websocket", feature = "quic"))]
use std::sync::Arc;

use super::sections::Contents;
#[cfg(feature = "quic")]
use crate::quic::Quic;
#[cfg(all(feature = "tcp", feature = "tls"))]
use crate::tcp::Tcp;
#[cfg(feature = "tls")]
use crate::tls::{Tls, TlsConfig};
#[cfg(feature = "websocket")]
use crate::websocket::WebSocket;
use crate::{Error, Transports};

/// Who we are and whom we trust, if the file or the program says so.
#[cfg(feature = "tls")]
pub(super) type Certificates = Option<Tls>;
#[cfg(not(feature = "tls"))]
pub(super) type Certificates = Option<std::convert::Infallible>;

/// The transports that sections of the file are about, with their settings.
#[cfg_attr(
    not(any(feature = "tls", feature = "websocket", feature = "quic")),
    expect(unused_variables, unused_mut, reason = "no section is about a transport")
)]
pub(super) fn transports(contents: &Contents, certificates: &Certificates) -> Transports {
    let mut transports = Transports::new();
    #[cfg(all(feature = "tcp", feature = "tls"))]
    if let Some(tls) = certificates {
        transports.register(Arc::new(Tcp::new().with_tls(tls.clone())));
    }
    #[cfg(feature = "websocket")]
    if contents.websocket.is_some() || certificates.is_some() {
        let road = WebSocket::from_config(contents.websocket.clone().unwrap_or_default());
        #[cfg(feature = "tls")]
        let road = road.with_tls(certificates.clone().unwrap_or_default());
        transports.register(Arc::new(road));
    }
    #[cfg(feature = "quic")]
    if contents.quic.is_some() || certificates.is_some() {
        let road = Quic::new().with_config(contents.quic.clone().unwrap_or_default());
        transports.register(Arc::new(road.with_tls(certificates.clone().unwrap_or_default())));
    }
    transports
}

/// Reads the files that `[tls]` names. An error comes with the key of the file.
#[cfg(feature = "tls")]
pub(super) fn load(contents: &Contents) -> Result<Certificates, (&'static str, Error)> {
    let Some(config) = &contents.tls else { return Ok(None) };
    let none = TlsConfig::default;
    for (key, part) in [
        ("cert", none().with_cert(config.cert.clone()).with_key(config.key.clone())),
        ("ca", none().with_ca(config.ca.clone())),
        ("client_ca", none().with_client_ca(config.client_ca.clone())),
    ] {
        part.load().map_err(|error| (key, error))?;
    }
    config.load().map(Some).map_err(|error| ("server_name", error))
}

#[cfg(not(feature = "tls"))]
pub(super) fn load(_: &Contents) -> Result<Certificates, (&'static str, Error)> {
    Ok(None)
}
