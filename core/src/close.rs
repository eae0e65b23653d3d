//! Why a connection ended: a code with a verdict, and a reason for a person.

use std::borrow::Cow;
use std::fmt;

/// Why a connection was closed.
///
/// ```
/// use linkspan_core::{Close, CloseCode, Verdict};
///
/// let close = Close::new(CloseCode::SHUTDOWN, "rolling restart");
/// assert_eq!(close.code().verdict(), Verdict::ReconnectNow);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    code: CloseCode,
    reason: Cow<'static, str>,
}

/// A close code. Its thousands carry the verdict: 1xxx terminal, 2xxx back off, 3xxx reconnect now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

/// What a client should do after a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the three verdicts are the protocol's")]
pub enum Verdict {
    /// Do not come back unchanged: it would end the same way.
    Terminal,
    /// Come back after a while.
    BackOff,
    /// Come back at once, perhaps to another node.
    ReconnectNow,
}

impl Close {
    /// Longest reason, in bytes: what a WebSocket close frame holds (RFC 6455 §5.5: 125 less the code).
    pub const MAX_REASON_LEN: usize = 123;

    /// A close with `code`; `reason` is cut to [`Close::MAX_REASON_LEN`] bytes at a character's border.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut reason = reason.into();
        if reason.len() > Self::MAX_REASON_LEN {
            let end = (0..=Self::MAX_REASON_LEN).rev().find(|&end| reason.is_char_boundary(end)).unwrap_or(0);
            reason.to_mut().truncate(end);
        }
        Self { code, reason }
    }

    /// The code.
    pub fn code(&self) -> CloseCode {
        self.code
    }

    /// For a person; never parsed.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closed with {}: {}", self.code.0, self.reason)
    }
}

impl CloseCode {
    /// The application is done.
    pub const NORMAL: Self = Self(1000);
    /// The peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// No common codec.
    pub const UNSUPPORTED_CODEC: Self = Self(1003);
    /// No common protocol version.
    pub const UNSUPPORTED_VERSION: Self = Self(1004);
    /// The connect hook, or the application, refused this peer.
    pub const REFUSED: Self = Self(1008);
    /// A frame, message or queue exceeded its limit.
    pub const TOO_LARGE: Self = Self(1009);
    /// The link ended without a close: the peer vanished, or the network did.
    pub const LOST: Self = Self(2000);
    /// A connection limit is reached.
    pub const AT_CAPACITY: Self = Self(2001);
    /// The peer was silent for too long, or the handshake took too long.
    pub const TIMEOUT: Self = Self(2002);
    /// The peer did not take what was sent to it within the write deadline.
    pub const SLOW: Self = Self(2003);
    /// The peer sends cancels or resets faster than allowed.
    pub const RATE: Self = Self(2004);
    /// The server is going away.
    pub const SHUTDOWN: Self = Self(3000);

    /// From a number, as the wire carries it.
    pub const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// What a client should do next. Codes outside 1000–3999 are terminal.
    pub const fn verdict(self) -> Verdict {
        match self.0 {
            2000..=2999 => Verdict::BackOff,
            3000..=3999 => Verdict::ReconnectNow,
            _ => Verdict::Terminal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let close = Close::new(CloseCode::NORMAL, "é".repeat(100));
        assert_eq!(close.reason().len(), 122);
    }
}
