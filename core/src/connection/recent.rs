//! What requests have in common with the one before: most are of the same method and have the same time left.

use std::time::Duration;

use crate::frame::Numbers;
use crate::wire::{PlainRequest, encode_timeout};

/// The last request of the peer that was plain.
#[derive(Debug, Default)]
pub(super) struct LastAccepted {
    /// The time left, the path's length and the path, as they stand in the frame. Empty before the first.
    bytes: Vec<u8>,
    timeout: Option<Duration>,
    path_len: usize,
    /// Numbers the path: no other has the same.
    number: u64,
}

impl LastAccepted {
    /// The request whose number `rest` follows, and the number of its path, if it is like the last one.
    #[inline]
    pub(super) fn matches<'a>(&self, rest: &'a [u8]) -> Option<(PlainRequest<'a>, u64)> {
        let body = rest.strip_prefix(self.bytes.as_slice()).filter(|_| self.number > 0)?;
        let path = rest.get(self.bytes.len() - self.path_len..self.bytes.len())?;
        Some((PlainRequest { timeout: self.timeout, path, body }, self.number))
    }

    /// The next may be like `request`, whose path is known. Returns the number of the path.
    pub(super) fn learn(&mut self, request: &PlainRequest<'_>) -> u64 {
        let Self { bytes, timeout, path_len, number } = self;
        let known = bytes.len().checked_sub(*path_len).and_then(|at| bytes.get(at..));
        if *number == 0 || known != Some(request.path) {
            *number += 1;
        }
        (*timeout, *path_len) = (request.timeout, request.path.len());
        bytes.clear();
        append(request.timeout, request.path, bytes);
        *number
    }
}

/// The last request from here that was plain.
#[derive(Debug, Default)]
pub(super) struct LastMade {
    /// As those of [`LastAccepted`].
    bytes: Vec<u8>,
    timeout: Option<Duration>,
    path: &'static str,
}

impl LastMade {
    /// True if a request to `path` is like the last one.
    #[inline]
    pub(super) fn is_like(&self, path: &'static str, timeout: Option<Duration>) -> bool {
        // Methods have their paths in one place each, so these need not be compared byte by byte.
        std::ptr::eq(self.path, path) && self.timeout == timeout && !self.bytes.is_empty()
    }

    /// What stands between number and arguments of a request like the last one.
    pub(super) fn middle(&self) -> &[u8] {
        &self.bytes
    }

    /// The next may be like one to `path`, which is known.
    pub(super) fn learn(&mut self, path: &'static str, timeout: Option<Duration>) {
        self.bytes.clear();
        append(timeout, path.as_bytes(), &mut self.bytes);
        (self.path, self.timeout) = (path, timeout);
    }
}

fn append(timeout: Option<Duration>, path: &[u8], bytes: &mut Vec<u8>) {
    let numbers = Numbers::new([encode_timeout(timeout), path.len() as u64]);
    bytes.reserve_exact(numbers.as_bytes().len() + path.len()); // few connections call paths of many lengths
    bytes.extend_from_slice(numbers.as_bytes());
    bytes.extend_from_slice(path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;
    use crate::wire::{Fields, encode_request, encode_request_with, plain_request};

    const TIMES: [Option<Duration>; 3] =
        [None, Some(Duration::from_micros(1)), Some(Duration::from_secs(30))];

    #[test]
    fn a_request_like_the_one_before_is_encoded_as_any() {
        let mut last = LastMade::default();
        for (path, timeout) in ["A/b", "A/bc"].into_iter().flat_map(|path| TIMES.map(|time| (path, time))) {
            assert!(!last.is_like(path, timeout));
            last.learn(path, timeout);
            assert!(last.is_like(path, timeout));
            for call in [0, 127, 128, u32::MAX] {
                let (mut alike, mut any) = (Batch::new(), Batch::new());
                encode_request_with(call, last.middle(), b"body", &mut alike).unwrap();
                encode_request((call, false, timeout), path, Fields::default(), b"body", &mut any).unwrap();
                assert_eq!(alike.front(), any.front());
            }
        }
    }

    #[test]
    fn a_request_like_the_one_before_is_read_as_any() {
        let mut last = LastAccepted::default();
        let mut numbers = Vec::new();
        for (path, timeout) in
            ["A/b", "A/bc", "A/b"].into_iter().flat_map(|path| TIMES.map(|time| (path, time)))
        {
            let mut batch = Batch::new();
            encode_request((7, false, timeout), path, Fields::default(), b"body", &mut batch).unwrap();
            let (call, rest) = plain_request(batch.front()).unwrap();
            assert!(call == Some(7) && last.matches(rest).is_none());
            let number = last.learn(&PlainRequest::read(rest).unwrap());
            let (request, same) = last.matches(rest).unwrap();
            assert_eq!(
                (request.timeout, request.path, request.body),
                (timeout, path.as_bytes(), &b"body"[..])
            );
            assert_eq!(same, number);
            assert!(last.matches(&rest[..rest.len() - 5]).is_none(), "its path is cut short");
            numbers.push(number);
        }
        assert_eq!(numbers, [1, 1, 1, 2, 2, 2, 3, 3, 3], "a number for each path that follows another");
    }
}
