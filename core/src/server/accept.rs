//! From a knock to a session, and from there to its end.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::gate::{Gate, Place};
use super::hooks::Hooks;
use crate::clock::now;
use crate::codec::{Known, choose};
use crate::connection::{Arrivals, Connection, Events, Opened, Role};
use crate::driver::{Deliver, Driver, Greeted, greet, wind_down};
use crate::service::Runner;
use crate::session::{Facts, Manner, Registry};
use crate::transport::Pipe;
use crate::{
    Arrival, Batch, Close, CloseCode, Endpoint, Error, ErrorKind, Limits, Listener, PeerInfo, Session,
    SessionId, Sessions,
};

/// What every connection of a server shares.
pub(crate) struct Host {
    limits: Arc<Limits>,
    hooks: Hooks,
    runner: Arc<Runner>,
    /// What all connections hand notifications to.
    ignore: Arc<IgnorePushes>,
    codecs: Codecs,
    registry: Arc<Registry>,
    connections: TaskTracker,
    gate: Arc<Gate>,
}

impl Host {
    pub(crate) fn new(limits: Limits, hooks: Hooks, runner: Runner, codecs: Codecs) -> Self {
        let gate = Gate::new(&limits);
        Self {
            limits: Arc::new(limits),
            hooks,
            runner: Arc::new(runner),
            ignore: Arc::new(IgnorePushes),
            codecs,
            registry: Arc::default(),
            connections: TaskTracker::new(),
            gate,
        }
    }

    pub(crate) fn sessions(&self) -> Sessions {
        Sessions(self.registry.clone())
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn runner(&self) -> &Runner {
        &self.runner
    }

    pub(crate) fn connections(&self) -> &TaskTracker {
        &self.connections
    }
}

/// The codecs of a server.
pub(crate) struct Codecs {
    /// Those it is built with.
    pub(crate) names: &'static [&'static str],
    /// Those it speaks, if that was said, most preferred first.
    pub(crate) preferred: Option<Vec<Known>>,
}

impl Codecs {
    fn spoken(&self) -> Vec<&'static str> {
        match &self.preferred {
            Some(preferred) => preferred.iter().map(|(_, name)| *name).collect(),
            None => self.names.to_vec(),
        }
    }
}

/// Accepts until stopped. Survives every error but the end of the listener.
pub(crate) async fn accept(mut listener: Box<dyn Listener>, host: Arc<Host>, stop: CancellationToken) {
    let mut trouble = Trouble::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(arrival) => {
                trouble.over();
                let serving = serve(arrival, host.clone(), stop.clone());
                host.connections.spawn(serving);
            }
            Err(error) if error.kind() == ErrorKind::Closed => {
                warn!(endpoint = %listener.endpoint(), error = %error, "listener ended");
                return;
            }
            Err(error) => {
                let pause = trouble.pause(&error, listener.endpoint());
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
}

/// How long to wait after a failed accept, and how loudly to say so.
struct Trouble {
    pause: Duration,
    warned: Option<Instant>,
}

impl Trouble {
    fn new() -> Self {
        Self { pause: MIN_PAUSE, warned: None }
    }

    fn over(&mut self) {
        self.pause = MIN_PAUSE;
    }

    /// Longer each time while the process lacks something. A peer that left before it was accepted delays nobody else.
    fn pause(&mut self, error: &Error, endpoint: &Endpoint) -> Duration {
        let pause = self.pause;
        if error.kind() == ErrorKind::Unreachable {
            debug!(%endpoint, error = %error, "a peer left at once");
            return MIN_PAUSE;
        }
        self.pause = (pause * 2).min(MAX_PAUSE);
        let now = now();
        // With few descriptors, accepting works now and then: once a minute is told, not each of a thousand failures.
        if self.warned.is_none_or(|warned| now.saturating_duration_since(warned) >= WARN_AGAIN_AFTER) {
            self.warned = Some(now);
            let cause = std::error::Error::source(error).map(ToString::to_string);
            warn!(%endpoint, error = %error, cause, "accept failed, trying again");
        }
        pause
    }
}

async fn serve(arrival: Arrival, host: Arc<Host>, stop: CancellationToken) {
    // Boxed, so that its room is given back: an idle connection keeps nothing of how it began.
    if let Some((driver, _ending)) = Box::pin(begin(arrival, host, stop)).await {
        driver.run().await;
    }
}

/// From a knock to a session that may be driven. None if the peer gave up, or was turned away.
async fn begin(arrival: Arrival, host: Arc<Host>, stop: CancellationToken) -> Option<(Box<Driver>, Ending)> {
    let started = now();
    let Some(mut place) = host.gate.enter(arrival.remote()) else {
        debug!("no place is left, not even to refuse politely");
        return None;
    };
    // Telling it why is not worth a handshake to a host that has its share: it could ask for any number of them.
    if place.is_over_share() && !arrival.is_ready() {
        debug!("the peer's address has its share of connections");
        return None;
    }
    let deadline = started + host.limits.handshake_timeout;
    let arrived = tokio::select! {
        biased;
        () = stop.cancelled() => return None,
        arrived = timeout_at(deadline.into(), arrival) => arrived,
    };
    let link = match arrived {
        Ok(Ok(link)) => link,
        Ok(Err(error)) => {
            debug!(error = %error, "handshake failed");
            return None;
        }
        Err(_) => {
            debug!("handshake took longer than handshake_timeout");
            return None;
        }
    };
    let (pipe, peer) = link.into_parts();
    let checked = place.check(&peer, &host.limits);
    let admission = Admission { pipe, peer, host: &host, started };
    let (driver, mut ending) = admission.admit(checked, &stop).await?;
    ending.admitted(place);
    if stop.is_cancelled() {
        ending.session.close(Close::new(CloseCode::SHUTDOWN, "server shut down"));
    }
    Some((driver, ending))
}

/// Ends a session, whatever ended its connection: its driver, a refusal, or the drop of either.
struct Ending {
    host: Arc<Host>,
    session: Session,
    /// That of a session that was admitted. Given back last.
    place: Option<Place>,
}

impl Ending {
    fn admitted(&mut self, place: Place) {
        self.place = Some(place);
        self.host.registry.insert(self.session.clone());
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.session.set_closed(Close::new(CloseCode::LOST, "the connection's task is gone"));
        if self.place.is_none() {
            return;
        }
        self.host.registry.remove(self.session.id());
        if let (Some(hook), Some(close)) = (&self.host.hooks.close, self.session.close_reason()) {
            let session = self.session.clone();
            let _ = catch_unwind(AssertUnwindSafe(|| hook(session, close))); // a panicking hook ends nothing else
        }
    }
}

/// A link whose peer is not admitted yet.
struct Admission<'a> {
    pipe: Box<dyn Pipe>,
    peer: PeerInfo,
    host: &'a Arc<Host>,
    started: Instant,
}

impl Admission<'_> {
    /// Exchanges hellos and asks the hook, if there is a place. None if the peer was refused; it was told why.
    async fn admit(
        mut self,
        checked: Result<(), Close>,
        stop: &CancellationToken,
    ) -> Option<(Box<Driver>, Ending)> {
        let limits = &self.host.limits;
        let max_lanes = self.peer.capabilities().max_lanes;
        let mut connection = Connection::new(Role::Acceptor, limits.clone(), max_lanes, self.started);
        let greeted = match checked {
            Ok(()) => {
                let greeting = async {
                    greet(&mut *self.pipe, &mut connection).await.map_err(|ungreeted| ungreeted.close)
                };
                unless_stopped(stop, greeting).await
            }
            Err(close) => Err(close),
        };
        let chosen = greeted.and_then(|greeted| Ok((self.choose_codec(&greeted.opened)?, greeted)));
        let (codec, Greeted { opened, events }) = match chosen {
            Ok(chosen) => chosen,
            Err(close) => {
                debug!(reason = %close, "peer was refused");
                self.refuse(&mut connection, close).await;
                return None;
            }
        };
        let facts = Facts {
            id: SessionId::generate(),
            peer: self.peer.clone(),
            decode_limits: self.host.limits.decode_limits(),
            agent: opened.agent,
            metadata: opened.metadata,
        };
        let manner = Manner { codec: codec.1, index: codec.0, takes_pushes: true };
        let session = Session::new(facts, manner, connection);
        let ending = Ending { host: self.host.clone(), session: session.clone(), place: None };
        if let Err(close) = unless_stopped(stop, ask_hook(self.host, &session, self.started)).await {
            self.turn_away(&session, close).await;
            return None;
        }
        session.lock().connection.admit(codec.1, session.id().to_bytes());
        let runner = self.host.runner.clone();
        Some((Driver::new((self.pipe, events), session, runner, self.host.ignore.clone()), ending))
    }

    fn choose_codec(&self, opened: &Opened) -> Result<Known, Close> {
        let codecs = &self.host.codecs;
        choose(&opened.codecs, codecs.preferred.as_deref(), codecs.names).ok_or_else(|| {
            let reason = format!("no common codec; this server has {}", codecs.spoken().join(", "));
            Close::new(CloseCode::UNSUPPORTED_CODEC, reason)
        })
    }

    async fn refuse(&mut self, connection: &mut Connection, close: Close) {
        let mut batch = Batch::new();
        connection.close(close.clone(), &mut Events::default());
        connection.poll_batch(&mut batch);
        let _ = timeout(LINGER, wind_down(&mut *self.pipe, &mut batch, &close)).await;
    }

    /// Refuses a peer that has a session, which then is closed for whoever kept it.
    async fn turn_away(&mut self, session: &Session, close: Close) {
        let mut batch = Batch::new();
        {
            let mut state = session.lock();
            state.connection.forget_output();
            state.connection.close(close.clone(), &mut Events::default());
            state.connection.poll_batch(&mut batch);
        }
        session.set_closed(close.clone());
        let _ = timeout(LINGER, wind_down(&mut *self.pipe, &mut batch, &close)).await;
    }
}

/// Brings `work` to its end, unless the server stops: then the peer is told that.
async fn unless_stopped<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Close>>,
) -> Result<T, Close> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Close::new(CloseCode::SHUTDOWN, "server shuts down")),
        done = work => done,
    }
}

/// What the connect hook says, within the handshake's deadline.
async fn ask_hook(host: &Host, session: &Session, started: Instant) -> Result<(), Close> {
    let Some(hook) = &host.hooks.connect else { return Ok(()) };
    let deadline = started + host.limits.handshake_timeout;
    match timeout_at(deadline.into(), guarded(|| hook(session.clone()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(Close::new(CloseCode::REFUSED, reason)),
        Err(_) => Err(Close::new(CloseCode::TIMEOUT, "handshake took longer than handshake_timeout")),
    }
}

/// The hook's decision; a panic refuses.
async fn guarded<F>(hook: impl FnOnce() -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), String>> + Unpin,
{
    let refused = |_| Err("the connect hook panicked".to_owned());
    let mut deciding = match catch_unwind(AssertUnwindSafe(hook)) {
        Ok(deciding) => deciding,
        Err(panic) => return refused(panic),
    };
    std::future::poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| std::pin::Pin::new(&mut deciding).poll(cx)));
        polled.unwrap_or_else(|panic| std::task::Poll::Ready(refused(panic)))
    })
    .await
}

/// Clients push nothing to servers: they call.
struct IgnorePushes;

impl Deliver for IgnorePushes {
    fn deliver(&self, received: &mut Arrivals, _wakers: &mut Vec<Waker>) -> usize {
        debug!(count = received.len(), "notifications from a client are ignored");
        received.clear();
        0
    }

    fn crowd(&self) -> usize {
        0
    }
}

/// Shortest and longest pause after a failed accept.
const MIN_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// Time between two warnings of one listener: often enough for whoever watches the log.
const WARN_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// How long a refused link may take to wind down.
const LINGER: Duration = Duration::from_secs(1);
