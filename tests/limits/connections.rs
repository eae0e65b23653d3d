//! How many connections, in all and from one address.

use std::sync::Mutex;

use linkspan::tcp::Tcp;
use linkspan::tls::{DevelopmentCa, Tls, TrustedCa};
use linkspan::{
    Arrival, Capabilities, Client, Endpoint, Error, ErrorKind, Limits, Link, Listener, PeerInfo, Server,
    Standard, Transport, async_trait,
};
use tokio::sync::mpsc::{Sender, channel};

use crate::raw::Raw;
use crate::support::ROADS;
use crate::work::{Stage, WorkClient, WorkServer, Worker, within};

#[tokio::test]
async fn one_connection_more_than_allowed_is_told_so_and_may_come_later() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "connections", Limits::default().with_max_connections(2)).await;
        let client = stage.connect().await;
        let session = stage.other_session();
        let error = stage.connect_with(Limits::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AtCapacity, "{scheme}: {error}");
        assert!(error.is_retryable() && error.to_string().contains("max_connections"), "{error}");
        // Before any hello, so that refusing costs next to nothing. QUIC's peer hears of a link with its first bytes.
        let mut raw = Raw::silent(&stage.endpoint).await;
        if scheme == "quic" {
            raw.hello(&[]).await.unwrap();
        }
        assert_eq!(raw.close().await.0, 2001, "{scheme}");
        raw.until_end().await;
        client.close();
        within(session.closed()).await;
        stage.assert_healthy().await;
    }
}

/// TCP whose peers seem to come from elsewhere.
#[derive(Debug)]
struct FromAfar(Tcp, &'static [&'static str]);

#[derive(Debug)]
struct AfarListener {
    inner: Box<dyn Listener>,
    addresses: std::iter::Cycle<std::slice::Iter<'static, &'static str>>,
}

#[async_trait]
impl Transport for FromAfar {
    fn schemes(&self) -> &[&'static str] {
        self.0.schemes()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        self.0.connect(endpoint).await
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        let inner = self.0.listen(endpoint).await?;
        Ok(Box::new(AfarListener { inner, addresses: self.1.iter().cycle() }))
    }
}

#[async_trait]
impl Listener for AfarListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let arrival = self.inner.accept().await?;
        let address = self.addresses.next().map(|address| (*address).to_owned());
        Ok(Arrival::new(async move {
            let (pipe, peer) = arrival.await?.into_parts();
            let local = peer.local_address().map(str::to_owned);
            Ok(Link::from_parts(pipe, PeerInfo::new(peer.endpoint().clone()).with_addresses(local, address)))
        }))
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }
}

/// Peers that come from afar, one after another, and never finish their handshake.
#[derive(Debug)]
struct Dawdlers {
    knocks: Mutex<Vec<&'static str>>,
    dropped: Sender<&'static str>,
}

#[derive(Debug)]
struct DawdlingListener {
    endpoint: Endpoint,
    knocks: std::vec::IntoIter<&'static str>,
    dropped: Sender<&'static str>,
}

/// Says when it is dropped, and so the handshake that holds it.
struct Told(Sender<&'static str>, &'static str);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.try_send(self.1);
    }
}

#[async_trait]
impl Transport for Dawdlers {
    fn schemes(&self) -> &[&'static str] {
        &["dawdle"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::byte_stream()
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Link, Error> {
        Err(Error::new(ErrorKind::Unreachable, format!("{endpoint}: nobody connects here")))
    }

    async fn listen(&self, endpoint: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        let knocks = std::mem::take(&mut *self.knocks.lock().unwrap()).into_iter();
        Ok(Box::new(DawdlingListener { endpoint: endpoint.clone(), knocks, dropped: self.dropped.clone() }))
    }
}

#[async_trait]
impl Listener for DawdlingListener {
    async fn accept(&mut self) -> Result<Arrival, Error> {
        let Some(remote) = self.knocks.next() else { return std::future::pending().await };
        let told = Told(self.dropped.clone(), remote);
        let handshake = async move {
            let _told = told;
            std::future::pending().await
        };
        Ok(Arrival::new(handshake).with_remote(remote.parse().unwrap()))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

const KNOCKS: usize = 5;

#[tokio::test]
async fn one_address_has_its_share_of_handshakes_too() {
    let knocks: [_; KNOCKS] =
        ["203.0.113.7:1", "203.0.113.7:2", "127.0.0.1:1", "[::ffff:203.0.113.7]:3", "203.0.113.7:4"];
    let (dropped, mut told) = channel(KNOCKS);
    // Four places: were those beyond the share to take them, there would be none for the client.
    let limits = Limits::default().with_max_connections(4).with_max_connections_per_address(2);
    let server = Server::builder()
        .limits(limits)
        .transport(Dawdlers { knocks: Mutex::new(knocks.to_vec()), dropped })
        .service(WorkServer::new(Worker))
        .listen("dawdle://here")
        .listen("tcp://127.0.0.1:0")
        .start()
        .await
        .unwrap();
    // Whoever is beyond the share goes at once, long before the handshake's deadline; nobody else does.
    let mut gone = [within(told.recv()).await.unwrap(), within(told.recv()).await.unwrap()];
    gone.sort_unstable();
    assert_eq!(gone, ["203.0.113.7:4", "[::ffff:203.0.113.7]:3"]);
    let client = within(Client::connect(server.endpoints()[1].to_string().as_str())).await.unwrap();
    assert_eq!(within(WorkClient::new(&client).echo("here".into())).await.as_deref(), Ok("here"));
    assert!(told.try_recv().is_err());
    client.close();
    within(server.shutdown()).await;
}

/// How many of five clients from `addresses`, in turn, are admitted if each address may have two.
async fn admitted(addresses: &'static [&'static str]) -> usize {
    let server = Server::builder()
        .limits(Limits::default().with_max_connections_per_address(2))
        .transport(FromAfar(Tcp::new(), addresses))
        .service(WorkServer::new(Worker))
        .listen("tcp://127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let url = server.endpoints()[0].to_string();
    let mut clients = Vec::new();
    for _ in 0..5 {
        match within(Client::connect(&url)).await {
            Ok(client) => clients.push(client),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::AtCapacity, "{error}");
                assert!(error.to_string().contains("max_connections_per_address"), "{error}");
            }
        }
    }
    for client in &clients {
        assert_eq!(within(WorkClient::new(client).echo("here".into())).await.as_deref(), Ok("here"));
    }
    // Whoever leaves makes room for another from the same address.
    let session = server.sessions().find(clients[0].session().id()).unwrap();
    clients[0].close();
    within(session.closed()).await;
    within(server.shutdown()).await;
    clients.len()
}

#[tokio::test]
async fn one_address_has_its_share_and_loopback_is_exempt() {
    assert_eq!(admitted(&["203.0.113.7:1", "203.0.113.7:2"]).await, 2);
    assert_eq!(admitted(&["203.0.113.7:1", "203.0.113.8:1"]).await, 4);
    // One machine, however it writes its address.
    assert_eq!(admitted(&["203.0.113.7:1", "[::ffff:203.0.113.7]:1"]).await, 2);
    assert_eq!(admitted(&["[2001:db8::1]:1"]).await, 2);
    assert_eq!(admitted(&["127.0.0.1:1", "127.0.0.1:2", "[::1]:1", "[::ffff:127.0.0.1]:1"]).await, 5);
}

#[tokio::test]
async fn every_road_with_addresses_says_at_once_where_a_peer_is() {
    let ca = DevelopmentCa::generate().unwrap();
    let server = Tls::new().with_identity(ca.issue(&["127.0.0.1"]).unwrap());
    let client = Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem()).unwrap());
    let (servers, clients) = (Standard::transports_with(server), Standard::transports_with(client));
    for scheme in ["tcp", "tls", "ws", "wss", "quic"] {
        let endpoint = format!("{scheme}://127.0.0.1:0").parse().unwrap();
        let mut listener = servers.find(&endpoint).unwrap().listen(&endpoint).await.unwrap();
        let endpoint = listener.endpoint().clone();
        let arriving = async {
            let arrival = listener.accept().await.unwrap();
            (arrival.remote(), arrival.await.unwrap())
        };
        let connecting = clients.find(&endpoint).unwrap().connect(&endpoint);
        let (_client, (remote, link)) = within(async { tokio::join!(connecting, arriving) }).await;
        assert_eq!(remote.unwrap().to_string(), link.peer().remote_address().unwrap(), "{scheme}");
    }
}
