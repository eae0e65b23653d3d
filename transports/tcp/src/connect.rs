//! Connecting: every address of the name gets its turn.
//!
//! A name may have an address that swallows packets (IPv6 without a route is the common one), and the system gives
//! up on such a one only after minutes. So the next address starts while the last still tries, as RFC 8305 has it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use linkspan_core::{Endpoint, Error, ErrorKind, Link};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{config, link};

pub(crate) async fn connect(endpoint: &Endpoint) -> Result<Link, Error> {
    let authority = config::authority(endpoint)?;
    if endpoint.port() == Some(0) {
        return Err(Error::configuration(format!(
            "endpoint {endpoint} has port 0, which only a listener can use; write the port the server listens on"
        )));
    }
    let addresses = config::resolve(&authority).await?;
    let stream = race(&addresses).await.map_err(|error| unreachable(endpoint, error))?;
    link::link(stream, endpoint.clone())
}

/// The first of `addresses` that answers; the last failure if none does.
pub(crate) async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut attempts = Attempts(Vec::new());
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for (index, &address) in addresses.iter().enumerate() {
        attempts.0.push(Box::pin(TcpStream::connect(address)));
        let is_final = index + 1 == addresses.len();
        let patience = if is_final { Duration::MAX } else { NEXT_ADDRESS_AFTER };
        let next = timeout(patience, attempts.next(is_final)).await;
        match next {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_still_trying) => {}
        }
    }
    Err(last)
}

/// Attempts under way, at most one per address. Dropping them closes their sockets.
struct Attempts(Vec<Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>>);

impl Attempts {
    /// The first success; else a failure: the first, or with `until_all_failed` the last.
    async fn next(&mut self, until_all_failed: bool) -> io::Result<TcpStream> {
        poll_fn(|cx| self.poll_next(cx, until_all_failed)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, until_all_failed: bool) -> Poll<io::Result<TcpStream>> {
        let mut failure = None;
        let mut success = None;
        self.0.retain_mut(|attempt| match attempt.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(Ok(stream)) => {
                success = Some(stream);
                false
            }
            Poll::Ready(Err(error)) => {
                failure = Some(error);
                false
            }
        });
        match (success, failure) {
            (Some(stream), _) => Poll::Ready(Ok(stream)),
            (None, Some(error)) if !until_all_failed || self.0.is_empty() => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    }
}

fn unreachable(endpoint: &Endpoint, error: io::Error) -> Error {
    let context = if error.kind() == io::ErrorKind::ConnectionRefused {
        format!("nobody listens at {endpoint}; start the server, or check host and port")
    } else {
        format!("no peer answered at {endpoint}; check the address, the network, and firewalls between")
    };
    Error::new(ErrorKind::Unreachable, context).with_source(error)
}

/// Head start of each address over the next: RFC 8305 §5 recommends 250 ms.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
