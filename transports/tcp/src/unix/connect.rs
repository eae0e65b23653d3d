//! Connecting to a socket file.

use std::io;
use std::time::Duration;

use linkspan_core::{Endpoint, Error, ErrorKind, Link};
use tokio::net::UnixStream;
use tokio::time::sleep;

pub(super) async fn connect(endpoint: &Endpoint) -> Result<Link, Error> {
    let path = super::path(endpoint, &[])?;
    let mut waited = Duration::ZERO;
    let mut pause = FIRST_PAUSE;
    let stream = loop {
        match UnixStream::connect(&path).await {
            Ok(stream) => break stream,
            // A full queue of the server: TCP would wait in the kernel, this socket says so instead.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && waited < PATIENCE => {
                sleep(pause).await;
                waited += pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(unreachable(endpoint, error)),
        }
    };
    let remote = Some(endpoint.path().to_owned());
    Ok(super::link(stream, endpoint.clone(), (None, remote)))
}

/// Why nobody was reached, and what to do.
pub(super) fn unreachable(endpoint: &Endpoint, error: io::Error) -> Error {
    let (kind, context) = match error.kind() {
        io::ErrorKind::NotFound => (
            ErrorKind::Unreachable,
            format!("there is no socket at {endpoint}; start the server, or check the path"),
        ),
        io::ErrorKind::ConnectionRefused => {
            (ErrorKind::Unreachable, format!("nobody listens at {endpoint} any more; start the server"))
        }
        io::ErrorKind::PermissionDenied => (
            ErrorKind::Refused,
            format!(
                "not allowed to connect to {endpoint}; the server's option mode=0660 admits its group, for one"
            ),
        ),
        io::ErrorKind::WouldBlock => (
            ErrorKind::AtCapacity,
            format!("the server at {endpoint} does not accept fast enough; try again later"),
        ),
        _ => (ErrorKind::Unreachable, format!("no peer answered at {endpoint}")),
    };
    Error::new(kind, context).with_source(error)
}

/// Pauses while the server's queue is full: short at first, since it usually has room a moment later.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// How long a full queue is waited for. Chosen as half of the runtime's handshake timeout.
const PATIENCE: Duration = Duration::from_secs(5);
