//! jsonrpsee over WebSocket, with queues that hold every call of any load.
//!
//! The client does without the logger it has by default, which writes every request and answer out as JSON once more
//! even if nobody listens. The methods answer in place, since they wait for nothing. Both sides set `TCP_NODELAY`
//! themselves. It has no bytes: bodies are text.

use std::sync::Arc;

use bytes::Bytes;
use jsonrpsee_core::client::{ClientT, Subscription, SubscriptionClientT};
use jsonrpsee_core::params::ArrayParams;
use jsonrpsee_server::types::{ErrorObject, ErrorObjectOwned};
use jsonrpsee_server::{RpcModule, Server, ServerConfig, SubscriptionSink};
use jsonrpsee_ws_client::{RpcService, RpcServiceBuilder, WsClient, WsClientBuilder};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::task::unconstrained;

use super::{
    Args, Caller, MAX_MESSAGE_LEN, NOTES_WAITING, Notes, Outlet, Product, Publisher, QUEUE, Subscriber,
    Topic, checked_note, note_text,
};
use crate::Failure;

#[derive(Clone, Debug)]
pub(super) struct Client(Arc<WsClient<RpcService>>);

/// What subscribers are told.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    sequence: u64,
    filler: String,
}

/// A subscription, and the client that keeps it.
#[derive(Debug)]
pub(super) struct Told {
    subscription: Subscription<Note>,
    _client: Client,
}

impl Client {
    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        argument: Option<impl Serialize>,
    ) -> Result<T, Failure> {
        let mut params = ArrayParams::new();
        if let Some(argument) = argument {
            params.insert(argument)?;
        }
        Ok(self.0.request(method, params).await?)
    }
}

impl Caller for Client {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let client = WsClientBuilder::new()
            .max_concurrent_requests(QUEUE as usize)
            .max_buffer_capacity_per_subscription(BEHIND)
            .max_request_size(MAX_MESSAGE_LEN)
            .max_response_size(MAX_MESSAGE_LEN)
            .set_rpc_middleware(RpcServiceBuilder::new())
            .build(format!("ws://{address}"))
            .await?;
        Ok(Self(Arc::new(client)))
    }

    async fn mul(&self, args: Args) -> Result<Product, Failure> {
        self.call(MUL, Some(args)).await
    }

    async fn echo(&self, body: Bytes) -> Result<Bytes, Failure> {
        let echo: String = self.call(ECHO, Some(str::from_utf8(&body)?)).await?;
        Ok(echo.into())
    }
}

impl Subscriber for Client {
    type Notes = Told;
    type Publisher = Self;

    async fn subscribe(address: &str) -> Result<Told, Failure> {
        let client = Self::connect(address).await?;
        let subscription = client.0.subscribe(SUBSCRIBE, ArrayParams::new(), UNSUBSCRIBE).await?;
        let mut told = Told { subscription, _client: client };
        let welcome = told.note().await?;
        if welcome.filler.is_empty() { Ok(told) } else { Err("a note came before the welcome".into()) }
    }

    async fn publisher(address: &str) -> Result<Self, Failure> {
        Self::connect(address).await
    }
}

impl Told {
    /// The next note. A reader takes all that wait in one turn: tokio would end it after 128 of them, while a turn of the
    /// library's own task, which is counted in reads, brings thousands, so that the reader fell ever further behind.
    async fn note(&mut self) -> Result<Note, Failure> {
        let next = unconstrained(self.subscription.next()).await;
        Ok(next.ok_or("the subscription ended")??)
    }
}

impl Notes for Told {
    async fn next(&mut self) -> Result<u64, Failure> {
        let note = self.note().await?;
        checked_note(note.sequence, note.filler.as_bytes())
    }
}

impl Publisher for Client {
    async fn flow(&self) -> Result<(), Failure> {
        self.call(FLOW, None::<()>).await
    }

    async fn step(&self) -> Result<(), Failure> {
        self.call(STEP, None::<()>).await
    }
}

impl Outlet for Arc<SubscriptionSink> {
    type Note = Option<Box<RawValue>>;

    fn encode(&self, sequence: u64, _: usize) -> Self::Note {
        to_raw_value(&Note { sequence, filler: note_text().to_owned() }).ok()
    }

    async fn deliver(&self, note: &Self::Note) -> Result<(), Failure> {
        Ok(self.send(note.clone().ok_or("a note that JSON cannot hold")?).await?)
    }
}

type Sinks = Topic<Arc<SubscriptionSink>>;

fn methods() -> Result<RpcModule<Sinks>, Failure> {
    let mut methods = RpcModule::new(Sinks::default());
    methods.register_method(MUL, |params, _, _| {
        let args: Args = params.one()?;
        Ok::<_, ErrorObjectOwned>(args.multiply())
    })?;
    methods.register_method(ECHO, |params, _, _| params.one::<String>())?;
    methods.register_method(FLOW, |_, topic, _| topic.flow())?;
    methods.register_async_method(STEP, |_, topic, _| async move {
        topic.step().await.map_err(|failure| ErrorObject::owned(1, failure.to_string(), None::<()>))
    })?;
    methods.register_subscription(SUBSCRIBE, NOTE, UNSUBSCRIBE, |_, pending, topic, _| async move {
        // Whoever subscribes has its answer before the sink is among those that are told; the welcome comes behind that.
        let sink = Arc::new(pending.accept().await?);
        topic.subscribe(sink.clone());
        sink.send(to_raw_value(&Note { sequence: 0, filler: String::new() })?).await?;
        sink.closed().await;
        Ok(())
    })?;
    Ok(methods)
}

pub(super) async fn serve() -> Result<(), Failure> {
    let config = ServerConfig::builder()
        .ws_only()
        .max_connections(QUEUE)
        .max_request_body_size(MAX_MESSAGE_LEN)
        .max_response_body_size(MAX_MESSAGE_LEN)
        .set_message_buffer_capacity(u32::try_from(NOTES_WAITING)?.max(QUEUE))
        .build();
    let server = Server::builder().set_config(config).build("127.0.0.1:0").await?;
    println!("{}", server.local_addr()?);
    server.start(methods()?).stopped().await;
    Ok(())
}

const ECHO: &str = "echo";
const FLOW: &str = "flow";
const MUL: &str = "mul";
const NOTE: &str = "note";
const STEP: &str = "step";
const SUBSCRIBE: &str = "subscribe";
const UNSUBSCRIBE: &str = "unsubscribe";
/// Notes that a subscriber of ours may be behind: more than come in any run. A client closes a subscription that falls back
/// further.
const BEHIND: usize = 1 << 22;
