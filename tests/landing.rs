//! Large bodies are read into their place, on every road that is a byte stream or has some.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};

use linkspan::{
    Batch, Blob, Capabilities, Close, Endpoint, Error, Inbox, Link, Listener, Pipe, Transport, async_trait,
};
use support::{PATIENCE, Road};
use tokio::time::timeout;

#[linkspan::service]
trait Mirror {
    async fn echo(&self, body: Blob) -> Blob;
}

#[derive(Debug)]
struct Echo;

impl Mirror for Echo {
    async fn echo(&self, body: Blob) -> Blob {
        body
    }
}

/// What links brought.
#[derive(Debug, Default)]
struct Brought {
    /// Bytes of bodies that were read into their place.
    landed: AtomicUsize,
    /// Bytes of frames.
    framed: AtomicUsize,
}

/// A road that is watched from the connecting side.
#[derive(Debug)]
struct Watched(Arc<dyn Transport>, Arc<Brought>);

#[async_trait]
impl Transport for Watched {
    fn schemes(&self) -> &[&'static str] {
        self.0.schemes()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn is_encrypted(&self, scheme: &str) -> bool {
        self.0.is_encrypted(scheme)
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        let (pipe, peer) = self.0.connect(endpoint).await?.into_parts();
        Ok(Link::new(WatchedPipe(pipe, self.1.clone()), peer))
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        self.0.listen(endpoint).await
    }
}

#[derive(Debug)]
struct WatchedPipe(Box<dyn Pipe>, Arc<Brought>);

impl Pipe for WatchedPipe {
    fn poll_send(&mut self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<Result<(), Error>> {
        self.0.poll_send(cx, batch)
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
        let read = ready!(self.0.poll_recv(cx, inbox));
        self.1.landed.fetch_add(inbox.landed().map(|landed| landed.len).sum(), Relaxed);
        self.1.framed.fetch_add(inbox.frames().map(<[u8]>::len).sum(), Relaxed);
        Poll::Ready(read)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, close: &Close) -> Poll<Result<(), Error>> {
        self.0.poll_close(cx, close)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_read_into_their_place() {
    const LEN: usize = 3 * 1024 * 1024;
    for scheme in ["tcp", "tls", "unix", "quic"] {
        let road = Road::new(scheme, "landing");
        let server = road.server().service(MirrorServer::new(Echo)).start().await.unwrap();
        let endpoint = server.endpoints().first().unwrap().clone().with_option("codec", "postcard");
        let brought = Arc::new(Brought::default());
        let watched = Watched(road.transports().find(&endpoint).unwrap().clone(), brought.clone());
        let client = road.client().transport(watched).connect(&endpoint.to_string()).await.unwrap();
        let mirror = MirrorClient::new(&client);
        for round in 0..4_u8 {
            let bodies = [round, 100, 200].map(|first| {
                Blob::from((0..=250).cycle().take(LEN).map(|byte: u8| byte ^ first).collect::<Vec<_>>())
            });
            let echoes = bodies.clone().map(|body| tokio::spawn(mirror.echo(body).into_owned()));
            for (echo, body) in echoes.into_iter().zip(bodies) {
                let echo = timeout(PATIENCE, echo).await.unwrap().unwrap().unwrap();
                assert!(echo == body, "{scheme}: an echo differs");
            }
        }
        let (landed, framed) = (brought.landed.load(Relaxed), brought.framed.load(Relaxed));
        println!("{scheme}: {landed} bytes were read into their place, {framed} came in frames");
        assert!(
            landed > 0 && landed + framed >= 12 * LEN,
            "{scheme}: {landed} bytes landed, {framed} in frames"
        );
        server.shutdown().await;
    }
}
