//! A link over an established TCP stream.

use linkspan_core::{Capabilities, Endpoint, Error, ErrorKind, Link, PeerInfo};
use tokio::net::TcpStream;

/// The link over `stream`, made by `endpoint`.
pub(crate) fn link(stream: TcpStream, endpoint: Endpoint) -> Result<Link, Error> {
    let peer = prepare(&stream, endpoint)?;
    Ok(Link::from_io(stream, peer))
}

/// Sets `stream` up, and says who is at its other end.
pub(crate) fn prepare(stream: &TcpStream, endpoint: Endpoint) -> Result<PeerInfo, Error> {
    stream.set_nodelay(true).map_err(|error| {
        Error::new(ErrorKind::Unreachable, "peer left before the link was ready").with_source(error)
    })?;
    let local = stream.local_addr().ok().map(|address| address.to_string());
    let remote = stream.peer_addr().ok().map(|address| address.to_string());
    Ok(PeerInfo::new(endpoint).with_addresses(local, remote).with_capabilities(Capabilities::byte_stream()))
}
