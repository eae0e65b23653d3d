//! A peer that speaks frames by hand, as `docs/wire.md` has them: what no honest client would send.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use linkspan::frame::{HEAD_LEN, KIND_CLOSE, KIND_HELLO, LANE, LAST, MAGIC, frame_lane};
use linkspan::tls::Tls;
use linkspan::{Batch, Endpoint, Error, Inbox, Lane, Link, Pipe, Standard, Transport};
use tokio::time::timeout;

use crate::support::PATIENCE;

pub const REQUEST: u8 = 0x02;
pub const FAILURE: u8 = 0x04;
pub const CANCEL: u8 = 0x05;
pub const BODY: u8 = 0x08;
pub const PING: u8 = 0x09;
pub const PONG: u8 = 0x0a;
pub const FIELDS: u8 = 0x10;
pub const ONE_WAY: u8 = 0x20;

/// The transport of a road, trusting any certificate.
fn transport(endpoint: &Endpoint) -> Arc<dyn Transport> {
    let tls = Tls::new().dangerously_skip_verification();
    Standard::transports_with(tls).find(endpoint).unwrap().clone()
}

/// One frame that came.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub fields: Vec<u8>,
}

impl Frame {
    fn of(frame: &[u8]) -> Self {
        let mut fields = &frame[HEAD_LEN..];
        if frame[3] & LANE != 0 {
            number(&mut fields);
        }
        assert!(frame_lane(frame).is_ok());
        Self { kind: frame[2], fields: fields.to_vec() }
    }
}

/// A link without a protocol.
#[derive(Debug)]
pub struct Raw {
    pipe: Box<dyn Pipe>,
    waiting: VecDeque<Frame>,
}

impl Raw {
    pub fn new(link: Link) -> Self {
        Self { pipe: link.into_parts().0, waiting: VecDeque::new() }
    }

    /// A link to `endpoint` that has said nothing.
    pub async fn silent(endpoint: &Endpoint) -> Self {
        let transport = transport(endpoint);
        Self::new(timeout(PATIENCE, transport.connect(endpoint)).await.unwrap().unwrap())
    }

    /// A link to `endpoint` after the hellos, in JSON.
    pub async fn greeted(endpoint: &Endpoint) -> Self {
        let mut raw = Self::silent(endpoint).await;
        raw.hello(&[]).await.unwrap();
        raw.next_of(KIND_HELLO).await;
        raw
    }

    /// Says hello: version 1, JSON, generous limits, and `more` fields.
    pub async fn hello(&mut self, more: &[u8]) -> Result<(), Error> {
        let fields = b"\x02\x02\x01\x01\x04\x05\x04json\x06\x07\x80\x80\x80\x02\x80\x20\x40";
        self.send((KIND_HELLO, 0), 0, &[&MAGIC, &fields[..], more].concat()).await
    }

    /// Sends one frame.
    pub async fn send(&mut self, kind: (u8, u8), lane: u64, fields: &[u8]) -> Result<(), Error> {
        let mut batch = Batch::new();
        batch.push(kind, Lane::new(lane), None, |out| out.extend_from_slice(fields))?;
        let mut inbox = Inbox::new();
        let Self { pipe, waiting } = self;
        let sending = poll_fn(|cx| {
            while let Poll::Ready(Ok(true)) = pipe.poll_recv(cx, &mut inbox) {
                waiting.extend(inbox.frames().map(Frame::of));
            }
            pipe.poll_send(cx, &mut batch)
        });
        timeout(PATIENCE, sending).await.expect("the peer takes what is sent")
    }

    /// Sends a request with an inline body.
    pub async fn request(&mut self, call: u64, path: &str, body: &[u8]) -> Result<(), Error> {
        self.send((REQUEST, 0), 0, &request(call, path, None, body)).await
    }

    /// The next frame; `None` at the end of the link.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut inbox = Inbox::new();
        while self.waiting.is_empty() {
            let received = poll_fn(|cx| self.pipe.poll_recv(cx, &mut inbox));
            match timeout(PATIENCE, received).await.expect("the peer says something, or ends the link") {
                Ok(true) => self.waiting.extend(inbox.frames().map(Frame::of)),
                Ok(false) | Err(_) => return None,
            }
        }
        self.waiting.pop_front()
    }

    /// The next frame of `kind`; others are passed over.
    pub async fn next_of(&mut self, kind: u8) -> Frame {
        let mut passed = Vec::new();
        while let Some(frame) = self.next().await {
            if frame.kind == kind {
                return frame;
            }
            passed.push(frame.kind);
        }
        panic!("the link ended without a frame of kind {kind:#04x}; there were {passed:x?}");
    }

    /// Reads to the peer's close: its code and reason.
    pub async fn close(&mut self) -> (u16, String) {
        let close = self.next_of(KIND_CLOSE).await;
        let mut fields = close.fields.as_slice();
        let code = number(&mut fields).try_into().unwrap();
        (code, text(&mut fields))
    }

    /// The next refused call: its number, code, whether it ran, and why.
    pub async fn failure(&mut self) -> (u64, u64, u64, String) {
        let failure = self.next_of(FAILURE).await;
        let mut fields = failure.fields.as_slice();
        (number(&mut fields), number(&mut fields), number(&mut fields), text(&mut fields))
    }

    /// Reads until the peer has ended the link.
    pub async fn until_end(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// The fields of a request without a deadline; `fields` are its optional ones, if it has any.
pub fn request(call: u64, path: &str, fields: Option<&[u8]>, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, call);
    put_number(&mut out, 0);
    put_bytes(&mut out, path.as_bytes());
    if let Some(fields) = fields {
        put_bytes(&mut out, fields);
    }
    out.extend_from_slice(body);
    out
}

/// A field: its tag and value.
pub fn field(tag: u64, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, tag);
    put_bytes(&mut out, value);
    out
}

/// Metadata as one value.
pub fn metadata(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in entries {
        put_bytes(&mut out, key.as_bytes());
        put_bytes(&mut out, value);
    }
    out
}

/// The place of a body.
pub fn place(lane: u64, len: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, lane);
    put_number(&mut out, len);
    out
}

/// The flags of a BODY frame.
pub fn body(last: bool) -> (u8, u8) {
    (BODY, if last { LAST } else { 0 })
}

pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub fn number(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().expect("a number");
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn text(bytes: &mut &[u8]) -> String {
    let len = usize::try_from(number(bytes)).unwrap();
    let (text, rest) = bytes.split_at(len);
    *bytes = rest;
    String::from_utf8(text.to_vec()).unwrap()
}
