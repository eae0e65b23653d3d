//! QUIC's use of TLS.

use linkspan_core::{Endpoint, Error, ErrorKind};
use linkspan_tls::{Protocol, Tls, TlsAcceptor, TlsConnector};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};

/// The application protocol both sides must name in the handshake. QUIC is TLS 1.3 alone (RFC 9001 §4.2).
const PROTOCOL: Protocol = Protocol::new("linkspan/1").tls13_only();

pub(crate) async fn client(
    tls: &Tls,
    endpoint: &Endpoint,
) -> Result<(QuicClientConfig, TlsConnector), Error> {
    let connector = tls.connector(endpoint, &PROTOCOL).await?;
    let config = QuicClientConfig::try_from(connector.config()).map_err(unfit)?;
    Ok((config, connector))
}

pub(crate) async fn server(tls: &Tls, endpoint: &Endpoint) -> Result<(QuicServerConfig, TlsAcceptor), Error> {
    let acceptor = tls.acceptor(endpoint, &PROTOCOL).await?;
    let config = QuicServerConfig::try_from(acceptor.config()).map_err(unfit)?;
    Ok((config, acceptor))
}

fn unfit(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Certificate, "TLS cannot serve QUIC").with_source(error)
}
