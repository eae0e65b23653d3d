//! Tells a handler that it was given up, and why.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use crate::connection::CancelReason;

#[derive(Debug, Default)]
pub(crate) struct Cancellation {
    reason: AtomicU8,
    notify: Notify,
}

impl Cancellation {
    /// Sets the token. The first reason stays.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        let number = match reason {
            CancelReason::Caller => 1,
            CancelReason::Deadline => 2,
            CancelReason::Closed => 3,
        };
        let _ = self.reason.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
        self.notify.notify_waiters();
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        match self.reason.load(Ordering::Acquire) {
            1 => Some(CancelReason::Caller),
            2 => Some(CancelReason::Deadline),
            3 => Some(CancelReason::Closed),
            _ => None,
        }
    }

    /// Waits for the token.
    pub(crate) async fn cancelled(&self) -> CancelReason {
        loop {
            let notified = self.notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable(); // before the look, so that no cancel falls between look and wait
            if let Some(reason) = self.reason() {
                return reason;
            }
            notified.await;
        }
    }
}
