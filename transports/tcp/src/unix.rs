//! Unix sockets: `unix:///run/app.sock`.

mod connect;
mod listen;
mod lock;
mod socket_file;
#[cfg(test)]
mod tests;

use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use linkspan_core::{
    Capabilities, Credentials, Endpoint, Error, Link, Listener, PeerInfo, Transport, async_trait,
};
use tokio::net::UnixStream;

/// Reaches peers on the same machine over a Unix socket, at `unix:///path/to.sock`. The path is absolute.
///
/// Who may connect is a matter of the socket file's mode and of the directories above it. The file is made with mode 0600:
/// the server's own user, and root. The option `mode` of the listening endpoint sets another, in octal:
/// `unix:///run/app.sock?mode=0660` admits a group. Who did connect is told by the kernel: see
/// [`PeerInfo::credentials`](linkspan_core::PeerInfo::credentials).
///
/// A socket file that a dead server left behind is replaced; a file that is no socket is never touched. The file is removed
/// when listening ends, unless it is no longer the one that was made.
///
/// Beside it, a listener holds a lock on an empty file with `.lock` behind the socket's name, mode 0600: of several servers that
/// start at once, one listens. That file goes with the listener too; one that a crash leaves is harmless, and used by the next
/// server of the same user. Another user's has to be removed by hand, once its server is gone.
///
/// ```
/// use linkspan_core::Transport;
/// use linkspan_tcp::Unix;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let directory = std::env::temp_dir().join(format!("linkspan-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory).unwrap();
/// # let url = format!("unix://{}/app.sock?mode=0660", directory.display());
/// let mut listener = Unix::new().listen(&url.parse()?).await?;
/// let client = Unix::new().connect(listener.endpoint()).await?;
/// let server = listener.accept().await?.await?;
/// let peer = server.peer().credentials().unwrap();
/// assert_eq!(peer.pid, Some(std::process::id()));
/// # drop(listener);
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok::<(), linkspan_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Unix(());

impl Unix {
    /// The transport.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Transport for Unix {
    fn schemes(&self) -> &[&'static str] {
        &["unix"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::byte_stream()
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        connect::connect(endpoint).await
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        Ok(Box::new(listen::UnixListener::bind(endpoint).await?))
    }
}

/// Checks `endpoint` and returns the path of its socket.
fn path(endpoint: &Endpoint, options: &[&str]) -> Result<PathBuf, Error> {
    endpoint.check_options(options)?;
    if !endpoint.host().is_empty() || endpoint.port().is_some() || endpoint.path().len() < 2 {
        return Err(Error::configuration(format!(
            "endpoint {endpoint} names no socket file; write unix:///absolute/path.sock, with three slashes"
        )));
    }
    let path = Path::new(endpoint.path());
    // The kernel's bound (107 bytes on Linux), asked of the library that knows it for each system.
    SocketAddr::from_pathname(path).map_err(|error| {
        let len = endpoint.path().len();
        Error::configuration(format!(
            "path of {endpoint} has {len} bytes, more than a socket's address holds (107 on Linux); pick a shorter one"
        ))
        .with_source(error)
    })?;
    Ok(path.to_owned())
}

/// The link over `stream`, made by `endpoint`; `local` and `remote` are what is known of the two ends' names.
fn link(stream: UnixStream, endpoint: Endpoint, (local, remote): (Option<String>, Option<String>)) -> Link {
    let mut peer =
        PeerInfo::new(endpoint).with_addresses(local, remote).with_capabilities(Capabilities::byte_stream());
    // Fails only if the peer is gone already, which reading then tells.
    if let Ok(known) = stream.peer_cred() {
        let mut credentials = Credentials::new(known.uid(), known.gid());
        credentials.pid = known.pid().and_then(|pid| u32::try_from(pid).ok());
        peer = peer.with_credentials(credentials);
    }
    Link::from_io(stream, peer)
}
