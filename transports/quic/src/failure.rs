//! What quinn reports, as the waist's errors.

use linkspan_core::{Endpoint, Error, ErrorKind};
use quinn::{ConnectionError, TransportErrorCode, WriteError};

/// A handshake with `endpoint` that failed.
pub(crate) fn handshake(error: ConnectionError, endpoint: &Endpoint) -> Error {
    let (kind, what) = match &error {
        ConnectionError::TimedOut | ConnectionError::Reset => (ErrorKind::Unreachable, NO_ANSWER),
        ConnectionError::TransportError(failure) => by_code(failure.code),
        ConnectionError::ConnectionClosed(close) => by_code(close.error_code),
        ConnectionError::VersionMismatch | ConnectionError::ApplicationClosed(_) => {
            (ErrorKind::Refused, "the peer refused the connection")
        }
        ConnectionError::LocallyClosed => (ErrorKind::Closed, "closed during the handshake"),
        ConnectionError::CidsExhausted => (ErrorKind::AtCapacity, "too many connections on one socket"),
    };
    Error::new(kind, format!("{}: {what}", endpoint.clone().without_options())).with_source(error)
}

/// What a transport or TLS error code says about a handshake.
fn by_code(code: TransportErrorCode) -> (ErrorKind, &'static str) {
    // RFC 9001 §4.8: TLS alerts are error codes 0x100 to 0x1ff; the alerts' numbers are RFC 8446 §6.
    match u64::from(code) {
        0x178 => (ErrorKind::Refused, NO_COMMON_PROTOCOL),
        0x12a..=0x12e | 0x130 | 0x131 | 0x133 | 0x170 | 0x171 | 0x174 => {
            (ErrorKind::Certificate, "the certificate is not trusted, not valid now, or not for this name")
        }
        0x100..=0x1ff => (ErrorKind::Refused, "the TLS handshake failed"),
        // A socket that serves links but no longer listens says this, as a closed TCP port refuses.
        _ if code == TransportErrorCode::CONNECTION_REFUSED => (ErrorKind::Unreachable, "nobody listens"),
        _ => (ErrorKind::Protocol, "the peer broke the QUIC protocol"),
    }
}

/// Why an established link ended; `None` if the peer, or this side, closed it in order.
pub(crate) fn lost(error: &ConnectionError) -> Option<Error> {
    match error {
        ConnectionError::ApplicationClosed(_) | ConnectionError::LocallyClosed => None,
        _ => Some(Error::closed("link failed").with_source(error.clone())),
    }
}

/// True if the peer, or this side, closed the connection in order.
pub(crate) fn is_orderly(error: &WriteError) -> bool {
    matches!(error, WriteError::ConnectionLost(error) if lost(error).is_none())
}

/// Why sending failed.
pub(crate) fn send(error: WriteError) -> Error {
    match error {
        WriteError::ConnectionLost(error) => {
            lost(&error).unwrap_or_else(|| Error::closed("link is closed").with_source(error))
        }
        WriteError::Stopped(_) => Error::protocol("the peer stopped lane 0").with_source(error),
        error => Error::closed("link failed").with_source(error),
    }
}

/// The handshake took longer than allowed.
pub(crate) fn no_answer(endpoint: &Endpoint) -> Error {
    Error::new(ErrorKind::Unreachable, format!("{}: {NO_ANSWER}", endpoint.clone().without_options()))
}

const NO_ANSWER: &str = "no peer answered";
const NO_COMMON_PROTOCOL: &str = "no common application protocol; the peer does not speak linkspan/1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_says_who_may_fix_it() {
        for (alert, kind) in [
            (42, ErrorKind::Certificate),
            (45, ErrorKind::Certificate),
            (48, ErrorKind::Certificate),
            (120, ErrorKind::Refused),
            (40, ErrorKind::Refused),
        ] {
            assert_eq!(by_code(TransportErrorCode::crypto(alert)).0, kind, "alert {alert}");
        }
        assert_eq!(by_code(TransportErrorCode::CONNECTION_REFUSED).0, ErrorKind::Unreachable);
        assert_eq!(by_code(TransportErrorCode::FRAME_ENCODING_ERROR).0, ErrorKind::Protocol);
    }
}
