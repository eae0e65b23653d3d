//! What a link over a WebSocket is, whatever frames its messages.

use linkspan_core::{CloseCode, Error, ErrorKind};

/// Which end of a link this is: a client masks what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// The status of a WebSocket close frame that shows `code`.
///
/// RFC 6455 §7.4.2 leaves 4000–4999 to applications, and browsers may send them. Each verdict has 300 numbers of its
/// own; codes outside 1000–3999 are terminal.
pub(crate) fn status(code: CloseCode) -> u16 {
    if code == CloseCode::NORMAL {
        return 1000;
    }
    let verdict = match code.number() {
        2000..=2999 => 1,
        3000..=3999 => 2,
        _ => 0,
    };
    4000 + verdict * 300 + (code.number() % 1000).min(299)
}

/// That the peer did what RFC 6455 forbids; the cause goes beneath.
pub(crate) fn broken() -> Error {
    Error::protocol("peer broke the WebSocket protocol")
}

/// That what frames travel in is not what came.
pub(crate) fn text() -> Error {
    Error::protocol("peer sent a text message; frames travel in binary ones")
}

pub(crate) fn too_long() -> Error {
    Error::new(ErrorKind::FrameTooLarge, "peer sent a WebSocket message above 1 MiB")
}

/// That the stream ended, and no close before it.
pub(crate) fn left() -> Error {
    Error::closed("peer left without a close")
}

/// That nothing can be sent behind a close.
pub(crate) fn closed() -> Error {
    Error::closed("link is closed")
}

/// Largest message sent. Two of the largest frames: a browser hands a message over whole, so larger ones only delay.
pub(crate) const MAX_SENT_LEN: usize = 128 * 1024;
/// Largest message accepted: room for peers that pack more, and the most that the second engine holds of one.
pub(crate) const MAX_RECEIVED_LEN: usize = 1024 * 1024;
/// Reads without a frame (pings, empty messages) in one poll, so that a flood of them cannot keep the task.
pub(crate) const MAX_IDLE_READS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_code_keeps_its_verdict() {
        for (code, expected) in [
            (CloseCode::NORMAL, 1000),
            (CloseCode::PROTOCOL, 4002),
            (CloseCode::REFUSED, 4008),
            (CloseCode::LOST, 4300),
            (CloseCode::SLOW, 4303),
            (CloseCode::SHUTDOWN, 4600),
            (CloseCode::from_number(1999), 4299),
            (CloseCode::from_number(2999), 4599),
            (CloseCode::from_number(3999), 4899),
            (CloseCode::from_number(7), 4007),
            (CloseCode::from_number(u16::MAX), 4299),
        ] {
            assert_eq!(status(code), expected, "{code:?}");
        }
    }
}
