//! From a knock to a session, and from there to its end.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::gate::{Gate, Place};
use super::hooks::Hooks;
use crate::connection::{Connection, Events, Opened, Received, Role, choose_codec};
use crate::driver::{Deliver, Driver, Greeted, greet, now, wind_down};
use crate::service::Runner;
use crate::session::{Facts, Registry};
use crate::transport::Pipe;
use crate::{
    Arrival, Batch, Close, CloseCode, CodecIndex, ErrorKind, Limits, Listener, PeerInfo, Session, SessionId,
    Sessions,
};

/// What every connection of a server shares.
pub(crate) struct Host {
    limits: Limits,
    hooks: Hooks,
    runner: Runner,
    codecs: &'static [&'static str],
    registry: Arc<Registry>,
    connections: TaskTracker,
    gate: Arc<Gate>,
}

impl Host {
    pub(crate) fn new(limits: Limits, hooks: Hooks, runner: Runner, codecs: &'static [&'static str]) -> Self {
        let gate = Gate::new(&limits);
        Self {
            limits,
            hooks,
            runner,
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

/// Accepts until stopped. Survives every error but the end of the listener.
pub(crate) async fn accept(mut listener: Box<dyn Listener>, host: Arc<Host>, stop: CancellationToken) {
    let mut pause = MIN_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(arrival) => {
                pause = MIN_PAUSE;
                let serving = serve(arrival, host.clone(), stop.clone());
                host.connections.spawn(serving);
            }
            Err(error) if error.kind() == ErrorKind::Closed => {
                warn!(endpoint = %listener.endpoint(), error = %error, "listener ended");
                return;
            }
            Err(error) => {
                warn!(endpoint = %listener.endpoint(), error = %error, "accept failed, trying again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(MAX_PAUSE);
            }
        }
    }
}

async fn serve(arrival: Arrival, host: Arc<Host>, stop: CancellationToken) {
    let deadline = now() + host.limits.handshake_timeout;
    let place = host.gate.enter();
    let link = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        link = timeout_at(deadline.into(), arrival) => link,
    };
    let (pipe, peer) = match link {
        Ok(Ok(link)) => link.into_parts(),
        Ok(Err(error)) => return debug!(error = %error, "handshake failed"),
        Err(_) => return debug!("handshake took too long"),
    };
    let admission = Admission { pipe, peer, host: &host, place };
    let admitted = tokio::select! {
        biased;
        () = stop.cancelled() => return,
        admitted = admission.admit() => admitted,
    };
    if let Some((session, driver, place)) = admitted {
        host.registry.insert(session.clone());
        if stop.is_cancelled() {
            session.close(Close::new(CloseCode::SHUTDOWN, "server shut down"));
        }
        let close = driver.run().await;
        host.registry.remove(session.id());
        session.set_closed(close.clone());
        if let Some(hook) = &host.hooks.close {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(session, close))); // a panicking hook ends nothing else
        }
        drop(place);
    }
}

/// A link whose peer is not admitted yet.
struct Admission<'a> {
    pipe: Box<dyn Pipe>,
    peer: PeerInfo,
    host: &'a Host,
    place: Option<Place>,
}

impl Admission<'_> {
    /// Exchanges hellos and asks the hook. None if the peer was refused; it was told why.
    async fn admit(mut self) -> Option<(Session, Driver, Place)> {
        let limits = &self.host.limits;
        let max_lanes = self.peer.capabilities().max_lanes;
        let mut connection = Connection::new(Role::Acceptor, limits.clone(), max_lanes, now());
        let deadline = connection.handshake_deadline().unwrap_or_else(now);
        let Greeted { opened, events } = match greet(&mut *self.pipe, &mut connection).await {
            Ok(greeted) => greeted,
            Err(close) => {
                debug!(reason = %close, "peer was not greeted");
                self.refuse(&mut connection, close).await;
                return None;
            }
        };
        let (place, codec) = match self.check(&opened) {
            Ok(checked) => checked,
            Err(close) => {
                self.refuse(&mut connection, close).await;
                return None;
            }
        };
        let facts = Facts {
            id: SessionId::generate(),
            peer: self.peer.clone(),
            codec,
            agent: opened.agent,
            metadata: opened.metadata,
        };
        let session = Session::new(facts, connection);
        let decided = match &self.host.hooks.connect {
            None => Ok(Ok(())),
            Some(hook) => timeout_at(deadline.into(), guarded(|| hook(session.clone()))).await,
        };
        let refusal = match decided {
            Ok(Ok(())) => None,
            Ok(Err(reason)) => Some(Close::new(CloseCode::REFUSED, reason)),
            Err(_) => Some(Close::new(CloseCode::TIMEOUT, "handshake took too long")),
        };
        if let Some(close) = refusal {
            self.turn_away(&session, close).await;
            return None;
        }
        session.lock().connection.admit(codec.1, session.id().to_bytes());
        let driver = Driver::new(
            (self.pipe, events),
            session.clone(),
            self.host.runner.clone(),
            Arc::new(IgnorePushes),
        );
        Some((session, driver, place))
    }

    /// A place for the peer and the codec to speak, or why it cannot be admitted.
    fn check(&mut self, opened: &Opened) -> Result<(Place, (CodecIndex, &'static str)), Close> {
        let limits = &self.host.limits;
        let full = |reason: String| Close::new(CloseCode::AT_CAPACITY, reason);
        let Some(mut place) = self.place.take() else {
            return Err(full(format!("{} connections are open", limits.max_connections)));
        };
        if !place.identify(&self.peer) {
            let max = limits.max_connections_per_address;
            return Err(full(format!("{max} connections are open from this address")));
        }
        let codec = choose_codec(&opened.codecs, self.host.codecs).ok_or_else(|| {
            let reason = format!("no common codec; this server has {}", self.host.codecs.join(", "));
            Close::new(CloseCode::UNSUPPORTED_CODEC, reason)
        })?;
        Ok((place, codec))
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
    fn deliver(&self, received: Vec<Received>) -> Vec<Waker> {
        debug!(count = received.len(), "notifications from a client are ignored");
        Vec::new()
    }
}

/// Shortest and longest pause after a failed accept.
const MIN_PAUSE: Duration = Duration::from_millis(5);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// How long a refused link may take to wind down.
const LINGER: Duration = Duration::from_secs(1);
