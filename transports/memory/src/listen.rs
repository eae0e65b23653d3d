//! Listening on a name.

use linkspan_core::{Arrival, Endpoint, Error, Link, Listener, async_trait};
use tokio::sync::mpsc;

use crate::Memory;
use crate::names::{self, Name, Server};

/// A taken name that yields links. Dropping it frees the name, and ends the links nobody accepted.
#[derive(Debug)]
pub(crate) struct MemoryListener {
    /// Dropped before `arrivals`, so that nobody finds a listener that is gone.
    _name: Name,
    arrivals: mpsc::Receiver<Link>,
    endpoint: Endpoint,
}

impl MemoryListener {
    pub(crate) fn bind(memory: Memory, endpoint: &Endpoint) -> Result<Self, Error> {
        let (sender, arrivals) = mpsc::channel(BACKLOG);
        let endpoint = endpoint.clone().without_options();
        let server = Server { arrivals: sender, memory, endpoint: endpoint.clone() };
        Ok(Self { _name: names::take(server)?, arrivals, endpoint })
    }
}

#[async_trait]
impl Listener for MemoryListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let link = self.arrivals.recv().await.ok_or_else(|| Error::closed("name was given up"))?;
        Ok(Arrival::ready(link))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// Links that wait to be accepted; further clients wait in `connect`. The backlog most systems give a socket.
const BACKLOG: usize = 128;
