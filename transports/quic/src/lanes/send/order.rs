//! Whose bytes go first.
//!
//! quinn sends the streams of the highest priority, a packet of each in turn. So bodies of many lanes would arrive a packet
//! at a time, and each packet would cost the peer a read. Here streams stand in line instead, in the order of their first
//! bytes; and whoever sent a piece goes behind others that begin soon, so that a long body delays no short one.

/// How far the line has come: the bytes of all bodies so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order(u64);

impl Order {
    /// Notes that a frame of `len` bytes is put in line.
    pub(super) fn advance(&mut self, len: usize) {
        self.0 = self.0.saturating_add(len as u64);
    }

    /// The end of the line.
    pub(super) fn end(self) -> Place {
        Place { began: self.0, sent: 0 }
    }
}

/// Where a stream stands in line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    began: u64,
    sent: u64,
}

impl Place {
    /// The place of a stream that gave `len` bytes more; true if it is another.
    pub(super) fn move_back(&mut self, len: usize) -> bool {
        let pieces = self.sent / PIECE_LEN;
        self.sent = self.sent.saturating_add(len as u64);
        self.sent / PIECE_LEN > pieces
    }

    /// As quinn has it: the highest goes first, and equals take turns.
    pub(super) fn priority(self) -> i32 {
        let behind = (self.sent / PIECE_LEN).saturating_mul(WAIT_LEN);
        // Beyond 2 TiB of a connection all are equal, and take turns.
        let place = self.began.saturating_add(behind) / UNIT;
        i32::try_from(place).map_or(i32::MIN, |place| -place)
    }
}

/// Bytes a stream sends before it lets others go first: one frame of the largest size.
const PIECE_LEN: u64 = linkspan_core::frame::MAX_FRAME_LEN as u64;
/// Bytes of others that go first then: as many as are kept for a connection by default, so that whoever begins now never
/// waits for what long bodies have in line. A finite number, so that long bodies get a part of any load.
const WAIT_LEN: u64 = 4 * 1024 * 1024;
/// Bytes between two priorities. Chosen below the length of a body that has a lane of its own.
const UNIT: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_begins_first_goes_first_and_a_long_body_lets_others_pass() {
        let mut order = Order::default();
        let mut long = order.end();
        order.advance(20_000);
        let short = order.end();
        assert!(long.priority() > short.priority());

        assert!(long.move_back(1_000_000));
        assert!(long.priority() < short.priority());
        order.advance(1_000_000);
        assert!(long.priority() < order.end().priority(), "what it has in line delays nobody");
        assert!(!long.move_back(1));
    }

    #[test]
    fn a_long_body_does_not_wait_for_ever() {
        let mut order = Order::default();
        let mut long = order.end();
        long.move_back(1_000_000);
        order.advance(64 * 1_000_000);
        assert!(long.priority() > order.end().priority());
    }

    #[test]
    fn places_have_no_end() {
        let mut order = Order::default();
        order.advance(usize::MAX);
        order.advance(usize::MAX);
        let mut place = order.end();
        place.move_back(usize::MAX);
        assert_eq!(place.priority(), i32::MIN);
        assert_eq!(Order::default().end().priority(), 0, "below lane 0's");
    }
}
