//! The transport, and what it takes from an endpoint.

use linkspan_core::{Capabilities, Endpoint, Error, Link, Listener, Transport, async_trait};

use crate::{Chaos, connect, listen};

/// Reaches peers in the same process, at `mem://name`.
///
/// Names belong to the whole process: a client and a server that were built apart find each other. The option
/// `seed=N` sets the seed of its [`Chaos`], or turns on [`Chaos::harmless`] if it has none. What an end receives is
/// troubled by its own chaos, or by its peer's if it has none; so one end is enough to trouble both directions.
///
/// ```
/// use linkspan_core::{ErrorKind, Transport};
/// use linkspan_memory::{Chaos, Memory};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let memory = Memory::new().with_chaos(Chaos::new(7).with_shuffled_lanes(true));
/// assert!(memory.capabilities().independent_lanes);
/// let listener = memory.listen(&"mem://prices".parse()?).await?;
/// let taken = Memory::new().listen(&"mem://prices".parse()?).await.unwrap_err();
/// assert_eq!(taken.kind(), ErrorKind::AddressInUse);
///
/// drop(listener); // frees the name
/// Memory::new().listen(&"mem://prices?seed=8".parse()?).await?;
/// # Ok::<(), linkspan_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Memory {
    capacity: usize,
    chaos: Option<Chaos>,
}

impl Memory {
    /// The transport, without chaos.
    pub fn new() -> Self {
        Self { capacity: DEFAULT_CAPACITY, chaos: None }
    }

    /// The same with at most `bytes` in flight towards this end of each link; a sender waits beyond. Default 256 KiB,
    /// what a socket holds on common systems.
    ///
    /// Higher wakes the ends less often; lower bounds memory. A frame that is larger passes alone.
    #[must_use]
    pub fn with_capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes;
        self
    }

    /// The same with `chaos` on every link, connected or accepted.
    #[must_use]
    pub fn with_chaos(mut self, chaos: Chaos) -> Self {
        self.chaos = Some(chaos);
        self
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn chaos(&self) -> Option<Chaos> {
        self.chaos
    }

    /// The same as `endpoint` has it, once that is known to be right.
    pub(crate) fn configured_by(mut self, endpoint: &Endpoint) -> Result<Self, Error> {
        endpoint.check_options(&["seed"])?;
        let wrong = |what: &str, hint: &str| {
            Err(Error::configuration(format!("endpoint {endpoint} has {what}; write {hint}")))
        };
        if endpoint.host().is_empty() {
            return wrong("no name", "mem://name");
        }
        if endpoint.port().is_some() || !matches!(endpoint.path(), "" | "/") {
            return wrong("more than a name", &format!("mem://{}", endpoint.host()));
        }
        if let Some(seed) = endpoint.option("seed") {
            let Ok(seed) = seed.parse() else {
                return wrong("a seed that is not a number", "seed=N, with N from 0 to 18446744073709551615");
            };
            self.chaos = Some(self.chaos.map_or(Chaos::harmless(seed), |chaos| Chaos { seed, ..chaos }));
        }
        Ok(self)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Transport for Memory {
    fn schemes(&self) -> &[&'static str] {
        &["mem"]
    }

    /// Lanes are independent if chaos shuffles them. A link that a seed or a peer shuffles says so in its own
    /// capabilities.
    fn capabilities(&self) -> Capabilities {
        let shuffled = self.chaos.is_some_and(|chaos| chaos.shuffle_lanes);
        Capabilities::byte_stream().with_independent_lanes(shuffled)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        connect::connect(&self.clone().configured_by(endpoint)?, endpoint).await
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        Ok(Box::new(listen::MemoryListener::bind(self.clone().configured_by(endpoint)?, endpoint)?))
    }
}

/// Bytes in flight per direction: common socket buffers hold as much.
const DEFAULT_CAPACITY: usize = 256 * 1024;
