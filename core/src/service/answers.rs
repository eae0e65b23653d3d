//! The answers of one read's calls, on their way from the handlers to the connection.

use std::cell::Cell;
use std::ops::Range;

use crate::codec::Parts;
use crate::connection::{Connection, OutBody, Reply};
use crate::wire::Outcome;
use crate::{Body, Metadata};

/// Answers to calls that ended in place: encoded into one buffer without a lock, then appended under one lock.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    body: Body,
    replies: Vec<(u32, Answered)>,
    /// One-way calls that ended.
    one_way: usize,
}

#[derive(Debug)]
enum Answered {
    /// In memory of its own, or with more than a body.
    Apart(Box<Reply>),
    /// A small body, in the buffer.
    Here(Outcome, Range<usize>),
    /// A large one, moved and not copied.
    Large(Outcome, Box<Parts>),
}

impl Answers {
    /// Those of this thread, empty, with the memory that was given back.
    pub(crate) fn take() -> Self {
        ANSWERS.take()
    }

    /// Keeps the memory for the next read on this thread, unless it is much.
    pub(crate) fn give_back(mut self) {
        self.body.clear();
        self.replies.clear();
        self.one_way = 0;
        if self.body.capacity() <= MAX_KEPT_LEN && self.replies.capacity() <= MAX_KEPT_REPLIES {
            ANSWERS.set(self);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.one_way == 0
    }

    /// Where the next answer is written: behind those that are there.
    pub(crate) fn body(&mut self) -> &mut Body {
        &mut self.body
    }

    /// Where the next answer begins.
    pub(crate) fn end(&mut self) -> usize {
        self.body.bytes().len()
    }

    /// Takes a reply that its handler made. None is owed for a one-way call.
    pub(crate) fn put(&mut self, call: Option<u32>, reply: Box<Reply>) {
        match call {
            Some(call) => self.replies.push((call, Answered::Apart(reply))),
            None => self.one_way += 1,
        }
    }

    /// Takes what was written to the buffer from `start` on.
    pub(crate) fn put_written(
        &mut self,
        call: Option<u32>,
        (outcome, start): (Outcome, usize),
        metadata: Metadata,
    ) {
        let Some(number) = call else {
            self.forget(start);
            self.one_way += 1;
            return;
        };
        let answered = if !metadata.is_empty() {
            Answered::Apart(Box::new(Reply::of(outcome, self.body.split_off(start), metadata)))
        } else if let Some(parts) = self.body.take_large(start) {
            Answered::Large(outcome, parts)
        } else {
            Answered::Here(outcome, start..self.end())
        };
        self.replies.push((number, answered));
    }

    /// Drops what was written from `start` on: its call ended in another way.
    pub(crate) fn forget(&mut self, start: usize) {
        self.body.truncate(start);
    }

    /// Appends every answer. Called under the lock of the session.
    pub(crate) fn send(&mut self, connection: &mut Connection) {
        let none = Metadata::new();
        for (call, answered) in self.replies.drain(..) {
            match answered {
                Answered::Apart(reply) => connection.respond(call, *reply),
                Answered::Large(outcome, body) => {
                    connection.respond_body(call, outcome, OutBody::Large(body), &none);
                }
                Answered::Here(outcome, range) => {
                    let body = OutBody::Small(self.body.bytes().get(range).unwrap_or_default());
                    connection.respond_body(call, outcome, body, &none);
                }
            }
        }
        for _ in 0..std::mem::take(&mut self.one_way) {
            connection.one_way_ended();
        }
    }
}

thread_local! {
    static ANSWERS: Cell<Answers> =
        const { Cell::new(Answers { body: Body::new(), replies: Vec::new(), one_way: 0 }) };
}

/// Memory of encoded answers kept per thread: those of one read, if they are small.
const MAX_KEPT_LEN: usize = 64 * 1024;
/// Places for replies kept per thread: more calls than one read usually brings.
const MAX_KEPT_REPLIES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Run;
    use crate::wire::MAX_INLINE_LEN;

    fn put(answers: &mut Answers, call: u32, body: &[u8]) {
        let start = answers.end();
        answers.body().bytes().extend_from_slice(body);
        answers.put_written(Some(call), (Outcome::Value, start), Metadata::new());
    }

    fn bodies(answers: &mut Answers) -> Vec<(u32, Vec<u8>)> {
        let bytes = answers.body.bytes();
        let body = |answered: Answered| match answered {
            Answered::Here(_, range) => bytes[range].to_vec(),
            Answered::Large(_, mut parts) => {
                let Run { copied, field } = parts.split(usize::MAX);
                assert!(copied.is_empty() && parts.is_empty());
                field.to_vec()
            }
            Answered::Apart(reply) => panic!("{reply:?}"),
        };
        answers.replies.drain(..).map(|(call, answered)| (call, body(answered))).collect()
    }

    #[test]
    fn large_answers_leave_the_small_ones_where_they_are() {
        let large = vec![7; MAX_INLINE_LEN + 1];
        let wanted = [(0, &b"small"[..]), (1, &large), (2, b"more"), (3, &large), (4, b"")];
        let mut answers = Answers::default();
        for (call, body) in wanted {
            put(&mut answers, call, body);
        }
        assert_eq!(bodies(&mut answers), wanted.map(|(call, body)| (call, body.to_vec())));
    }

    #[test]
    fn a_large_answer_is_moved() {
        let mut answers = Answers::default();
        put(&mut answers, 0, b"small");
        answers.body().bytes().reserve(1 << 20);
        let start = answers.end();
        answers.body().bytes().resize(start + (1 << 20), 7);
        let place = answers.body().bytes()[start..].as_ptr();
        answers.put_written(Some(1), (Outcome::Value, start), Metadata::new());
        let Some((1, Answered::Large(Outcome::Value, mut parts))) = answers.replies.pop() else { panic!() };
        let body = parts.split(usize::MAX).field;
        assert_eq!((body.as_ptr(), body.len()), (place, 1 << 20));
    }

    #[test]
    fn what_is_forgotten_is_not_sent() {
        let mut answers = Answers::default();
        put(&mut answers, 0, b"one");
        let start = answers.end();
        answers.body().bytes().extend_from_slice(b"half an ans");
        answers.body().refer(vec![7; MAX_INLINE_LEN].into());
        answers.forget(start);
        put(&mut answers, 2, b"two");
        let end = answers.end();
        answers.put_written(None, (Outcome::Value, end), Metadata::new());
        assert_eq!(bodies(&mut answers), [(0, b"one".to_vec()), (2, b"two".to_vec())]);
        assert_eq!(answers.one_way, 1);
    }
}
