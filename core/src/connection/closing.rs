//! The end of a connection: said by this side, by the peer, or by the link.

use std::time::{Duration, Instant};

use super::{Connection, Events, Phase};
use crate::wire::Message;
use crate::{Close, CloseCode, Code, Error, ErrorKind, Ran, Status};

/// The peer closed, and bodies that it announced before are still on their way.
#[derive(Debug)]
pub(super) struct Ending {
    close: Close,
    pub(super) until: Instant,
}

impl Connection {
    /// Closes from this side: says so to the peer and ends every call. Doing it again changes nothing.
    pub(crate) fn close(&mut self, close: Close, events: &mut Events) {
        if self.closed().is_none() {
            self.tell_missed_anyway();
            // That a link is lost is never said on it: its end says so.
            if close.code() != CloseCode::LOST {
                let _ = self.send(&Message::Close(close.clone()));
            }
            self.end(close, events);
        }
    }

    /// Tells the peer to start nothing new here, and refuses what it still starts.
    pub(crate) fn leave(&mut self, reason: &str) {
        if self.is_open() && !std::mem::replace(&mut self.leaving, true) {
            let _ = self.send(&Message::Goaway { reason });
        }
    }

    /// The peer closed. Lanes promise nothing to each other, so bodies that it announced before may come after; they are
    /// waited for, but no longer than the peer keeps the link.
    pub(super) fn handle_close(&mut self, now: Instant, close: Close, events: &mut Events) {
        if self.is_open() && self.awaits_bodies() {
            self.phase = Phase::Open { peer_leaving: true };
            self.ending = Some(Box::new(Ending { close, until: now + ENDING_TIMEOUT }));
        } else {
            self.end(close, events);
        }
    }

    /// Ends as the peer said, once nothing is waited for.
    pub(super) fn end_if_complete(&mut self, events: &mut Events) {
        if self.ending.is_some() && !self.awaits_bodies() {
            self.end_as_told(events);
        }
    }

    pub(super) fn end_as_told(&mut self, events: &mut Events) {
        if let Some(ending) = self.ending.take() {
            self.end(ending.close, events);
        }
    }

    /// Ends everything, as the peer's close or the loss of the link does.
    pub(crate) fn end(&mut self, close: Close, events: &mut Events) {
        if self.closed().is_some() {
            return;
        }
        let close = self.ending.take().map_or(close, |ending| ending.close);
        self.ordered.end(&mut self.calls, events);
        let message = format!("connection {close}");
        self.calls.fail_all(&Status::new(Code::Unavailable, Ran::Maybe, message), events);
        self.serving.cancel_all(events);
        self.bulk.clear();
        self.lanes.clear();
        self.answers.clear();
        self.one_way_arriving.clear();
        self.phase = Phase::Closed(Box::new(close));
    }

    /// True if an answer or a push is announced whose body has not come.
    fn awaits_bodies(&self) -> bool {
        !self.answers.is_empty() || !self.ordered.is_empty()
    }
}

/// The close that tells the peer of `error`.
pub(crate) fn close_for(error: &Error) -> Close {
    let code = match error.kind() {
        ErrorKind::AtCapacity => CloseCode::RATE,
        ErrorKind::FrameTooLarge => CloseCode::TOO_LARGE,
        ErrorKind::Protocol => CloseCode::PROTOCOL,
        _ => CloseCode::LOST,
    };
    Close::new(code, error.to_string())
}

/// How long bodies are waited for after a close: as long as the side that closed lingers.
const ENDING_TIMEOUT: Duration = Duration::from_secs(1);
