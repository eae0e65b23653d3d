//! Calls as a tower service, so that any `tower::Layer` can wrap them.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};

use tower_layer::Layer;
use tower_service::Service as TowerService;

use super::{Context, Payload, Router};
use crate::BoxError;
use crate::connection::Reply;

/// One call on its way through the layers.
#[derive(Debug)]
pub struct CallRequest {
    pub(crate) path: &'static str,
    pub(crate) context: Context,
    pub(crate) payload: Payload,
}

impl CallRequest {
    /// `Service/Method`.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// Who calls, with which headers, until when.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

/// The calls of a server as a tower service: what a layer given to `ServerBuilder::layer` wraps.
///
/// A layer's own error ends the call with [`Code::Aborted`](crate::Code::Aborted), or with the
/// [`Status`](crate::Status) that the error is.
#[derive(Clone)]
pub struct Calls(Arc<dyn Erased>);

type Answering = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

trait Erased: Send + Sync {
    fn call(&self, request: CallRequest) -> Answering;
}

impl Calls {
    pub(crate) fn new(router: Arc<Router>) -> Self {
        struct Innermost(Arc<Router>);
        impl Erased for Innermost {
            fn call(&self, request: CallRequest) -> Answering {
                let handling = self.0.call(request.path, request.context, request.payload);
                Box::pin(async move { Ok(handling.await) })
            }
        }
        Self(Arc::new(Innermost(router)))
    }

    pub(crate) fn wrap<L>(self, layer: &L) -> Self
    where
        L: Layer<Self>,
        L::Service: TowerService<CallRequest, Response = Reply> + Clone + Send + 'static,
        <L::Service as TowerService<CallRequest>>::Error: Into<BoxError>,
        <L::Service as TowerService<CallRequest>>::Future: Send,
    {
        Self(Arc::new(Wrapped(Mutex::new(layer.layer(self)))))
    }

    pub(crate) fn answer(&self, request: CallRequest) -> Answering {
        self.0.call(request)
    }
}

impl TowerService<CallRequest> for Calls {
    type Response = Reply;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, _cx: &mut TaskContext<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: CallRequest) -> Answering {
        self.0.call(request)
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calls")
    }
}

/// A layered service; each call clones it, as tower asks.
struct Wrapped<S>(Mutex<S>);

impl<S> Erased for Wrapped<S>
where
    S: TowerService<CallRequest, Response = Reply> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
{
    fn call(&self, request: CallRequest) -> Answering {
        let mut service = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
            service.call(request).await.map_err(Into::into)
        })
    }
}
