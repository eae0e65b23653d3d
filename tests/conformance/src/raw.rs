//! Peers that speak frame by frame, in order or out of it: clients of the server under test, and servers of its clients.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use linkspan_core::frame::{LAST, MAGIC, RESET as ABANDONED};
use linkspan_core::{Batch, Endpoint, Error, Inbox, Lane, Link, Listener, Pipe};

use crate::broken::Broken;
use crate::waits::waiting;
use crate::wire::{
    BODY, CLOSE, HELLO, HELLO_CODECS, HELLO_LIMITS, HELLO_SESSION, HELLO_VERSIONS, Parts, RESET, kind_name,
    read_number, write_bytes, write_fields, write_number,
};

/// A link without a protocol.
#[derive(Debug)]
pub(crate) struct RawLink {
    pipe: Box<dyn Pipe>,
    waiting: VecDeque<Parts>,
}

impl RawLink {
    pub(crate) fn new(link: Link) -> Self {
        Self { pipe: link.into_parts().0, waiting: VecDeque::new() }
    }

    /// Sends one frame.
    pub(crate) async fn send(&mut self, frame: &Parts) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.push((frame.kind, frame.flags), Lane::new(frame.lane), None, |out| {
            out.extend_from_slice(&frame.fields);
        })?;
        let mut inbox = Inbox::new();
        let Self { pipe, waiting } = self;
        // Some roads need reading to write; what comes meanwhile is kept. Not without end: a peer may send faster.
        poll_fn(|cx| {
            let mut reads = 0;
            while reads < MAX_READS
                && let Poll::Ready(Ok(true)) = pipe.poll_recv(cx, &mut inbox)
            {
                waiting.extend(inbox.frames().map(Parts::of));
                reads += 1;
            }
            let sent = pipe.poll_send(cx, &mut batch);
            if reads == MAX_READS && sent.is_pending() {
                cx.waker().wake_by_ref();
            }
            sent
        })
        .await
    }

    /// The next frame, or `None` at the end of the link.
    pub(crate) async fn next(&mut self) -> Option<Parts> {
        let mut inbox = Inbox::new();
        while self.waiting.is_empty() {
            match poll_fn(|cx| self.pipe.poll_recv(cx, &mut inbox)).await {
                Ok(true) => self.waiting.extend(inbox.frames().map(Parts::of)),
                Ok(false) | Err(_) => return None,
            }
        }
        self.waiting.pop_front()
    }

    /// The next frame of `kind`; others are passed over.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Result<Parts, Broken> {
        let _waiting = waiting(|| format!("a frame {}", kind_name(kind)));
        while let Some(frame) = self.next().await {
            if frame.kind == kind {
                return Ok(frame);
            }
        }
        Err(Broken::new(format!("the link ended without a frame {}", kind_name(kind))))
    }

    /// Waits for a close, and checks its code.
    pub(crate) async fn closes_with(&mut self, code: linkspan_core::CloseCode) -> Result<(), Broken> {
        let close = self.next_of(CLOSE).await?;
        Broken::unless_equal("close code", &first_number(&close), &Some(code.number().into()))
    }

    /// Exchanges hellos as a client with `codec`.
    pub(crate) async fn greet(&mut self, codec: &str) -> Result<(), Broken> {
        self.send(&hello((1, 1), codec)).await?;
        self.next_of(HELLO).await.map(drop)
    }
}

/// What listens without a protocol.
#[derive(Debug)]
pub(crate) struct RawListener {
    pub(crate) listener: Box<dyn Listener>,
    /// Where clients reach it.
    pub(crate) endpoint: Endpoint,
}

impl RawListener {
    /// The next client, whose hello is answered with `answer`.
    pub(crate) async fn accept(&mut self, answer: &Parts) -> Result<RawLink, Broken> {
        let mut link = RawLink::new(self.listener.accept().await?.await?);
        link.next_of(HELLO).await?;
        link.send(answer).await?;
        Ok(link)
    }
}

/// A hello of a client that speaks versions `low` to `high`, and `codec`.
pub(crate) fn hello(versions: (u64, u64), codec: &str) -> Parts {
    hello_with(versions, codec, &[])
}

/// A hello with more fields.
pub(crate) fn hello_with((low, high): (u64, u64), codec: &str, more: &[(u64, Vec<u8>)]) -> Parts {
    let mut versions = Vec::new();
    write_number(&mut versions, low);
    write_number(&mut versions, high);
    let mut codecs = Vec::new();
    write_bytes(&mut codecs, codec.as_bytes());
    let mut limits = Vec::new();
    for limit in [4 << 20, 4096, 64] {
        write_number(&mut limits, limit);
    }
    let mut fields = vec![(HELLO_VERSIONS, versions), (HELLO_CODECS, codecs), (HELLO_LIMITS, limits)];
    fields.extend_from_slice(more);
    Parts::new(HELLO, [&MAGIC[..], &write_fields(&fields)].concat())
}

/// A server's answer to a hello.
pub(crate) fn welcome(codec: &str) -> Parts {
    hello_with((1, 1), codec, &[(HELLO_SESSION, vec![7; 16])])
}

/// A piece of a body.
pub(crate) fn body(lane: u64, last: bool, bytes: &[u8]) -> Parts {
    Parts { lane, flags: if last { LAST } else { 0 }, ..Parts::new(BODY, bytes.to_vec()) }
}

/// The end of a body that is abandoned.
pub(crate) fn reset(lane: u64) -> Parts {
    Parts { lane, flags: LAST | ABANDONED, ..Parts::new(RESET, Vec::new()) }
}

/// A frame of numbers.
pub(crate) fn numbers(kind: u8, numbers: &[u64]) -> Parts {
    let mut fields = Vec::new();
    numbers.iter().for_each(|number| write_number(&mut fields, *number));
    Parts::new(kind, fields)
}

/// The number at the front of a frame.
pub(crate) fn first_number(frame: &Parts) -> Option<u64> {
    read_number(&mut frame.fields.as_slice())
}

/// Reads in a row while something waits to be sent.
const MAX_READS: usize = 16;
