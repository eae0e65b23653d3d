//! A parsed address: which transport, where, and with which options.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Error, ErrorKind};

/// An address such as `quic://localhost:7003/rpc?codec=postcard`.
///
/// The scheme picks the transport; the options belong to the runtime (`codec`, when connecting) and to the transport (its
/// own, listed in its documentation). An option nobody knows is an error, so that a misspelt one cannot pass silently, and
/// so is one that is given twice.
///
/// Cheap to clone: every link of a listener has its own.
///
/// ```
/// use linkspan_core::Endpoint;
///
/// let endpoint: Endpoint = "ws://127.0.0.1:7002/live?codec=json".parse()?;
/// assert_eq!(endpoint.scheme(), "ws");
/// assert_eq!(endpoint.host(), "127.0.0.1");
/// assert_eq!(endpoint.port(), Some(7002));
/// assert_eq!(endpoint.path(), "/live");
/// assert_eq!(endpoint.option("codec"), Some("json"));
/// # Ok::<(), linkspan_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(Arc<Parts>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Parts {
    scheme: String,
    host: String,
    port: Option<u16>,
    path: String,
    options: Vec<(String, String)>,
}

impl Endpoint {
    /// Longest address accepted, in bytes. Chosen because browsers and proxies cut longer ones too.
    pub const MAX_LEN: usize = 2048;

    /// The transport's name: what stands before `://`, in lower case.
    pub fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// The host or name, without the brackets of an IPv6 address. May be empty, as in `unix:///run/app.sock`.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The port, if one is given.
    pub fn port(&self) -> Option<u16> {
        self.0.port
    }

    /// The path, with its leading slash, as it was written: nothing is decoded. Empty if none is given.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The value of option `name`.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.0.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every option, in the order written.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.options.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `host:port`, as a resolver takes it.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the port is missing.
    pub fn authority(&self) -> Result<String, Error> {
        let port = self.0.port.ok_or_else(|| {
            Error::configuration(format!("endpoint {self} has no port; write {}://host:port", self.0.scheme))
        })?;
        Ok(format!("{}:{port}", Host(&self.0.host)))
    }

    /// The same endpoint on another port, as a listener reports where it really is.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        Arc::make_mut(&mut self.0).port = Some(port);
        self
    }

    /// The same endpoint with option `name` set to `value`.
    #[must_use]
    pub fn with_option(mut self, name: &str, value: &str) -> Self {
        let options = &mut Arc::make_mut(&mut self.0).options;
        options.retain(|(known, _)| known != name);
        options.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same endpoint without options, as a listener reports where it is.
    #[must_use]
    pub fn without_options(mut self) -> Self {
        Arc::make_mut(&mut self.0).options.clear();
        self
    }

    /// Checks that every option is `codec` or one of `known`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`], naming the option and the known ones.
    pub fn check_options(&self, known: &[&str]) -> Result<(), Error> {
        match self.0.options.iter().find(|(name, _)| name != "codec" && !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(Error::configuration(format!(
                "endpoint {self} has unknown option `{name}`; {}:// knows codec{}{}",
                self.0.scheme,
                if known.is_empty() { "" } else { ", " },
                known.join(", ")
            ))),
        }
    }
}

struct Host<'a>(&'a str);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { scheme, host, port, path, options } = &*self.0;
        f.debug_struct("Endpoint")
            .field("scheme", scheme)
            .field("host", host)
            .field("port", port)
            .field("path", path)
            .field("options", options)
            .finish()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme, Host(&self.0.host))?;
        if let Some(port) = self.0.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.0.path)?;
        for (index, (name, value)) in self.0.options.iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            Error::new(ErrorKind::Configuration, format!("endpoint `{shown}` {why}"))
        };
        if text.len() > Self::MAX_LEN {
            return Err(wrong("is longer than 2048 bytes"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(wrong("holds a space or a control character"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("has no scheme; write scheme://host:port, as in tcp://127.0.0.1:7001"))?;
        let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(is_scheme_char) {
            return Err(wrong("has a scheme that is not letters, digits, `+`, `-` or `.`"));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let (host, port) = split_authority(authority).map_err(wrong)?;
        let mut options: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| wrong("has an option that is not name=value"))?;
            if options.iter().any(|(known, _)| known == name) {
                return Err(wrong("has an option twice; leave one out"));
            }
            options.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(Arc::new(Parts {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            options,
        })))
    }
}

fn split_authority(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or("opens a bracket it does not close")?;
        (host, after.strip_prefix(':').or(if after.is_empty() { None } else { Some("?") }))
    } else {
        match authority.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => {
                return Err("has an IPv6 address without brackets; write [::1]:port");
            }
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    match port {
        None => Ok((host, None)),
        Some(port) => {
            port.parse().map(|port| (host, Some(port))).map_err(|_| "has a port that is not 0 to 65535")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_prints_as_it_was_written() {
        for text in [
            "tcp://127.0.0.1:7001",
            "ws://h:1/a/b?codec=json&x=1",
            "mem://name",
            "quic://[::1]:5",
            "unix:///a/b",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wrong_endpoint_says_what_is_wrong() {
        for (text, why) in [
            ("127.0.0.1:1", "has no scheme"),
            ("tcp://h:99999", "port"),
            ("tcp://::1:5", "brackets"),
            ("tcp://[::1", "bracket"),
            ("tcp://[::1]x", "port"),
            ("t p://h", "space"),
            ("1tcp://h", "scheme"),
            ("tcp://h:1?codec", "name=value"),
            ("tls://h:1?ca=a&server_name=b&ca=c", "twice"),
            ("tls://h:1?ca=a&ca=a", "twice"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert!(error.to_string().contains(why), "{text}: {error}");
            assert_eq!(error.kind(), ErrorKind::Configuration);
        }
    }

    #[test]
    fn an_unknown_option_is_named() {
        let endpoint: Endpoint = "tcp://h:1?codecs=json".parse().unwrap();
        assert!(endpoint.check_options(&["nodelay"]).unwrap_err().to_string().contains("`codecs`"));
    }
}
