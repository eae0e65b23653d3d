//! Which web pages may connect.
//!
//! Browsers let any page open a WebSocket to any host and send the user's cookies along; only the server can refuse
//! (RFC 6455 §10.2). They name the page's origin in a header no script can change. Peers that are no browsers send
//! none, and gain nothing by lying.

use hyper::header::{HOST, HeaderMap, ORIGIN};
use linkspan_core::settings::Misfit;

use crate::config::WebSocketConfig;

/// The origins a server accepts.
#[derive(Debug)]
pub(crate) struct Origins {
    allowed: Vec<Origin>,
    any: bool,
}

/// A web origin in the one form that compares: lower case, without the default port.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    authority: String,
}

impl Origins {
    /// # Errors
    /// One of them is no origin.
    pub(crate) fn parse(config: &WebSocketConfig) -> Result<Self, Misfit> {
        let parse = |text: &String| {
            Origin::parse(text.strip_suffix('/').unwrap_or(text)).ok_or_else(|| {
                let reason = format!("{text:?} is not an origin; write scheme://host or scheme://host:port");
                Misfit::new("allowed_origins", reason)
            })
        };
        let allowed = config.allowed_origins.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { allowed, any: config.dangerously_allow_any_origin })
    }

    /// True if a request with `headers` comes from no browser, or from a page that may connect; `is_encrypted` says whether
    /// it reached us through TLS that ends here.
    pub(crate) fn admit(&self, headers: &HeaderMap, is_encrypted: bool) -> bool {
        if self.any || !headers.contains_key(ORIGIN) {
            return true;
        }
        let origin = only(headers, ORIGIN).and_then(Origin::parse);
        origin.is_some_and(|origin| {
            self.allowed.contains(&origin)
                || only(headers, HOST).is_some_and(|host| origin.is_at(host, is_encrypted))
        })
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let is_authority_char = |c: char| c.is_ascii_alphanumeric() || "-._~:[]".contains(c);
        let is_wrong = scheme.is_empty() || authority.is_empty() || !authority.chars().all(is_authority_char);
        if is_wrong {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let authority = without_default_port(&scheme, authority).to_ascii_lowercase();
        Some(Self { scheme, authority })
    }

    /// True if the `Host` header `host` names the same host and port.
    ///
    /// In the clear the scheme is not compared: behind a proxy that ends TLS, a page of `https://` reaches us so. Where
    /// we end TLS ourselves it has to be `https`: anyone on the path can write a page of `http://`.
    fn is_at(&self, host: &str, is_encrypted: bool) -> bool {
        (self.scheme == "https" || !is_encrypted)
            && without_default_port(&self.scheme, host).eq_ignore_ascii_case(&self.authority)
    }
}

fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

/// The value of a header that must not be repeated.
fn only(headers: &HeaderMap, name: hyper::header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(origins: &Origins, origin: &str, host: &str) -> bool {
        admits_over(false, origins, origin, host)
    }

    fn admits_over(is_encrypted: bool, origins: &Origins, origin: &str, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers.insert(HOST, host.parse().unwrap());
        origins.admit(&headers, is_encrypted)
    }

    fn origins(allowed: &[&str]) -> Result<Origins, Misfit> {
        let allowed_origins = allowed.iter().map(ToString::to_string).collect();
        Origins::parse(&WebSocketConfig { allowed_origins, ..WebSocketConfig::default() })
    }

    #[test]
    fn the_same_host_and_port_is_admitted() {
        let none = origins(&[]).unwrap();
        for (origin, host) in [
            ("http://app.example:7002", "app.example:7002"),
            ("http://APP.example", "app.EXAMPLE:80"),
            ("https://app.example", "app.example"),
            ("https://app.example", "app.example:443"),
            ("http://[::1]:7002", "[::1]:7002"),
        ] {
            assert!(admits(&none, origin, host), "{origin} at {host}");
        }
    }

    #[test]
    fn a_page_in_the_clear_is_no_neighbour_of_an_encrypted_server() {
        let none = origins(&[]).unwrap();
        for (origin, host, admitted) in [
            ("https://app.example", "app.example", true),
            ("https://app.example:443", "app.example", true),
            ("https://APP.example", "app.example:443", true),
            ("https://app.example:7005", "app.example:7005", true),
            ("http://app.example", "app.example", false),
            ("http://app.example:80", "app.example", false),
            ("http://app.example", "app.example:443", false),
            ("http://app.example:443", "app.example:443", false),
            ("http://app.example:7005", "app.example:7005", false),
            ("https://app.example:80", "app.example", false),
            ("https://app.example", "app.example:80", false),
            ("ftp://app.example", "app.example", false),
        ] {
            assert_eq!(admits_over(true, &none, origin, host), admitted, "{origin} at {host}");
        }
        let some = origins(&["http://app.example"]).unwrap();
        assert!(admits_over(true, &some, "http://app.example", "app.example"));
    }

    #[test]
    fn another_origin_is_admitted_only_if_allowed() {
        let some = origins(&["https://app.example", "http://localhost:3000/"]).unwrap();
        for (origin, admitted) in [
            ("https://app.example", true),
            ("https://app.example:443", true),
            ("http://localhost:3000", true),
            ("http://app.example", false),
            ("https://app.example:444", false),
            ("https://app.example.evil", false),
            ("https://evil/app.example", false),
            ("https://api.example@evil", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(admits(&some, origin, "api.example"), admitted, "{origin}");
        }
    }

    #[test]
    fn a_repeated_origin_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "app.example".parse().unwrap());
        headers.append(ORIGIN, "http://app.example".parse().unwrap());
        headers.append(ORIGIN, "http://evil.example".parse().unwrap());
        assert!(!origins(&[]).unwrap().admit(&headers, false));
    }

    #[test]
    fn what_is_no_origin_cannot_be_allowed() {
        for wrong in ["*", "app.example", "https://app.example/page", "https://", "null"] {
            let error = origins(&[wrong]).unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }
}
