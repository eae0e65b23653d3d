//! `wss://`: the same upgrade, encrypted.

use std::sync::Arc;

use linkspan_core::{Arrival, Capabilities, Endpoint, Error, Link, Listener, PeerInfo, TlsInfo, async_trait};
use linkspan_tls::{Protocol, Tls, TlsAcceptor};

use crate::config::Place;
use crate::engine::Engine;
use crate::listen::{WebSocketListener, prepare};
use crate::origin::Origins;
use crate::{connect, listen};

pub(crate) async fn connect(endpoint: &Endpoint, tls: &Tls, engine: Engine) -> Result<Link, Error> {
    endpoint.check_options(Tls::CONNECT_OPTIONS)?;
    let place = Place::of(endpoint)?;
    let connector = tls.connector(endpoint, &PROTOCOL).await?;
    let (stream, peer) = connect::open(endpoint, &place).await?;
    let (stream, facts) = connector.connect(stream).await.map_err(|error| at(error, endpoint))?;
    connect::link(stream, encrypted(peer, facts), place, engine).await
}

pub(crate) async fn listen(
    endpoint: &Endpoint,
    tls: &Tls,
    origins: Origins,
    engine: Engine,
) -> Result<TlsListener, Error> {
    endpoint.check_options(Tls::LISTEN_OPTIONS)?;
    let acceptor = tls.acceptor(endpoint, &PROTOCOL).await?;
    let inner = WebSocketListener::bind(endpoint, origins, true, engine).await?;
    Ok(TlsListener { inner, acceptor })
}

/// A bound address that yields encrypted WebSockets.
#[derive(Debug)]
pub(crate) struct TlsListener {
    inner: WebSocketListener,
    acceptor: TlsAcceptor,
}

#[async_trait]
impl Listener for TlsListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let (stream, remote) = self.inner.accept_stream().await?;
        let endpoint = self.inner.endpoint().clone();
        let (site, engine) = (Arc::clone(&self.inner.site), self.inner.engine);
        let acceptor = self.acceptor.clone();
        Ok(Arrival::new(async move {
            let peer = prepare(&stream, endpoint)?;
            let (stream, facts) =
                acceptor.accept(stream).await.map_err(|error| at(error, peer.endpoint()))?;
            listen::link(stream, encrypted(peer, facts), site, engine).await
        })
        .with_remote(remote))
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }
}

fn encrypted(peer: PeerInfo, facts: TlsInfo) -> PeerInfo {
    peer.with_capabilities(Capabilities::byte_stream().with_encryption(true)).with_tls(facts)
}

fn at(error: Error, endpoint: &Endpoint) -> Error {
    error.at(endpoint.clone().without_options())
}

/// WebSocket begins as HTTP/1.1, whatever it is upgraded to.
const PROTOCOL: Protocol = Protocol::new("http/1.1");
pub(crate) const SCHEME: &str = "wss";
