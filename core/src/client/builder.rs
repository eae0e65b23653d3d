//! How a client connects.

use std::marker::PhantomData;
use std::sync::Arc;

use tokio::time::timeout_at;
use tracing::{debug, warn};

use super::buffers::Buffers;
use super::{Backoff, Caller, Client, Inner};
use crate::clock::now;
use crate::codec::{Known, choose, prefer};
use crate::connection::{Connection, Events, Offer, Opened, Role, close_for};
use crate::driver::{Driver, Greeted, Ungreeted, greet, wind_down};
use crate::service::{Router, Runner};
use crate::session::{Facts, Manner};
use crate::transport::Pipe;
use crate::{
    Batch, Close, CloseCode, CodecSet, Endpoint, Error, ErrorKind, Limits, Link, Metadata, PeerInfo, Session,
    SessionId, Stack, Transport, Transports, Verdict,
};

/// Settings of a client.
pub struct ClientBuilder<K> {
    codecs: Option<Vec<String>>,
    limits: Limits,
    metadata: Metadata,
    transports: Transports,
    stack: PhantomData<fn() -> K>,
}

impl<K: Stack> ClientBuilder<K> {
    pub(super) fn new() -> Self {
        Self {
            codecs: None,
            limits: Limits::default(),
            metadata: Metadata::new(),
            transports: K::transports(),
            stack: PhantomData,
        }
    }

    /// Adds several transports, or replaces those of their schemes.
    #[must_use]
    pub fn transports(mut self, transports: Transports) -> Self {
        self.transports.register_all(transports);
        self
    }

    /// Offers these codecs only, in this order; they must be of the stack. An endpoint's option `codec` decides alone.
    ///
    /// Without this call a client offers every codec of its stack, in the stack's order.
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

    /// Metadata of the hello, which the server's connect hook sees: where a token goes.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Adds a transport, or replaces the one of its schemes.
    #[must_use]
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transports.register(Arc::new(transport));
        self
    }

    /// Connects to `url` as [`connect`](Self::connect) does, and tries again until a server is there, with the waits of a
    /// [`Backoff`].
    ///
    /// It gives up only on what no waiting repairs. The first failure is logged as a warning, with its reason; a program
    /// that cannot wait for ever puts a timeout around it.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect) but `Unreachable`, `AtCapacity`, `Closed` and `DeadlineExceeded`: a wrong URL or
    /// setting, a certificate that is not trusted, no common codec, a refusal.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future abandons the attempt.
    pub async fn connect_when_ready(self, url: &str) -> Result<Client<K>, Error> {
        let mut backoff = Backoff::new(&self.limits);
        let mut told = false;
        loop {
            let error = match self.clone().connect(url).await {
                Err(error) if passes_by_itself(error.kind()) => error,
                done => return done,
            };
            let wait = backoff.failed();
            if std::mem::replace(&mut told, true) {
                debug!(url, error = %error, ?wait, "cannot connect yet");
            } else {
                warn!(url, error = %error, "cannot connect yet, trying on");
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Connects to `url`: the scheme picks the transport, the option `codec` the codec; without it the server picks one
    /// of ours.
    ///
    /// # Errors
    /// `UnknownScheme` or `Configuration` if the URL is wrong; `Unreachable` if no peer answered, or it is going away;
    /// `Certificate` if its certificate is not trusted; `UnsupportedCodec` if it has none of our codecs, or a name is not
    /// of the stack; `Refused` if it refused us, with its reason; `AtCapacity` if it has no place for us now;
    /// `FrameTooLarge` if our hello exceeds its limits; `DeadlineExceeded` if all that took longer than the handshake
    /// timeout.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future abandons the attempt.
    pub async fn connect(self, url: &str) -> Result<Client<K>, Error> {
        // In a box, since it would make the futures of all who connect kilobytes larger.
        Box::pin(self.open(url)).await
    }

    async fn open(self, url: &str) -> Result<Client<K>, Error> {
        self.limits.check()?;
        let endpoint: Endpoint = url.parse()?;
        let codecs = offered_codecs(K::Codecs::NAMES, self.codecs, endpoint.option("codec"))?;
        let transport = self.transports.find(&endpoint)?.clone();
        let started = now();
        let deadline = started + self.limits.handshake_timeout;
        let link = timeout_at(deadline.into(), transport.connect(&endpoint))
            .await
            .map_err(|_| too_late(&endpoint))??;
        let (mut pipe, peer) = link.into_parts();
        let max_lanes = peer.capabilities().max_lanes;
        let mut connection = Connection::new(Role::Connector, self.limits.clone(), max_lanes, started);
        connection.offer(&Offer { codecs: codecs.clone(), metadata: self.metadata })?;
        let greeted = match greet(&mut *pipe, &mut connection).await {
            Ok(greeted) => greeted,
            Err(Ungreeted { close, error }) => {
                hang_up(&mut *pipe, &mut connection, &close).await;
                return Err(error.map_or_else(|| refused(&endpoint, &close), |error| error.at(&endpoint)));
            }
        };
        match chosen_codec(&greeted.opened, &codecs, K::Codecs::NAMES) {
            Ok(codec) => Ok(start(Link::from_parts(pipe, peer), connection, greeted, (codec, self.limits))),
            Err(error) => {
                let close = close_for(&error);
                connection.close(close.clone(), &mut Events::default());
                hang_up(&mut *pipe, &mut connection, &close).await;
                Err(error.at(&endpoint))
            }
        }
    }
}

/// True of a failed attempt that may succeed later, though nobody changes anything here.
fn passes_by_itself(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::AtCapacity | ErrorKind::Closed | ErrorKind::DeadlineExceeded | ErrorKind::Unreachable
    )
}

fn start<K: Stack>(
    link: Link,
    connection: Connection,
    greeted: Greeted,
    (codec, limits): (Known, Limits),
) -> Client<K> {
    let (pipe, peer): (Box<dyn Pipe>, PeerInfo) = link.into_parts();
    let Greeted { opened, events } = greeted;
    let facts = Facts {
        id: opened.session.map_or_else(SessionId::generate, SessionId::from_bytes),
        peer,
        decode_limits: limits.decode_limits(),
        agent: opened.agent,
        metadata: opened.metadata,
    };
    let manner = Manner { codec: codec.1, index: codec.0, takes_pushes: false };
    let session = Session::new(facts, manner, connection);
    let buffers = Arc::new(Buffers::new(&limits, codec));
    let runner = Arc::new(Runner::new(Arc::new(Router::default()), None, K::Codecs::NAMES, &limits));
    let driver = Driver::new((pipe, events), session.clone(), runner, buffers.clone());
    let ending = Ending { session: session.clone(), buffers: buffers.clone() };
    // Owned by the connection: it ends when the last client is dropped, which closes the session.
    tokio::spawn(async move {
        let _ending = ending;
        driver.run().await;
    });
    Client {
        inner: Arc::new(Inner { caller: Caller::new(session, limits.call_timeout), buffers }),
        stack: PhantomData,
    }
}

/// Ends the session and its streams when the driver has ended, or was dropped with its runtime.
struct Ending {
    session: Session,
    buffers: Arc<Buffers>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.session.set_closed(Close::new(CloseCode::LOST, "the connection's runtime is gone"));
        self.buffers.end();
    }
}

fn offered_codecs(
    names: &'static [&'static str],
    preferred: Option<Vec<String>>,
    wanted: Option<&str>,
) -> Result<Vec<&'static str>, Error> {
    let wanted = wanted.map(|name| vec![name.to_owned()]).or(preferred);
    match wanted {
        None => Ok(names.to_vec()),
        Some(wanted) => Ok(prefer(names, &wanted)?.into_iter().map(|(_, name)| name).collect()),
    }
}

/// Sends what is left to say, and waits a moment for the peer's end.
async fn hang_up(pipe: &mut dyn Pipe, connection: &mut Connection, close: &Close) {
    let mut rest = Batch::new();
    connection.poll_batch(&mut rest);
    let _ = tokio::time::timeout(LINGER, wind_down(pipe, &mut rest, close)).await;
}

/// The codec that the server chose of those that were `offered`.
fn chosen_codec(
    opened: &Opened,
    offered: &[&'static str],
    names: &'static [&'static str],
) -> Result<Known, Error> {
    if opened.session.is_none() {
        return Err(Error::protocol(
            "the answer to the hello names no session: a client is there, perhaps this one itself",
        ));
    }
    let chosen = match opened.codecs.as_slice() {
        [only] if offered.contains(&only.as_str()) => choose(&opened.codecs, None, names),
        _ => None,
    };
    chosen.ok_or_else(|| {
        let chosen = opened.codecs.join(", ");
        let offered = offered.join(", ");
        Error::protocol(format!("the server is to choose one codec of {offered}, and chose {chosen:?}"))
    })
}

fn too_late(endpoint: &Endpoint) -> Error {
    Error::new(
        ErrorKind::DeadlineExceeded,
        format!("connecting to {endpoint} took longer than handshake_timeout"),
    )
}

fn refused(endpoint: &Endpoint, close: &Close) -> Error {
    let kind = match close.code() {
        CloseCode::UNSUPPORTED_CODEC => ErrorKind::UnsupportedCodec,
        CloseCode::AT_CAPACITY => ErrorKind::AtCapacity,
        CloseCode::TIMEOUT => ErrorKind::DeadlineExceeded,
        CloseCode::PROTOCOL => ErrorKind::Protocol,
        CloseCode::LOST => ErrorKind::Closed,
        CloseCode::TOO_LARGE => ErrorKind::FrameTooLarge,
        // What passes by itself must look so to whoever tries again.
        code => match code.verdict() {
            Verdict::BackOff => ErrorKind::AtCapacity,
            Verdict::ReconnectNow => ErrorKind::Unreachable,
            Verdict::Terminal => ErrorKind::Refused,
        },
    };
    Error::new(kind, format!("{endpoint}: {}", close.reason()))
}

impl<K> Clone for ClientBuilder<K> {
    fn clone(&self) -> Self {
        Self {
            codecs: self.codecs.clone(),
            limits: self.limits.clone(),
            metadata: self.metadata.clone(),
            transports: self.transports.clone(),
            stack: PhantomData,
        }
    }
}

impl<K> std::fmt::Debug for ClientBuilder<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The metadata may hold a token.
        f.debug_struct("ClientBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// How long a refused link may take to wind down.
const LINGER: std::time::Duration = std::time::Duration::from_secs(1);
