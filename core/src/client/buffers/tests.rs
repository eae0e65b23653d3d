//! What one read brings goes to the buffers of its services, in order.

use super::*;
use crate::RAW;

fn buffers(limits: &Limits) -> Buffers {
    Buffers::new(limits, (CodecIndex::new(0), RAW))
}

/// Hands over small notes with these paths, whose bodies count from 0, and gaps in place of those without a path.
fn deliver(buffers: &Buffers, paths: &[&str]) {
    let mut read = Arrivals::default();
    for (number, path) in paths.iter().enumerate() {
        if path.is_empty() {
            read.push(Received::Gap(Gap::new(7, GapReason::Other)));
        } else {
            assert!(read.push_small(path, None, number.to_string().as_bytes()));
        }
    }
    buffers.deliver(&mut read, &mut Vec::new());
    assert!(read.is_empty());
}

/// All that waits in `buffer`: numbers, and gaps as how many are missing.
fn drain(buffer: &Buffer) -> Vec<String> {
    let mut waiting = lock(&buffer.waiting);
    let gap = waiting.take_gap().map(|gap| format!("-{}", gap.count));
    let notes = std::iter::from_fn(|| {
        waiting.received.take(|taken| match taken {
            Taken::Small(note) => String::from_utf8_lossy(note.body).into_owned(),
            Taken::Other(Received::Gap(gap)) => format!("-{}", gap.count),
            Taken::Other(Received::Notification(notification)) => notification.path().to_owned(),
        })
    });
    gap.into_iter().chain(notes).collect()
}

#[test]
fn notes_of_several_services_find_their_buffers_and_a_gap_finds_all() {
    let buffers = buffers(&Limits::default());
    let (a, b) = (buffers.subscribe("A"), buffers.subscribe("B"));
    for _ in 0..2 {
        deliver(&buffers, &["A/X", "A/Y", "B/X", "C/X", "A/X", "", "C/X", "B/X", "B/X"]);
        assert_eq!(drain(&a), ["0", "1", "4", "-7"]);
        assert_eq!(drain(&b), ["2", "-7", "7", "8"]);
        assert_eq!(drain(&buffers.others()), ["3", "-7", "6"]);
    }
}

#[test]
fn a_service_that_is_subscribed_late_or_again_gets_what_comes_from_then_on() {
    let buffers = buffers(&Limits::default());
    deliver(&buffers, &["A/X", "B/X", "A/X"]);
    let early = buffers.subscribe("A");
    deliver(&buffers, &["A/X"]);
    assert_eq!(drain(&early), ["0", "2", "0"], "what waited unread is its first");
    let late = buffers.subscribe("A");
    deliver(&buffers, &["A/X", "A/X"]);
    assert_eq!((drain(&early), drain(&late)), (vec![], vec!["0".to_owned(), "1".to_owned()]));
    assert_eq!(drain(&buffers.others()), ["1"]);
}

#[test]
fn a_full_buffer_drops_its_oldest_and_counts_them_however_they_came() {
    let buffers = buffers(&Limits::default().with_max_event_buffer_messages(3));
    let a = buffers.subscribe("A");
    deliver(&buffers, &["A/X"; 5]);
    assert_eq!(drain(&a), ["-2", "2", "3", "4"], "all at once");
    deliver(&buffers, &["A/X", "A/Y"]);
    deliver(&buffers, &["A/X", "A/X", "A/Y"]);
    assert_eq!(drain(&a), ["-2", "0", "1", "2"], "a part of a run, and behind others");
}

#[test]
fn the_place_of_a_reader_that_is_gone_is_for_the_next() {
    let (mut wakers, mut woken) = (Wakers::default(), Vec::new());
    let (first, second) = (wakers.insert(), wakers.insert());
    assert!(wakers.wait(first, Waker::noop()).is_none() && wakers.wait(second, Waker::noop()).is_none());
    wakers.take(&mut woken);
    assert_eq!(woken.len(), 2);
    assert!(wakers.remove(first).is_none() && wakers.have_readers());
    assert_eq!(wakers.insert(), first);
    assert!(wakers.wait(first, Waker::noop()).is_none() && wakers.remove(first).is_some());
    wakers.remove(second);
    assert!(!wakers.have_readers());
}
