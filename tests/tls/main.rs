//! TLS on every road that carries it: who is let in, who is not, and what either is told.
#![cfg(all(feature = "tcp", feature = "websocket", feature = "quic", feature = "tls"))]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod clients;
mod issuer;
mod servers;
mod strangers;

use std::future::Future;
use std::time::Duration;

use linkspan::tls::Tls;
use linkspan::{Client, Context, Endpoint, Error, Link, Listener, Server, ServerBuilder, Session, Standard};
use tokio::time::timeout;

use issuer::{Issuer, Paper};

/// The roads that encrypt.
const ROADS: [&str; 3] = ["tls", "wss", "quic"];

/// Longest any test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells callers who they are.
#[linkspan::service]
trait Mirror {
    async fn names(&self, cx: &Context) -> Vec<String>;
}

struct Glass;

impl Mirror for Glass {
    async fn names(&self, cx: &Context) -> Vec<String> {
        names(cx.session())
    }
}

/// Every name in the certificate of `session`'s peer.
fn names(session: &Session) -> Vec<String> {
    let Some(identity) = session.peer().tls().and_then(|tls| tls.identity.clone()) else { return Vec::new() };
    let mut names = Vec::from_iter(identity.common_name);
    names.extend(identity.dns_names);
    names.extend(identity.emails);
    names.extend(identity.ip_addresses.iter().map(ToString::to_string));
    names.extend(identity.uris);
    names
}

fn serving(scheme: &str, tls: Tls) -> ServerBuilder {
    Server::builder()
        .transports(Standard::transports_with(tls))
        .service(MirrorServer::new(Glass))
        .listen(format!("{scheme}://127.0.0.1:0"))
}

async fn connect(tls: &Tls, endpoint: &Endpoint) -> Result<Client, Error> {
    let roads = Standard::transports_with(tls.clone());
    within(Client::builder().transports(roads).connect(&endpoint.to_string())).await
}

/// A listener without a server behind it, whose arrivals tell what the server's side finds.
async fn listen(scheme: &str, tls: &Tls) -> Result<Box<dyn Listener>, Error> {
    let endpoint: Endpoint = format!("{scheme}://127.0.0.1:0").parse()?;
    Standard::transports_with(tls.clone()).find(&endpoint)?.listen(&endpoint).await
}

async fn arrive(listener: &mut Box<dyn Listener>) -> Result<Link, Error> {
    listener.accept().await?.await
}

/// What a client and a server say that do not come together.
async fn refused(scheme: &str, server: &Tls, client: &Tls) -> (Error, Error) {
    let mut listener = listen(scheme, server).await.unwrap();
    let endpoint = listener.endpoint().clone();
    let (connected, arrived) =
        within(async { tokio::join!(connect(client, &endpoint), arrive(&mut listener)) }).await;
    (connected.unwrap_err(), arrived.unwrap_err())
}

async fn within<T>(test: impl Future<Output = T>) -> T {
    timeout(PATIENCE, test).await.unwrap()
}

/// A server's settings with `paper` from `issuer`.
fn shows(issuer: &Issuer, paper: Paper) -> Tls {
    Tls::new().with_identity(issuer.issue(paper))
}

fn trusts(issuer: &Issuer) -> Tls {
    Tls::new().with_trusted_ca(issuer.trusted())
}
