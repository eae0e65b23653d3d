//! What came, made into frames: a value that is fed bytes.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use linkspan_core::{Error, Inbox};

use super::head::{Head, Opcode};
use super::mask::Mask;
use crate::link::{MAX_RECEIVED_LEN, Role, broken, text, too_long};

/// Where in the stream of one direction the next byte stands.
///
/// Between reads the buffer holds what could not be used yet: the beginning of a Linkspan frame, and behind it that of a
/// WebSocket head or control frame.
#[derive(Debug)]
pub(super) struct Reader {
    role: Role,
    trust: Trust,
    /// What is missing of the WebSocket frame whose head came.
    frame: Option<Unfinished>,
    message: Option<Message>,
    /// In the buffer: payload that is no whole Linkspan frame yet, without its mask.
    begun: Range<usize>,
    /// In the buffer: where what was not looked at begins.
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Unfinished {
    left: usize,
    mask: Option<Mask>,
    is_last: bool,
}

/// A message that has begun.
#[derive(Clone, Copy, Debug)]
struct Message {
    /// Its length so far, with all of the frame that has begun.
    len: usize,
    is_text: bool,
}

/// What is still believed of what the peer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    All,
    /// Its messages hold what they may not: only its control frames matter.
    Framing,
    /// It broke the protocol: nothing that follows means anything.
    Nothing,
}

/// A control frame that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// The peer ends its direction. Its payload, for the answer; none if it was not valid.
    Close(Option<Range<usize>>),
    /// Its payload.
    Ping(Range<usize>),
    Pong,
}

impl Reader {
    pub(super) fn new(role: Role) -> Self {
        Self { role, trust: Trust::All, frame: None, message: None, begun: 0..0, next: 0 }
    }

    /// True once the peer broke the protocol.
    pub(super) fn is_lost(&self) -> bool {
        self.trust == Trust::Nothing
    }

    /// Looks at `bytes`, the buffer, up to the next control frame, and marks Linkspan frames in `inbox`. None says that more
    /// must come. What was marked before an error is good, and it may go on after one.
    ///
    /// # Errors
    /// The peer did what it may not.
    pub(super) fn advance(&mut self, bytes: &mut [u8], inbox: &mut Inbox) -> Result<Option<Control>, Error> {
        loop {
            if self.is_lost() {
                self.next = bytes.len();
                return Ok(None);
            }
            if self.frame.is_some() {
                self.take_payload(bytes);
                let marked = self.mark(bytes, inbox);
                self.end_frame().and(marked)?;
                if self.frame.is_some() {
                    return Ok(None);
                }
            }
            let waiting = bytes.get(self.next..).unwrap_or_default();
            let Some((head, head_len)) = Head::parse(waiting, self.role).map_err(|error| self.lose(error))?
            else {
                return Ok(None);
            };
            if head.opcode.is_control() {
                return self.control(head, head_len, bytes);
            }
            self.next += head_len;
            self.begin(head)?;
        }
    }

    /// Takes what was looked at out of the buffer, and returns the part in which frames were marked.
    pub(super) fn finish(&mut self, bytes: &mut BytesMut) -> Bytes {
        if self.begun.is_empty() {
            self.begun = self.next..self.next;
        } else if self.begun.end < self.next {
            // Another head, or a control frame, is between the beginning of a frame and what will follow it.
            let gap = self.next - self.begun.end;
            bytes.copy_within(self.next.., self.begun.end);
            bytes.truncate(bytes.len() - gap);
            self.next = self.begun.end;
        }
        let used = self.begun.start;
        self.begun = 0..self.begun.end - used;
        self.next -= used;
        bytes.split_to(used).freeze()
    }

    /// Takes as much as is there of the frame's payload: its mask off, and next to what came before it.
    fn take_payload(&mut self, bytes: &mut [u8]) {
        let Some(frame) = &mut self.frame else { return };
        let here = frame.left.min(bytes.len() - self.next);
        let part = self.next..self.next + here;
        frame.left -= here;
        self.next = part.end;
        if self.trust == Trust::Framing {
            return;
        }
        if let (Some(mask), Some(bytes)) = (&mut frame.mask, bytes.get_mut(part.clone())) {
            mask.apply(bytes);
        }
        if self.begun.is_empty() {
            self.begun = part;
        } else {
            if self.begun.end < part.start {
                bytes.copy_within(part, self.begun.end);
            }
            self.begun.end += here;
        }
    }

    fn mark(&mut self, bytes: &[u8], inbox: &mut Inbox) -> Result<(), Error> {
        match inbox.mark(bytes, self.begun.clone()) {
            Ok(begun) => {
                self.begun.start = begun;
                Ok(())
            }
            Err(error) => {
                self.ignore_messages();
                Err(error)
            }
        }
    }

    fn end_frame(&mut self) -> Result<(), Error> {
        let Some(frame) = self.frame.filter(|frame| frame.left == 0) else { return Ok(()) };
        self.frame = None;
        let Some(message) = self.message.take_if(|_| frame.is_last) else { return Ok(()) };
        if message.is_text {
            return Err(text());
        }
        if !self.begun.is_empty() {
            self.ignore_messages();
            return Err(Error::protocol("message ends within a frame"));
        }
        Ok(())
    }

    fn begin(&mut self, head: Head) -> Result<(), Error> {
        let before = match (head.opcode, self.message) {
            (Opcode::Continuation, Some(before)) => before,
            (Opcode::Continuation, None) => {
                return Err(self.lose(broken().with_source("continue frame without a message")));
            }
            (_, Some(_)) => {
                return Err(self.lose(broken().with_source("a message begins within another")));
            }
            (opcode, None) => Message { len: 0, is_text: opcode == Opcode::Text },
        };
        let message = Message { len: before.len + head.len, ..before };
        if message.len > MAX_RECEIVED_LEN {
            return Err(self.lose(too_long().with_source(format!("{} bytes in fragments", message.len))));
        }
        if message.is_text {
            self.ignore_messages(); // it is an error once it is whole, whatever it says
        }
        self.message = Some(message);
        self.frame = Some(Unfinished { left: head.len, mask: head.mask, is_last: head.is_last });
        Ok(())
    }

    fn control(&mut self, head: Head, head_len: usize, bytes: &mut [u8]) -> Result<Option<Control>, Error> {
        let start = self.next + head_len;
        let payload = start..start + head.len;
        let Some(bytes) = bytes.get_mut(payload.clone()) else { return Ok(None) };
        if let Some(mut mask) = head.mask {
            mask.apply(bytes);
        }
        self.next = payload.end;
        Ok(Some(match head.opcode {
            Opcode::Ping => Control::Ping(payload),
            Opcode::Close => {
                let is_valid = check_close(bytes).map_err(|error| self.lose(error))?;
                Control::Close(is_valid.then_some(payload))
            }
            _ => Control::Pong,
        }))
    }

    /// What messages hold is not looked at any more.
    fn ignore_messages(&mut self) {
        self.trust = Trust::Framing;
        self.begun.start = self.begun.end;
    }

    fn lose(&mut self, error: Error) -> Error {
        self.trust = Trust::Nothing;
        self.begun.start = self.begun.end;
        error
    }
}

/// False if a close frame's payload has a code that may not be sent: RFC 6455 §7.4, and the registry it set up.
fn check_close(payload: &[u8]) -> Result<bool, Error> {
    match payload {
        [] => Ok(true),
        [_] => Err(broken().with_source("half a close code")),
        [high, low, reason @ ..] => {
            std::str::from_utf8(reason).map_err(|error| broken().with_source(error))?;
            let code = u16::from_be_bytes([*high, *low]);
            Ok(matches!(code, 1000..=1003 | 1007..=1013 | 3000..=4999))
        }
    }
}
