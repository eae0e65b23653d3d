//! What an end must see.

use super::end::{End, Running};
use crate::connection::tests::pair::body_of;
use crate::connection::{Received, Taken};
use crate::{Code, GapReason};

impl End {
    /// Takes what was reported, as a driver does: notifications before answers.
    pub(super) fn observe(&mut self) {
        self.see_received();
        self.see_requests();
        self.see_answers();
        self.side.events.cancelled.clear(); // handlers here never hurry
        self.side.events.wakers.clear();
    }

    fn see_received(&mut self) {
        let open = self.side.connection.is_open();
        let mut received = std::mem::take(&mut self.side.events.received);
        while received
            .take(|taken| match taken {
                Taken::Other(Received::Gap(gap)) => {
                    assert!(gap.reason == GapReason::UnsupportedCodec || !open, "{gap:?}");
                    self.received += gap.count;
                }
                Taken::Other(Received::Notification(notification)) => self.see_note(notification.body()),
                Taken::Small(note) => self.see_note(note.body),
            })
            .is_some()
        {}
    }

    fn see_note(&mut self, body: &[u8]) {
        assert_eq!(numbers(body)[0], self.received, "out of order");
        self.received += 1;
    }

    fn see_requests(&mut self) {
        for incoming in self.side.incoming() {
            let token = numbers(&body_of(&incoming))[0];
            assert!(self.ran.insert(token), "call {token} ran twice");
            self.running.push(Running { call: incoming.call, token, pushed_before: self.pushed });
        }
    }

    fn see_answers(&mut self) {
        for index in (0..self.calls.len()).rev() {
            let Some(answer) = self.side.answer(self.calls[index].call) else { continue };
            let ours = self.calls.swap_remove(index);
            self.outcomes += 1;
            match answer {
                Ok(answer) => {
                    let [token, after] = numbers(&answer.body);
                    assert_eq!(token, ours.token, "an answer to another call");
                    assert!(self.received >= after, "it overtook a push");
                }
                Err(status) if status.code() == Code::Aborted => {
                    assert_eq!(status.message(), ours.token.to_string());
                }
                Err(status) if status.code() == Code::DeadlineExceeded => {
                    assert!(ours.has_deadline, "{status}");
                }
                Err(status) => {
                    assert!(
                        status.code() == Code::Unavailable && !self.side.connection.is_open(),
                        "{status}"
                    );
                }
            }
        }
    }
}

fn numbers(body: &[u8]) -> [u64; 2] {
    [0, 8].map(|at| u64::from_le_bytes(body[at..at + 8].try_into().unwrap()))
}
