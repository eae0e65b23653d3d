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
    endpoint.check_options(&[])?;
    link::link(open(endpoint).await?, endpoint.clone())
}

/// A stream to the peer.
pub(crate) async fn open(endpoint: &Endpoint) -> Result<TcpStream, Error> {
    let authority = config::authority(endpoint)?;
    if endpoint.port() == Some(0) {
        return Err(Error::configuration(format!(
            "endpoint {endpoint} has port 0, which only a listener can use; write the port the server listens on"
        )));
    }
    let addresses = config::resolve(&authority).await?;
    race(&addresses, TcpStream::connect).await.map_err(|error| unreachable(endpoint, error))
}

/// The first of `addresses` that answers `dial`; the last failure if none does.
async fn race<T, F>(addresses: &[SocketAddr], dial: impl Fn(SocketAddr) -> F + Send) -> io::Result<T>
where
    F: Future<Output = io::Result<T>> + Send,
{
    let mut attempts = Attempts(Vec::new());
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for (index, &address) in addresses.iter().enumerate() {
        attempts.0.push(Box::pin(dial(address)));
        let is_final = index + 1 == addresses.len();
        let patience = if is_final { Duration::MAX } else { NEXT_ADDRESS_AFTER };
        let answer = timeout(patience, poll_fn(|cx| attempts.poll(cx, is_final))).await;
        match answer {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_still_trying) => {}
        }
    }
    Err(last)
}

/// Attempts under way, at most one per address. Dropping them closes their sockets.
struct Attempts<F>(Vec<Pin<Box<F>>>);

impl<T, F: Future<Output = io::Result<T>>> Attempts<F> {
    /// The first success; else a failure, with `is_final` only once all have failed.
    fn poll(&mut self, cx: &mut Context<'_>, is_final: bool) -> Poll<io::Result<T>> {
        let mut success = None;
        let mut failure = None;
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
            (None, Some(error)) if !is_final || self.0.is_empty() => Poll::Ready(Err(error)),
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

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Dials addresses whose port says what happens there.
    async fn dial(address: SocketAddr) -> io::Result<u16> {
        match address.port() {
            SILENT => std::future::pending().await,
            DEAD => Err(io::ErrorKind::ConnectionRefused.into()),
            SLOW => {
                sleep(NEXT_ADDRESS_AFTER * 3).await;
                Err(io::ErrorKind::HostUnreachable.into())
            }
            port => Ok(port),
        }
    }

    const SILENT: u16 = 1;
    const DEAD: u16 = 2;
    const SLOW: u16 = 3;

    async fn race_ports(ports: &[u16]) -> (Result<u16, io::ErrorKind>, Duration) {
        let addresses: Vec<_> = ports.iter().map(|&port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
        #[expect(
            clippy::disallowed_methods,
            reason = "the clock is paused: it reads how long the race waited"
        )]
        let start = Instant::now();
        let answer = race(&addresses, dial).await;
        (answer.map_err(|error| error.kind()), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_delays_the_next_one_by_its_head_start_only() {
        let (answer, waited) = race_ports(&[SILENT, 7001, DEAD]).await;
        assert_eq!(answer, Ok(7001));
        assert!((NEXT_ADDRESS_AFTER..NEXT_ADDRESS_AFTER * 2).contains(&waited), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_address_delays_nothing() {
        let (answer, waited) = race_ports(&[DEAD, 7001]).await;
        assert_eq!(answer, Ok(7001));
        assert!(waited < NEXT_ADDRESS_AFTER, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_race_is_lost_once_every_address_failed() {
        let (answer, waited) = race_ports(&[SLOW, DEAD]).await;
        assert_eq!(answer, Err(io::ErrorKind::HostUnreachable));
        assert!(waited >= NEXT_ADDRESS_AFTER * 3, "{waited:?}");
    }
}
