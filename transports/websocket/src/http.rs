//! A real HTTP/1.1 server on each connection, until a request upgrades it.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use linkspan_core::{Error, ErrorKind, UpgradeInfo};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::site::{Answer, Site};

/// Serves one connection until a request upgrades it, and returns its stream with what was read behind that request, which is
/// the beginning of the link. Other requests are answered, one after another. How long that may take
/// is up to whoever awaits it.
///
/// # Errors
/// `Refused` if the peer left, or sent nothing more, after answers that were no upgrade; `Protocol` if it does not
/// speak HTTP; `Closed` if it said nothing.
pub(crate) async fn serve<S>(stream: S, site: Arc<Site>) -> Result<(S, Bytes, UpgradeInfo), Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let answering = Answering { site, agreed: Cell::new(None), refused: Cell::new(None) };
    let mut connection = http1::Builder::new()
        .header_read_timeout(None) // the runtime has a deadline for the whole handshake
        .max_buf_size(MAX_HEADER_LEN)
        .serve_connection(TokioIo::new(stream), answering);
    let ended = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    if let (Ok(()), Some(info)) = (&ended, parts.service.agreed.take()) {
        return Ok((stream, parts.read_buf, info));
    }
    // The peer may be gone; then there is nobody to tell.
    let _ = stream.shutdown().await;
    Err(match (parts.service.refused.take(), ended) {
        (Some(status), _) => {
            Error::new(ErrorKind::Refused, format!("peer sent no WebSocket upgrade; answered {status}"))
        }
        (None, Ok(())) => Error::closed("peer left before a request"),
        (None, Err(error)) if error.is_parse() => {
            Error::protocol("peer does not speak HTTP/1.1; if it speaks TLS, serve wss://").with_source(error)
        }
        (None, Err(error)) => Error::closed("peer left within a request").with_source(error),
    })
}

/// Answers the requests of one connection, and remembers what became of the last.
struct Answering {
    site: Arc<Site>,
    agreed: Cell<Option<UpgradeInfo>>,
    refused: Cell<Option<StatusCode>>,
}

impl Service<Request<Incoming>> for Answering {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let answer = self.site.answer(&request);
        match &answer {
            Answer::Upgrade { info, .. } => self.agreed.set(Some(info.clone())),
            Answer::Refusal { status, .. } => self.refused.set(Some(*status)),
        }
        ready(Ok(answer.into()))
    }
}

/// Largest head of a request, in bytes: twice what common proxies pass on, so that cookies and a token fit.
const MAX_HEADER_LEN: usize = 16 * 1024;
