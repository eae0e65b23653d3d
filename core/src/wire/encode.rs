//! Messages to frames, appended to a batch.

use std::time::Duration;

use super::varint::write;
use super::{
    BodyPlace, DEFAULT_RATE, Hello, MAX_PATH_LEN, Message, Outcome, Request, Response, flag, kind, tag,
};
use crate::frame::{HEAD_LEN, LAST, MAGIC, Numbers, RESET, Short, length_bytes};
use crate::{Batch, Error, Lane, Metadata};

/// Appends `message` as one frame. Bodies are copied; a large one is better given to [`Batch::push`] by reference.
///
/// # Errors
/// `FrameTooLarge`, only for text or metadata beyond the limits.
pub(crate) fn encode(message: &Message<'_>, batch: &mut Batch) -> Result<(), Error> {
    let mut simple = |kind: u8, flags: u8, fields: &dyn Fn(&mut Vec<u8>)| {
        batch.push((kind, flags), Lane::ZERO, None, |out| fields(out))
    };
    match message {
        Message::Hello(hello) => simple(kind::HELLO, 0, &|out| write_hello(hello, out)),
        Message::Request(message) => {
            let &Request { call, one_way, timeout, path, ref metadata, codec, body, place } = message;
            let fields = Fields { metadata: metadata.as_ref(), codec, place };
            request((call, one_way, timeout), path, fields, body, batch)
        }
        Message::Response(message) => {
            let &Response { call, outcome, after_pushes, ref metadata, codec, body, place } = message;
            let fields = Fields { metadata: metadata.as_ref(), codec, place };
            response((call, outcome, after_pushes), fields, body, batch)
        }
        Message::Failure { call, status, after_pushes } => {
            let flags = if *after_pushes { flag::AFTER_PUSHES } else { 0 };
            simple(kind::FAILURE, flags, &|out| {
                write(out, u64::from(*call));
                write(out, u64::from(status.code().number()));
                write(out, u64::from(status.ran().number()));
                write_bytes(out, shorten(status.message(), MAX_TEXT_LEN).as_bytes());
            })
        }
        Message::Cancel { call } => simple(kind::CANCEL, 0, &|out| write(out, u64::from(*call))),
        Message::Push { path, codec, metadata, body, place } => {
            push(path, Fields { metadata: metadata.as_ref(), codec: *codec, place: *place }, body, batch)
        }
        Message::Gap(gap) => simple(kind::GAP, 0, &|out| {
            write(out, gap.count);
            write(out, gap.reason.number());
        }),
        Message::Ping { payload } => simple(kind::PING, 0, &|out| write(out, *payload)),
        Message::Pong { payload } => simple(kind::PONG, 0, &|out| write(out, *payload)),
        Message::Goaway { reason } => {
            simple(kind::GOAWAY, 0, &|out| write_bytes(out, shorten(reason, MAX_TEXT_LEN).as_bytes()))
        }
        Message::Close(close) => simple(kind::CLOSE, 0, &|out| {
            write(out, u64::from(close.code().number()));
            write_bytes(out, close.reason().as_bytes());
        }),
        Message::Body { lane, last, bytes } => {
            let flags = if *last { LAST } else { 0 };
            batch.push((kind::BODY, flags), *lane, None, |out| out.extend_from_slice(bytes))
        }
        Message::Reset { lane } => batch.push((kind::RESET, LAST | RESET), *lane, None, |_| {}),
    }
}

/// Appends a request: its number, whether it is one-way, and the time left; `None` waits for ever.
///
/// # Errors
/// As [`encode`].
pub(crate) fn request(
    (call, one_way, timeout): (u32, bool, Option<Duration>),
    path: &str,
    fields: Fields<'_>,
    body: &[u8],
    batch: &mut Batch,
) -> Result<(), Error> {
    let numbers = Numbers::new([u64::from(call), micros(timeout), path.len() as u64]);
    let one_way = if one_way { flag::ONE_WAY } else { 0 };
    fields.append((kind::REQUEST, one_way), &numbers, [path.as_bytes(), body], batch)
}

/// The time left as it travels: in microseconds, and 0 without end.
pub(crate) fn micros(timeout: Option<Duration>) -> u64 {
    timeout.map_or(0, |timeout| u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX).max(1))
}

/// Appends a plain request; `middle` is what stands between its number and its arguments.
///
/// # Errors
/// As [`encode`].
#[inline]
pub(crate) fn request_with(call: u32, middle: &[u8], body: &[u8], batch: &mut Batch) -> Result<(), Error> {
    match Short::new(call) {
        Some(call) => batch.push_short((kind::REQUEST, 0), call, [middle, body]),
        None => batch.push_parts((kind::REQUEST, 0), &Numbers::new([u64::from(call)]), [middle, body]),
    }
}

/// Appends the answer to a call: its number, which answer it is, and whether it comes after the pushes before it.
///
/// # Errors
/// As [`encode`].
pub(crate) fn response(
    (call, outcome, after_pushes): (u32, Outcome, bool),
    fields: Fields<'_>,
    body: &[u8],
    batch: &mut Batch,
) -> Result<(), Error> {
    let outcome = match outcome {
        Outcome::ApplicationError => flag::APPLICATION_ERROR,
        Outcome::Value => 0,
    };
    let after = if after_pushes { flag::AFTER_PUSHES } else { 0 };
    let numbers = Numbers::new([u64::from(call)]);
    fields.append((kind::RESPONSE, outcome | after), &numbers, [&[], body], batch)
}

/// Appends the beginning of an answer to `call` that is nothing but its body, which is small and follows.
pub(crate) fn begin_response(call: u32, out: &mut Vec<u8>) {
    match Short::new(call) {
        Some(call) => call.append_behind([0; HEAD_LEN], out),
        None => Numbers::new([u64::from(call)]).append_behind([0; HEAD_LEN], out),
    }
}

/// Completes the head of `frame`, which [began](begin_response) and is whole.
pub(crate) fn end_response(outcome: Outcome, frame: &mut [u8]) {
    let flags = if outcome == Outcome::ApplicationError { flag::APPLICATION_ERROR } else { 0 };
    end((kind::RESPONSE, flags), frame);
}

/// Says in the head of `frame`, a response, that it comes after the pushes before it.
pub(crate) fn order_response(frame: &mut [u8]) {
    if let Some([_, _, _, flags]) = frame.first_chunk_mut() {
        *flags |= flag::AFTER_PUSHES;
    }
}

/// Appends the beginning of push `path` that has neither metadata nor a codec of its own; its body follows. False, with nothing
/// appended, if the path is longer than any may be.
#[inline]
pub(crate) fn begin_push(path: &str, out: &mut Vec<u8>) -> bool {
    let Some(len) = short_len(path) else { return false };
    len.append_behind([0; HEAD_LEN], out);
    out.extend_from_slice(path.as_bytes());
    true
}

/// The length of `path`, unless it is longer than any may be.
#[inline]
fn short_len(path: &str) -> Option<Short> {
    const { assert!(MAX_PATH_LEN == u8::MAX as usize) }
    Short::new(u8::try_from(path.len()).ok()?.into())
}

/// Completes the head of `frame`, which [began](begin_push) and is whole.
#[inline]
pub(crate) fn end_push(frame: &mut [u8]) {
    end((kind::PUSH, 0), frame);
}

/// Writes the head of `frame`, which is whole.
fn end((kind, flags): (u8, u8), frame: &mut [u8]) {
    if let Some(([low, high], head)) = length_bytes(frame.len()).zip(frame.first_chunk_mut()) {
        *head = [low, high, kind, flags];
    }
}

/// Appends a push.
///
/// # Errors
/// As [`encode`].
pub(crate) fn push(path: &str, fields: Fields<'_>, body: &[u8], batch: &mut Batch) -> Result<(), Error> {
    if fields.is_empty()
        && let Some(len) = short_len(path)
    {
        return batch.push_short((kind::PUSH, 0), len, [path.as_bytes(), body]);
    }
    let numbers = Numbers::new([path.len() as u64]);
    fields.append((kind::PUSH, 0), &numbers, [path.as_bytes(), body], batch)
}

/// The optional fields of requests, responses and pushes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) metadata: Option<&'a Metadata>,
    pub(crate) codec: Option<&'a str>,
    pub(crate) place: Option<BodyPlace>,
}

impl Fields<'_> {
    fn is_empty(&self) -> bool {
        self.metadata.is_none() && self.codec.is_none() && self.place.is_none()
    }

    /// Appends a frame of numbers, of a path if there is one, of these fields if there are any, and of a body.
    #[inline]
    fn append(
        &self,
        (kind, flags): (u8, u8),
        numbers: &Numbers,
        [path, body]: [&[u8]; 2],
        batch: &mut Batch,
    ) -> Result<(), Error> {
        if self.is_empty() {
            return batch.push_parts((kind, flags), numbers, [path, body]);
        }
        self.append_some((kind, flags | flag::FIELDS), numbers, [path, body], batch)
    }

    #[inline(never)]
    fn append_some(
        &self,
        head: (u8, u8),
        numbers: &Numbers,
        [path, body]: [&[u8]; 2],
        batch: &mut Batch,
    ) -> Result<(), Error> {
        if let Self { metadata: None, codec: None, place: Some(place) } = self {
            // Nothing but the place of a body, which every large message has: written without a buffer.
            let place = Numbers::new([place.lane.number(), place.len]);
            let place = place.as_bytes();
            if let (Ok(tag), Ok(len)) = (u8::try_from(tag::BODY_PLACE), u8::try_from(place.len())) {
                return batch.push_parts(head, numbers, [path, &[len + 2, tag, len], place, body]);
            }
        }
        batch.push_parts(head, numbers, [path, &self.block(), body])
    }

    /// The fields behind their length.
    fn block(&self) -> Vec<u8> {
        let mut block = Vec::new();
        if let Some(metadata) = self.metadata {
            let mut value = Vec::new();
            write_metadata(metadata, &mut value);
            write_field(&mut block, tag::METADATA, &value);
        }
        if let Some(codec) = self.codec {
            write_field(&mut block, tag::CODEC, codec.as_bytes());
        }
        if let Some(place) = self.place {
            let mut value = Vec::new();
            write(&mut value, place.lane.number());
            write(&mut value, place.len);
            write_field(&mut block, tag::BODY_PLACE, &value);
        }
        let mut out = Vec::new();
        write_bytes(&mut out, &block);
        out
    }
}

fn write_hello(hello: &Hello, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    let mut field = |tag: u64, fill: &dyn Fn(&mut Vec<u8>)| {
        let mut value = Vec::new();
        fill(&mut value);
        write_field(out, tag, &value);
    };
    field(tag::HELLO_VERSIONS, &|value| {
        write(value, hello.versions.0);
        write(value, hello.versions.1);
    });
    field(tag::HELLO_CODECS, &|value| {
        for codec in &hello.codecs {
            write_bytes(value, codec.as_bytes());
        }
    });
    field(tag::HELLO_AGENT, &|value| value.extend_from_slice(hello.agent.as_bytes()));
    field(tag::HELLO_LIMITS, &|value| {
        write(value, hello.max_message_len);
        write(value, hello.max_in_flight);
        write(value, hello.max_lanes);
    });
    if hello.max_cancels_per_second != DEFAULT_RATE {
        field(tag::HELLO_RATE, &|value| write(value, hello.max_cancels_per_second));
    }
    if let Some(session) = &hello.session {
        field(tag::HELLO_SESSION, &|value| value.extend_from_slice(session));
    }
    if !hello.metadata.is_empty() {
        field(tag::HELLO_METADATA, &|value| write_metadata(&hello.metadata, value));
    }
}

fn write_metadata(metadata: &Metadata, out: &mut Vec<u8>) {
    for (key, value) in metadata.iter() {
        write_bytes(out, key.as_bytes());
        write_bytes(out, value);
    }
}

fn write_field(out: &mut Vec<u8>, tag: u64, value: &[u8]) {
    write(out, tag);
    write_bytes(out, value);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn shorten(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Longest status message or reason to go away, in bytes; longer ones are cut. Chosen because it is for a person to read.
const MAX_TEXT_LEN: usize = 1024;
