//! Why a call brought no value.

use std::fmt;

use crate::Status;

/// Why a call brought no value: the method said so, or the framework did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third source of failure")]
pub enum CallError<E> {
    /// The method's own error, as the handler returned it.
    Application(E),
    /// The framework's: which code, and whether the handler ran.
    Status(Status),
}

impl<E> CallError<E> {
    /// The framework's status, if that is what it is.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Application(_) => None,
            Self::Status(status) => Some(status),
        }
    }

    /// True only if repeating the call cannot run it twice, and may succeed.
    pub fn is_retryable(&self) -> bool {
        self.status().is_some_and(Status::is_retryable)
    }
}

impl<E> From<Status> for CallError<E> {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application(error) => error.fmt(f),
            Self::Status(status) => status.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Application(error) => error.source(),
            Self::Status(_) => None,
        }
    }
}
