//! The accepting side.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use linkspan_core::{Arrival, Endpoint, Error, ErrorKind, Link, Listener, PeerInfo, async_trait};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::config::Place;
use crate::engine::Engine;
use crate::http;
use crate::link::Role;
use crate::origin::Origins;
use crate::site::Site;

/// A bound address that yields WebSockets.
#[derive(Debug)]
pub(crate) struct WebSocketListener {
    tcp: TcpListener,
    endpoint: Endpoint,
    pub(crate) site: Arc<Site>,
    pub(crate) engine: Engine,
}

impl WebSocketListener {
    pub(crate) async fn bind(
        endpoint: &Endpoint,
        origins: Origins,
        is_encrypted: bool,
        engine: Engine,
    ) -> Result<Self, Error> {
        let Place { authority, path } = Place::of(endpoint)?;
        let failed = |error: io::Error| {
            let kind = match error.kind() {
                io::ErrorKind::AddrInUse => ErrorKind::AddressInUse,
                _ => ErrorKind::Configuration,
            };
            Error::new(kind, format!("cannot listen on {endpoint}")).with_source(error)
        };
        let tcp = TcpListener::bind(&authority).await.map_err(failed)?;
        let port = tcp.local_addr().map_err(failed)?.port();
        let endpoint = endpoint.clone().without_options().with_port(port);
        let site = Arc::new(Site { path, origins, is_encrypted });
        Ok(Self { tcp, endpoint, site, engine })
    }

    /// The next peer's stream, and where the peer is.
    pub(crate) async fn accept_stream(&self) -> Result<(TcpStream, SocketAddr), Error> {
        self.tcp.accept().await.map_err(Error::not_accepted)
    }
}

#[async_trait]
impl Listener for WebSocketListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let (stream, remote) = self.accept_stream().await?;
        let endpoint = self.endpoint.clone();
        let (site, engine) = (Arc::clone(&self.site), self.engine);
        Ok(Arrival::new(async move {
            let peer = prepare(&stream, endpoint)?;
            link(stream, peer, site, engine).await
        })
        .with_remote(remote))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// Sets `stream` up, and says who is at its other end.
pub(crate) fn prepare(stream: &TcpStream, endpoint: Endpoint) -> Result<PeerInfo, Error> {
    let left = |error: io::Error| Error::closed("peer left at once").with_source(error);
    stream.set_nodelay(true).map_err(left)?;
    let local = stream.local_addr().map_err(left)?;
    let remote = stream.peer_addr().map_err(left)?;
    Ok(PeerInfo::new(endpoint).with_addresses(local.to_string(), remote.to_string()))
}

/// The link over `stream`, once its peer asked for the upgrade.
pub(crate) async fn link<S>(stream: S, peer: PeerInfo, site: Arc<Site>, engine: Engine) -> Result<Link, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (stream, read, info) = http::serve(stream, site).await?;
    Ok(engine.link((stream, &read), Role::Server, peer.with_upgrade(info)).await)
}
