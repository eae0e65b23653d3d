//! Time that passes for real: what is measured here is how long a server lets a broken peer wait.

use std::time::{Duration, Instant};

/// A stop watch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch(Instant);

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "it measures, and decides nothing within the library")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
