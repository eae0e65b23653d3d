//! The connecting side.

use linkspan_core::{Endpoint, Error, ErrorKind, Link, PeerInfo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{self, http};

use crate::config::Place;
use crate::engine::Engine;
use crate::link::Role;
use crate::overread::Overread;
use crate::site::SUBPROTOCOL;

pub(crate) async fn connect(endpoint: &Endpoint, engine: Engine) -> Result<Link, Error> {
    endpoint.check_options(&[])?;
    let place = Place::of(endpoint)?;
    let (stream, peer) = open(endpoint, &place).await?;
    link(stream, peer, place, engine).await
}

/// A stream to the server, and the server's facts.
pub(crate) async fn open(endpoint: &Endpoint, place: &Place) -> Result<(TcpStream, PeerInfo), Error> {
    let unreachable = |error: std::io::Error| {
        Error::new(ErrorKind::Unreachable, format!("no peer answered at {endpoint}")).with_source(error)
    };
    let stream = TcpStream::connect(&place.authority).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let local = stream.local_addr().map_err(unreachable)?;
    let remote = stream.peer_addr().map_err(unreachable)?;
    let peer = PeerInfo::new(endpoint.clone()).with_addresses(local.to_string(), remote.to_string());
    Ok((stream, peer))
}

/// The link over `stream`, once it is upgraded.
pub(crate) async fn link<S>(stream: S, peer: PeerInfo, place: Place, engine: Engine) -> Result<Link, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (stream, read) = upgrade(stream, peer.endpoint(), place).await?;
    Ok(engine.link((stream, &read), Role::Client, peer).await)
}

/// Asks for the upgrade on a stream that is connected, and encrypted if it shall be. Returns the stream, and what was read
/// behind the answer, which is the beginning of the link.
async fn upgrade<S>(stream: S, endpoint: &Endpoint, place: Place) -> Result<(S, Vec<u8>), Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let wrong = |error: http::uri::InvalidUri| {
        Error::configuration(format!("endpoint {endpoint} has a host that HTTP cannot carry"))
            .with_source(error)
    };
    let uri = format!("ws://{}{}", place.authority, place.path).parse().map_err(wrong)?;
    let request = ClientRequestBuilder::new(uri).with_sub_protocol(SUBPROTOCOL);
    match client_async(request, Overread::new(stream)).await {
        Ok((socket, _)) => Ok(socket.into_inner().into_parts()),
        Err(error) => Err(translate(error, endpoint)),
    }
}

/// Why there was no upgrade. Nothing can have run in any case.
fn translate(error: tungstenite::Error, endpoint: &Endpoint) -> Error {
    match error {
        tungstenite::Error::Http(response) => refused(&response, endpoint),
        tungstenite::Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(error)) => {
            let context = format!("{endpoint} is a WebSocket endpoint of something else than {SUBPROTOCOL}");
            Error::new(ErrorKind::Refused, context).with_source(error)
        }
        tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            let context = format!("{endpoint} closed instead of answering the WebSocket upgrade");
            Error::new(ErrorKind::Unreachable, context)
        }
        tungstenite::Error::Io(error) => match error.downcast::<Error>() {
            Ok(known) => known.at(endpoint.clone().without_options()),
            Err(error) => {
                let context = format!("{endpoint} was lost within the WebSocket upgrade");
                Error::new(ErrorKind::Unreachable, context).with_source(error)
            }
        },
        tungstenite::Error::Protocol(error) => no_websocket(endpoint).with_source(error),
        other => no_websocket(endpoint).with_source(other),
    }
}

fn no_websocket(endpoint: &Endpoint) -> Error {
    let advice = match endpoint.scheme() {
        "ws" => "check host, port and path, and if it speaks TLS, write wss://",
        _ => "check host, port and path",
    };
    Error::protocol(format!("{endpoint} does not answer as a WebSocket server; {advice}"))
}

/// `…: 404 Not Found: nothing is served at this path`. The words are the peer's, so they are cut and escaped.
fn refused(response: &Response, endpoint: &Endpoint) -> Error {
    let body = response.body().as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(body.get(..MAX_SHOWN_LEN).unwrap_or(body));
    let line = body.lines().next().unwrap_or_default().trim();
    let said = if line.is_empty() { String::new() } else { format!(": {}", line.escape_debug()) };
    let context = format!("{endpoint} refused the WebSocket upgrade with {}{said}", response.status());
    // RFC 9110 §15.6: what a proxy says while the server behind it is away or full. It passes by itself.
    let kind = match response.status().as_u16() {
        429 | 503 => ErrorKind::AtCapacity,
        502 | 504 => ErrorKind::Unreachable,
        _ => ErrorKind::Refused,
    };
    Error::new(kind, context)
}

/// Bytes of a refusal's body that are shown: about two lines of a terminal.
const MAX_SHOWN_LEN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_advised_only_where_there_is_none() {
        for (url, advised) in [("ws://h:1/rpc", true), ("wss://h:1/rpc", false)] {
            let endpoint = url.parse().unwrap();
            let error = translate(tungstenite::Error::Protocol(ProtocolError::WrongHttpMethod), &endpoint);
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert_eq!(error.to_string().ends_with("write wss://"), advised, "{error}");
        }
    }
}
