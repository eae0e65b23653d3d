//! A peer that speaks frame by frame, in order or out of it.

use std::future::poll_fn;

use linkspan_core::frame::MAGIC;
use linkspan_core::{Batch, Error, Inbox, Lane, Link, Pipe};

use crate::broken::Broken;
use crate::wire::{
    HELLO, HELLO_CODECS, HELLO_LIMITS, HELLO_VERSIONS, Parts, REQUEST, read_number, write_bytes,
    write_fields, write_number,
};

/// A link without a protocol.
#[derive(Debug)]
pub(crate) struct RawLink {
    pipe: Box<dyn Pipe>,
    waiting: std::collections::VecDeque<Parts>,
}

impl RawLink {
    pub(crate) fn new(link: Link) -> Self {
        Self { pipe: link.into_parts().0, waiting: std::collections::VecDeque::new() }
    }

    /// Sends one frame on lane 0.
    pub(crate) async fn send(&mut self, frame: &Parts) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.push((frame.kind, frame.flags), Lane::new(frame.lane), None, |out| {
            out.extend_from_slice(&frame.fields);
        })?;
        let mut inbox = Inbox::new();
        let Self { pipe, waiting } = self;
        // Some roads need reading to write; what comes meanwhile is kept.
        poll_fn(|cx| {
            while let std::task::Poll::Ready(Ok(true)) = pipe.poll_recv(cx, &mut inbox) {
                waiting.extend(inbox.frames().map(Parts::of));
            }
            pipe.poll_send(cx, &mut batch)
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
        while let Some(frame) = self.next().await {
            if frame.kind == kind {
                return Ok(frame);
            }
        }
        Err(Broken::new(format!("the link ended without a frame of kind {kind:#04x}")))
    }

    /// Exchanges hellos as a client with `codec`.
    pub(crate) async fn greet(&mut self, codec: &str) -> Result<(), Broken> {
        self.send(&hello((1, 1), codec)).await?;
        self.next_of(HELLO).await.map(drop)
    }
}

/// A hello of a client that speaks versions `low` to `high`, and `codec`.
pub(crate) fn hello((low, high): (u64, u64), codec: &str) -> Parts {
    let mut versions = Vec::new();
    write_number(&mut versions, low);
    write_number(&mut versions, high);
    let mut codecs = Vec::new();
    write_bytes(&mut codecs, codec.as_bytes());
    let mut limits = Vec::new();
    for limit in [4 << 20, 4096, 64] {
        write_number(&mut limits, limit);
    }
    let fields = [(HELLO_VERSIONS, versions), (HELLO_CODECS, codecs), (HELLO_LIMITS, limits)];
    Parts::new(HELLO, [&MAGIC[..], &write_fields(&fields)].concat())
}

/// A request of `path` without a deadline.
pub(crate) fn request(call: u64, path: &str, body: &[u8]) -> Parts {
    let mut fields = Vec::new();
    write_number(&mut fields, call);
    write_number(&mut fields, 0);
    write_bytes(&mut fields, path.as_bytes());
    fields.extend_from_slice(body);
    Parts::new(REQUEST, fields)
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
