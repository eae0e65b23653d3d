//! Any request: it is upgraded only if RFC 6455 and the site allow it, and answered otherwise.

use bytes::Bytes;
use http_body_util::{Empty, Full};
use hyper::header::{HeaderName, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode, Version};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::WebSocketConfig;
use crate::origin::Origins;
use crate::site::{Answer, Site};

const NAMES: [&str; 10] = [
    "connection",
    "upgrade",
    "sec-websocket-version",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "origin",
    "host",
    "cookie",
    "content-length",
    "x-other",
];
const VALUES: [&str; 20] = [
    "Upgrade",
    "keep-alive, Upgrade",
    "websocket",
    "h2c, WebSocket",
    "13",
    "8",
    "dGhlIHNhbXBsZSBub25jZQ==",
    "short==",
    "linkspan.1",
    "linkspan.2, linkspan.1",
    "http://app.example",
    "https://app.example:443",
    "https://allowed.example",
    "http://evil.example",
    "null",
    "app.example",
    "app.example:80",
    "a=1; b=2;;=",
    "",
    "5",
];

fn site() -> Site {
    let mut config = WebSocketConfig::default();
    config.allowed_origins.push("https://allowed.example".into());
    Site { path: "/rpc".into(), origins: Origins::parse(&config).unwrap(), is_encrypted: false }
}

proptest! {
    #![proptest_config(effort())]

    #[test]
    fn only_a_whole_upgrade_of_a_known_page_is_upgraded(
        line: u8,
        headers in vec(any::<(u8, u8, Option<Vec<u8>>)>(), 0..8),
    ) {
        answers_as_it_may(line, &headers);
    }

    #[test]
    fn any_text_is_an_origin_or_none_and_admits_nobody_else(
        allowed in "[a-zA-Z0-9.:/@-]{0,12}",
        (same, other, end) in (any::<bool>(), "[a-zA-Z0-9.:/@-]{0,12}", "(:443|:80|/|)"),
    ) {
        let shown = if same { allowed.to_ascii_uppercase() + &end } else { other };
        admits_nobody_else(&allowed, &shown);
    }
}

fn answers_as_it_may(line: u8, headers: &[(u8, u8, Option<Vec<u8>>)]) {
    let site = site();
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = if line.is_multiple_of(8) { Method::POST } else { Method::GET };
    *request.version_mut() = if line % 16 == 1 { Version::HTTP_10 } else { Version::HTTP_11 };
    *request.uri_mut() = if line % 16 == 2 { "/other?q" } else { "/rpc?token=1" }.parse().unwrap();
    // Most of what an upgrade needs is there, so that the rest decides.
    let given =
        NAMES.iter().zip(["Upgrade", "websocket", "13", VALUES[6]]).filter(|_| line.is_multiple_of(2));
    for (name, value) in given {
        request.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    for (name, value, raw) in headers {
        let name = HeaderName::from_static(NAMES[usize::from(*name) % NAMES.len()]);
        let value = match raw {
            Some(raw) => HeaderValue::from_bytes(raw).ok(),
            None => Some(HeaderValue::from_static(VALUES[usize::from(*value) % VALUES.len()])),
        };
        request.headers_mut().extend(value.map(|value| (name, value)));
    }
    let answer = site.answer(&request);
    let upgraded = matches!(answer, Answer::Upgrade { .. });
    if upgraded {
        assert_eq!((request.method(), request.uri().path()), (&Method::GET, "/rpc"));
        assert_eq!(request.version(), Version::HTTP_11);
        let origins: Vec<_> = request.headers().get_all(ORIGIN).into_iter().collect();
        assert!(origins.len() <= 1 && origins.iter().all(|origin| *origin != "null"));
        assert!(origins.iter().all(|origin| *origin != "http://evil.example"), "{request:?}");
    }
    if let Answer::Upgrade { info, .. } = &answer {
        assert_eq!((info.path.as_str(), info.query.as_deref()), ("/rpc", Some("token=1")));
        assert!(info.subprotocol.as_deref().is_none_or(|name| name == "linkspan.1"));
        let _ = (info.cookie("a"), info.cookie(""));
    }
    let response = Response::<Full<Bytes>>::from(answer);
    assert_eq!(response.status() == StatusCode::SWITCHING_PROTOCOLS, upgraded);
}

fn admits_nobody_else(allowed: &str, shown: &str) {
    let mut config = WebSocketConfig::default();
    config.allowed_origins.push(format!("https://{allowed}"));
    let Ok(origins) = Origins::parse(&config) else { return };
    let mut headers = hyper::HeaderMap::new();
    let Ok(value) = HeaderValue::from_str(&format!("https://{shown}")) else { return };
    headers.insert(ORIGIN, value);
    if origins.admit(&headers, true) {
        let plain = |text: &str| {
            let text = text.to_ascii_lowercase();
            let text = text.strip_suffix('/').unwrap_or(&text).to_owned();
            text.strip_suffix(":443").unwrap_or(&text).to_owned()
        };
        assert_eq!(plain(allowed), plain(shown));
    }
}

/// Short in every run, long on demand.
fn effort() -> ProptestConfig {
    let cases = if std::env::var_os("LINKSPAN_LONG").is_some() { 20_000 } else { 256 };
    ProptestConfig { cases, ..ProptestConfig::default() }
}
