//! Listening on a socket file.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use linkspan_core::{Arrival, Endpoint, Error, ErrorKind, Listener, async_trait};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net;

use super::lock::Lock;
use super::socket_file::{Found, SocketFile};

/// A socket file that yields links.
#[derive(Debug)]
pub(super) struct UnixListener {
    _file: SocketFile, // goes first: a file that nobody listens on any more looks like one left behind
    listener: net::UnixListener,
    endpoint: Endpoint,
}

impl UnixListener {
    pub(super) async fn bind(endpoint: &Endpoint) -> Result<Self, Error> {
        let path = super::path(endpoint, &["mode"])?;
        let mode = mode(endpoint)?;
        let failed = |error| refused(endpoint, error);
        let lock = Lock::take(&path).map_err(|error| cannot_lock(endpoint, error))?;
        let lock = lock.ok_or_else(|| in_use(endpoint))?;
        clear(&path, endpoint).await?;
        let listener = bind(&path, mode).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => in_use(endpoint).with_source(error), // by who knows no lock
            _ => failed(error),
        })?;
        let file = SocketFile::made(&path, lock).map_err(failed)?;
        open_to(&path, mode).map_err(failed)?;
        let listener = net::UnixListener::from_std(listener.into()).map_err(failed)?;
        Ok(Self { _file: file, listener, endpoint: endpoint.clone().without_options() })
    }
}

/// Makes room at `path`: removes the socket of a dead server. Only whoever holds the lock may.
async fn clear(path: &Path, endpoint: &Endpoint) -> Result<(), Error> {
    let found = match Found::at(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(|error| refused(endpoint, error))?,
    };
    // Programs that know no lock, and servers whose lock an administrator removed, are known by their answer only.
    match found.probe().await {
        Ok(()) => Err(in_use(endpoint)),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            found.remove().map_err(|error| refused(endpoint, error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Its queue is full, or it is not ours to connect to: somebody lives there.
        Err(error) => Err(in_use(endpoint).with_source(error)),
    }
}

/// Binds to `path` with `mode`, and never with more.
fn bind(path: &Path, mode: u32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // On Linux the file takes the mode of its socket, so there is no moment in which it is open to more. Elsewhere this may
    // fail, and the mode set below is all there is.
    let socket = File::from(OwnedFd::from(socket));
    let _ = socket.set_permissions(Permissions::from_mode(mode));
    let socket = Socket::from(OwnedFd::from(socket));
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?; // at once: a file that nobody listens on yet looks like one left behind
    Ok(socket)
}

/// Gives `path` all of `mode`, of which the process's umask may have taken some away.
fn open_to(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

fn mode(endpoint: &Endpoint) -> Result<u32, Error> {
    let Some(text) = endpoint.option("mode") else { return Ok(DEFAULT_MODE) };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| digits && *mode <= 0o777);
    mode.ok_or_else(|| {
        Error::configuration(format!(
            "option mode of {endpoint} is not 0000 to 0777; write mode=0660, in octal"
        ))
    })
}

#[async_trait]
impl Listener for UnixListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let (stream, _) = self.listener.accept().await.map_err(Error::not_accepted)?;
        let local = Some(self.endpoint.path().to_owned());
        Ok(Arrival::ready(super::link(stream, self.endpoint.clone(), (local, None))))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

fn in_use(endpoint: &Endpoint) -> Error {
    Error::new(
        ErrorKind::AddressInUse,
        format!("another program listens on {endpoint}; stop it, or pick another path"),
    )
}

/// Why the lock of `endpoint` cannot be taken, and what to do.
fn cannot_lock(endpoint: &Endpoint, error: io::Error) -> Error {
    let context = match error.kind() {
        io::ErrorKind::NotFound => return refused(endpoint, error),
        io::ErrorKind::AlreadyExists => {
            format!(
                "beside {endpoint} is something called .lock that is no file; move it away, or pick another path"
            )
        }
        io::ErrorKind::PermissionDenied => format!(
            "not allowed to lock {endpoint}; pick a directory this user may write to, or remove a .lock that another user's server left there"
        ),
        _ => format!("cannot lock {endpoint}; pick a path on a file system with locks"),
    };
    Error::configuration(context).with_source(error)
}

/// Why `endpoint` cannot be listened on, and what to do.
fn refused(endpoint: &Endpoint, error: io::Error) -> Error {
    let context = match error.kind() {
        io::ErrorKind::NotFound => {
            format!("directory of {endpoint} does not exist; make it, or pick another path")
        }
        io::ErrorKind::PermissionDenied => {
            format!("not allowed to make a socket at {endpoint}; pick a directory this user may write to")
        }
        io::ErrorKind::AlreadyExists => {
            format!("a file that is no socket is at {endpoint}; move it away, or pick another path")
        }
        _ => format!("cannot listen on {endpoint}"),
    };
    Error::configuration(context).with_source(error)
}

/// The server's own user. What a peer may do is decided by hooks and handlers, so the way in opens no wider by default.
const DEFAULT_MODE: u32 = 0o600;
/// Peers that wait to be accepted: what mio asks for on TCP; the kernel caps it (`somaxconn`).
const BACKLOG: i32 = 1024;

#[cfg(test)]
mod tests {
    use super::super::tests::{Directory, within};
    use super::*;

    #[test]
    fn a_mode_is_octal_and_has_a_safe_default() {
        let mode_of = |text: &str| mode(&text.parse().unwrap());
        assert_eq!(mode_of("unix:///a").unwrap(), 0o600);
        assert_eq!(mode_of("unix:///a?mode=0660").unwrap(), 0o660);
        assert_eq!(mode_of("unix:///a?mode=777").unwrap(), 0o777);
        for wrong in ["0888", "1777", "rw", "+660", "", "-1"] {
            let error = mode_of(&format!("unix:///a?mode={wrong}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains("mode=0660"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_server_that_leaves_takes_nothing_of_its_successor() {
        within(async {
            let directory = Directory::new();
            let UnixListener { _file: file, listener, .. } =
                UnixListener::bind(&directory.endpoint()).await.unwrap();
            // Between the two halves of its end, whatever their order, nobody can come.
            drop(listener);
            let error = UnixListener::bind(&directory.endpoint()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddressInUse);
            drop(file);
            assert_eq!(directory.files(), 0);
            let successor = directory.listen().await;
            net::UnixStream::connect(successor.endpoint().path()).await.unwrap();
        })
        .await;
    }
}
