//! A running server, a connected client, and what can be seen of both.

use std::sync::{Arc, Mutex, PoisonError};

use linkspan_core::{Endpoint, Error, Limits, Metadata, Push, Session, Transport};

use crate::broken::Broken;
use crate::codecs::{AnyServer, CodecChoice, Join, Serve};
use crate::observer::Observer;
use crate::peer::Peer;
use crate::raw::{RawLink, RawListener, welcome};
use crate::stage::Stage;
use crate::values::Note;
use crate::watched::{Filters, Side, Tap, Watched};

/// With which limits a pair runs.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Settings {
    /// The server's.
    pub server: Limits,
    /// Every client's.
    pub client: Limits,
    /// A layer around every call ends it as its metadata says.
    pub(crate) guarded: bool,
}

/// A running server and a connected client, with points to observe both. Dropping it ends both.
#[derive(Debug)]
pub struct Pair {
    /// The client that is connected from the start.
    pub client: Peer,
    /// What happens at the server.
    pub seen: Observer,
    server: Mutex<Option<Arc<dyn AnyServer>>>,
    stage: Stage,
    settings: Settings,
    endpoint: Endpoint,
    filters: Option<Shared>,
}

/// The filters of a pair, whose links may share what they know.
#[derive(Clone)]
struct Shared(Filters);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filters")
    }
}

impl Pair {
    /// Starts a server on `stage` and connects a client.
    ///
    /// # Errors
    /// Neither must fail; the error says which did.
    ///
    /// # Cancel safety
    /// Cancel safe: both end.
    pub async fn open(stage: &Stage, settings: Settings) -> Result<Self, Broken> {
        let change = stage.sabotage.limits;
        let guarded = settings.guarded;
        let settings = Settings { server: change(settings.server), client: change(settings.client), guarded };
        let filters = stage.sabotage.link.map(|filters| filters());
        let seen = Observer::new();
        let serve = Serve {
            url: stage.harness.listen(),
            transport: Arc::new(Watched {
                inner: stage.harness.server(),
                side: Side::Server,
                filters: filters.clone(),
                facts: stage.sabotage.facts,
                tap: None,
            }),
            limits: settings.server.clone(),
            guarded,
            observer: seen.clone(),
            sabotage: stage.sabotage.clone(),
        };
        let server = stage.codec.application().serve(serve).await?;
        let listening = server.endpoint().ok_or_else(|| Broken::new("the server listens nowhere"))?;
        let endpoint = stage.harness.connect(listening).with_option("codec", stage.codec.name());
        let filters = filters.map(Shared);
        let client = join(stage, &settings, (&endpoint, Metadata::new()), filters.as_ref()).await?;
        let server = Mutex::new(Some(server.into()));
        Ok(Self { client, seen, server, stage: stage.clone(), settings, endpoint, filters })
    }

    /// Connects one more client.
    ///
    /// # Errors
    /// As [`Client::connect`](linkspan_core::Client::connect).
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn connect(&self) -> Result<Peer, Error> {
        self.connect_with(Metadata::new()).await
    }

    /// Connects one more client with metadata in its hello.
    ///
    /// # Errors
    /// As [`Client::connect`](linkspan_core::Client::connect).
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn connect_with(&self, metadata: Metadata) -> Result<Peer, Error> {
        join(&self.stage, &self.settings, (&self.endpoint, metadata), self.filters.as_ref()).await
    }

    /// Opens a link to the server that speaks no protocol of its own.
    ///
    /// # Errors
    /// As the transport's.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn raw(&self) -> Result<RawLink, Error> {
        let transport = transport(&self.stage, self.filters.as_ref(), Tap::new());
        Ok(RawLink::new(transport.connect(&self.endpoint).await?))
    }

    /// Listens without a protocol of its own, for clients that are to meet a server as no server should be.
    ///
    /// # Errors
    /// As the transport's.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn raw_listener(&self) -> Result<RawListener, Broken> {
        let listener = self.stage.harness.server().listen(&self.stage.harness.listen().parse()?).await?;
        let endpoint = self.stage.harness.connect(listener.endpoint());
        let endpoint = endpoint.with_option("codec", self.stage.codec.name());
        Ok(RawListener { listener, endpoint })
    }

    /// A client of a server that speaks frame by frame and has said hello.
    ///
    /// # Errors
    /// As the transport's, and the client's.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(crate) async fn raw_server(&self, listener: &mut RawListener) -> Result<(RawLink, Peer), Broken> {
        let endpoint = listener.endpoint.clone();
        let joining = async {
            let peer = (&endpoint, Metadata::new());
            Ok::<_, Broken>(join(&self.stage, &self.settings, peer, self.filters.as_ref()).await?)
        };
        let welcome = welcome(self.codec().name());
        let (link, client) = tokio::try_join!(listener.accept(&welcome), joining)?;
        Ok((link, client))
    }

    /// Where clients reach the server.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The server, unless it was stopped.
    pub(crate) fn server(&self) -> Result<Arc<dyn AnyServer>, Broken> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.clone().ok_or_else(|| Broken::new("the server was stopped"))
    }

    /// Drops the server, as a process that ends does.
    pub(crate) fn drop_server(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }

    /// The server's handle on `peer`.
    ///
    /// # Errors
    /// The server does not know it.
    pub fn session_of(&self, peer: &Peer) -> Result<Session, Broken> {
        let id = peer.session().id();
        let session = self.server()?.sessions().find(id);
        session.ok_or_else(|| Broken::new(format!("the server knows no session {id}")))
    }

    /// The server's handle on the first client.
    ///
    /// # Errors
    /// The server does not know it.
    pub fn session(&self) -> Result<Session, Broken> {
        self.session_of(&self.client)
    }

    /// A push of `note`.
    pub fn push(&self, note: Note) -> Push {
        (self.stage.codec.values().push)(note)
    }

    /// The codec under test.
    pub fn codec(&self) -> &CodecChoice {
        &self.stage.codec
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The road, the codec and the saboteur.
    pub(crate) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Calls until `holds`: what needs no event of its own must be true a few round trips later.
    ///
    /// # Errors
    /// It is not, even then.
    pub async fn settle(&self, what: &str, mut holds: impl FnMut() -> bool) -> Result<(), Broken> {
        for _ in 0..SETTLE_CALLS {
            if holds() {
                return Ok(());
            }
            self.client.echo("settle".to_owned()).await?;
        }
        Err(Broken::new(format!("after {SETTLE_CALLS} more calls: {what}")))
    }
}

fn transport(stage: &Stage, filters: Option<&Shared>, tap: Tap) -> Arc<dyn Transport> {
    let filters = filters.map(|shared| shared.0.clone());
    let facts = stage.sabotage.facts;
    Arc::new(Watched { inner: stage.harness.client(), side: Side::Client, filters, facts, tap: Some(tap) })
}

async fn join(
    stage: &Stage,
    settings: &Settings,
    (endpoint, metadata): (&Endpoint, Metadata),
    filters: Option<&Shared>,
) -> Result<Peer, Error> {
    let tap = Tap::new();
    let join = Join {
        endpoint: endpoint.clone(),
        transport: transport(stage, filters, tap.clone()),
        limits: settings.client.clone(),
        metadata,
    };
    let client = stage.codec.application().join(join).await?;
    Ok(Peer::new(client, stage.codec.clone(), tap))
}

/// Round trips until a state that needs no event must be reached. Chosen as milliseconds on a slow road.
const SETTLE_CALLS: usize = 2000;
