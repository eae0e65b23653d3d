//! Promises of the transport, each over real sockets on loopback.

mod certificates;
mod lanes;
mod lifetime;
mod shared;

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use linkspan_core::{Batch, Endpoint, Error, Inbox, Lane, Link, Listener, Pipe, Transport};
use linkspan_tls::{DevelopmentCa, Tls, TrustedCa};
use quinn::{ClientConfig, Connection, ServerConfig};

use crate::{Quic, QuicConfig, socket, tls};

/// Kind of the frames sent here: a request's, which no transport looks at.
const KIND: u8 = 3;

/// Runs a test, which must end in time.
pub(crate) fn run(test: impl Future<Output = Result<(), Error>>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { tokio::time::timeout(Duration::from_secs(20), test).await })
        .expect("the test ends in time")
        .unwrap();
}

/// A server and a client that trusts it.
fn transports() -> Result<(Quic, Quic), Error> {
    let ca = DevelopmentCa::generate()?;
    let server = Tls::new().with_identity(ca.issue(&["localhost", "127.0.0.1"])?);
    let client = Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?);
    Ok((Quic::new().with_tls(server), Quic::new().with_tls(client)))
}

/// A client that verifies nothing.
fn careless() -> Quic {
    Quic::new().with_tls(Tls::new().dangerously_skip_verification())
}

async fn listen(server: &Quic) -> Result<Box<dyn Listener>, Error> {
    server.listen(&"quic://127.0.0.1:0".parse()?).await
}

async fn meet(client: &Quic, listener: &mut Box<dyn Listener>) -> Result<(Link, Link), Error> {
    let endpoint = listener.endpoint().clone();
    let (connected, arrived) =
        tokio::join!(client.connect(&endpoint), async { listener.accept().await?.await });
    Ok((connected?, arrived?))
}

/// The two ends of a link: the connecting one first.
async fn pair() -> Result<(Box<dyn Pipe>, Box<dyn Pipe>), Error> {
    let (server, client) = transports()?;
    let (connected, arrived) = meet(&client, &mut listen(&server).await?).await?;
    Ok((connected.into_parts().0, arrived.into_parts().0))
}

/// A link to a peer that is quinn itself, without this crate's pipe.
async fn raw_server(client: &Quic) -> Result<(Link, Connection, quinn::Endpoint), Error> {
    let quic = raw_listener().await?;
    let endpoint = raw_endpoint(&quic)?;
    let (link, connection) =
        tokio::join!(client.connect(&endpoint), async { quic.accept().await.unwrap().await.unwrap() });
    Ok((link?, connection, quic))
}

async fn raw_listener() -> Result<quinn::Endpoint, Error> {
    let tls = Tls::new().with_identity(DevelopmentCa::generate()?.issue(&["localhost"])?);
    let (crypto, _) = tls::server(&tls, &"quic://127.0.0.1:0".parse()?).await?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(QuicConfig::default().transport(1)?);
    Ok(socket::bind("127.0.0.1:0".parse().unwrap(), Some(config), 0).unwrap())
}

fn raw_endpoint(quic: &quinn::Endpoint) -> Result<Endpoint, Error> {
    format!("quic://127.0.0.1:{}", quic.local_addr().unwrap().port()).parse()
}

/// A client that is quinn itself, and the pipe that accepted it.
async fn raw_client() -> Result<(Connection, Box<dyn Pipe>, quinn::Endpoint), Error> {
    let (server, _) = transports()?;
    let mut listener = listen(&server).await?;
    let (connecting, quic) = raw_connect(listener.endpoint()).await?;
    let (connected, arrived) = tokio::join!(connecting, async { listener.accept().await?.await });
    Ok((connected.unwrap(), arrived?.into_parts().0, quic))
}

async fn raw_connect(endpoint: &Endpoint) -> Result<(quinn::Connecting, quinn::Endpoint), Error> {
    let quic = socket::bind("127.0.0.1:0".parse().unwrap(), None, 0).unwrap();
    let (crypto, _) = tls::client(&Tls::new().dangerously_skip_verification(), endpoint).await?;
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(QuicConfig::default().transport(0)?);
    let address = endpoint.authority()?.parse().unwrap();
    Ok((quic.connect_with(config, address, "localhost").unwrap(), quic))
}

/// Both ends of a connection that is quinn itself: the connecting one first.
pub(crate) async fn raw_pair() -> Result<(Connection, Connection, [quinn::Endpoint; 2]), Error> {
    let server = raw_listener().await?;
    let (connecting, client) = raw_connect(&raw_endpoint(&server)?).await?;
    let (connected, accepted) =
        tokio::join!(connecting, async { server.accept().await.unwrap().await.unwrap() });
    Ok((connected.unwrap(), accepted, [client, server]))
}

fn push(batch: &mut Batch, lane: u64, flags: u8, text: impl Into<Bytes>) {
    batch.push((KIND, flags), Lane::new(lane), Some(text.into()), |_| {}).unwrap();
}

/// The frames of `batch`, encoded.
fn encoded(batch: &mut Batch) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    batch.take_frames(|frame| {
        frames.push(Vec::new());
        frame.copy_to(frames.last_mut().unwrap());
        true
    });
    frames
}

async fn send(pipe: &mut Box<dyn Pipe>, batch: &mut Batch) -> Result<(), Error> {
    poll_fn(|cx| pipe.poll_send(cx, batch)).await
}

/// The next `count` frames.
async fn collect(pipe: &mut Box<dyn Pipe>, count: usize) -> Result<Vec<Vec<u8>>, Error> {
    exchange(pipe, &mut Batch::new(), count).await
}

/// True if a read gives the peer's end.
async fn ends(pipe: &mut Box<dyn Pipe>) -> Result<bool, Error> {
    let mut inbox = Inbox::new();
    poll_fn(|cx| pipe.poll_recv(cx, &mut inbox)).await.map(|more| !more)
}

/// Drives both directions, as the runtime does, until `batch` is flushed and `expected` frames came.
async fn exchange(
    pipe: &mut Box<dyn Pipe>,
    batch: &mut Batch,
    expected: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut inbox = Inbox::new();
    let mut frames = Vec::new();
    poll_fn(|cx| {
        let sent = pipe.poll_send(cx, batch)?.is_ready();
        while frames.len() < expected {
            match pipe.poll_recv(cx, &mut inbox)? {
                Poll::Ready(more) => assert!(more, "ended after {} of {expected} frames", frames.len()),
                Poll::Pending => return Poll::Pending,
            }
            frames.extend(inbox.frames().map(<[u8]>::to_vec));
        }
        if sent { Poll::Ready(Ok::<_, Error>(())) } else { Poll::Pending }
    })
    .await?;
    Ok(frames)
}
