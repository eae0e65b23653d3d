//! Is the peer alive, taking what is sent, and not flooding? All in instants that the driver hands in.

use std::time::Instant;

use super::rate::Rate;
use crate::{Close, CloseCode, Error, ErrorKind, Limits};

#[derive(Debug)]
#[repr(C)] // as Connection
pub(crate) struct Life {
    heard: Instant,
    missed: u32,
    /// Since when the peer has taken nothing.
    stalled: Option<Instant>,
    handshake_until: Option<Instant>,
    /// Cancels, resets and pings of the peer.
    cancels: Rate,
}

/// What is due.
#[derive(Debug)]
pub(crate) enum Due {
    Close(Close),
    Nothing,
    Ping(u64),
}

impl Life {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            handshake_until: Some(now + limits.handshake_timeout),
            heard: now,
            missed: 0,
            stalled: None,
            cancels: Rate::accepted(limits, now),
        }
    }

    /// Bytes came: any byte counts as life.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.missed = 0;
    }

    /// When the hellos must be exchanged, until they are.
    pub(crate) fn handshake_until(&self) -> Option<Instant> {
        self.handshake_until
    }

    /// The hellos are exchanged.
    pub(crate) fn opened(&mut self) {
        self.handshake_until = None;
    }

    /// Some of what was handed to the link was sent, or none; so much is not.
    ///
    /// What goes out after nothing did is a sign of life: room came only because the peer took something. The answer to a
    /// ping may be far behind on a slow road.
    pub(crate) fn handle_sent(&mut self, now: Instant, progressed: bool, remaining: usize) {
        if progressed && self.stalled.is_some() {
            self.heard(now);
        }
        if remaining == 0 {
            self.stalled = None;
        } else if progressed || self.stalled.is_none() {
            self.stalled = Some(now);
        }
    }

    /// A cancel, reset or ping came: what costs its sender less than us. A peer may give up all that it has in flight at
    /// once; beyond that, so many a second.
    pub(crate) fn count_cancel(&mut self, now: Instant, max_per_second: u32) -> Result<(), Error> {
        if self.cancels.take(now) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::AtCapacity,
            format!("more than {max_per_second} cancels, resets and pings a second (max_cancels_per_second)"),
        ))
    }

    /// One that was counted turns out to have been asked for.
    pub(crate) fn refund_cancel(&mut self) {
        self.cancels.refund();
    }

    pub(crate) fn poll_timeout(&self, limits: &Limits) -> Instant {
        let stalled = self.stalled.map(|since| since + limits.write_timeout);
        [self.handshake_until, stalled].into_iter().flatten().fold(self.ping_due(limits), Instant::min)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, open: bool, limits: &Limits) -> Due {
        if self.handshake_until.is_some_and(|until| until <= now) {
            return Due::Close(Close::new(
                CloseCode::TIMEOUT,
                "handshake took longer than handshake_timeout",
            ));
        }
        if self.stalled.is_some_and(|since| since + limits.write_timeout <= now) {
            return Due::Close(Close::new(
                CloseCode::SLOW,
                "peer took nothing of what was sent for write_timeout",
            ));
        }
        if self.ping_due(limits) > now {
            return Due::Nothing;
        }
        if self.missed >= limits.max_missed_pings {
            return Due::Close(Close::new(
                CloseCode::TIMEOUT,
                "peer answers no ping (ping_after, max_missed_pings)",
            ));
        }
        self.missed += 1;
        if open { Due::Ping(u64::from(self.missed)) } else { Due::Nothing }
    }

    fn ping_due(&self, limits: &Limits) -> Instant {
        self.heard + limits.ping_after * (self.missed + 1)
    }
}
