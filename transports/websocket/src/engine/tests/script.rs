//! An engine alone with the bytes of a peer: no runtime, no socket.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use linkspan_core::{Close, CloseCode, Error, ErrorKind, Inbox, PeerInfo, Pipe};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Engine;
use crate::link::Role;

/// A stream that hands out pieces, then ends; what is written to it is kept.
pub(super) struct Script {
    pieces: VecDeque<Vec<u8>>,
    written: Written,
}

pub(super) type Written = Arc<Mutex<Record>>;

#[derive(Debug, Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    is_blocked: bool,
    is_at_end: bool,
}

impl Script {
    /// The stream of `bytes`, cut into pieces of these lengths again and again.
    pub(super) fn new(mut bytes: &[u8], cuts: &[usize]) -> (Self, Written) {
        let mut pieces = VecDeque::new();
        let mut cuts = cuts.iter().cycle();
        while let Some(cut) = cuts.next().filter(|_| !bytes.is_empty()) {
            let (piece, rest) = bytes.split_at(bytes.len().min(*cut));
            pieces.push_back(piece.to_vec());
            bytes = rest;
        }
        let written = Written::default();
        (Self { pieces, written: Arc::clone(&written) }, written)
    }

    /// The same, where nothing can be written for now.
    pub(super) fn blocked(self) -> Self {
        self.written.lock().unwrap().is_blocked = true;
        self
    }
}

pub(super) fn unblock(written: &Written) {
    written.lock().unwrap().is_blocked = false;
}

pub(super) fn is_at_end(written: &Written) -> bool {
    written.lock().unwrap().is_at_end
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.pieces.pop_front() {
            None => self.written.lock().unwrap().is_at_end = true,
            Some(mut piece) => {
                let rest = piece.split_off(piece.len().min(buffer.remaining()));
                buffer.put_slice(&piece);
                if !rest.is_empty() {
                    self.pieces.push_front(rest);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut written = self.written.lock().unwrap();
        if written.is_blocked {
            return Poll::Pending;
        }
        written.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What an engine made of a peer's bytes.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) frames: Vec<Vec<u8>>,
    pub(super) end: End,
    /// The payloads of the control frames it sent.
    pub(super) pongs: Vec<Vec<u8>>,
    pub(super) closes: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    None,
    Orderly,
    Error(ErrorKind),
}

impl End {
    pub(super) fn is_orderly(self) -> bool {
        self == Self::Orderly
    }
}

/// Lets `engine` read all of `bytes`, and close as the runtime does.
pub(super) fn run(engine: Engine, role: Role, bytes: &[u8], cuts: &[usize]) -> Outcome {
    let (script, written) = Script::new(bytes, cuts);
    let mut pipe = open(engine, role, script);
    let mut inbox = Inbox::new();
    let mut outcome = Outcome { frames: Vec::new(), end: End::None, pongs: Vec::new(), closes: Vec::new() };
    for _ in 0..bytes.len() + 10 {
        match poll_recv(&mut *pipe, &mut inbox) {
            Poll::Pending => {}
            Poll::Ready(Ok(true)) => outcome.frames.extend(inbox.frames().map(<[u8]>::to_vec)),
            Poll::Ready(Ok(false)) => {
                outcome.end = End::Orderly;
                break;
            }
            Poll::Ready(Err(error)) => {
                outcome.end = End::Error(error.kind());
                break;
            }
        }
    }
    let mut context = Context::from_waker(Waker::noop());
    let _ = pipe.poll_close(&mut context, &Close::new(CloseCode::PROTOCOL, "no"));
    if outcome.end == End::Orderly {
        let again = poll_recv(&mut *pipe, &mut inbox);
        assert!(matches!(again, Poll::Ready(Ok(false))) && inbox.is_empty(), "{again:?}");
    }
    outcome.pongs = control(&written, 10);
    outcome.closes = control(&written, 8);
    outcome
}

pub(super) fn open(engine: Engine, role: Role, script: Script) -> Box<dyn Pipe> {
    let peer = PeerInfo::new("ws://h:1".parse().unwrap());
    let link = engine.link((script, b""), role, peer).now_or_never().unwrap();
    link.into_parts().0
}

pub(super) fn poll_recv(pipe: &mut dyn Pipe, inbox: &mut Inbox) -> Poll<Result<bool, Error>> {
    pipe.poll_recv(&mut Context::from_waker(Waker::noop()), inbox)
}

/// The payloads of the control frames with this opcode that were written. All that is written is short.
pub(super) fn control(written: &Written, opcode: u8) -> Vec<Vec<u8>> {
    let written = written.lock().unwrap();
    let mut bytes = written.bytes.as_slice();
    let mut payloads = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        let (key, rest) = if second & 0x80 == 0 { (&[0; 4][..], rest) } else { rest.split_at(4) };
        let (payload, rest) = rest.split_at(usize::from(second & 0x7f));
        if *first == 0x80 | opcode {
            payloads.push(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect());
        }
        bytes = rest;
    }
    payloads
}
