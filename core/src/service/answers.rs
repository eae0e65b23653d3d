//! The answers of one read's calls, on their way from the handlers to the connection.

use std::ops::Range;

use crate::codec::Parts;
use crate::connection::{Connection, OutBody, Reply};
use crate::wire::{self, Outcome};
use crate::{Body, Metadata};

/// Answers to calls that ended in place: encoded into one buffer without a lock, then appended under one lock.
///
/// What a handler writes stands behind the head of its frame already, so that small answers are appended as they lie there.
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
    /// A whole frame, in the buffer.
    Here(Range<usize>),
    /// A large one, moved and not copied.
    Large(Outcome, Box<Parts>),
}

impl Answers {
    /// Forgets all, and keeps the memory for the next read unless it is much.
    pub(crate) fn clear(&mut self) {
        if self.body.capacity() > MAX_KEPT_LEN || self.replies.capacity() > MAX_KEPT_REPLIES {
            *self = Self::default();
            return;
        }
        self.body.clear();
        self.replies.clear();
        self.one_way = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.one_way == 0
    }

    /// Begins the answer to `call`, behind those that are there; a one-way call has none.
    pub(crate) fn begin(&mut self, call: Option<u32>) -> Start {
        let bytes = self.body.bytes();
        let frame = bytes.len();
        if let Some(call) = call {
            wire::begin_response(call, bytes);
        }
        Start { frame, body: bytes.len() }
    }

    /// Where the body of the answer that was begun is written.
    pub(crate) fn body(&mut self) -> &mut Body {
        &mut self.body
    }

    /// Takes a reply that its handler made. None is owed for a one-way call.
    pub(crate) fn put(&mut self, call: Option<u32>, reply: Box<Reply>) {
        match call {
            Some(call) => self.replies.push((call, Answered::Apart(reply))),
            None => self.one_way += 1,
        }
    }

    /// Takes what was written to the buffer since it was begun at `start`.
    pub(crate) fn put_written(
        &mut self,
        call: Option<u32>,
        (outcome, start): (Outcome, Start),
        metadata: Metadata,
    ) {
        let Some(number) = call else {
            self.forget(start);
            self.one_way += 1;
            return;
        };
        if metadata.is_empty() && !self.body.is_large(start.body) {
            return self.put_here(number, (outcome, start));
        }
        self.put_apart(number, (outcome, start), metadata);
    }

    #[inline]
    fn put_here(&mut self, call: u32, (outcome, start): (Outcome, Start)) {
        let bytes = self.body.bytes();
        let end = bytes.len();
        wire::end_response(outcome, bytes.get_mut(start.frame..).unwrap_or_default());
        self.replies.push((call, Answered::Here(start.frame..end)));
    }

    #[inline(never)]
    fn put_apart(&mut self, call: u32, (outcome, start): (Outcome, Start), metadata: Metadata) {
        let answered = if !metadata.is_empty() {
            Answered::Apart(Box::new(Reply::of(outcome, self.body.split_off(start.body), metadata)))
        } else if let Some(parts) = self.body.take_large(start.body) {
            Answered::Large(outcome, parts)
        } else {
            return self.put_here(call, (outcome, start)); // small after all
        };
        self.body.truncate(start.frame);
        self.replies.push((call, answered));
    }

    /// Drops what was written since it was begun at `start`: its call ended in another way.
    pub(crate) fn forget(&mut self, start: Start) {
        self.body.truncate(start.frame);
    }

    /// Appends every answer. Called under the lock of the session.
    pub(crate) fn send(&mut self, connection: &mut Connection) {
        let none = Metadata::new();
        let bytes = self.body.bytes();
        let mut run = Frames::default();
        for (call, answered) in self.replies.drain(..) {
            match answered {
                Answered::Here(range) => {
                    let frame = bytes.get_mut(range.clone()).unwrap_or_default();
                    if connection.answers_with(call, frame) && !run.extend(&range) {
                        run.send(bytes, connection);
                        run.extend(&range);
                    }
                }
                Answered::Apart(reply) => {
                    run.send(bytes, connection);
                    connection.respond(call, *reply);
                }
                Answered::Large(outcome, body) => {
                    run.send(bytes, connection);
                    connection.respond_body(call, outcome, OutBody::Large(body), &none);
                }
            }
        }
        run.send(bytes, connection);
        for _ in 0..std::mem::take(&mut self.one_way) {
            connection.one_way_ended();
        }
    }
}

/// Where an answer begins in the buffer: its frame, and the body in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    frame: usize,
    body: usize,
}

/// Frames side by side.
#[derive(Debug, Default)]
struct Frames {
    range: Range<usize>,
    count: usize,
}

impl Frames {
    /// True if the frame at `range` is one of them: it stands behind the others.
    fn extend(&mut self, range: &Range<usize>) -> bool {
        if self.count == 0 {
            self.range.start = range.start;
        } else if self.range.end != range.start {
            return false;
        }
        self.range.end = range.end;
        self.count += 1;
        true
    }

    /// Appends them to what `connection` sends; none are left.
    fn send(&mut self, bytes: &[u8], connection: &mut Connection) {
        let Self { range, count } = std::mem::take(self);
        if count > 0 {
            connection.send_frames(bytes.get(range).unwrap_or_default(), count);
        }
    }
}

/// Memory of encoded answers that is kept: those of one read, if they are small.
const MAX_KEPT_LEN: usize = 64 * 1024;
/// Places for replies that are kept: more calls than one read usually brings.
const MAX_KEPT_REPLIES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Run;
    use crate::wire::MAX_INLINE_LEN;

    fn put(answers: &mut Answers, call: u32, body: &[u8]) {
        let start = answers.begin(Some(call));
        answers.body().bytes().extend_from_slice(body);
        answers.put_written(Some(call), (Outcome::Value, start), Metadata::new());
    }

    fn bodies(answers: &mut Answers) -> Vec<(u32, Vec<u8>)> {
        let bytes = answers.body.bytes();
        let body = |answered: Answered| match answered {
            Answered::Here(range) => {
                let (call, outcome, body) = wire::plain_response(&bytes[range]).unwrap();
                assert!(call < 5 && outcome == Outcome::Value);
                body.to_vec()
            }
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
        answers.body().bytes().reserve(1 << 21);
        let start = answers.begin(Some(1));
        answers.body().bytes().resize(start.body + (1 << 20), 7);
        let place = answers.body().bytes()[start.body..].as_ptr();
        answers.put_written(Some(1), (Outcome::Value, start), Metadata::new());
        let Some((1, Answered::Large(Outcome::Value, mut parts))) = answers.replies.pop() else { panic!() };
        let body = parts.split(usize::MAX).field;
        assert_eq!((body.as_ptr(), body.len()), (place, 1 << 20));
    }

    #[test]
    fn what_is_forgotten_is_not_sent() {
        let mut answers = Answers::default();
        put(&mut answers, 0, b"one");
        let start = answers.begin(Some(1));
        answers.body().bytes().extend_from_slice(b"half an ans");
        answers.body().refer(vec![7; MAX_INLINE_LEN].into());
        answers.forget(start);
        put(&mut answers, 2, b"two");
        let start = answers.begin(None);
        answers.body().bytes().extend_from_slice(b"to nobody");
        answers.put_written(None, (Outcome::Value, start), Metadata::new());
        assert_eq!(bodies(&mut answers), [(0, b"one".to_vec()), (2, b"two".to_vec())]);
        assert_eq!(answers.one_way, 1);
    }
}
