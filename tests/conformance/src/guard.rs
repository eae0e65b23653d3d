//! A layer around every call that ends it as its metadata says, since only layers end calls with a status of their own.

use std::pin::Pin;
use std::task::{Context, Poll};

use linkspan_core::{BoxError, CallRequest, Calls, Code, Ran, Reply, Status};
use tower_layer::Layer;
use tower_service::Service;

/// The layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard;

impl Layer<Calls> for Guard {
    type Service = Guarded;

    fn layer(&self, inner: Calls) -> Guarded {
        Guarded(inner)
    }
}

/// Calls behind the layer.
#[derive(Clone, Debug)]
pub(crate) struct Guarded(Calls);

impl Service<CallRequest> for Guarded {
    type Response = Reply;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: CallRequest) -> Self::Future {
        let metadata = request.context().metadata();
        let code = metadata.get(STATUS).and_then(|code| code.first()).copied();
        match code {
            None => self.0.call(request),
            Some(code) => {
                let message = metadata.text(MESSAGE).unwrap_or_default();
                let status = Status::new(Code::from_number(u64::from(code)), Ran::No, message);
                Box::pin(std::future::ready(Err(status.into())))
            }
        }
    }
}

/// Header of a call: one byte, the code of the status that ends it.
pub(crate) const STATUS: &str = "status";
/// Header of a call: the message of that status.
pub(crate) const MESSAGE: &str = "message";
