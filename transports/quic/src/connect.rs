//! Connecting: finds the addresses, races them, and opens lane 0.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use linkspan_core::{Endpoint, Error, ErrorKind, Link};
use linkspan_tls::{Tls, TlsConnector};
use quinn::{ClientConfig, Side};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::config::QuicConfig;
use crate::link::{self, LaneZero};
use crate::{failure, socket, tls};

/// What every attempt of one connect shares.
#[derive(Clone)]
struct Attempt {
    endpoint: Endpoint,
    client: ClientConfig,
    connector: TlsConnector,
    socket_buffer_len: usize,
}

pub(crate) async fn connect(endpoint: &Endpoint, tls: &Tls, config: &QuicConfig) -> Result<Link, Error> {
    endpoint.check_options(Tls::CONNECT_OPTIONS)?;
    let (crypto, connector) = tls::client(tls, endpoint).await?;
    let mut client = ClientConfig::new(Arc::new(crypto));
    client.transport_config(config.transport(0)?);
    let endpoint = endpoint.clone();
    let attempt = Attempt { endpoint, client, connector, socket_buffer_len: config.socket_buffer_len };
    attempt.race().await
}

impl Attempt {
    /// Tries the addresses of the host one after the other, each with a head start; the first link wins.
    ///
    /// A dead UDP port is silent, so waiting for one address to fail would use up the time of the others.
    async fn race(self) -> Result<Link, Error> {
        let authority = self.endpoint.authority()?;
        let found = tokio::net::lookup_host(&authority).await.map_err(|error| {
            Error::new(ErrorKind::Unreachable, format!("cannot resolve {authority}")).with_source(error)
        })?;
        let mut addresses = found.take(MAX_ADDRESSES).collect::<Vec<_>>().into_iter();
        let mut running = JoinSet::new();
        let mut failure = None;
        loop {
            if let Some(address) = addresses.next() {
                running.spawn(self.clone().open(address));
            }
            tokio::select! {
                done = running.join_next() => match done {
                    Some(Ok(Ok(link))) => return Ok(link),
                    Some(Ok(Err(error))) => failure = Some(more_telling(failure, error)),
                    Some(Err(_)) => {}
                    None => return Err(failure.unwrap_or_else(|| failure::no_answer(&self.endpoint))),
                },
                () = sleep(HEAD_START), if addresses.len() > 0 => {}
            }
        }
    }

    async fn open(self, address: SocketAddr) -> Result<Link, Error> {
        let local = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let quic = socket::bind(local, None, self.socket_buffer_len).map_err(|error| {
            Error::new(ErrorKind::Unreachable, "cannot open a UDP socket").with_source(error)
        })?;
        let name = self.connector.server_name();
        let connecting = quic.connect_with(self.client, address, &name).map_err(|error| {
            let context = format!("cannot connect to {address} as `{name}`");
            Error::new(ErrorKind::Configuration, context).with_source(error)
        })?;
        let connection =
            connecting.await.map_err(|error| failure::handshake(error, &self.endpoint, Side::Client))?;
        let (send, receive) = connection
            .open_bi()
            .await
            .map_err(|error| failure::handshake(error, &self.endpoint, Side::Client))?;
        let facts = link::handshake(&connection);
        let tls = self.connector.peer(facts.alpn(), facts.chain());
        let peer = link::peer_info(self.endpoint, &quic, &connection, tls);
        Ok(link::link(quic, connection, LaneZero::Open(send, receive), peer))
    }
}

/// The error that says more: a peer that answered knows more than silence.
fn more_telling(before: Option<Error>, error: Error) -> Error {
    match before {
        Some(before) if before.kind() != ErrorKind::Unreachable => before,
        _ => error,
    }
}

/// RFC 8305 §5: the recommended delay between two attempts.
const HEAD_START: Duration = Duration::from_millis(250);
/// Chosen because more could not be tried within the default handshake timeout.
const MAX_ADDRESSES: usize = 16;
