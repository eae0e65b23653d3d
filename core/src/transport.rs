//! The first waist: what a transport is, and what it hands to the runtime.

mod address;
mod capabilities;
mod frame_reader;
mod peer;
mod read_buffer;
mod registry;
mod stream;
mod upgrade;

pub use capabilities::Capabilities;
pub use frame_reader::FrameReader;
pub use peer::{Credentials, PeerInfo, TlsIdentity, TlsInfo};
pub use read_buffer::ReadBuffer;
pub use registry::Transports;
pub use upgrade::{UpgradeHeaders, UpgradeInfo};

use std::any::Any;
use std::fmt::Debug;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;

use crate::{Batch, Close, Endpoint, Error, Inbox};

/// Reaches peers: connects to them, and listens for them. Moves whole frames and never looks inside one.
///
/// # Contract
/// - Frames arrive whole, at most once, and in order within their lane; else the link fails.
/// - Nothing waits for the whole of a body: frames are at most 64 KiB and are handed over as they come.
/// - Dropping a [`Link`] releases its socket; the peer sees a close, not a timeout.
/// - Every address and option it knows comes from the [`Endpoint`] or from its own builder; a wrong one is an error
///   that says what to write instead.
///
/// A byte-stream transport is about 25 lines through [`Link::from_io`]:
///
/// ```
/// use std::sync::Arc;
/// use linkspan_core::{Capabilities, Endpoint, Error, ErrorKind, Link, Listener, PeerInfo, Transport, async_trait};
///
/// #[derive(Debug)]
/// struct Loopback;
///
/// #[async_trait]
/// impl Transport for Loopback {
///     fn schemes(&self) -> &[&'static str] {
///         &["loop"]
///     }
///     fn capabilities(&self) -> Capabilities {
///         Capabilities::byte_stream()
///     }
///     async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
///         let (mine, _theirs) = tokio::io::duplex(64 * 1024); // hand `_theirs` to the listener
///         Ok(Link::from_io(mine, PeerInfo::new(endpoint.clone())))
///     }
///     async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
///         Err(Error::new(ErrorKind::Configuration, format!("{endpoint}: nobody listens here")))
///     }
/// }
/// let transport: Arc<dyn Transport> = Arc::new(Loopback);
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let link = transport.connect(&"loop://a".parse()?).await?;
/// assert_eq!(link.peer().endpoint().scheme(), "loop");
/// # Ok::<(), Error>(()) }).unwrap();
/// ```
#[async_trait]
pub trait Transport: Any + Debug + Send + Sync {
    /// The schemes it serves, in lower case.
    fn schemes(&self) -> &[&'static str];

    /// What this transport can promise. The runtime adapts to it; callers never downcast.
    fn capabilities(&self) -> Capabilities;

    /// True if what is sent over `scheme`, one of its own, is encrypted. Only a transport whose schemes differ in this
    /// says so itself; its capabilities are then what all of them can promise.
    fn is_encrypted(&self, scheme: &str) -> bool {
        let _ = scheme;
        self.capabilities().encrypted
    }

    /// Opens a link to `endpoint`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable) if no peer answered: nothing was sent, so retrying
    /// is safe. `Certificate` if the peer's is not trusted, `Refused` if it answered and said no, `Configuration` if
    /// the endpoint is wrong.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future abandons the attempt and frees the socket.
    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error>;

    /// Starts listening on `endpoint`. Port 0 picks a free one.
    ///
    /// # Errors
    /// [`AddressInUse`](crate::ErrorKind::AddressInUse) if another listener has it, `Certificate` if there is none to
    /// show, `Configuration` if it can never be listened on as it is written.
    ///
    /// # Cancel safety
    /// Cancel safe: dropping the future frees the address.
    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error>;
}

/// Yields the links of peers that come. Dropping it stops listening; links already yielded live on.
#[async_trait]
pub trait Listener: Debug + Send + 'static {
    /// Waits for the next peer. Its handshake is not done here, so a slow peer never delays the next one. The arrival says
    /// where the peer is ([`Arrival::with_remote`]), so that one host cannot take every place with handshakes.
    ///
    /// # Errors
    /// `Closed` when the listener has ended for good. Any other error is passing (too many open files, a peer that
    /// left at once): the runtime waits a little and calls again.
    ///
    /// # Cancel safety
    /// Cancel safe: a peer that was not yielded waits for the next call.
    async fn accept(&mut self) -> Result<Arrival, Error>;

    /// Where it really listens, with the port that was picked.
    fn endpoint(&self) -> &Endpoint;
}

/// A peer that knocked. Awaiting it completes the transport's handshake (TLS, HTTP upgrade, nothing for TCP).
///
/// The runtime bounds it by the handshake deadline and drops it at the deadline. It counts the peer in the limit of
/// connections per address before it awaits it, if the arrival says where the peer is; else as soon as the link does.
pub struct Arrival {
    handshake: Pin<Box<dyn Future<Output = Result<Link, Error>> + Send>>,
    remote: Option<SocketAddr>,
    is_ready: bool,
}

impl Arrival {
    /// An arrival whose handshake is `handshake`, which does nothing before it is polled.
    pub fn new(handshake: impl Future<Output = Result<Link, Error>> + Send + 'static) -> Self {
        Self { handshake: Box::pin(handshake), remote: None, is_ready: false }
    }

    /// An arrival that needs no handshake.
    pub fn ready(link: Link) -> Self {
        Self { is_ready: true, ..Self::new(std::future::ready(Ok(link))) }
    }

    /// Says where the peer is, as the socket tells it. Without it a host may have as many handshakes open as a server
    /// has connections; so every road whose peers have addresses sets it. One that learns the address in the handshake, from
    /// a proxy ahead of it, leaves it out.
    #[must_use]
    pub fn with_remote(mut self, remote: SocketAddr) -> Self {
        self.remote = Some(remote);
        self
    }

    /// Where the peer is, if that is known before the handshake.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// True if awaiting it costs nothing.
    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready
    }
}

impl Future for Arrival {
    type Output = Result<Link, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.handshake.as_mut().poll(cx)
    }
}

impl Debug for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrival").field("remote", &self.remote).finish_non_exhaustive()
    }
}

/// One established pipe to a peer, and what is known of that peer.
#[derive(Debug)]
pub struct Link {
    pipe: Box<dyn Pipe>,
    peer: PeerInfo,
}

impl Link {
    /// A link over a pipe of one's own.
    pub fn new(pipe: impl Pipe + 'static, peer: PeerInfo) -> Self {
        Self { pipe: Box::new(pipe), peer }
    }

    /// A link of the parts of another.
    pub fn from_parts(pipe: Box<dyn Pipe>, peer: PeerInfo) -> Self {
        Self { pipe, peer }
    }

    /// The peer's facts.
    pub fn peer(&self) -> &PeerInfo {
        &self.peer
    }

    /// Takes the link apart, for the runtime or for a wrapper that changes what passes.
    pub fn into_parts(self) -> (Box<dyn Pipe>, PeerInfo) {
        (self.pipe, self.peer)
    }
}

/// Both directions of a link. One object, because one task drives both: a WebSocket pong or a TLS alert is written
/// while reading, and needs no lock then.
pub trait Pipe: Debug + Send {
    /// Takes frames out of `batch` towards the peer.
    ///
    /// Order within a lane is kept; a blocked lane leaves its frames in the batch and does not hold other lanes. Ready
    /// only when everything taken, now and before, is flushed; so the runtime polls it until ready, also with an
    /// empty batch, since a pipe may hold bytes of its own. Frames may be appended between polls. Not polling again
    /// loses nothing but time. A pipe that holds bytes of its own says with [`Batch::progressed`] that some of them went:
    /// a peer that takes nothing for the write timeout is given up.
    ///
    /// # Errors
    /// Any error is final: the runtime drops the link within a second.
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>>;

    /// Replaces `inbox` by every frame that one read brought, at least one; false is the peer's orderly end, which leaves
    /// the inbox empty and stays false when asked again.
    ///
    /// Holds no large buffer while it pends, but for the places of bodies that a [`FrameReader`] accepted. Never waits for writing.
    ///
    /// # Errors
    /// Any error is final. [`Closed`](crate::ErrorKind::Closed) says that the road failed or the peer vanished; after any
    /// other, such as [`Protocol`](crate::ErrorKind::Protocol), the runtime still sends the close that tells the peer. It
    /// drops the link within a second.
    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>>;

    /// Ends the sending direction after what was flushed. Called until ready and not again, never before `poll_send` is ready; the
    /// runtime still reads afterwards, until the peer ends too or a second passed. `close` was sent in a frame
    /// already: roads with close codes of their own show it there as well. After a peer that ended without a close it is
    /// [`NORMAL`](crate::CloseCode::NORMAL), without a reason.
    ///
    /// # Errors
    /// An error says that the peer is gone already, and is ignored.
    fn poll_close(&mut self, cx: &mut Context<'_>, close: &Close) -> Poll<Result<(), Error>>;
}

const _: fn(&dyn Transport, &dyn Listener, &dyn Pipe) = |_, _, _| {}; // object safety, proved at compile time
