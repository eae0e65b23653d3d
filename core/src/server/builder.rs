//! How a server is put together.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_layer::Layer;
use tower_service::Service as TowerService;
use tracing::warn;

use super::Server;
use super::accept::{Codecs, Host, accept};
use super::hooks::Hooks;
use super::stopping::Stopping;
use crate::codec::prefer;
use crate::connection::Reply;
use crate::service::{CallRequest, Calls, Router, Runner, Service};
use crate::{
    BoxError, Close, CodecSet, Endpoint, Error, Limits, Listener, Session, Stack, Transport, Transports,
};

/// Something that is a service for applications built with `K`. Implemented by the adapter that `#[service]` generates.
pub trait IntoService<K: Stack> {
    /// The service, compiled for every codec of the stack.
    fn into_service(self) -> Arc<dyn Service>;
}

/// Settings of a server.
pub struct ServerBuilder<K> {
    codecs: Option<Vec<String>>,
    endpoints: Vec<String>,
    hooks: Hooks,
    layers: Vec<Box<dyn FnOnce(Calls) -> Calls + Send>>,
    limits: Limits,
    services: Vec<Arc<dyn Service>>,
    transports: Transports,
    stack: PhantomData<fn() -> K>,
}

impl<K: Stack> ServerBuilder<K> {
    pub(super) fn new() -> Self {
        Self {
            codecs: None,
            endpoints: Vec::new(),
            hooks: Hooks::default(),
            layers: Vec::new(),
            limits: Limits::default(),
            services: Vec::new(),
            transports: K::transports(),
            stack: PhantomData,
        }
    }

    /// Serves `service` on every endpoint.
    #[must_use]
    pub fn service(mut self, service: impl IntoService<K>) -> Self {
        self.services.push(service.into_service());
        self
    }

    /// Listens on `url` too. Port 0 picks a free one, which [`Server::endpoints`] tells. The option `codec` is for clients'
    /// URLs only.
    #[must_use]
    pub fn listen(mut self, url: impl Into<String>) -> Self {
        self.endpoints.push(url.into());
        self
    }

    /// Adds a transport, or replaces the one of its schemes.
    #[must_use]
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transports.register(Arc::new(transport));
        self
    }

    /// Adds several transports, or replaces those of their schemes.
    #[must_use]
    pub fn transports(mut self, transports: Transports) -> Self {
        self.transports.register_all(transports);
        self
    }

    /// Speaks these codecs only, and takes the first of them that a client offers; they must be of the stack.
    ///
    /// Without this call a server speaks every codec of its stack, and takes the one the client prefers.
    #[must_use]
    pub fn codecs(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.codecs = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Other limits than the defaults.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Wraps every call in a `tower::Layer`; the one added last is outermost.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Calls> + Send + 'static,
        L::Service: TowerService<CallRequest, Response = Reply> + Clone + Send + 'static,
        <L::Service as TowerService<CallRequest>>::Error: Into<BoxError>,
        <L::Service as TowerService<CallRequest>>::Future: Send,
    {
        self.layers.push(Box::new(move |calls| calls.wrap(&layer)));
        self
    }

    /// Decides about each client before it is admitted: an error refuses it, and its text is what the client is told.
    ///
    /// The session has the peer's facts and its hello's metadata. Pushes made here reach the client first. Bounded by the
    /// handshake timeout.
    #[must_use]
    pub fn on_connect<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Session) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.hooks.connect = Some(Box::new(move |session| Box::pin(hook(session))));
        self
    }

    /// Called once for every session that was admitted, when it has ended, with the reason.
    #[must_use]
    pub fn on_close(mut self, hook: impl Fn(Session, Close) + Send + Sync + 'static) -> Self {
        self.hooks.close = Some(Box::new(hook));
        self
    }

    /// Listens on every endpoint and starts to serve.
    ///
    /// # Errors
    /// `UnknownScheme` or `Configuration` if a URL, a limit or the services are wrong; `UnsupportedCodec` if a codec is
    /// not of the stack; `AddressInUse`; `Certificate`. Then nothing listens.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future frees what it listens on.
    pub async fn start(self) -> Result<Server<K>, Error> {
        self.limits.check()?;
        let preferred = self.codecs.map(|wanted| prefer(K::Codecs::NAMES, &wanted)).transpose()?;
        let mut router = Router::default();
        for service in &self.services {
            router.add(service)?;
        }
        let router = Arc::new(router);
        let layers = (!self.layers.is_empty())
            .then(|| self.layers.into_iter().fold(Calls::new(router.clone()), |calls, wrap| wrap(calls)));
        let listeners = listen(&self.transports, &self.endpoints).await?;
        let endpoints = listeners.iter().map(|listener| listener.endpoint().clone()).collect();
        let runner = Runner::new(router, layers, K::Codecs::NAMES, &self.limits);
        let codecs = Codecs { names: K::Codecs::NAMES, preferred };
        let host = Arc::new(Host::new(self.limits, self.hooks, runner, codecs));
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for listener in listeners {
            tasks.spawn(accept(listener, host.clone(), stop.clone()));
        }
        let stopping = Arc::new(Stopping::new(host, tasks, stop));
        Ok(Server {
            endpoints,
            stopping,
            ending: Mutex::default(),
            runtime: Handle::current(),
            stack: PhantomData,
        })
    }
}

async fn listen(transports: &Transports, urls: &[String]) -> Result<Vec<Box<dyn Listener>>, Error> {
    if urls.is_empty() {
        return Err(Error::configuration(
            "a server listens nowhere; `listen` takes endpoints such as tcp://127.0.0.1:7001",
        ));
    }
    let mut listeners = Vec::new();
    for url in urls {
        let endpoint: Endpoint = url.parse()?;
        let transport = transports.find(&endpoint)?;
        if endpoint.option("codec").is_some() {
            return Err(Error::configuration(format!(
                "endpoint {endpoint} names a codec, which its clients choose; say with `codecs` which to speak"
            )));
        }
        if !transport.is_encrypted(endpoint.scheme()) && is_exposed(endpoint.host()) {
            warn!(%endpoint, "listening in plaintext beyond this machine");
        }
        listeners.push(transport.listen(&endpoint).await?);
    }
    Ok(listeners)
}

/// True if `host` is an address of which others may be near.
fn is_exposed(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback())
}

impl<K> fmt::Debug for ServerBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
