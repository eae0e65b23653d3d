//! The transport, and what it takes from an endpoint.

use std::net::SocketAddr;

use linkspan_core::{Capabilities, Endpoint, Error, ErrorKind, Link, Listener, Transport, async_trait};
use tokio::net::lookup_host;

use crate::{connect, listen};

/// Reaches peers over TCP, at `tcp://host:port`. Nothing is encrypted.
///
/// It knows no option of its own: small frames always leave at once (`TCP_NODELAY`), because the runtime gathers
/// many into one write already.
///
/// ```
/// use linkspan_core::{ErrorKind, Transport};
/// use linkspan_tcp::Tcp;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let first = Tcp::new().listen(&"tcp://127.0.0.1:0".parse()?).await?;
/// let second = Tcp::new().listen(first.endpoint()).await.unwrap_err();
/// assert_eq!(second.kind(), ErrorKind::AddressInUse);
/// # Ok::<(), linkspan_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tcp(());

impl Tcp {
    /// The transport.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Transport for Tcp {
    fn schemes(&self) -> &[&'static str] {
        &["tcp"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::byte_stream()
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        connect::connect(endpoint).await
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        Ok(Box::new(listen::TcpListener::bind(endpoint).await?))
    }
}

/// Checks `endpoint` and returns what a resolver takes: its host and port.
pub(crate) fn authority(endpoint: &Endpoint) -> Result<String, Error> {
    endpoint.check_options(&[])?;
    if endpoint.host().is_empty() {
        return Err(Error::configuration(format!(
            "endpoint {endpoint} has no host; write tcp://127.0.0.1:port, or tcp://0.0.0.0:port to listen on every interface"
        )));
    }
    if !matches!(endpoint.path(), "" | "/") {
        return Err(Error::configuration(format!("endpoint {endpoint} has a path; write tcp://host:port")));
    }
    endpoint.authority()
}

/// Every address of `authority`, in the order the system prefers.
pub(crate) async fn resolve(authority: &str) -> Result<Vec<SocketAddr>, Error> {
    let wrong = || {
        Error::new(
            ErrorKind::Unreachable,
            format!("host of {authority} has no address; check its spelling, or write an IP address"),
        )
    };
    let addresses: Vec<_> = lookup_host(authority)
        .await
        .map_err(|error| wrong().with_source(error))?
        .take(MAX_ADDRESSES)
        .collect();
    if addresses.is_empty() { Err(wrong()) } else { Ok(addresses) }
}

/// Addresses of one name that are tried. Chosen because answers of public names hold fewer.
const MAX_ADDRESSES: usize = 16;
