//! The one error type every waist method returns.
//!
//! An error says what happened ([`Error::kind`]), where, and what caused it ([`std::error::Error::source`]), each
//! fact once: `Display` prints its own level only.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// A boxed cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong below the typed edge: opening a link, using it, or encoding a value.
///
/// One word wide, so that results stay small.
///
/// ```
/// use linkspan_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Unreachable, "no peer answered at tcp://127.0.0.1:1");
/// assert_eq!(error.kind(), ErrorKind::Unreachable);
/// assert!(error.is_retryable());
/// ```
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    context: Cow<'static, str>,
    source: Option<BoxError>,
}

/// The kinds of [`Error`]. Each says who may fix it, and whether anything can have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another program holds the address to listen on. The operator picks another; nothing ran.
    AddressInUse,
    /// A configured limit is reached. Try later, or raise the limit; nothing ran.
    AtCapacity,
    /// A certificate is missing, unreadable, or not trusted. The operator fixes it; nothing ran.
    Certificate,
    /// The link, session or listener is closed. What was under way may have run.
    Closed,
    /// An endpoint, option or setting is wrong. The caller fixes it; nothing ran.
    Configuration,
    /// A deadline passed. What was under way may have run.
    DeadlineExceeded,
    /// Bytes are not a value of the expected type in this codec. The sender fixes it.
    Decode,
    /// A value cannot be written in this codec. The caller fixes it; nothing ran.
    Encode,
    /// A frame or message exceeds its limit. The sender fixes it, or the receiver raises the limit.
    FrameTooLarge,
    /// The peer broke the protocol. The peer's author fixes it.
    Protocol,
    /// The peer answered and refused: no common codec or version, a hook said no, a wrong path. Nothing ran.
    Refused,
    /// No registered transport has this scheme. The caller registers one or enables a feature; nothing ran.
    UnknownScheme,
    /// No peer answered. Nothing was sent, so retrying is safe.
    Unreachable,
    /// No common codec for this value. Nothing ran.
    UnsupportedCodec,
}

impl Error {
    /// An error of `kind`; `context` says what failed, in lower case and without a full stop.
    pub fn new(kind: ErrorKind, context: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Repr { kind, context: context.into(), source: None }))
    }

    /// The same error with the cause beneath it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// True only if the peer cannot have begun anything: repeating it cannot run it twice, and may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::AtCapacity | ErrorKind::Unreachable)
    }

    /// It with its causes, each once.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }

    /// Shorthand for a protocol violation by the peer.
    pub fn protocol(context: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Protocol, context)
    }

    /// Shorthand for use after close.
    pub fn closed(context: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Closed, context)
    }

    /// A byte stream that failed under a link: `Closed`, or the error of this type that `error` holds, as a layer puts
    /// it there that knows more (TLS: which certificate was refused).
    pub fn link_failed(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| Self::closed("link failed").with_source(error))
    }

    /// What a listener's `accept` failed with, as [`Listener::accept`](crate::Listener::accept) returns it. It never ends
    /// the listener: each failure is about one peer, or about what the process lacks for now.
    pub fn not_accepted(error: io::Error) -> Self {
        let (kind, context) = match error.kind() {
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {
                (ErrorKind::Unreachable, "peer left before it was accepted")
            }
            _ => (
                ErrorKind::AtCapacity,
                "no peer can be accepted for now; if open files ran out, raise their limit (ulimit -n)",
            ),
        };
        Self::new(kind, context).with_source(error)
    }

    /// Shorthand for a setting that is wrong.
    pub fn configuration(context: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Configuration, context)
    }
}

impl Error {
    /// The same error, said of `place`: an endpoint, a file.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.0.context = format!("{place}: {}", self.0.context).into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.context)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("context", &self.0.context);
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_prints_each_fact_once() {
        let cause = Error::new(ErrorKind::Unreachable, "connection refused");
        let error = Error::new(ErrorKind::Closed, "cannot reconnect").with_source(cause);
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(error.to_string(), "cannot reconnect");
        assert_eq!(source.to_string(), "connection refused");
        assert!(std::error::Error::source(source).is_none());
        assert_eq!(error.chain(), "cannot reconnect: connection refused");
    }

    #[test]
    fn a_stream_that_knows_why_it_failed_is_believed() {
        let known = Error::new(ErrorKind::Certificate, "refused");
        assert_eq!(Error::link_failed(io::Error::other(known)).kind(), ErrorKind::Certificate);
        assert_eq!(Error::link_failed(io::ErrorKind::BrokenPipe.into()).kind(), ErrorKind::Closed);
    }

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
