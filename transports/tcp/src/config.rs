//! The transport, and what it takes from an endpoint.

use std::net::SocketAddr;

use linkspan_core::{Capabilities, Endpoint, Error, ErrorKind, Link, Listener, Transport, async_trait};
#[cfg(feature = "tls")]
use linkspan_tls::Tls;
use tokio::net::lookup_host;

#[cfg(feature = "tls")]
use crate::tls;
use crate::{connect, listen};

/// Reaches peers over TCP: at `tcp://host:port`, where nothing is encrypted, and at `tls://host:port`, where everything
/// is.
///
/// `tcp://` knows no option of its own: small frames always leave at once (`TCP_NODELAY`), because the runtime gathers
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
pub struct Tcp {
    #[cfg(feature = "tls")]
    tls: Tls,
}

impl Tcp {
    /// The transport. At `tls://` it has no certificate of its own and trusts what the operating system trusts: others
    /// come from `with_tls`, or from the endpoint's options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses `tls` at `tls://`, unless the endpoint's options name something else.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// What it uses at `tls://`.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> &Tls {
        &self.tls
    }
}

#[async_trait]
impl Transport for Tcp {
    fn schemes(&self) -> &[&'static str] {
        SCHEMES
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::byte_stream()
    }

    fn is_encrypted(&self, scheme: &str) -> bool {
        scheme != "tcp"
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        #[cfg(feature = "tls")]
        if endpoint.scheme() == tls::SCHEME {
            return tls::connect(endpoint, &self.tls).await;
        }
        connect::connect(endpoint).await
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        #[cfg(feature = "tls")]
        if endpoint.scheme() == tls::SCHEME {
            return Ok(Box::new(tls::listen(endpoint, &self.tls).await?));
        }
        endpoint.check_options(&[])?;
        Ok(Box::new(listen::TcpListener::bind(endpoint).await?))
    }
}

/// Checks `endpoint` and returns what a resolver takes: its host and port.
pub(crate) fn authority(endpoint: &Endpoint) -> Result<String, Error> {
    let scheme = endpoint.scheme();
    if endpoint.host().is_empty() {
        return Err(Error::configuration(format!(
            "endpoint {endpoint} has no host; write {scheme}://127.0.0.1:port, or {scheme}://0.0.0.0:port to listen on every interface"
        )));
    }
    if !matches!(endpoint.path(), "" | "/") {
        return Err(Error::configuration(format!(
            "endpoint {endpoint} has a path; write {scheme}://host:port"
        )));
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

#[cfg(feature = "tls")]
const SCHEMES: &[&str] = &["tcp", tls::SCHEME];
#[cfg(not(feature = "tls"))]
const SCHEMES: &[&str] = &["tcp"];
/// Addresses of one name that are tried. Chosen because answers of public names hold fewer.
const MAX_ADDRESSES: usize = 16;
