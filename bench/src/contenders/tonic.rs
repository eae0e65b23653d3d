//! tonic over TCP with prost, and the glue that its build script would write, by hand, so that no `protoc` is needed.
//!
//! HTTP/2 windows are the defaults. The service is served without a router, which has nothing to choose here.

mod messages;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc as GrpcServer, ServerStreamingService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::{
    Args, Caller, MAX_MESSAGE_LEN, NOTES_WAITING, Notes, Outlet, Product, Publisher, QUEUE, Subscriber,
    Topic, checked_note, note_filler,
};
use crate::Failure;
use messages::{EchoBody, MulRequest, MulResponse, Note, Nothing};

type Told = mpsc::Sender<Result<Note, Status>>;

/// The methods, by their paths.
#[derive(Clone, Debug, Default)]
struct Methods {
    topic: Topic<Told>,
}

#[derive(Debug)]
struct Mul;

impl UnaryService<MulRequest> for Mul {
    type Response = MulResponse;
    type Future = Ready<Result<Response<MulResponse>, Status>>;

    fn call(&mut self, request: Request<MulRequest>) -> Self::Future {
        let MulRequest { a, b } = request.into_inner();
        let Product { c } = Args { a, b }.multiply();
        ready(Ok(Response::new(MulResponse { c })))
    }
}

#[derive(Debug)]
struct Echo;

impl UnaryService<EchoBody> for Echo {
    type Response = EchoBody;
    type Future = Ready<Result<Response<EchoBody>, Status>>;

    fn call(&mut self, request: Request<EchoBody>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

#[derive(Debug)]
struct Subscribe(Topic<Told>);

impl ServerStreamingService<Nothing> for Subscribe {
    type Response = Note;
    type ResponseStream = ReceiverStream<Result<Note, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<Nothing>) -> Self::Future {
        let (sender, receiver) = mpsc::channel(NOTES_WAITING);
        self.0.subscribe(sender);
        ready(Ok(Response::new(ReceiverStream::new(receiver))))
    }
}

#[derive(Debug)]
struct Flow(Topic<Told>);

impl UnaryService<Nothing> for Flow {
    type Response = Nothing;
    type Future = Ready<Result<Response<Nothing>, Status>>;

    fn call(&mut self, _: Request<Nothing>) -> Self::Future {
        self.0.flow();
        ready(Ok(Response::new(Nothing {})))
    }
}

#[derive(Debug)]
struct Step(Topic<Told>);

impl UnaryService<Nothing> for Step {
    type Response = Nothing;
    type Future = BoxFuture<Response<Nothing>, Status>;

    fn call(&mut self, _: Request<Nothing>) -> Self::Future {
        let topic = self.0.clone();
        Box::pin(async move {
            topic.step().await.map_err(|failure| Status::unavailable(failure.to_string()))?;
            Ok(Response::new(Nothing {}))
        })
    }
}

impl Service<http::Request<Body>> for Methods {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let topic = self.topic.clone();
        match request.uri().path() {
            MUL => Box::pin(async move { Ok(grpc().unary(Mul, request).await) }),
            ECHO => Box::pin(async move { Ok(grpc().unary(Echo, request).await) }),
            FLOW => Box::pin(async move { Ok(grpc().unary(Flow(topic), request).await) }),
            STEP => Box::pin(async move { Ok(grpc().unary(Step(topic), request).await) }),
            SUBSCRIBE => {
                Box::pin(async move { Ok(grpc().server_streaming(Subscribe(topic), request).await) })
            }
            other => {
                let status = Status::unimplemented(format!("no method {other}"));
                Box::pin(ready(Ok(status.into_http())))
            }
        }
    }
}

fn grpc<E, D>() -> GrpcServer<ProstCodec<E, D>>
where
    E: Message + Send + 'static,
    D: Message + Default + Send + 'static,
{
    GrpcServer::new(ProstCodec::default()).max_decoding_message_size(MAX_MESSAGE_LEN as usize)
}

#[derive(Clone, Debug)]
pub(super) struct Client(Grpc<Channel>);

impl Client {
    async fn unary<E, D>(&self, path: &'static str, request: E) -> Result<D, Failure>
    where
        E: Message + 'static,
        D: Message + Default + 'static,
    {
        let mut grpc = self.0.clone(); // a call borrows it exclusively, so generated clients are cloned too
        grpc.ready().await?;
        let codec: ProstCodec<E, D> = ProstCodec::default();
        let response = grpc.unary(Request::new(request), PathAndQuery::from_static(path), codec).await?;
        Ok(response.into_inner())
    }
}

impl Caller for Client {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        let channel = endpoint.buffer_size(QUEUE as usize).tcp_nodelay(true).connect().await?;
        Ok(Self(Grpc::new(channel).max_decoding_message_size(MAX_MESSAGE_LEN as usize)))
    }

    async fn mul(&self, Args { a, b }: Args) -> Result<Product, Failure> {
        let MulResponse { c } = self.unary(MUL, MulRequest { a, b }).await?;
        Ok(Product { c })
    }

    async fn echo(&self, body: Bytes) -> Result<Bytes, Failure> {
        let echo: EchoBody = self.unary(ECHO, EchoBody { body }).await?;
        Ok(echo.body)
    }
}

impl Subscriber for Client {
    type Notes = Streaming<Note>;
    type Publisher = Self;

    async fn subscribe(address: &str) -> Result<Self::Notes, Failure> {
        let Self(mut grpc) = Self::connect(address).await?;
        grpc.ready().await?;
        let path = PathAndQuery::from_static(SUBSCRIBE);
        let codec: ProstCodec<Nothing, Note> = ProstCodec::default();
        Ok(grpc.server_streaming(Request::new(Nothing {}), path, codec).await?.into_inner())
    }

    async fn publisher(address: &str) -> Result<Self, Failure> {
        Self::connect(address).await
    }
}

impl Notes for Streaming<Note> {
    async fn next(&mut self) -> Result<u64, Failure> {
        let note = self.message().await?.ok_or("the stream ended")?;
        checked_note(note.sequence, &note.filler)
    }
}

impl Publisher for Client {
    async fn flow(&self) -> Result<(), Failure> {
        let Nothing {} = self.unary(FLOW, Nothing {}).await?;
        Ok(())
    }

    async fn step(&self) -> Result<(), Failure> {
        let Nothing {} = self.unary(STEP, Nothing {}).await?;
        Ok(())
    }
}

impl Outlet for Told {
    type Note = Note;

    fn encode(&self, sequence: u64, _: usize) -> Note {
        Note { sequence, filler: Bytes::from_static(note_filler()) }
    }

    async fn deliver(&self, note: &Note) -> Result<(), Failure> {
        Ok(self.send(Ok(note.clone())).await?)
    }
}

pub(super) async fn serve() -> Result<(), Failure> {
    // `TCP_NODELAY` is the server's default only where the server itself listens.
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
    println!("{}", incoming.local_addr()?);
    Server::builder().max_concurrent_streams(QUEUE).serve_with_incoming(Methods::default(), incoming).await?;
    Ok(())
}

const ECHO: &str = "/bench.Arith/Echo";
const FLOW: &str = "/bench.Arith/Flow";
const MUL: &str = "/bench.Arith/Mul";
const STEP: &str = "/bench.Arith/Step";
const SUBSCRIBE: &str = "/bench.Arith/Subscribe";
