//! jsonrpsee over WebSocket, with queues that hold every call of any load.
//!
//! The client does without the logger it has by default, which writes every request and answer out as JSON once more
//! even if nobody listens. The method answers in place, since a multiplication waits for nothing. Both sides set
//! `TCP_NODELAY` themselves.

use std::sync::Arc;

use jsonrpsee_core::client::ClientT;
use jsonrpsee_core::params::ArrayParams;
use jsonrpsee_server::types::ErrorObjectOwned;
use jsonrpsee_server::{RpcModule, Server, ServerConfig};
use jsonrpsee_ws_client::{RpcService, RpcServiceBuilder, WsClient, WsClientBuilder};

use super::{Args, Caller, Product};
use crate::Failure;

#[derive(Clone, Debug)]
pub(super) struct Client(Arc<WsClient<RpcService>>);

impl Caller for Client {
    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        let mut params = ArrayParams::new();
        params.insert(args)?;
        Ok(self.0.request(MUL, params).await?)
    }
}

pub(super) async fn serve() -> Result<(), Failure> {
    let mut calculator = RpcModule::new(());
    calculator.register_method(MUL, |params, _, _| {
        let args: Args = params.one()?;
        Ok::<_, ErrorObjectOwned>(args.multiply())
    })?;
    let config = ServerConfig::builder().ws_only().set_message_buffer_capacity(QUEUE).build();
    let server = Server::builder().set_config(config).build("127.0.0.1:0").await?;
    println!("{}", server.local_addr()?);
    server.start(calculator).stopped().await;
    Ok(())
}

pub(super) async fn connect(address: &str) -> Result<Client, Failure> {
    let client = WsClientBuilder::new()
        .max_concurrent_requests(QUEUE as usize)
        .set_rpc_middleware(RpcServiceBuilder::new())
        .build(format!("ws://{address}"))
        .await?;
    Ok(Client(Arc::new(client)))
}

const MUL: &str = "mul";
/// More than any load has in flight, so that no queue of jsonrpsee's is what is measured.
const QUEUE: u32 = 4096;
