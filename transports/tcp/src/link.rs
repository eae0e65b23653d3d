//! A link over an established TCP stream.

use linkspan_core::{Capabilities, Endpoint, Error, ErrorKind, Link, PeerInfo};
use tokio::net::TcpStream;

/// The link over `stream`, made by `endpoint`.
pub(crate) fn link(stream: TcpStream, endpoint: Endpoint) -> Result<Link, Error> {
    stream.set_nodelay(true).map_err(|error| {
        Error::new(ErrorKind::Unreachable, "peer left before the link was ready").with_source(error)
    })?;
    let local = stream.local_addr().ok().map(|address| address.to_string());
    let remote = stream.peer_addr().ok().map(|address| address.to_string());
    let peer =
        PeerInfo::new(endpoint).with_addresses(local, remote).with_capabilities(Capabilities::byte_stream());
    Ok(Link::from_io(stream, peer))
}
