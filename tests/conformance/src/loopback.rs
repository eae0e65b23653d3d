//! The kit's own road: byte pipes within the process, for testing codecs and the kit itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use linkspan_core::{
    Arrival, Capabilities, Endpoint, Error, ErrorKind, Link, Listener, PeerInfo, TlsInfo, Transport,
    async_trait,
};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

/// Byte pipes within the process, at `loop://name`. Names belong to one `Loopback` and its clones.
#[derive(Clone, Debug, Default)]
pub struct Loopback {
    names: Arc<Mutex<Names>>,
    /// Claims to be encrypted, so that saboteurs meet the promises of such roads.
    claims_tls: bool,
}

type Names = HashMap<String, mpsc::Sender<DuplexStream>>;

impl Loopback {
    /// One whose names are all free.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, claiming to be encrypted.
    pub(crate) fn claiming_tls(mut self) -> Self {
        self.claims_tls = true;
        self
    }

    fn facts(&self, endpoint: &Endpoint) -> PeerInfo {
        let facts = PeerInfo::new(endpoint.clone());
        if !self.claims_tls {
            return facts;
        }
        let mut tls = TlsInfo::default();
        tls.certificates.push(b"of nobody".to_vec());
        facts.with_capabilities(Capabilities::byte_stream().with_encryption(true)).with_tls(tls)
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner) // no update can stop half-way
    }
}

#[async_trait]
impl Transport for Loopback {
    fn schemes(&self) -> &[&'static str] {
        &["loop"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::byte_stream().with_encryption(self.claims_tls)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        let nobody = || Error::new(ErrorKind::Unreachable, format!("nobody listens at {endpoint}"));
        let server = self.names().get(endpoint.host()).cloned().ok_or_else(nobody)?;
        let (mine, theirs) = tokio::io::duplex(CAPACITY);
        server.send(theirs).await.map_err(|_| nobody())?;
        Ok(Link::from_io(mine, self.facts(endpoint)))
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        let (sender, arrivals) = mpsc::channel(BACKLOG);
        let endpoint = endpoint.clone().without_options();
        let mut names = self.names();
        if names.get(endpoint.host()).is_some_and(|known| !known.is_closed()) {
            return Err(Error::new(ErrorKind::AddressInUse, format!("somebody listens at {endpoint}")));
        }
        names.insert(endpoint.host().to_owned(), sender);
        drop(names);
        Ok(Box::new(LoopbackListener { arrivals, facts: self.facts(&endpoint), endpoint }))
    }
}

#[derive(Debug)]
struct LoopbackListener {
    arrivals: mpsc::Receiver<DuplexStream>,
    endpoint: Endpoint,
    facts: PeerInfo,
}

#[async_trait]
impl Listener for LoopbackListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let io = self.arrivals.recv().await.ok_or_else(|| Error::closed("name was given up"))?;
        Ok(Arrival::ready(Link::from_io(io, self.facts.clone())))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// Small, so that both sides take turns often, and much can happen while a body is on its way.
const CAPACITY: usize = 16 * 1024;
/// The backlog most systems give a socket.
const BACKLOG: usize = 128;
