//! What a server says to one request: an upgrade for its path, words a person can read for everything else.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Version};
use linkspan_core::UpgradeInfo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::origin::Origins;

/// The subprotocol clients offer and servers choose: frames as of the first wire version.
pub(crate) const SUBPROTOCOL: &str = "linkspan.1";

/// What a server upgrades: one path, for some origins.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) path: String,
    pub(crate) origins: Origins,
    pub(crate) is_encrypted: bool,
}

/// The answer to one request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 101: what follows is the link.
    Upgrade {
        /// The value of `Sec-WebSocket-Accept`.
        accept: HeaderValue,
        info: UpgradeInfo,
    },
    /// Anything else, and why.
    Refusal { status: StatusCode, text: &'static str },
}

impl Site {
    /// Answers `request`, by RFC 6455 §4.2.
    pub(crate) fn answer<B: Body>(&self, request: &Request<B>) -> Answer {
        let refuse = |status, text| Answer::Refusal { status, text };
        let headers = request.headers();
        if request.uri().path() != self.path {
            return refuse(StatusCode::NOT_FOUND, "nothing is served at this path\n");
        }
        if request.method() != Method::GET {
            return refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "this is a WebSocket endpoint; it is opened with GET\n",
            );
        }
        let upgrades = has_token(headers, CONNECTION, "upgrade") && has_token(headers, UPGRADE, "websocket");
        if !upgrades || request.version() != Version::HTTP_11 {
            return refuse(
                StatusCode::UPGRADE_REQUIRED,
                "this is a WebSocket endpoint; connect to it with a WebSocket client\n",
            );
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
            return refuse(StatusCode::UPGRADE_REQUIRED, "this WebSocket endpoint speaks version 13\n");
        }
        if !request.body().is_end_stream() {
            // Its bytes would otherwise be taken for the beginning of the link.
            return refuse(StatusCode::BAD_REQUEST, "a WebSocket upgrade has no body\n");
        }
        if !self.origins.admit(headers, self.is_encrypted) {
            return refuse(
                StatusCode::FORBIDDEN,
                "pages of this origin may not connect; the server admits others with `allow_origin`\n",
            );
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).filter(|key| is_key(key));
        match key.map(derive_accept_key).and_then(|accept| accept.try_into().ok()) {
            Some(accept) => Answer::Upgrade { accept, info: describe(request) },
            None => refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in base64\n"),
        }
    }
}

impl From<Answer> for Response<Full<Bytes>> {
    fn from(answer: Answer) -> Self {
        let mut response = Self::default();
        match answer {
            Answer::Upgrade { accept, info } => {
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                let headers = response.headers_mut();
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
                if info.subprotocol.is_some() {
                    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
                }
            }
            Answer::Refusal { status, text } => {
                *response.status_mut() = status;
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
                if status == StatusCode::METHOD_NOT_ALLOWED {
                    headers.insert(ALLOW, HeaderValue::from_static("GET"));
                }
                if status == StatusCode::UPGRADE_REQUIRED {
                    // RFC 9110 §15.5.22 asks for the protocol, RFC 6455 §4.4 for its version.
                    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
                }
                *response.body_mut() = Full::new(Bytes::from_static(text.as_bytes()));
            }
        }
        response
    }
}

fn describe<B>(request: &Request<B>) -> UpgradeInfo {
    let headers = request.headers();
    let mut info = UpgradeInfo::default();
    info.path = request.uri().path().to_owned();
    info.query = request.uri().query().map(str::to_owned);
    info.headers = headers
        .iter()
        .filter_map(|(name, value)| Some((name, std::str::from_utf8(value.as_bytes()).ok()?)))
        .collect();
    // Subprotocols compare with case, unlike the tokens of `Connection` and `Upgrade` (RFC 6455 §4.2.2).
    info.subprotocol =
        tokens(headers, SEC_WEBSOCKET_PROTOCOL).find(|offered| *offered == SUBPROTOCOL).map(str::to_owned);
    info
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|known| known.eq_ignore_ascii_case(token))
}

/// The members of a header that is a list, wherever it is split.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// True for 16 bytes in base64: 22 digits and the padding.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.strip_suffix(b"==").is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
}

const VERSION: &str = "13";
