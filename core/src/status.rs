//! What the framework says about a call that did not bring the method's own answer.

use std::fmt;

/// Why a call ended without the method's own answer, and whether the handler ran.
///
/// ```
/// use linkspan_core::{Code, Ran, Status};
///
/// let status = Status::new(Code::ResourceExhausted, Ran::No, "4096 calls in flight");
/// assert!(status.is_retryable());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    code: Code,
    ran: Ran,
    message: String,
}

/// Did the handler run? Automatic retry may look at nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Ran {
    /// The handler did not run: repeating the call cannot run it twice.
    No,
    /// The handler may have run, fully or in part.
    Maybe,
    /// The handler ran to its end; only its answer was lost.
    Yes,
}

/// The kinds of [`Status`]. Numbers and meaning are gRPC's, so that gateways map them one to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Code {
    /// The caller cancelled, or its connection closed.
    Cancelled = 1,
    /// A number this version does not know.
    Unknown = 2,
    /// The arguments are not a value of the method's type.
    InvalidArgument = 3,
    /// The deadline passed.
    DeadlineExceeded = 4,
    /// Something the call names does not exist.
    NotFound = 5,
    /// Something the call creates exists.
    AlreadyExists = 6,
    /// The caller may not do this.
    PermissionDenied = 7,
    /// A limit is reached: calls in flight, message length, rate.
    ResourceExhausted = 8,
    /// The system is not in a state for this call.
    FailedPrecondition = 9,
    /// The call was given up, for instance by a middleware.
    Aborted = 10,
    /// A value is out of range.
    OutOfRange = 11,
    /// No such service, method or codec here.
    Unimplemented = 12,
    /// A bug: a handler panicked, an answer could not be encoded, the peer broke the protocol.
    Internal = 13,
    /// The peer is gone or going.
    Unavailable = 14,
    /// Data was lost beyond repair.
    DataLoss = 15,
    /// The caller did not say who it is.
    Unauthenticated = 16,
}

impl Status {
    /// A status of `code`, saying whether the handler `ran`, with a message for a person.
    pub fn new(code: Code, ran: Ran, message: impl Into<String>) -> Self {
        Self { code, ran, message: message.into() }
    }

    /// What kind of failure this is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Whether the handler ran.
    pub fn ran(&self) -> Ran {
        self.ran
    }

    /// For a person; never parsed.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// True only if the handler did not run and the cause may pass: overload, or a peer going away.
    pub fn is_retryable(&self) -> bool {
        self.ran == Ran::No && matches!(self.code, Code::ResourceExhausted | Code::Unavailable)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.ran, self.message)
    }
}

impl std::error::Error for Status {}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "did not run",
            Self::Maybe => "may have run",
            Self::Yes => "ran",
        })
    }
}

impl Ran {
    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::No => 0,
            Self::Maybe => 1,
            Self::Yes => 2,
        }
    }

    /// From the number on the wire; an unknown one is [`Ran::Maybe`], the answer that promises least.
    pub fn from_number(number: u8) -> Self {
        match number {
            0 => Self::No,
            2 => Self::Yes,
            _ => Self::Maybe,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aborted => "aborted",
            Self::AlreadyExists => "already exists",
            Self::Cancelled => "cancelled",
            Self::DataLoss => "data loss",
            Self::DeadlineExceeded => "deadline exceeded",
            Self::FailedPrecondition => "failed precondition",
            Self::Internal => "internal",
            Self::InvalidArgument => "invalid argument",
            Self::NotFound => "not found",
            Self::OutOfRange => "out of range",
            Self::PermissionDenied => "permission denied",
            Self::ResourceExhausted => "resource exhausted",
            Self::Unauthenticated => "unauthenticated",
            Self::Unavailable => "unavailable",
            Self::Unimplemented => "unimplemented",
            Self::Unknown => "unknown",
        })
    }
}

impl Code {
    /// The number on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// From the number on the wire; one this version does not know is [`Code::Unknown`].
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Cancelled,
            3 => Self::InvalidArgument,
            4 => Self::DeadlineExceeded,
            5 => Self::NotFound,
            6 => Self::AlreadyExists,
            7 => Self::PermissionDenied,
            8 => Self::ResourceExhausted,
            9 => Self::FailedPrecondition,
            10 => Self::Aborted,
            11 => Self::OutOfRange,
            12 => Self::Unimplemented,
            13 => Self::Internal,
            14 => Self::Unavailable,
            15 => Self::DataLoss,
            16 => Self::Unauthenticated,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_its_number() {
        for number in 1..=16 {
            assert_eq!(u64::from(Code::from_number(number).number()), number);
        }
        assert_eq!(Code::from_number(999), Code::Unknown);
    }
}
