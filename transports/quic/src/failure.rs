//! What quinn reports, as the waist's errors.

use linkspan_core::{CloseCode, Endpoint, Error, ErrorKind, Verdict};
use linkspan_tls::{Finder, explain};
use quinn::{ConnectionError, Side, TransportErrorCode, VarInt, WriteError};

/// A handshake at `endpoint` that failed.
pub(crate) fn handshake(error: ConnectionError, endpoint: &Endpoint, side: Side) -> Error {
    let (kind, what) = match &error {
        ConnectionError::TimedOut | ConnectionError::Reset => (ErrorKind::Unreachable, NO_ANSWER),
        ConnectionError::TransportError(failure) => by_code(failure.code, side, Finder::Us),
        ConnectionError::ConnectionClosed(close) => by_code(close.error_code, side, Finder::Peer),
        ConnectionError::ApplicationClosed(close) => by_close(close.error_code),
        ConnectionError::VersionMismatch => (ErrorKind::Refused, REFUSED),
        ConnectionError::LocallyClosed => (ErrorKind::Closed, "closed during the handshake"),
        ConnectionError::CidsExhausted => (ErrorKind::AtCapacity, "too many connections on one socket"),
    };
    Error::new(kind, format!("{}: {what}", endpoint.clone().without_options())).with_source(error)
}

/// What a transport or TLS error code says about a handshake.
fn by_code(code: TransportErrorCode, side: Side, finder: Finder) -> (ErrorKind, &'static str) {
    match alert(code) {
        Some(alert) => explain(alert, tls_side(side), finder),
        // A socket that serves links but no longer listens says this, as a closed TCP port refuses.
        None if code == TransportErrorCode::CONNECTION_REFUSED => (ErrorKind::Unreachable, "nobody listens"),
        // What a server that stops, or a handshake that is dropped, looks like: the peer said nothing against us.
        None if finder == Finder::Peer && GOING.contains(&code) => (ErrorKind::Unreachable, GONE),
        None => (ErrorKind::Protocol, "the peer broke the QUIC protocol"),
    }
}

/// What the code says that the peer's application closed with, as its hello's answer would have.
fn by_close(code: VarInt) -> (ErrorKind, &'static str) {
    let code = CloseCode::from_number(u16::try_from(code.into_inner()).unwrap_or(u16::MAX));
    match (code.number(), code.verdict()) {
        (0, _) => (ErrorKind::Unreachable, GONE), // closed without a word
        (_, Verdict::ReconnectNow) => (ErrorKind::Unreachable, GONE),
        (_, Verdict::BackOff) => (ErrorKind::AtCapacity, "the peer has no place for now"),
        (_, Verdict::Terminal) => (ErrorKind::Refused, REFUSED),
    }
}

/// RFC 9001 §4.8: TLS alerts are error codes 0x100 to 0x1ff.
fn alert(code: TransportErrorCode) -> Option<u8> {
    u8::try_from(u64::from(code).checked_sub(0x100)?).ok()
}

fn tls_side(side: Side) -> linkspan_tls::Side {
    match side {
        Side::Client => linkspan_tls::Side::Connecting,
        Side::Server => linkspan_tls::Side::Accepting,
    }
}

/// Why an established link ended; `None` if the peer, or this side, closed it in order.
pub(crate) fn lost(error: &ConnectionError, side: Side) -> Option<Error> {
    let (kind, what) = match error {
        ConnectionError::ApplicationClosed(_) | ConnectionError::LocallyClosed => return None,
        // A server looks at a client's certificate when the handshake is already over for the client.
        ConnectionError::ConnectionClosed(close) if alert(close.error_code).is_some() => {
            by_code(close.error_code, side, Finder::Peer)
        }
        _ => (ErrorKind::Closed, "link failed"),
    };
    Some(Error::new(kind, what).with_source(error.clone()))
}

/// True if the peer, or this side, closed the connection in order.
pub(crate) fn is_orderly(error: &WriteError) -> bool {
    matches!(
        error,
        WriteError::ConnectionLost(ConnectionError::ApplicationClosed(_) | ConnectionError::LocallyClosed)
    )
}

/// Why sending failed.
pub(crate) fn send(error: WriteError, side: Side) -> Error {
    match error {
        WriteError::ConnectionLost(error) => {
            lost(&error, side).unwrap_or_else(|| Error::closed("link is closed").with_source(error))
        }
        WriteError::Stopped(_) => Error::protocol("the peer stopped lane 0").with_source(error),
        error => Error::closed("link failed").with_source(error),
    }
}

/// No address answered.
pub(crate) fn no_answer(endpoint: &Endpoint) -> Error {
    Error::new(ErrorKind::Unreachable, format!("{}: {NO_ANSWER}", endpoint.clone().without_options()))
}

const NO_ANSWER: &str = "no peer answered";
const GONE: &str = "the peer went away within the handshake";
const REFUSED: &str = "the peer refused the connection";
/// RFC 9000 §20.1: codes of a peer that leaves. An application's own close is the last of them until the handshake is
/// over (§10.2.3).
const GOING: [TransportErrorCode; 3] =
    [TransportErrorCode::NO_ERROR, TransportErrorCode::INTERNAL_ERROR, TransportErrorCode::APPLICATION_ERROR];

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
            let code = TransportErrorCode::crypto(alert);
            assert_eq!(by_code(code, Side::Client, Finder::Us).0, kind, "alert {alert}");
        }
        for (code, kind) in [
            (TransportErrorCode::CONNECTION_REFUSED, ErrorKind::Unreachable),
            (TransportErrorCode::FRAME_ENCODING_ERROR, ErrorKind::Protocol),
        ] {
            assert_eq!(by_code(code, Side::Client, Finder::Peer).0, kind);
        }
    }

    #[test]
    fn a_peer_that_leaves_is_worth_coming_back_to() {
        for code in GOING {
            assert_eq!(by_code(code, Side::Client, Finder::Peer).0, ErrorKind::Unreachable, "{code}");
        }
        let ours = by_code(TransportErrorCode::INTERNAL_ERROR, Side::Client, Finder::Us);
        assert_eq!(ours.0, ErrorKind::Protocol);
        for (code, kind) in [
            (0, ErrorKind::Unreachable),
            (1008, ErrorKind::Refused),
            (2001, ErrorKind::AtCapacity),
            (3000, ErrorKind::Unreachable),
            (70_000 + 3000, ErrorKind::Refused),
        ] {
            assert_eq!(by_close(VarInt::from_u32(code)).0, kind, "{code}");
        }
    }
}
