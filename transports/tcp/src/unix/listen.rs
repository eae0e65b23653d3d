//! Listening on a socket file.

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use linkspan_core::{Arrival, Endpoint, Error, ErrorKind, Listener, async_trait};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net;

use super::socket_file::{Found, SocketFile};

/// A socket file that yields links.
#[derive(Debug)]
pub(super) struct UnixListener {
    listener: net::UnixListener,
    endpoint: Endpoint,
    _file: SocketFile,
}

impl UnixListener {
    pub(super) async fn bind(endpoint: &Endpoint) -> Result<Self, Error> {
        let path = super::path(endpoint, &["mode"])?;
        let mode = mode(endpoint)?;
        let failed = |error| refused(endpoint, error);
        let (listener, file) = match bind(&path, mode) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let found = Found::at(&path).map_err(failed)?;
                match found.probe().await {
                    Ok(()) => return Err(in_use(endpoint)),
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                        found.remove().map_err(failed)?;
                    }
                    // Its queue is full, or it is not ours to connect to: somebody lives there.
                    Err(error) => return Err(in_use(endpoint).with_source(error)),
                }
                bind(&path, mode).map_err(|error| match error.kind() {
                    io::ErrorKind::AddrInUse => in_use(endpoint).with_source(error),
                    _ => failed(error),
                })?
            }
            bound => bound.map_err(failed)?,
        };
        let listener = net::UnixListener::from_std(listener.into()).map_err(failed)?;
        Ok(Self { listener, endpoint: endpoint.clone().without_options(), _file: file })
    }
}

/// Binds to `path` with `mode`, and never with more.
fn bind(path: &Path, mode: u32) -> io::Result<(Socket, SocketFile)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // On Linux the file takes the mode of its socket, so there is no moment in which it is open to more. Elsewhere this may
    // fail, and the mode set below is all there is.
    let socket = File::from(OwnedFd::from(socket));
    let _ = socket.set_permissions(Permissions::from_mode(mode));
    let socket = Socket::from(OwnedFd::from(socket));
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?; // at once: a file that nobody listens on yet looks like one left behind
    let file = SocketFile::made(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(mode))?; // the process's umask may have taken some away
    Ok((socket, file))
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
        let (stream, _) = self.listener.accept().await.map_err(crate::listen::passing)?;
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
}
