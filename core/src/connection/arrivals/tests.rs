//! Notes go in, and come out in whatever pieces.

use super::*;
use crate::wire::{Gap, GapReason};
use crate::{Metadata, Notification};

/// Small ones, a gap and one with metadata, of two services.
fn mixed() -> Arrivals {
    let mut arrivals = Arrivals::default();
    assert!(arrivals.push_small("A/Note", None, b"1"));
    assert!(arrivals.push_small("A/Note", Some(RAW), b"22"));
    let headed = Notification::new("A/Note", None, Some(Metadata::new().with("key", "value")));
    arrivals.push(Received::Notification(headed));
    assert!(arrivals.push_small("B/Note", None, b""));
    arrivals.push(Received::Gap(Gap::new(7, GapReason::Other)));
    assert!(arrivals.push_small("A/Note", None, b"3"));
    assert!(!arrivals.push_small("A/Note", Some("json"), b"4"), "it names its codec");
    assert!(!again(&mut arrivals, "B/Note", b""), "that was not the last");
    arrivals
}

/// What a read brings that has this note in it, and nothing else.
fn inbox(path: &str, bodies: &[&[u8]]) -> Inbox {
    let mut bytes = Vec::new();
    for body in bodies {
        let len = u16::try_from(3 + path.len() + body.len()).unwrap();
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(&plain_push_head(u8::try_from(path.len()).unwrap()));
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(body);
    }
    let mut inbox = Inbox::new();
    inbox.fill_from_message(bytes.into()).unwrap();
    inbox
}

/// True if the note was taken without a look at its path.
fn again(arrivals: &mut Arrivals, path: &str, body: &[u8]) -> bool {
    arrivals.push_again(&inbox(path, &[body]), 0) == 1
}

/// Notes of one path whose bodies are these numbers.
fn row(numbers: std::ops::Range<u32>) -> Arrivals {
    let mut arrivals = Arrivals::default();
    for number in numbers {
        let body = number.to_string();
        let known = again(&mut arrivals, "A/Note", body.as_bytes());
        assert!(known || arrivals.push_small("A/Note", None, body.as_bytes()));
    }
    arrivals
}

fn describe(taken: Taken<'_>) -> String {
    match taken {
        Taken::Other(Received::Gap(gap)) => format!("-{}", gap.count),
        Taken::Other(Received::Notification(notification)) => notification.path().to_owned(),
        Taken::Small(Note { path, service, raw, body }) => {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            format!("{}{}{}", text(&path[..service]), text(body), if raw { "raw" } else { "" })
        }
    }
}

fn drain(arrivals: &mut Arrivals) -> Vec<String> {
    let all = std::iter::from_fn(|| arrivals.take(describe)).collect();
    assert_eq!((arrivals.weight(), arrivals.len()), (0, 0));
    all
}

#[test]
fn all_come_out_as_they_went_in() {
    assert_eq!(drain(&mut mixed()), ["A1", "A22raw", "A/Note", "B", "-7", "A3"]);
}

#[test]
fn one_of_the_same_path_comes_out_as_the_first_did() {
    let mut arrivals = Arrivals::default();
    assert!(!again(&mut arrivals, "", b"no path is known"));
    arrivals.push_small("Service/Note", Some(RAW), b"1");
    assert!(again(&mut arrivals, "Service/Note", b"2"));
    assert!(!again(&mut arrivals, "Service/Nota", b"3"));
    assert_eq!(drain(&mut arrivals), ["Service1raw", "Service2"]);
}

#[test]
fn those_of_one_path_in_a_row_move_together() {
    let mut from = mixed();
    for moved in [&["A1"][..], &["A22raw"], &["A/Note"], &["B"], &["-7"], &["A3"], &[]] {
        let mut to = Arrivals::default();
        from.move_run(&mut to);
        assert_eq!(drain(&mut to), moved);
    }
    let (mut from, mut to) = (row(0..3), row(3..5));
    assert!(from.push_small("B/Note", None, b"5"));
    from.move_run(&mut to);
    assert_eq!((to.weight(), to.runs.len()), (5 * 7, 1), "a run behind one of the same path is one with it");
    assert_eq!(drain(&mut to), ["A3", "A4", "A0", "A1", "A2"]);
    assert_eq!(drain(&mut from), ["B5"]);
}

#[test]
fn a_run_that_was_read_in_part_keeps_its_path_wherever_it_goes() {
    for read in 0..4 {
        let (mut from, mut to) = (row(0..4), row(7..8));
        (0..read).for_each(|_| assert_eq!(from.drop_first(), 1));
        assert_eq!(from.service(), Some(&b"A"[..]));
        again(&mut from, "A/Note", b"4");
        from.move_first(2, usize::MAX, &mut to);
        assert_eq!((from.len(), to.len()), (3 - read, 3));
        let all: Vec<_> = ["A7".to_owned()].into_iter().chain((read..5).map(|n| format!("A{n}"))).collect();
        from.move_first(5, usize::MAX, &mut to);
        assert_eq!(drain(&mut to), all);
    }
}

#[test]
fn what_goes_to_an_empty_place_is_not_copied() {
    let (mut from, mut to) = (row(0..4), Arrivals::default());
    from.drop_first();
    let place = from.bytes.as_ptr();
    from.move_run(&mut to);
    assert_eq!((to.bytes.as_ptr(), from.is_empty(), from.weight()), (place, true, 0));
    assert!(again(&mut from, "A/Note", b"4"), "it still knows the last path");
    assert_eq!(drain(&mut to), ["A1", "A2", "A3"]);
    assert_eq!(drain(&mut from), ["A4"]);
}

#[test]
fn so_many_move_as_weigh_no_more_than_asked_but_one_at_least() {
    for (count, weight, moved) in [(6, usize::MAX, 6), (2, usize::MAX, 2), (6, 15, 2), (6, 14, 1), (6, 0, 1)]
    {
        let (mut from, mut to) = (mixed(), Arrivals::default());
        from.move_first(count, weight, &mut to);
        assert_eq!((to.len(), from.len()), (moved, 6 - moved), "{count} of {weight} bytes");
        from.move_first(6, usize::MAX, &mut to);
        assert_eq!(drain(&mut to), drain(&mut mixed()));
    }
}

#[test]
fn notes_of_one_path_in_a_read_are_taken_together() {
    let (mut arrivals, read) = (row(0..1), inbox("A/Note", &[b"1", b"22", b"", b"3"]));
    assert_eq!((arrivals.push_again(&read, 1), arrivals.len(), arrivals.weight()), (3, 4, 7 + 8 + 6 + 7));
    assert_eq!((arrivals.push_again(&read, 4), arrivals.runs.len()), (0, 1));
    assert_eq!(drain(&mut arrivals), ["A0", "A22", "A", "A3"]);
    assert!(arrivals.push_small("B/Note", Some(RAW), b""));
    assert_eq!(arrivals.push_again(&read, 0), 0);
}

#[test]
fn notes_behind_what_was_handed_over_are_a_run_of_their_own() {
    let (mut from, mut to) = (row(0..1), row(5..6));
    to.drop_first();
    assert!(from.push_small("B/Note", None, b"1"));
    from.move_first(1, usize::MAX, &mut to);
    from.move_first(1, usize::MAX, &mut to);
    assert!(again(&mut to, "A/Note", b"2") && again(&mut from, "B/Note", b"3"));
    from.move_first(1, usize::MAX, &mut to);
    assert!(again(&mut to, "A/Note", b"4"));
    assert_eq!(drain(&mut to), ["A0", "B1", "A2", "B3", "A4"]);
}

#[test]
fn a_path_whose_length_takes_two_bytes_is_looked_at_each_time() {
    let (mut arrivals, path) = (Arrivals::default(), format!("A/{}", "a".repeat(0xc6)));
    assert!(arrivals.push_small(&path, None, b"1"));
    assert!(!again(&mut arrivals, &path, b"2"), "it is no path on the wire");
    assert!(arrivals.push_small(&path, None, b"3"));
    assert_eq!((arrivals.runs.len(), drain(&mut arrivals)), (1, vec!["A1".to_owned(), "A3".to_owned()]));
}

#[test]
fn notes_that_come_and_go_keep_their_path_while_memory_moves_down() {
    let (mut arrivals, body) = (Arrivals::default(), [0; 3000]);
    arrivals.push_small("A/Note", None, &body);
    for number in 0..1_000 {
        assert!(again(&mut arrivals, "A/Note", &body), "{number}");
        if number % 10 == 9 {
            assert!(arrivals.push_small("B/Note", None, b"") && arrivals.push_small("A/Note", None, &body));
        }
        if arrivals.len() > 20 {
            let path = arrivals.take(|taken| match taken {
                Taken::Small(note) if note.body.len() == 3000 => note.path == b"A/Note",
                Taken::Small(note) => note.path == b"B/Note" && note.body.is_empty(),
                Taken::Other(_) => false,
            });
            assert_eq!(path, Some(true), "{number}");
        }
    }
    while arrivals.drop_first() == 1 {}
    assert_eq!((arrivals.weight(), arrivals.len()), (0, 0));
}

#[test]
fn a_note_takes_five_bytes_besides_what_it_weighs() {
    let mut arrivals = row(0..1000);
    assert_eq!(arrivals.bytes.len(), arrivals.weight() + 1000 * 5);
    let run_len = mem::size_of::<Run>();
    assert_eq!((arrivals.runs.len(), run_len), (1, 16), "and 16 more if those beside it are of other paths");
    drain(&mut arrivals);
}

#[test]
fn memory_is_used_again_and_given_back() {
    let (mut arrivals, body) = (Arrivals::default(), [0; 1000]);
    for _ in 0..10_000 {
        arrivals.push_small("A/Note", None, &body);
        if arrivals.len() > 100 {
            assert_eq!(arrivals.drop_first(), 1);
        }
    }
    assert!(arrivals.bytes.capacity() <= 8 * 100 * 1006, "holds {}", arrivals.bytes.capacity());
    drain(&mut arrivals);
    assert_eq!(arrivals.bytes.capacity(), 0, "nothing is left");
    let mut next = Arrivals::default();
    next.push_small("A/Note", None, b"1");
    assert!(next.bytes.capacity() > 1000, "the next one has it");
}
