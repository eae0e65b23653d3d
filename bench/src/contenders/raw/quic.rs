//! The loop over QUIC: quinn, with everything on one bidirectional stream.

use std::net::UdpSocket;
use std::sync::Arc;

use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::pem::PemObject;
use quinn::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use quinn::{
    ClientConfig, Endpoint, EndpointConfig, Incoming, RecvStream, SendStream, ServerConfig, TokioRuntime,
};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use tokio::sync::OnceCell;

use super::Road;
use super::client::Client;
use super::framing::Framing;
use super::notes::StreamNotes;
use super::outbox::Session;
use super::server::{Style, serve as serve_stream};
use crate::Failure;
use crate::contenders::Topic;
use crate::contenders::certificate::CertificateFile;

/// quinn.
#[derive(Debug)]
pub(crate) struct Quic;

impl Road for Quic {
    type Notes = StreamNotes<RecvStream, SendStream>;

    async fn open(address: &str) -> Result<Client, Failure> {
        let (read, write) = stream(address).await?;
        Ok(Client::on_stream(read, write, Framing::Lengths))
    }

    async fn subscribe(address: &str) -> Result<Self::Notes, Failure> {
        let (read, write) = stream(address).await?;
        StreamNotes::subscribe(read, write, FRAMINGS).await
    }
}

pub(crate) async fn serve() -> Result<(), Failure> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let endpoint = endpoint(Some(ServerConfig::with_single_cert(vec![made.cert.der().clone()], key)?))?;
    let file = CertificateFile::write(&made.cert.pem())?;
    println!("{}{CERTIFICATE}{}", endpoint.local_addr()?, file.path());
    let topic = Topic::default();
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(accept(incoming, topic.clone()));
    }
    Ok(())
}

async fn accept(incoming: Incoming, topic: Topic<Session>) -> Result<(), Failure> {
    let (write, read) = incoming.await?.accept_bi().await?;
    serve_stream(read, write, FRAMINGS, Style::Writer, topic).await
}

/// One endpoint for all connections of a client, and what it trusts.
static DIALER: OnceCell<(Endpoint, ClientConfig)> = OnceCell::const_new();

async fn stream(address: &str) -> Result<(RecvStream, SendStream), Failure> {
    let (address, file) = address.split_once(CERTIFICATE).ok_or("the address names no certificate")?;
    let (endpoint, config) = DIALER.get_or_try_init(|| async { dialer(file) }).await?;
    let connection = endpoint.connect_with(config.clone(), address.parse()?, NAME)?.await?;
    let (write, read) = connection.open_bi().await?;
    Ok((read, write))
}

fn dialer(file: &str) -> Result<(Endpoint, ClientConfig), Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file)?)?;
    Ok((endpoint(None)?, ClientConfig::with_root_certificates(Arc::new(roots))?))
}

fn endpoint(server: Option<ServerConfig>) -> Result<Endpoint, Failure> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_LEN)?;
    set_socket_send_buffer_size(&socket, SOCKET_BUFFER_LEN)?;
    Ok(Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))?)
}

const FRAMINGS: (Framing, Framing) = (Framing::Lengths, Framing::Lengths);
const NAME: &str = "localhost";
/// Between the address and the file of the certificate to trust, as in Linkspan's endpoints.
const CERTIFICATE: &str = "?ca=";
/// As much as Linkspan's.
const SOCKET_BUFFER_LEN: usize = 4 * 1024 * 1024;
