//! What must have gone out before a connection may close without loss.

use super::Connection;

/// How far a drain has come. Each step looks at what was queued when it began, so what comes later does not prolong it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Drain {
    /// Calls of the peer run.
    #[default]
    Calls,
    /// Large bodies with lanes below this one leave.
    Bodies(u64),
    /// The link sends what it was handed, up to so many bytes.
    Frames(u64),
}

impl Connection {
    /// Takes `drain` as far as it goes. True once every call of the peer was answered and the link took all that was queued by
    /// then, or once the connection has ended.
    pub(crate) fn is_drained(&self, drain: &mut Drain) -> bool {
        if *drain == Drain::Calls && self.serving.len() == 0 {
            *drain = Drain::Bodies(self.bulk.next_lane());
        }
        if let Drain::Bodies(lane) = *drain
            && !self.bulk.has_before(lane)
        {
            *drain = Drain::Frames(self.transit.total_handed() + self.out.len() as u64);
        }
        let sent = matches!(*drain, Drain::Frames(end) if self.transit.total_sent() >= end);
        sent || self.closed().is_some()
    }
}
