//! The loop over QUIC: quinn, with all calls on one bidirectional stream.

use std::net::UdpSocket;
use std::sync::Arc;

use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::pem::PemObject;
use quinn::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use quinn::{ClientConfig, Endpoint, EndpointConfig, Incoming, ServerConfig, TokioRuntime};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};

use super::{Client, answer};
use crate::Failure;
use crate::contenders::certificate::CertificateFile;

pub(crate) async fn serve() -> Result<(), Failure> {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let endpoint = endpoint(Some(ServerConfig::with_single_cert(vec![made.cert.der().clone()], key)?))?;
    let file = CertificateFile::write(&made.cert.pem())?;
    println!("{}{CERTIFICATE}{}", endpoint.local_addr()?, file.path());
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(accept(incoming));
    }
    Ok(())
}

async fn accept(incoming: Incoming) -> Result<(), Failure> {
    let (write, read) = incoming.await?.accept_bi().await?;
    answer(read, write).await
}

pub(crate) async fn connect(address: &str) -> Result<Client, Failure> {
    let (address, file) = address.split_once(CERTIFICATE).ok_or("the address names no certificate")?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file)?)?;
    let config = ClientConfig::with_root_certificates(Arc::new(roots))?;
    let connection = endpoint(None)?.connect_with(config, address.parse()?, NAME)?.await?;
    let (write, read) = connection.open_bi().await?;
    Ok(Client::on_stream(read, write))
}

fn endpoint(server: Option<ServerConfig>) -> Result<Endpoint, Failure> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    set_socket_recv_buffer_size(&socket, SOCKET_BUFFER_LEN)?;
    set_socket_send_buffer_size(&socket, SOCKET_BUFFER_LEN)?;
    Ok(Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))?)
}

const NAME: &str = "localhost";
/// Between the address and the file of the certificate to trust, as in Linkspan's endpoints.
const CERTIFICATE: &str = "?ca=";
/// As much as Linkspan's.
const SOCKET_BUFFER_LEN: usize = 4 * 1024 * 1024;
