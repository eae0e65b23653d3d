//! tarpc over TCP with bincode, as its documentation shows it; with `TCP_NODELAY`, which it does not set itself.

use futures_util::StreamExt;
use tarpc::client::Config as ClientConfig;
use tarpc::context;
use tarpc::serde_transport;
use tarpc::server::{BaseChannel, Channel, Config};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::length_delimited::LengthDelimitedCodec;
use tokio::net::{TcpListener, TcpStream};

use super::{Args, Caller, Product};
use crate::Failure;

#[tarpc::service]
pub(super) trait Arith {
    async fn mul(args: Args) -> Product;
}

#[derive(Clone, Debug)]
struct Calculator;

impl Arith for Calculator {
    async fn mul(self, _: context::Context, args: Args) -> Product {
        args.multiply()
    }
}

impl Caller for ArithClient {
    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        Ok(Self::mul(self, context::current(), args).await?)
    }
}

pub(super) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let framed = LengthDelimitedCodec::builder().new_framed(stream);
        let transport = serde_transport::new(framed, Bincode::default());
        let config = Config { pending_response_buffer: QUEUE };
        let responses = BaseChannel::new(config, transport).execute(Calculator.serve());
        tokio::spawn(responses.for_each(|response| async {
            tokio::spawn(response);
        }));
    }
}

pub(super) async fn connect(address: &str) -> Result<ArithClient, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let framed = LengthDelimitedCodec::builder().new_framed(stream);
    let transport = serde_transport::new(framed, Bincode::default());
    let mut config = ClientConfig::default();
    config.max_in_flight_requests = QUEUE;
    config.pending_request_buffer = QUEUE;
    Ok(ArithClient::new(config, transport).spawn())
}

/// More than any load has in flight, so that no queue of tarpc's is what is measured.
const QUEUE: usize = 4096;
