//! Linkspan, as an application uses it: a trait, a server, a generated stub.

use linkspan::quic::Quic;
use linkspan::tls::{DevelopmentCa, Tls};
use linkspan::{Blob, Client, Limits, Server};

use super::certificate::CertificateFile;
use super::{Args, Caller, Product};
use crate::Failure;

/// The service of every load.
#[linkspan::service]
pub(super) trait Arith {
    /// Multiplies.
    async fn mul(&self, args: Args) -> Product;
    /// Gives back what it is given.
    async fn echo(&self, body: Blob) -> Blob;
}

#[derive(Debug)]
struct Calculator;

impl Arith for Calculator {
    async fn mul(&self, args: Args) -> Product {
        args.multiply()
    }

    async fn echo(&self, body: Blob) -> Blob {
        body
    }
}

/// The generated stub, and the client whose last clone closes the connection.
#[derive(Clone, Debug)]
pub(crate) struct Stub {
    _client: Client,
    arith: ArithClient,
}

impl Stub {
    pub(crate) async fn echo(&self, body: Blob) -> Result<Blob, Failure> {
        Ok(self.arith.echo(body).await?)
    }
}

impl Caller for Stub {
    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        Ok(self.arith.mul(args).await?)
    }
}

pub(super) async fn serve(url: &str) -> Result<(), Failure> {
    let mut builder = Server::builder().service(ArithServer::new(Calculator)).limits(limits()).listen(url);
    let mut trusted = None;
    if url.starts_with("quic:") {
        let ca = DevelopmentCa::generate()?;
        trusted = Some(CertificateFile::write(&ca.ca_pem())?);
        let tls = Tls::new().with_identity(ca.issue(&["127.0.0.1", "localhost"])?);
        builder = builder.transport(Quic::new().with_tls(tls));
    }
    let server = builder.start().await?;
    for endpoint in server.endpoints() {
        // The client trusts what the address names.
        let with_ca = trusted.as_ref().map(|file| endpoint.clone().with_option("ca", &file.path()));
        println!("{}", with_ca.as_ref().unwrap_or(endpoint));
    }
    server.stopped().await;
    Ok(())
}

/// A stub on a fresh connection to `endpoint`.
pub(crate) async fn connect(endpoint: &str, codec: &str) -> Result<Stub, Failure> {
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    let url = format!("{endpoint}{separator}codec={codec}");
    let client = Client::builder().limits(limits()).connect(&url).await?;
    Ok(Stub { arith: ArithClient::new(&client), _client: client })
}

/// The defaults, but for bodies of 4 MiB and their length.
fn limits() -> Limits {
    Limits::default().with_max_message_len(8 * 1024 * 1024)
}
