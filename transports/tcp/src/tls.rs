//! `tls://`: the same frames, encrypted.

use linkspan_core::{Arrival, Capabilities, Endpoint, Error, Link, Listener, PeerInfo, TlsInfo, async_trait};
use linkspan_tls::{Protocol, Tls, TlsAcceptor, TlsStream};
use tokio::net::TcpStream;

use crate::listen::TcpListener;
use crate::{connect, link};

pub(crate) async fn connect(endpoint: &Endpoint, tls: &Tls) -> Result<Link, Error> {
    endpoint.check_options(Tls::CONNECT_OPTIONS)?;
    let connector = tls.connector(endpoint, &PROTOCOL).await?;
    let stream = connect::open(endpoint).await?;
    let peer = link::prepare(&stream, endpoint.clone())?;
    let encrypted = connector.connect(stream).await.map_err(|error| at(error, endpoint))?;
    Ok(link(encrypted, peer))
}

pub(crate) async fn listen(endpoint: &Endpoint, tls: &Tls) -> Result<TlsListener, Error> {
    endpoint.check_options(Tls::LISTEN_OPTIONS)?;
    let acceptor = tls.acceptor(endpoint, &PROTOCOL).await?;
    Ok(TlsListener { tcp: TcpListener::bind(endpoint).await?, acceptor })
}

/// A bound address that yields encrypted links.
#[derive(Debug)]
pub(crate) struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

#[async_trait]
impl Listener for TlsListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let (stream, remote) = self.tcp.accept_stream().await?;
        let endpoint = self.tcp.endpoint().clone();
        let acceptor = self.acceptor.clone();
        Ok(Arrival::new(async move {
            let peer = link::prepare(&stream, endpoint)?;
            let encrypted = acceptor.accept(stream).await.map_err(|error| at(error, peer.endpoint()))?;
            Ok(link(encrypted, peer))
        })
        .with_remote(remote))
    }

    fn endpoint(&self) -> &Endpoint {
        self.tcp.endpoint()
    }
}

fn link((stream, facts): (TlsStream<TcpStream>, TlsInfo), peer: PeerInfo) -> Link {
    let capabilities = Capabilities::byte_stream().with_encryption(true);
    Link::from_io(stream, peer.with_capabilities(capabilities).with_tls(facts))
}

fn at(error: Error, endpoint: &Endpoint) -> Error {
    error.at(endpoint.clone().without_options())
}

/// What both sides name in the handshake.
const PROTOCOL: Protocol = Protocol::new("linkspan/1");
pub(crate) const SCHEME: &str = "tls";
