//! The transports that a file is about.

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
use crate::{Error, Transport, Transports};

/// Who we are and whom we trust, if the file or the program says so.
#[cfg(feature = "tls")]
pub(super) type Certificates = Option<Tls>;
#[cfg(not(feature = "tls"))]
pub(super) type Certificates = Option<std::convert::Infallible>;

type Road = Option<Arc<dyn Transport>>;

/// The transports that sections of the file are about, with their settings.
pub(super) fn transports(contents: &Contents, certificates: &Certificates) -> Transports {
    let roads = [tcp(certificates), websocket(contents, certificates), quic(contents, certificates)];
    let mut transports = Transports::new();
    roads.into_iter().flatten().for_each(|road| transports.register(road));
    transports
}

#[cfg(all(feature = "tcp", feature = "tls"))]
fn tcp(certificates: &Certificates) -> Road {
    Some(Arc::new(Tcp::new().with_tls(certificates.clone()?)))
}

#[cfg(not(all(feature = "tcp", feature = "tls")))]
fn tcp(_: &Certificates) -> Road {
    None
}

#[cfg(feature = "websocket")]
fn websocket(contents: &Contents, certificates: &Certificates) -> Road {
    if contents.websocket.is_none() && certificates.is_none() {
        return None;
    }
    let road = WebSocket::from_config(contents.websocket.clone().unwrap_or_default());
    #[cfg(feature = "tls")]
    let road = road.with_tls(certificates.clone().unwrap_or_default());
    Some(Arc::new(road))
}

#[cfg(not(feature = "websocket"))]
fn websocket(_: &Contents, _: &Certificates) -> Road {
    None
}

#[cfg(feature = "quic")]
fn quic(contents: &Contents, certificates: &Certificates) -> Road {
    if contents.quic.is_none() && certificates.is_none() {
        return None;
    }
    let road = Quic::new().with_config(contents.quic.clone().unwrap_or_default());
    Some(Arc::new(road.with_tls(certificates.clone().unwrap_or_default())))
}

#[cfg(not(feature = "quic"))]
fn quic(_: &Contents, _: &Certificates) -> Road {
    None
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
