//! What a transport author gives: how to listen on a road, and how to reach what listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use linkspan_core::{Endpoint, Transport};

/// One road under test. Every pair listens anew, at once with others; so the address must be free each time.
pub trait Harness: Send + Sync + 'static {
    /// Its name in the matrix.
    fn name(&self) -> &str;

    /// The transport the server listens with.
    fn server(&self) -> Arc<dyn Transport>;

    /// The transport clients connect with. Default: the server's.
    fn client(&self) -> Arc<dyn Transport> {
        self.server()
    }

    /// Where the next server listens.
    fn listen(&self) -> String;

    /// Where clients reach a server that listens at `endpoint`. Default: there.
    fn connect(&self, endpoint: &Endpoint) -> Endpoint {
        endpoint.clone()
    }
}

const _: fn(&dyn Harness) = |_| {}; // object safety, proved at compile time

type Connect = Box<dyn Fn(&Endpoint) -> Endpoint + Send + Sync>;

/// A road by its parts.
///
/// ```
/// use linkspan_conformance::{Harness, Loopback, Road};
///
/// let road = Road::new("loop", Loopback::new(), "loop://server-{n}");
/// assert_eq!((road.listen(), road.listen()), ("loop://server-1".into(), "loop://server-2".into()));
/// ```
pub struct Road {
    name: String,
    server: Arc<dyn Transport>,
    client: Arc<dyn Transport>,
    url: String,
    next: AtomicU64,
    connect: Connect,
}

impl Road {
    /// A road called `name`, listening at `url`: one that picks a free address each time, such as
    /// `tcp://127.0.0.1:0`. Every `{n}` in it is another number each time, for roads that cannot pick one themselves.
    pub fn new(name: impl Into<String>, transport: impl Transport, url: impl Into<String>) -> Self {
        let transport = Arc::new(transport);
        Self {
            name: name.into(),
            server: transport.clone(),
            client: transport,
            url: url.into(),
            next: AtomicU64::new(1),
            connect: Box::new(Endpoint::clone),
        }
    }

    /// The same, connecting with another transport: one that trusts the server's certificate, say.
    #[must_use]
    pub fn with_client(mut self, transport: impl Transport) -> Self {
        self.client = Arc::new(transport);
        self
    }

    /// The same, reaching a server that listens at an endpoint by what `connect` makes of that: with an option such as
    /// `?ca=`, say.
    #[must_use]
    pub fn with_connect(mut self, connect: impl Fn(&Endpoint) -> Endpoint + Send + Sync + 'static) -> Self {
        self.connect = Box::new(connect);
        self
    }
}

impl Harness for Road {
    fn name(&self) -> &str {
        &self.name
    }

    fn server(&self) -> Arc<dyn Transport> {
        self.server.clone()
    }

    fn client(&self) -> Arc<dyn Transport> {
        self.client.clone()
    }

    fn listen(&self) -> String {
        self.url.replace("{n}", &self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    fn connect(&self, endpoint: &Endpoint) -> Endpoint {
        (self.connect)(endpoint)
    }
}

impl std::fmt::Debug for Road {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Road").field("name", &self.name).finish_non_exhaustive()
    }
}
