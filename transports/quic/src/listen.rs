//! Listening: one UDP socket, whose connections outlive the listener.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use linkspan_core::{Arrival, Endpoint, Error, ErrorKind, Link, Listener, async_trait};
use linkspan_tls::{Tls, TlsAcceptor};
use quinn::{Incoming, ServerConfig, Side};
use tokio::runtime::Handle;

use crate::config::QuicConfig;
use crate::link::{self, LaneZero};
use crate::{failure, socket, tls};

pub(crate) async fn listen(
    endpoint: &Endpoint,
    tls: &Tls,
    config: &QuicConfig,
) -> Result<QuicListener, Error> {
    endpoint.check_options(Tls::LISTEN_OPTIONS)?;
    let (crypto, acceptor) = tls::server(tls, endpoint).await?;
    let mut server = ServerConfig::with_crypto(Arc::new(crypto));
    server
        .transport_config(config.transport(1)?)
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER_LEN)
        .incoming_buffer_size_total(INCOMING_BUFFERS_LEN);

    let authority = endpoint.authority()?;
    let addresses = tokio::net::lookup_host(&authority)
        .await
        .map_err(|error| Error::configuration(format!("cannot resolve {authority}")).with_source(error))?;
    let mut failure = None;
    for address in addresses {
        let bound = socket::bind(address, Some(server.clone()), config.socket_buffer_len)
            .and_then(|quic| quic.local_addr().map(|local| (quic, local)));
        match bound {
            Ok((quic, local)) => {
                let endpoint = endpoint.clone().without_options().with_port(local.port());
                return Ok(QuicListener { quic, server, acceptor, endpoint });
            }
            Err(error) => failure = Some(error),
        }
    }
    Err(cannot_listen(&authority, failure))
}

fn cannot_listen(authority: &str, error: Option<io::Error>) -> Error {
    let kind = match error.as_ref().map(io::Error::kind) {
        Some(io::ErrorKind::AddrInUse) => ErrorKind::AddressInUse,
        _ => ErrorKind::Configuration,
    };
    let failure = Error::new(kind, format!("cannot listen on {authority}"));
    match error {
        Some(error) => failure.with_source(error),
        None => failure,
    }
}

#[derive(Debug)]
pub(crate) struct QuicListener {
    quic: quinn::Endpoint,
    server: ServerConfig,
    acceptor: TlsAcceptor,
    endpoint: Endpoint,
}

#[async_trait]
impl Listener for QuicListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let incoming = self.quic.accept().await.ok_or_else(|| Error::closed("listener has ended"))?;
        let acceptor = self.acceptor.clone();
        let remote = incoming.remote_address();
        let greeting = greet(self.quic.clone(), incoming, acceptor, self.endpoint.clone());
        Ok(Arrival::new(greeting).with_remote(remote))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

async fn greet(
    quic: quinn::Endpoint,
    incoming: Incoming,
    acceptor: TlsAcceptor,
    endpoint: Endpoint,
) -> Result<Link, Error> {
    let connection = incoming.await.map_err(|error| failure::handshake(error, &endpoint, Side::Server))?;
    let facts = link::handshake(&connection);
    let tls = acceptor.peer(facts.alpn(), facts.server_name(), facts.chain());
    let peer = link::peer_info(endpoint, &quic, &connection, tls);
    Ok(link::link(quic, connection, LaneZero::Awaited, peer))
}

impl Drop for QuicListener {
    fn drop(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        while let Poll::Ready(Some(incoming)) = pin!(self.quic.accept()).poll(&mut cx) {
            incoming.refuse();
        }
        // The socket lives on for its links, and ignores newcomers unless somebody refuses them.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(refuse(self.quic.clone(), self.server.clone()))),
            Err(_) => ignore(&self.quic, self.server.clone()),
        }
    }
}

/// Refuses newcomers for as long as the socket has connections.
async fn refuse(quic: quinn::Endpoint, server: ServerConfig) {
    let refusing = async {
        while let Some(incoming) = quic.accept().await {
            incoming.refuse();
        }
    };
    tokio::select! {
        () = quic.wait_idle() => {}
        () = refusing => {}
    }
    ignore(&quic, server);
}

fn ignore(quic: &quinn::Endpoint, mut server: ServerConfig) {
    server.max_incoming(0);
    quic.set_server_config(Some(server));
}

/// Peers that knocked and were not yielded yet. Chosen as the kernel's default for TCP (`somaxconn` is 4,096).
const MAX_INCOMING: usize = 4096;
/// Bytes kept per such peer besides its first packet: a client without 0-RTT sends little before the answer.
const INCOMING_BUFFER_LEN: u64 = 16 * 1024;
/// The same for all of them together.
const INCOMING_BUFFERS_LEN: u64 = 8 * 1024 * 1024;
