//! Listening on an address.

use std::io;
use std::net::SocketAddr;

use linkspan_core::{Arrival, Endpoint, Error, ErrorKind, Listener, async_trait};
use tokio::net;

use crate::{config, link};

/// A bound address that yields links.
#[derive(Debug)]
pub(crate) struct TcpListener {
    listener: net::TcpListener,
    endpoint: Endpoint,
}

impl TcpListener {
    pub(crate) async fn bind(endpoint: &Endpoint) -> Result<Self, Error> {
        let authority = config::authority(endpoint)?;
        let addresses = config::resolve(&authority).await.map_err(|error| {
            Error::configuration(format!("cannot listen on {endpoint}")).with_source(error)
        })?;
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in addresses {
            match net::TcpListener::bind(address).await {
                Ok(listener) => {
                    let port = listener.local_addr().map_err(|error| refused(endpoint, error))?.port();
                    let endpoint = endpoint.clone().without_options().with_port(port);
                    return Ok(Self { listener, endpoint });
                }
                Err(error) => last = error,
            }
            // Moving on to another address of the same name would hide the conflict.
            if last.kind() == io::ErrorKind::AddrInUse {
                break;
            }
        }
        Err(refused(endpoint, last))
    }

    /// The next peer's stream, and where the peer is.
    pub(crate) async fn accept_stream(&self) -> Result<(net::TcpStream, SocketAddr), Error> {
        self.listener.accept().await.map_err(Error::not_accepted)
    }
}

#[async_trait]
impl Listener for TcpListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let (stream, remote) = self.accept_stream().await?;
        let arrival = match link::link(stream, self.endpoint.clone()) {
            Ok(link) => Arrival::ready(link),
            failed => Arrival::new(std::future::ready(failed)),
        };
        Ok(arrival.with_remote(remote))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// Why `endpoint` cannot be listened on, and what to do.
fn refused(endpoint: &Endpoint, error: io::Error) -> Error {
    let (kind, context) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            ErrorKind::AddressInUse,
            format!(
                "another program listens on {endpoint}; stop it, or pick another port (0 picks a free one)"
            ),
        ),
        io::ErrorKind::AddrNotAvailable => (
            ErrorKind::Configuration,
            format!("host of {endpoint} is no address of this machine; write 127.0.0.1 or 0.0.0.0"),
        ),
        io::ErrorKind::PermissionDenied => (
            ErrorKind::Configuration,
            format!(
                "not allowed to listen on {endpoint}; pick a port above 1023, or grant the right to this one"
            ),
        ),
        _ => (ErrorKind::Configuration, format!("cannot listen on {endpoint}")),
    };
    Error::new(kind, context).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_failure_of_accept_ends_the_listener() {
        for kind in [io::ErrorKind::ConnectionAborted, io::ErrorKind::OutOfMemory, io::ErrorKind::Other] {
            assert_ne!(Error::not_accepted(kind.into()).kind(), ErrorKind::Closed);
        }
    }

    #[test]
    fn a_port_that_needs_rights_is_a_matter_of_configuration() {
        let endpoint: Endpoint = "tcp://127.0.0.1:80".parse().unwrap();
        let error = refused(&endpoint, io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("above 1023"));
    }
}
