//! The accepting side.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use linkspan_core::{Arrival, Endpoint, Error, ErrorKind, Link, Listener, PeerInfo, async_trait};
use tokio::net::{TcpListener, TcpStream};

use crate::config::Place;
use crate::http;
use crate::link::WebSocketPipe;
use crate::origin::Origins;
use crate::site::Site;

pub(crate) async fn listen(
    endpoint: &Endpoint,
    place: Place,
    origins: Origins,
) -> Result<Box<dyn Listener>, Error> {
    let failed = |error: io::Error| {
        let kind = match error.kind() {
            io::ErrorKind::AddrInUse => ErrorKind::AddressInUse,
            _ => ErrorKind::Configuration,
        };
        Error::new(kind, format!("cannot listen on {endpoint}")).with_source(error)
    };
    let tcp = TcpListener::bind(&place.authority).await.map_err(failed)?;
    let port = tcp.local_addr().map_err(failed)?.port();
    let endpoint = endpoint.clone().without_options().with_port(port);
    Ok(Box::new(WebSocketListener { tcp, endpoint, site: Arc::new(Site { path: place.path, origins }) }))
}

#[derive(Debug)]
struct WebSocketListener {
    tcp: TcpListener,
    endpoint: Endpoint,
    site: Arc<Site>,
}

#[async_trait]
impl Listener for WebSocketListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let (stream, remote) = self.tcp.accept().await.map_err(passing)?;
        Ok(Arrival::new(greet(stream, remote, self.endpoint.clone(), Arc::clone(&self.site))))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// No failure of `accept(2)` ends a listener: each is about one peer, or about what the process lacks for now.
fn passing(error: io::Error) -> Error {
    let (kind, context) = match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {
            (ErrorKind::Unreachable, "peer left before it was accepted")
        }
        _ => (
            ErrorKind::AtCapacity,
            "no peer can be accepted for now; if open files ran out, raise their limit (ulimit -n)",
        ),
    };
    Error::new(kind, context).with_source(error)
}

async fn greet(
    stream: TcpStream,
    remote: SocketAddr,
    endpoint: Endpoint,
    site: Arc<Site>,
) -> Result<Link, Error> {
    let prepared = stream.set_nodelay(true).and_then(|()| stream.local_addr());
    let local = prepared.map_err(|error| Error::closed("peer left at once").with_source(error))?;
    let (socket, info) = http::serve(stream, site).await?;
    let peer =
        PeerInfo::new(endpoint).with_addresses(local.to_string(), remote.to_string()).with_upgrade(info);
    Ok(Link::new(WebSocketPipe::new(socket), peer))
}
