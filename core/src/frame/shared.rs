//! Small frames that many batches have: made once, and referred to in rows.

use std::cell::Cell;
use std::iter;
use std::sync::{Arc, OnceLock};

/// A small frame that many batches have.
#[derive(Clone, Debug)]
pub(crate) struct SharedFrame {
    segment: Arc<Segment>,
    index: u8,
}

/// Frames that a thread made one after the other. A batch counts one reference for all that it has of them, and notes each in a bit:
/// a frame that goes to a thousand batches then writes one word to most of them.
///
/// Whoever keeps one of them keeps all, which is why they are few.
#[derive(Debug, Default)]
struct Segment([OnceLock<Box<[u8]>>; FRAMES]);

/// The frames of a batch that are of one segment, in order.
#[derive(Debug)]
pub(super) struct SharedRow {
    segment: Arc<Segment>,
    marks: u16,
}

/// The segment to which a thread adds.
#[derive(Debug, Default)]
struct Open {
    segment: Arc<Segment>,
    frames: u8,
    /// Bytes of them.
    len: usize,
}

impl SharedFrame {
    /// Shares `frame`, which is whole and of lane 0.
    pub(crate) fn new(frame: Box<[u8]>) -> Self {
        // A thread that ends keeps none open.
        let mut open = OPEN.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let shared = open.add(frame);
        if open.has_room() {
            let _ = OPEN.try_with(|kept| kept.set(Some(open)));
        }
        shared
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.segment.frame(self.index.into())
    }
}

impl Open {
    fn has_room(&self) -> bool {
        usize::from(self.frames) < FRAMES && self.len < MAX_LEN
    }

    fn add(&mut self, frame: Box<[u8]>) -> SharedFrame {
        if !self.has_room() || (self.frames > 0 && self.len + frame.len() > MAX_LEN) {
            *self = Self::default();
        }
        let index = self.frames;
        self.frames += 1;
        self.len += frame.len();
        if let Some(place) = self.segment.0.get(usize::from(index)) {
            let _ = place.set(frame); // nobody else adds to it
        }
        SharedFrame { segment: Arc::clone(&self.segment), index }
    }
}

impl Segment {
    fn frame(&self, index: usize) -> &[u8] {
        self.0.get(index).and_then(OnceLock::get).map_or(&[], |frame| frame)
    }
}

impl SharedRow {
    pub(super) fn new(frame: &SharedFrame) -> Self {
        Self { segment: Arc::clone(&frame.segment), marks: 1 << frame.index }
    }

    /// Adds `frame` behind the others; false if it is not of their segment, or was made before the last of them.
    #[inline]
    pub(super) fn add(&mut self, frame: &SharedFrame) -> bool {
        let mark = 1 << frame.index;
        let fits = self.marks < mark && Arc::ptr_eq(&self.segment, &frame.segment);
        if fits {
            self.marks |= mark;
        }
        fits
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.marks.count_ones() as usize
    }

    /// Each, in order.
    pub(super) fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let mut marks = self.marks;
        iter::from_fn(move || {
            let index = marks.trailing_zeros() as usize;
            marks &= marks.wrapping_sub(1);
            (index < FRAMES).then(|| self.segment.frame(index))
        })
    }
}

thread_local! {
    static OPEN: Cell<Option<Open>> = const { Cell::new(None) };
}

/// Frames of a segment: a bit each.
const FRAMES: usize = u16::BITS as usize;
/// Bytes of the frames of a segment, unless it is a single one. Chosen since segments of eight times that gain little more, and whoever
/// keeps a push keeps that much. A thread keeps one that is not full.
const MAX_LEN: usize = 2 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(lens: &[usize]) -> Vec<SharedFrame> {
        let mut open = Open::default();
        lens.iter().zip(0..).map(|(len, fill)| open.add(vec![fill; *len].into())).collect()
    }

    /// The rows that `frames` are, as the first byte of each frame.
    fn rows<'a>(frames: impl IntoIterator<Item = &'a SharedFrame>) -> Vec<Vec<u8>> {
        let mut rows: Vec<SharedRow> = Vec::new();
        for frame in frames {
            if !rows.last_mut().is_some_and(|row| row.add(frame)) {
                rows.push(SharedRow::new(frame));
            }
        }
        rows.iter()
            .map(|row| {
                let firsts: Vec<_> = row.frames().map(|frame| frame[0]).collect();
                assert_eq!(firsts.len(), row.len());
                firsts
            })
            .collect()
    }

    #[test]
    fn what_was_made_in_a_row_is_one_and_whatever_is_left_out() {
        let made = frames(&[1; FRAMES]);
        assert_eq!(rows(&made), [(0..16).collect::<Vec<u8>>()]);
        assert_eq!(rows(made.iter().step_by(5)), [[0, 5, 10, 15]]);
        assert!(made.iter().enumerate().all(|(index, frame)| usize::from(frame.bytes()[0]) == index));
    }

    #[test]
    fn one_that_was_made_before_or_elsewhere_begins_another_row() {
        let (made, other) = (frames(&[1; 4]), frames(&[1; 4]));
        let order = [&made[1], &made[1], &made[3], &made[2], &other[3], &made[3]];
        assert_eq!(rows(order), [vec![1], vec![1, 3], vec![2], vec![3], vec![3]]);
    }

    #[test]
    fn a_segment_has_so_many_frames_and_bytes_or_a_single_one() {
        assert_eq!(rows(&frames(&[1; FRAMES + 1])).len(), 2);
        assert_eq!(rows(&frames(&[MAX_LEN / 2, MAX_LEN / 2, 1])), [vec![0, 1], vec![2]]);
        assert_eq!(rows(&frames(&[1, MAX_LEN * 9, 1, MAX_LEN])), [[0], [1], [2], [3]]);
    }

    #[test]
    fn a_thread_keeps_no_segment_that_is_full() {
        let kept = |lens: &[usize]| {
            OPEN.set(None);
            let made: Vec<_> = lens.iter().map(|len| SharedFrame::new(vec![0; *len].into())).collect();
            made.last().map(|frame| Arc::strong_count(&frame.segment) > made.len())
        };
        assert_eq!(
            [kept(&[1]), kept(&[MAX_LEN]), kept(&[1; FRAMES])],
            [Some(true), Some(false), Some(false)]
        );
    }

    #[test]
    fn frames_of_one_thread_are_of_one_segment_and_outlive_it() {
        let made =
            std::thread::spawn(|| [1, 2].map(|byte| SharedFrame::new(Box::new([byte])))).join().unwrap();
        assert_eq!(rows(&made), [[1, 2]]);
    }
}
