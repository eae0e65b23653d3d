//! Where a case plays: a road, a codec, and perhaps a saboteur.

use std::sync::Arc;

use linkspan_core::{
    Capabilities, Endpoint, Error, Limits, Link, Listener, PeerInfo, Transport, async_trait,
};

use crate::codecs::CodecChoice;
use crate::harness::Harness;
use crate::service::Alter;
use crate::watched::Filters;

/// A road, a codec, and perhaps a saboteur: one column of the matrix.
#[derive(Clone)]
pub struct Stage {
    pub(crate) harness: Arc<dyn Harness>,
    /// What the road can do, at the scheme that it listens at.
    pub(crate) capabilities: Capabilities,
    pub(crate) codec: CodecChoice,
    pub(crate) sabotage: Sabotage,
    /// Scenarios of the central case.
    pub(crate) seeds: u64,
    /// Steps of each.
    pub(crate) steps: u64,
}

/// What a saboteur does. The default does nothing.
#[derive(Clone)]
pub(crate) struct Sabotage {
    /// Changes what links receive.
    pub(crate) link: Option<fn() -> Filters>,
    /// Changes what the service does.
    pub(crate) service: Option<Alter>,
    /// Changes the limits of both sides.
    pub(crate) limits: fn(Limits) -> Limits,
    /// Changes what is told of a peer.
    pub(crate) facts: fn(PeerInfo) -> PeerInfo,
    /// How often the close hook runs.
    pub(crate) close_hooks: usize,
    /// How connect hooks run.
    pub(crate) connect_hooks: ConnectHooks,
}

/// How connect hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectHooks {
    /// Each before its client is admitted, whatever others do.
    AtOnce,
    /// One after the other.
    InTurn,
    /// After the client's first call.
    Late,
}

impl Default for Sabotage {
    fn default() -> Self {
        Self {
            link: None,
            service: None,
            limits: |limits| limits,
            facts: |peer| peer,
            close_hooks: 1,
            connect_hooks: ConnectHooks::AtOnce,
        }
    }
}

impl Stage {
    /// The road of `harness` with `codec`.
    pub fn new(harness: Arc<dyn Harness>, codec: CodecChoice) -> Self {
        let server = harness.server();
        // A transport of several schemes promises what all of them can, and tells of encryption by scheme.
        let scheme = harness.listen().split(':').next().unwrap_or_default().to_owned();
        let capabilities = server.capabilities().with_encryption(server.is_encrypted(&scheme));
        Self { harness, capabilities, codec, sabotage: Sabotage::default(), seeds: 6, steps: 200 }
    }

    /// `road·codec`.
    pub fn name(&self) -> String {
        format!("{}·{}", self.harness.name(), self.codec.name())
    }

    /// What the road can do.
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stage").field(&self.name()).finish()
    }
}

/// A shared transport where an owned one is asked for.
#[derive(Debug)]
pub(crate) struct Forward(pub(crate) Arc<dyn Transport>);

#[async_trait]
impl Transport for Forward {
    fn schemes(&self) -> &[&'static str] {
        self.0.schemes()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn is_encrypted(&self, scheme: &str) -> bool {
        self.0.is_encrypted(scheme)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        self.0.connect(endpoint).await
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        self.0.listen(endpoint).await
    }
}
