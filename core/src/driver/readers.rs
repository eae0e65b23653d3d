//! The turn of those who read notifications.

use super::Deliver;

/// Readers that do not keep up with what arrives get their turn before more is read, so that nothing is dropped only
/// because the driver had the processor. One that does not use its turn is not waited for.
#[derive(Debug, Default)]
pub(super) struct Readers {
    /// How many notifications waited when they were looked at last; zero if there was room.
    crowd: usize,
    /// Turns since any of these was read.
    unused: u32,
    /// All turns of the last crowd were left unused.
    asleep: bool,
}

impl Readers {
    /// After what arrived, so many wait in a buffer that is more than half full; zero if none is.
    pub(super) fn crowded(&mut self, crowd: usize) {
        (self.crowd, self.unused) = (crowd, 0);
    }

    /// True if the driver should be polled again later, after the readers.
    pub(super) fn have_turn(&mut self, deliver: &dyn Deliver) -> bool {
        if self.crowd == 0 {
            return false;
        }
        let crowd = deliver.crowd();
        if crowd < self.crowd {
            (self.unused, self.asleep) = (0, false);
        }
        // What waits only becomes less meanwhile, so that this ends.
        self.crowd = crowd;
        self.unused += 1;
        if self.unused > if self.asleep { 1 } else { MAX_UNUSED } {
            (self.crowd, self.asleep) = (0, true);
        }
        self.crowd > 0
    }
}

/// Turns that a reader may leave unused. Chosen so that one on another processor, which was just woken, gets there, and
/// that tokio's main future, which a busy runtime polls every 61 tasks, has its turn too.
const MAX_UNUSED: u32 = 64;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::Waker;

    use super::*;
    use crate::connection::Arrivals;

    struct Crowd(AtomicUsize);

    impl Deliver for Crowd {
        fn deliver(&self, _: &mut Arrivals, _: &mut Vec<Waker>) -> usize {
            self.crowd()
        }

        fn crowd(&self) -> usize {
            self.0.load(Relaxed)
        }
    }

    #[test]
    fn readers_are_waited_for_while_they_read() {
        let (mut readers, crowd) = (Readers::default(), Crowd(AtomicUsize::new(900)));
        assert!(!readers.have_turn(&crowd), "nothing was said to be crowded");
        readers.crowded(900);
        for left in (600..900).rev() {
            crowd.0.store(left, Relaxed);
            assert!(readers.have_turn(&crowd));
        }
        crowd.0.store(0, Relaxed);
        assert!(!readers.have_turn(&crowd));
    }

    #[test]
    fn a_reader_that_does_not_read_is_not_waited_for() {
        let (mut readers, crowd) = (Readers::default(), Crowd(AtomicUsize::new(900)));
        for turns in [MAX_UNUSED, 1, 1] {
            readers.crowded(900);
            assert_eq!((0..100).take_while(|_| readers.have_turn(&crowd)).count(), turns as usize);
        }
        crowd.0.store(800, Relaxed);
        readers.crowded(900);
        assert_eq!((0..100).take_while(|_| readers.have_turn(&crowd)).count(), MAX_UNUSED as usize);
    }
}
