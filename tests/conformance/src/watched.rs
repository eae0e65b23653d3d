//! Any transport with an eye on what each link receives, and, for saboteurs, a hand in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use linkspan_core::{
    Arrival, Batch, Capabilities, Close, Endpoint, Error, Inbox, Link, Listener, PeerInfo, Pipe, Transport,
    async_trait,
};
use tokio::sync::watch;

use crate::waits::waiting;
use crate::wire::{Owned, Parts};

/// Which end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// What a saboteur does to the frames that one end of a link receives.
pub(crate) struct Filter {
    /// Takes what one read brought, and returns what is to be handed on.
    pub(crate) frames: Box<dyn FnMut(Vec<Owned>) -> Vec<Owned> + Send>,
    /// The end of the link is kept back.
    pub(crate) hides_end: bool,
}

/// Makes the filters of one pair.
pub(crate) type Filters = Arc<dyn Fn(Side) -> Option<Filter> + Send + Sync>;

/// A frame that a link received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
}

/// Watches what a link receives, and may hold or cut it.
#[derive(Clone, Debug)]
pub(crate) struct Tap(Arc<TapInner>);

#[derive(Debug)]
struct TapInner {
    received: watch::Sender<Vec<Received>>,
    valve: Mutex<Valve>,
}

#[derive(Debug, Default)]
struct Valve {
    position: Position,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Position {
    /// The link fails.
    Cut,
    #[default]
    Open,
    /// Nothing is read.
    Shut,
}

impl Tap {
    pub(crate) fn new() -> Self {
        Self(Arc::new(TapInner { received: watch::Sender::new(Vec::new()), valve: Mutex::default() }))
    }

    /// Fails the link, as a network does.
    pub(crate) fn cut(&self) {
        self.turn(Position::Cut);
    }

    /// Reads nothing until opened.
    pub(crate) fn shut(&self) {
        self.turn(Position::Shut);
    }

    pub(crate) fn open(&self) {
        self.turn(Position::Open);
    }

    /// What was received so far, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.0.received.borrow().clone()
    }

    /// How many frames of one of `kinds` were received.
    pub(crate) fn count(&self, kinds: &[u8]) -> usize {
        self.0.received.borrow().iter().filter(|frame| kinds.contains(&frame.kind)).count()
    }

    /// Waits until `holds` of what was received.
    pub(crate) async fn until(&self, mut holds: impl FnMut(&[Received]) -> bool) {
        let _waiting = waiting(|| "a frame at the client".to_owned());
        let _ = self.0.received.subscribe().wait_for(|frames| holds(frames)).await;
    }

    fn turn(&self, position: Position) {
        let waker = {
            let mut valve = self.valve();
            valve.position = position;
            valve.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn valve(&self) -> MutexGuard<'_, Valve> {
        self.0.valve.lock().unwrap_or_else(PoisonError::into_inner) // no update can stop half-way
    }

    fn poll_valve(&self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut valve = self.valve();
        valve.waker = Some(cx.waker().clone());
        match valve.position {
            Position::Cut => Poll::Ready(Err(Error::closed("link was cut"))),
            Position::Open => Poll::Ready(Ok(())),
            Position::Shut => Poll::Pending,
        }
    }

    fn record(&self, inbox: &Inbox) {
        self.0.received.send_modify(|received| {
            let room = MAX_RECEIVED.saturating_sub(received.len());
            let frames = inbox.frames().map(Parts::of).take(room);
            received.extend(frames.map(|parts| Received { kind: parts.kind, flags: parts.flags }));
        });
    }
}

/// A transport whose links are watched.
pub(crate) struct Watched {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) side: Side,
    pub(crate) filters: Option<Filters>,
    /// What is told of the peer.
    pub(crate) facts: fn(PeerInfo) -> PeerInfo,
    pub(crate) tap: Option<Tap>,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl Transport for Watched {
    fn schemes(&self) -> &[&'static str] {
        self.inner.schemes()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn is_encrypted(&self, scheme: &str) -> bool {
        self.inner.is_encrypted(scheme)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        let link = self.inner.connect(endpoint).await?;
        Ok(wrap(link, self.side, (self.filters.as_ref(), self.facts), self.tap.clone()))
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        let inner = self.inner.listen(endpoint).await?;
        Ok(Box::new(WatchedListener { inner, filters: self.filters.clone(), facts: self.facts }))
    }
}

struct WatchedListener {
    inner: Box<dyn Listener>,
    filters: Option<Filters>,
    facts: fn(PeerInfo) -> PeerInfo,
}

impl std::fmt::Debug for WatchedListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl Listener for WatchedListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let arrival = self.inner.accept().await?;
        let (filters, facts) = (self.filters.clone(), self.facts);
        let remote = arrival.remote();
        let wrapped =
            Arrival::new(
                async move { Ok(wrap(arrival.await?, Side::Server, (filters.as_ref(), facts), None)) },
            );
        Ok(match remote {
            Some(remote) => wrapped.with_remote(remote),
            None => wrapped,
        })
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }
}

type Change<'a> = (Option<&'a Filters>, fn(PeerInfo) -> PeerInfo);

fn wrap(link: Link, side: Side, (filters, facts): Change<'_>, tap: Option<Tap>) -> Link {
    let (inner, peer) = link.into_parts();
    let filter = filters.and_then(|filters| filters(side));
    Link::new(WatchedPipe { inner, filter, tap }, facts(peer))
}

struct WatchedPipe {
    inner: Box<dyn Pipe>,
    filter: Option<Filter>,
    tap: Option<Tap>,
}

impl std::fmt::Debug for WatchedPipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl WatchedPipe {
    fn poll_filtered(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        loop {
            let read = ready!(self.inner.poll_recv(cx, inbox));
            let Some(filter) = &mut self.filter else { return Poll::Ready(read) };
            match read {
                Ok(true) => {
                    let frames = (filter.frames)(inbox.frames().map(<[u8]>::to_vec).collect());
                    inbox.fill_from_message(Bytes::from(frames.concat()))?;
                    if !inbox.is_empty() {
                        return Poll::Ready(Ok(true));
                    }
                }
                _ if filter.hides_end => return Poll::Pending,
                ended => return Poll::Ready(ended),
            }
        }
    }
}

impl Pipe for WatchedPipe {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        self.inner.poll_send(cx, batch)
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        if let Some(tap) = &self.tap {
            ready!(tap.poll_valve(cx))?;
        }
        let read = ready!(self.poll_filtered(cx, inbox))?;
        if let (Some(tap), true) = (&self.tap, read) {
            tap.record(inbox);
        }
        Poll::Ready(Ok(read))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, close: &Close) -> Poll<Result<(), Error>> {
        self.inner.poll_close(cx, close)
    }
}

/// Far more than any case receives, so that a runaway costs no more memory than this.
const MAX_RECEIVED: usize = 1 << 20;
