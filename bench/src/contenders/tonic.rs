//! tonic over TCP with prost, and the glue that its build script would write, by hand, so that no `protoc` is needed.
//!
//! HTTP/2 windows are the defaults. The service is served without a router, which has nothing to choose here.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use prost::Message;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc as GrpcServer, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::{Args, Caller, Product};
use crate::Failure;

/// [`Args`], as Protocol Buffers have them.
#[derive(Clone, Copy, PartialEq, Message)]
struct MulRequest {
    #[prost(int64, tag = "1")]
    a: i64,
    #[prost(int64, tag = "2")]
    b: i64,
}

/// [`Product`], as Protocol Buffers have it.
#[derive(Clone, Copy, PartialEq, Message)]
struct MulResponse {
    #[prost(int64, tag = "1")]
    c: i64,
}

#[derive(Clone, Debug)]
struct Calculator;

impl UnaryService<MulRequest> for Calculator {
    type Response = MulResponse;
    type Future = Ready<Result<Response<MulResponse>, Status>>;

    fn call(&mut self, request: Request<MulRequest>) -> Self::Future {
        let MulRequest { a, b } = request.into_inner();
        let Product { c } = Args { a, b }.multiply();
        ready(Ok(Response::new(MulResponse { c })))
    }
}

/// The methods of [`Calculator`], by their paths.
#[derive(Clone, Debug)]
struct Methods;

impl Service<http::Request<Body>> for Methods {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match request.uri().path() {
            MUL => Box::pin(async move {
                let mut grpc = GrpcServer::new(ProstCodec::default());
                Ok(grpc.unary(Calculator, request).await)
            }),
            other => {
                let status = Status::unimplemented(format!("no method {other}"));
                Box::pin(ready(Ok(status.into_http())))
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Client(Grpc<Channel>);

impl Caller for Client {
    async fn mul(&self, Args { a, b }: Args) -> Result<Product, Failure> {
        let mut grpc = self.0.clone(); // a call borrows it exclusively, so generated clients are cloned too
        grpc.ready().await?;
        let request = Request::new(MulRequest { a, b });
        let codec: ProstCodec<MulRequest, MulResponse> = ProstCodec::default();
        let response = grpc.unary(request, PathAndQuery::from_static(MUL), codec).await?;
        Ok(Product { c: response.into_inner().c })
    }
}

pub(super) async fn serve() -> Result<(), Failure> {
    // `TCP_NODELAY` is the server's default only where the server itself listens.
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
    println!("{}", incoming.local_addr()?);
    Server::builder().max_concurrent_streams(QUEUE).serve_with_incoming(Methods, incoming).await?;
    Ok(())
}

pub(super) async fn connect(address: &str) -> Result<Client, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?;
    let channel = endpoint.buffer_size(QUEUE as usize).tcp_nodelay(true).connect().await?;
    Ok(Client(Grpc::new(channel)))
}

const MUL: &str = "/bench.Arith/Mul";
/// More than any load has in flight, so that no queue of tonic's is what is measured.
const QUEUE: u32 = 4096;
