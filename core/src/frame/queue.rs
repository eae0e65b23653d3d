//! A queue whose first entry lies in place.

use std::collections::VecDeque;
use std::iter::{Chain, FromFn, from_fn};
use std::{collections::vec_deque, option};

/// A queue that mostly holds one entry or none, in each of many connections: its first entry takes neither memory of its own
/// nor a line of the processor's cache that nothing else is in.
#[derive(Clone, Debug)]
#[repr(C)] // what most look at comes first
pub(crate) struct Queue<T> {
    /// None only if it is empty.
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { first: None, rest: VecDeque::new() }
    }
}

impl<T> Queue<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(crate) fn front(&self) -> Option<&T> {
        self.first.as_ref()
    }

    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    pub(crate) fn back(&self) -> Option<&T> {
        if self.rest.is_empty() { self.first.as_ref() } else { self.rest.back() }
    }

    pub(crate) fn back_mut(&mut self) -> Option<&mut T> {
        if self.rest.is_empty() { self.first.as_mut() } else { self.rest.back_mut() }
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match index.checked_sub(1) {
            None => self.first.as_mut(),
            Some(behind) => self.rest.get_mut(behind),
        }
    }

    pub(crate) fn push_back(&mut self, entry: T) {
        if self.first.is_none() {
            self.first = Some(entry);
        } else {
            self.rest.push_back(entry);
        }
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        let next = if self.rest.is_empty() { None } else { self.rest.pop_front() };
        std::mem::replace(&mut self.first, next)
    }

    pub(crate) fn clear(&mut self) {
        self.first = None;
        if !self.rest.is_empty() {
            self.rest.clear();
        }
    }

    /// Takes the entries one by one.
    pub(crate) fn drain(&mut self) -> FromFn<impl FnMut() -> Option<T>> {
        from_fn(|| self.pop_front())
    }

    pub(crate) fn iter(&self) -> Chain<option::Iter<'_, T>, vec_deque::Iter<'_, T>> {
        self.first.iter().chain(&self.rest)
    }

    pub(crate) fn iter_mut(&mut self) -> Chain<option::IterMut<'_, T>, vec_deque::IterMut<'_, T>> {
        self.first.iter_mut().chain(&mut self.rest)
    }

    /// Gives memory back, unless it is that of `most` entries at most. For one that is empty.
    pub(crate) fn keep_room(&mut self, most: usize) {
        if self.rest.capacity() > most {
            self.rest = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_queue() {
        let (mut queue, mut wanted) = (Queue::default(), VecDeque::new());
        for step in 0..200_u32 {
            // Grows, shrinks and is empty at times.
            if step % 7 < 4 {
                queue.push_back(step);
                wanted.push_back(step);
            } else {
                assert_eq!(queue.pop_front(), wanted.pop_front());
                assert_eq!(queue.pop_front(), wanted.pop_front());
            }
            assert_eq!((queue.len(), queue.is_empty()), (wanted.len(), wanted.is_empty()));
            assert_eq!((queue.front(), queue.back()), (wanted.front(), wanted.back()));
            assert_eq!(queue.front_mut(), wanted.front_mut());
            assert_eq!(queue.back_mut(), wanted.back_mut());
            assert!(queue.iter().eq(&wanted) && queue.iter_mut().eq(&mut wanted));
            for index in 0..5 {
                assert_eq!(queue.get_mut(index), wanted.get_mut(index));
            }
        }
        queue.push_back(1);
        queue.push_back(2);
        let half: Vec<_> = queue.drain().take(1).collect();
        assert_eq!((half.len(), queue.is_empty()), (1, false));
        queue.clear();
        assert!(queue.is_empty() && queue.iter().next().is_none());
    }

    #[test]
    fn one_entry_takes_no_memory_of_its_own() {
        let mut queue = Queue::default();
        for entry in 0..3 {
            queue.push_back(entry);
            assert_eq!((queue.pop_front(), queue.rest.capacity()), (Some(entry), 0));
        }
        (0..9).for_each(|entry| queue.push_back(entry));
        queue.clear();
        queue.keep_room(4);
        assert_eq!(queue.rest.capacity(), 0);
    }
}
