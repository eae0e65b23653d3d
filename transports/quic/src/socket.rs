//! UDP sockets, and quinn on top of them.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::{EndpointConfig, ServerConfig, TokioRuntime};
use socket2::{Domain, Protocol, Socket, Type};

/// QUIC on a new socket bound to `address`; accepts connections if `server` says how.
pub(crate) fn bind(
    address: SocketAddr,
    server: Option<ServerConfig>,
    buffer_len: usize,
) -> io::Result<quinn::Endpoint> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // Larger buffers only save retransmissions, so a system that refuses them still works.
    let _ = socket.set_recv_buffer_size(buffer_len);
    let _ = socket.set_send_buffer_size(buffer_len);
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    quinn::Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))
}
