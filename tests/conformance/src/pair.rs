//! A running server, a connected client, and what can be seen of both.

use std::sync::{Arc, Mutex, PoisonError};

use linkspan_core::typed::OneWayMethod;
use linkspan_core::{
    Call, Client, Endpoint, Error, Limits, Metadata, Notifications, OneWayCall, Push, Session, Transport,
};

use crate::broken::Broken;
use crate::codecs::{AnyClient, AnyServer, CodecChoice, Join, Methods, Noted, Serve};
use crate::observer::Observer;
use crate::raw::RawLink;
use crate::stage::Stage;
use crate::values::{Answer, Ask, Note, Refusal};
use crate::watched::{Filters, Side, Tap, Watched};

/// With which limits a pair runs.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Settings {
    /// The server's.
    pub server: Limits,
    /// Every client's.
    pub client: Limits,
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
        let settings = Settings { server: change(settings.server), client: change(settings.client) };
        let filters = stage.sabotage.link.map(|filters| filters());
        let seen = Observer::new();
        let serve = Serve {
            url: stage.harness.listen(),
            transport: Arc::new(Watched {
                inner: stage.harness.server(),
                side: Side::Server,
                filters: filters.clone(),
                tap: None,
            }),
            limits: settings.server.clone(),
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
    Arc::new(Watched { inner: stage.harness.client(), side: Side::Client, filters, tap: Some(tap) })
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
    Ok(Peer { client, codec: stage.codec.clone(), tap })
}

/// A connected client. Cheap to clone; the last clone dropped closes it.
#[derive(Clone, Debug)]
pub struct Peer {
    client: Arc<dyn AnyClient>,
    codec: CodecChoice,
    pub(crate) tap: Tap,
}

impl Peer {
    /// A call whose handler is dropped when the call is.
    pub fn run(&self, ask: Ask) -> Call<Ask, Answer, Refusal> {
        self.client.caller().call(self.methods().run, ask)
    }

    /// A call whose handler is told when the call is dropped.
    pub fn run_token(&self, ask: Ask) -> Call<Ask, Answer, Refusal> {
        self.client.caller().call(self.methods().run_token, ask)
    }

    /// A call whose handler runs to its end.
    pub fn run_never(&self, ask: Ask) -> Call<Ask, Answer, Refusal> {
        self.client.caller().call(self.methods().run_never, ask)
    }

    /// A call that is never answered.
    pub fn tell(&self, ask: Ask) -> OneWayCall<Ask> {
        let method: OneWayMethod<Ask> = self.methods().tell;
        self.client.caller().one_way(method, ask)
    }

    /// A call that returns its argument.
    pub fn echo(&self, text: String) -> Call<String, String, std::convert::Infallible> {
        self.client.caller().call(self.methods().echo, text)
    }

    /// A call of a method.
    pub(crate) fn call<A, R, E>(
        &self,
        method: linkspan_core::typed::Method<A, R, E>,
        args: A,
    ) -> Call<A, R, E> {
        self.client.caller().call(method, args)
    }

    pub(crate) fn methods(&self) -> &Methods {
        self.codec.methods()
    }

    /// The server, as the client knows it.
    pub fn session(&self) -> &Session {
        self.client.session()
    }

    /// Closes from the client's side, as [`Client::close`].
    pub fn close(&self) {
        self.client.close();
    }

    /// What the server pushed and no typed stream takes.
    pub fn notifications(&self) -> Notifications {
        self.client.notifications()
    }

    /// What the server pushed, as the kit's notes.
    pub fn notes(&self) -> Notes {
        Notes { notifications: self.client.notifications(), codec: self.codec.clone() }
    }

    pub(crate) fn typed_notes(&self) -> linkspan_core::Events<Noted> {
        self.client.notes()
    }
}

/// The notes that a client received and nobody read.
#[derive(Clone, Debug)]
pub struct Notes {
    notifications: Notifications,
    codec: CodecChoice,
}

impl Notes {
    /// Waits for the next note.
    ///
    /// # Errors
    /// A gap, the end, or a note that was changed on its way.
    pub async fn next(&mut self) -> Result<Note, Broken> {
        let next = self.next_or_end().await?;
        next.ok_or_else(|| Broken::new("the stream of notes ended"))
    }

    /// Waits for the next note, or `None` at the end.
    ///
    /// # Errors
    /// A gap, or a note that was changed on its way.
    pub async fn next_or_end(&mut self) -> Result<Option<Note>, Broken> {
        match self.notifications.next().await {
            None => Ok(None),
            Some(Err(gap)) => Err(Broken::new(format!("a gap in place of a note: {gap:?}"))),
            Some(Ok(notification)) => {
                let note = (self.codec.values().read_note)(&notification)?;
                if note.is_intact() {
                    Ok(Some(note))
                } else {
                    Err(Broken::new(format!("note {} of {} was changed", note.number, note.source)))
                }
            }
        }
    }

    /// The next note, if it is there already.
    ///
    /// # Errors
    /// As [`next`](Self::next), and if none is there.
    pub async fn at_hand(&mut self) -> Result<Note, Broken> {
        tokio::select! {
            biased;
            note = self.next() => note,
            () = std::future::ready(()) => Err(Broken::new("no note is there yet")),
        }
    }
}

const _: fn(&Client<(crate::Plain,)>) = |_| {}; // the kit's own codec makes a client

/// Round trips until a state that needs no event must be reached. Chosen as milliseconds on a slow road.
const SETTLE_CALLS: usize = 2000;
