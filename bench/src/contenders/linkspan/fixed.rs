//! Linkspan with road and codec fixed at compile time, as far as its interface lets one: a stack of one codec and one
//! transport.

use std::sync::Arc;

use bytes::Bytes;
use linkspan::tcp::Tcp;
use linkspan::{Blob, Postcard, Stack, Transports, stack};

use super::{ArithClient, ArithServer, Calculator, limits};
use crate::Failure;
use crate::contenders::{Args, Caller, Product};

/// Postcard over TCP, and nothing else.
#[derive(Debug)]
pub(crate) struct Fixed;

impl Stack for Fixed {
    type Codecs = (Postcard,);

    fn transports() -> Transports {
        let mut transports = Transports::new();
        transports.register(Arc::new(Tcp::new()));
        transports
    }
}

/// The generated stub, and the client whose last clone closes the connection.
#[derive(Clone, Debug)]
pub(crate) struct Stub {
    _client: stack::Client<Fixed>,
    arith: ArithClient,
}

impl Caller for Stub {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let client = stack::Client::<Fixed>::builder().limits(limits()).connect(address).await?;
        Ok(Self { arith: ArithClient::new(&client), _client: client })
    }

    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        Ok(self.arith.mul(args).await?)
    }

    async fn echo(&self, body: Bytes) -> Result<Bytes, Failure> {
        Ok(self.arith.echo(Blob::from(body)).await?.into_bytes())
    }
}

pub(crate) async fn serve(url: &str) -> Result<(), Failure> {
    let calculator = ArithServer::new(Calculator::default());
    let server =
        stack::Server::<Fixed>::builder().service(calculator).limits(limits()).listen(url).start().await?;
    for endpoint in server.endpoints() {
        println!("{endpoint}");
    }
    server.stopped().await;
    Ok(())
}
