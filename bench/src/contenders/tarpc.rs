//! tarpc over TCP with bincode, as its documentation shows it; with `TCP_NODELAY`, which it does not set itself.

use bytes::Bytes;
use futures_util::StreamExt;
use tarpc::client::Config as ClientConfig;
use tarpc::context;
use tarpc::serde_transport;
use tarpc::server::{BaseChannel, Channel, Config};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::length_delimited::LengthDelimitedCodec;
use tokio::net::{TcpListener, TcpStream};

use super::{Args, Caller, MAX_MESSAGE_LEN, Product, QUEUE};
use crate::Failure;

#[tarpc::service]
pub(super) trait Arith {
    async fn mul(args: Args) -> Product;
    async fn echo(body: Bytes) -> Bytes;
}

#[derive(Clone, Debug)]
struct Calculator;

impl Arith for Calculator {
    async fn mul(self, _: context::Context, args: Args) -> Product {
        args.multiply()
    }

    async fn echo(self, _: context::Context, body: Bytes) -> Bytes {
        body
    }
}

impl Caller for ArithClient {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let transport = serde_transport::new(codec().new_framed(stream), Bincode::default());
        let mut config = ClientConfig::default();
        config.max_in_flight_requests = QUEUE as usize;
        config.pending_request_buffer = QUEUE as usize;
        Ok(Self::new(config, transport).spawn())
    }

    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        Ok(Self::mul(self, context::current(), args).await?)
    }

    async fn echo(&self, body: Bytes) -> Result<Bytes, Failure> {
        Ok(Self::echo(self, context::current(), body).await?)
    }
}

pub(super) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let transport = serde_transport::new(codec().new_framed(stream), Bincode::default());
        let config = Config { pending_response_buffer: QUEUE as usize };
        let responses = BaseChannel::new(config, transport).execute(Calculator.serve());
        tokio::spawn(responses.for_each(|response| async {
            tokio::spawn(response);
        }));
    }
}

fn codec() -> tarpc::tokio_util::codec::length_delimited::Builder {
    let mut builder = LengthDelimitedCodec::builder();
    builder.max_frame_length(MAX_MESSAGE_LEN as usize);
    builder
}
