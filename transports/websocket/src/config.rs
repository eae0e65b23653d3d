//! The transport, and what an application may choose about it.

use hyper::http::uri::PathAndQuery;
use linkspan_core::settings::Misfit;
use linkspan_core::{Capabilities, Endpoint, Error, Link, Listener, Transport, async_trait};
#[cfg(feature = "tls")]
use linkspan_tls::Tls;

use crate::engine::Engine;
use crate::origin::Origins;
#[cfg(feature = "tls")]
use crate::tls;
use crate::{connect, listen};

/// WebSocket as a transport, for the schemes `ws` and, encrypted, `wss`.
///
/// Endpoints are `ws://host:port/path`; without a path it is `/`. `ws` has no options of its own.
#[derive(Clone, Debug, Default)]
pub struct WebSocket {
    config: WebSocketConfig,
    #[cfg(feature = "tls")]
    tls: Tls,
}

linkspan_core::settings! {
    /// What may be chosen about WebSocket: plain data, safe by default, checked when listening starts.
    pub struct WebSocketConfig {
        /// Origins whose pages may connect, as a browser writes them: `https://app.example`. Default none.
        ///
        /// A page served from the same host and port may always connect, at `wss://` only if it was served encrypted
        /// too; and so may peers that are no browsers: they send no `Origin`.
        allowed_origins: Vec<String> = Vec::new(), set by with_allowed_origins;
        /// True lets pages of every origin connect. Default false.
        ///
        /// Then any page a user visits can use this service with the user's cookies (cross-site WebSocket hijacking).
        dangerously_allow_any_origin: bool = false, set by with_dangerously_allow_any_origin;
        /// What frames messages once a link is upgraded: `"own"` or `"tungstenite"`. Default own.
        ///
        /// Both speak RFC 6455 and pass the same tests, and a peer cannot tell them apart. The own one reads many messages
        /// at once, copies no body to a client, and holds no buffer while nothing comes; tungstenite is there to compare
        /// with, and should the own one be at fault.
        engine: Engine = Engine::Own, set by with_engine;
    }
    checked by WebSocketConfig::check_origins;
}

impl WebSocketConfig {
    fn check_origins(&self) -> Result<(), Misfit> {
        Origins::parse(self).map(drop)
    }
}

impl WebSocket {
    /// With the defaults: pages of other origins may not connect.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses `config`, as read from a file, instead of the defaults.
    #[must_use]
    pub fn with_config(mut self, config: WebSocketConfig) -> Self {
        self.config = config;
        self
    }

    /// Uses `tls` at `wss://`, unless the endpoint's options name something else. Without it, a server has no certificate
    /// to show, and a client trusts what the operating system trusts.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// What it uses at `wss://`.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// The same, framed by `engine`: see [`WebSocketConfig::engine`].
    #[must_use]
    pub fn with_engine(mut self, engine: Engine) -> Self {
        self.config.engine = engine;
        self
    }

    /// The same, where pages of `origin` (`https://app.example`) may connect too.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.config.allowed_origins.push(origin.into());
        self
    }

    /// The same, where pages of every origin may connect: see [`WebSocketConfig::dangerously_allow_any_origin`].
    #[must_use]
    pub fn dangerously_allow_any_origin(mut self) -> Self {
        self.config.dangerously_allow_any_origin = true;
        self
    }
}

#[async_trait]
impl Transport for WebSocket {
    fn schemes(&self) -> &[&'static str] {
        SCHEMES
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::byte_stream()
    }

    fn is_encrypted(&self, scheme: &str) -> bool {
        scheme != "ws"
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        #[cfg(feature = "tls")]
        if endpoint.scheme() == tls::SCHEME {
            return tls::connect(endpoint, &self.tls, self.config.engine).await;
        }
        connect::connect(endpoint, self.config.engine).await
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        let origins = Origins::parse(&self.config)?;
        let engine = self.config.engine;
        #[cfg(feature = "tls")]
        if endpoint.scheme() == tls::SCHEME {
            return Ok(Box::new(tls::listen(endpoint, &self.tls, origins, engine).await?));
        }
        endpoint.check_options(&[])?;
        Ok(Box::new(listen::WebSocketListener::bind(endpoint, origins, false, engine).await?))
    }
}

/// An endpoint, checked: what a socket and a request line take.
pub(crate) struct Place {
    /// `host:port`.
    pub(crate) authority: String,
    /// The path, with its leading slash.
    pub(crate) path: String,
}

impl Place {
    pub(crate) fn of(endpoint: &Endpoint) -> Result<Self, Error> {
        let authority = endpoint.authority()?;
        if endpoint.host().is_empty() {
            return Err(Error::configuration(format!(
                "endpoint {endpoint} has no host; write {}://host:port",
                endpoint.scheme()
            )));
        }
        let path = if endpoint.path().is_empty() { "/" } else { endpoint.path() };
        match PathAndQuery::try_from(path) {
            Ok(parsed) if parsed.as_str() == path => Ok(Self { authority, path: path.to_owned() }),
            _ => Err(Error::configuration(format!(
                "endpoint {endpoint} has a path that HTTP cannot carry; percent-encode it"
            ))),
        }
    }
}

#[cfg(feature = "tls")]
const SCHEMES: &[&str] = &["ws", tls::SCHEME];
#[cfg(not(feature = "tls"))]
const SCHEMES: &[&str] = &["ws"];
