//! Messages to frames, appended to a batch.

use super::varint::write;
use super::{BodyPlace, DEFAULT_RATE, Hello, Message, Outcome, Request, Response, flag, kind, tag};
use crate::frame::{LAST, MAGIC, RESET};
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
        Message::Request(request) => {
            simple(kind::REQUEST, request_flags(request), &|out| write_request(request, out))
        }
        Message::Response(response) => {
            simple(kind::RESPONSE, response_flags(response), &|out| write_response(response, out))
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
            let fields = Fields { metadata: metadata.as_ref(), codec: *codec, place: *place };
            simple(kind::PUSH, fields.flag(), &|out| {
                write_bytes(out, path.as_bytes());
                fields.write(out);
                out.extend_from_slice(body);
            })
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

/// Appends a push without optional fields, which most are.
///
/// # Errors
/// As [`encode`].
pub(crate) fn encode_plain_push(path: &str, body: &[u8], batch: &mut Batch) -> Result<(), Error> {
    batch.push((kind::PUSH, 0), Lane::ZERO, None, |out| {
        write_bytes(out, path.as_bytes());
        out.extend_from_slice(body);
    })
}

/// The optional fields of requests, responses and pushes.
struct Fields<'a> {
    metadata: Option<&'a Metadata>,
    codec: Option<&'a str>,
    place: Option<BodyPlace>,
}

impl Fields<'_> {
    fn flag(&self) -> u8 {
        let none = self.metadata.is_none() && self.codec.is_none() && self.place.is_none();
        if none { 0 } else { flag::FIELDS }
    }

    fn write(&self, out: &mut Vec<u8>) {
        if self.flag() == 0 {
            return;
        }
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
        write_bytes(out, &block);
    }
}

fn request_flags(request: &Request<'_>) -> u8 {
    let one_way = if request.one_way { flag::ONE_WAY } else { 0 };
    one_way | request_fields(request).flag()
}

fn request_fields<'a>(request: &'a Request<'_>) -> Fields<'a> {
    Fields { metadata: request.metadata.as_ref(), codec: request.codec, place: request.place }
}

fn write_request(request: &Request<'_>, out: &mut Vec<u8>) {
    write(out, u64::from(request.call));
    let micros =
        request.timeout.map_or(0, |timeout| u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX).max(1));
    write(out, micros);
    write_bytes(out, request.path.as_bytes());
    request_fields(request).write(out);
    out.extend_from_slice(request.body);
}

fn response_flags(response: &Response<'_>) -> u8 {
    let outcome = match response.outcome {
        Outcome::ApplicationError => flag::APPLICATION_ERROR,
        Outcome::Value => 0,
    };
    let after = if response.after_pushes { flag::AFTER_PUSHES } else { 0 };
    outcome | after | response_fields(response).flag()
}

fn response_fields<'a>(response: &'a Response<'_>) -> Fields<'a> {
    Fields { metadata: response.metadata.as_ref(), codec: response.codec, place: response.place }
}

fn write_response(response: &Response<'_>, out: &mut Vec<u8>) {
    write(out, u64::from(response.call));
    response_fields(response).write(out);
    out.extend_from_slice(response.body);
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
