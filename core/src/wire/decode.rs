//! Frames to messages. Total: no input panics or allocates more than its own length.

use std::time::Duration;

use super::reader::Reader;
use super::varint;
use super::{
    BodyPlace, DEFAULT_RATE, Gap, GapReason, Hello, MAX_PATH_LEN, Message, Outcome, Request, Response, flag,
    kind, tag,
};
use crate::frame::{HEAD_LEN, LANE, LAST, MAGIC, frame_lane};
use crate::{Close, CloseCode, Code, Error, Lane, Metadata, Ran, Status};

/// Decodes one whole frame. `None` is a frame of an unknown kind that may be ignored.
pub(crate) fn decode(frame: &[u8]) -> Result<Option<Message<'_>>, Error> {
    let &[_, _, frame_kind, flags, ref rest @ ..] = frame else {
        return Err(Error::protocol("frame is shorter than its head"));
    };
    if frame_kind & kind::IGNORABLE != 0 {
        return Ok(None);
    }
    if flags & flag::RESERVED != 0 {
        return Err(Error::protocol("reserved flag is set"));
    }
    let mut reader = Reader::new(rest);
    if flags & LANE != 0 {
        return decode_on_lane(frame_kind, flags, frame, reader).map(Some);
    }
    let message = match frame_kind {
        kind::HELLO => Message::Hello(hello(frame)?),
        kind::REQUEST => Message::Request(request(flags, reader)?),
        kind::RESPONSE => Message::Response(response(flags, reader)?),
        kind::FAILURE => failure(flags, reader)?,
        kind::CANCEL => Message::Cancel { call: reader.varint32()? },
        kind::PUSH => push(flags, reader)?,
        kind::GAP => Message::Gap(Gap::new(reader.varint()?, GapReason::from_number(reader.varint()?))),
        kind::PING => Message::Ping { payload: reader.varint()? },
        kind::PONG => Message::Pong { payload: reader.varint()? },
        kind::GOAWAY => Message::Goaway { reason: reader.text()? },
        kind::CLOSE => close(reader)?,
        kind::BODY | kind::RESET => return Err(Error::protocol("body on lane 0")),
        _ => return Err(Error::protocol(format!("unknown critical frame kind {frame_kind:#04x}"))),
    };
    Ok(Some(message))
}

/// Number, outcome and body of a response that has nothing else: no fields, and no pushes that it must wait for. None of
/// any other frame.
pub(crate) fn plain_response(frame: &[u8]) -> Option<(u32, Outcome, &[u8])> {
    let [_, _, kind::RESPONSE, flags @ (0 | flag::APPLICATION_ERROR), ref rest @ ..] = *frame else {
        return None;
    };
    let mut reader = Reader::new(rest);
    let call = reader.varint32().ok()?;
    let outcome = if flags == 0 { Outcome::Value } else { Outcome::ApplicationError };
    Some((call, outcome, reader.rest()))
}

/// A request that has no fields. Its path was not looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainRequest<'a> {
    pub(crate) timeout: Option<Duration>,
    pub(crate) path: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// The number of the plain request in `frame`, `None` if it is one-way, and what follows it. None of any other frame.
#[inline]
pub(crate) fn plain_request(frame: &[u8]) -> Option<(Option<u32>, &[u8])> {
    let [_, _, kind::REQUEST, flags @ (0 | flag::ONE_WAY), ref rest @ ..] = *frame else {
        return None;
    };
    let mut rest = rest;
    let call = u32::try_from(varint::read(&mut rest)?).ok()?;
    Some(((flags == 0).then_some(call), rest))
}

impl<'a> PlainRequest<'a> {
    /// The request whose number `rest` follows. None of one that is cut short.
    pub(crate) fn read(mut rest: &'a [u8]) -> Option<Self> {
        let timeout = varint::read(&mut rest)?;
        let len = usize::try_from(varint::read(&mut rest)?).ok()?;
        let (path, body) = rest.split_at_checked(len)?;
        let timeout = (timeout > 0).then(|| Duration::from_micros(timeout));
        Some(Self { timeout, path, body })
    }
}

/// With what a push without optional fields begins behind its length, if its path has `path_len` bytes; the path and the body
/// follow. Not if the path is longer than 127 bytes, whose length takes two.
pub(crate) fn plain_push_head(path_len: u8) -> [u8; 3] {
    [kind::PUSH, 0, path_len]
}

fn decode_on_lane<'a>(
    frame_kind: u8,
    flags: u8,
    frame: &'a [u8],
    mut reader: Reader<'a>,
) -> Result<Message<'a>, Error> {
    let lane = frame_lane(frame)?;
    if lane == Lane::ZERO {
        return Err(Error::protocol("lane 0 is written by leaving the lane out"));
    }
    reader.varint()?;
    match frame_kind {
        kind::BODY => Ok(Message::Body { lane, last: flags & LAST != 0, bytes: reader.rest() }),
        kind::RESET => Ok(Message::Reset { lane }),
        _ => Err(Error::protocol("only bodies travel on lanes other than 0")),
    }
}

fn hello(frame: &[u8]) -> Result<Hello, Error> {
    let after_magic = frame.get(HEAD_LEN..).and_then(|rest| rest.strip_prefix(&MAGIC));
    let mut reader = Reader::new(after_magic.ok_or_else(|| Error::protocol("hello has no magic"))?);
    let mut hello = Hello {
        versions: (0, 0),
        codecs: Vec::new(),
        agent: String::new(),
        max_message_len: 0,
        max_in_flight: 0,
        max_lanes: 0,
        max_cancels_per_second: DEFAULT_RATE,
        session: None,
        metadata: Metadata::new(),
    };
    while let Some((tag, value)) = reader.field()? {
        let mut value = Reader::new(value);
        match tag {
            tag::HELLO_VERSIONS => hello.versions = (value.varint()?, value.varint()?),
            tag::HELLO_CODECS => {
                hello.codecs.clear(); // of several fields, the last counts
                while !value.is_empty() {
                    if hello.codecs.len() == MAX_CODECS {
                        return Err(Error::protocol("hello names more than 64 codecs"));
                    }
                    hello.codecs.push(value.text()?.to_owned());
                }
            }
            tag::HELLO_AGENT => hello.agent = agent(value.rest()),
            tag::HELLO_LIMITS => {
                hello.max_message_len = value.varint()?;
                hello.max_in_flight = value.varint()?;
                hello.max_lanes = value.varint()?;
            }
            tag::HELLO_SESSION => hello.session = value.rest().try_into().ok(),
            tag::HELLO_RATE => hello.max_cancels_per_second = value.varint()?,
            tag::HELLO_METADATA => hello.metadata = read_metadata(value.rest())?,
            _ => check_ignorable(tag)?,
        }
    }
    Ok(hello)
}

/// What the peer says it is, cut to what a log line holds.
fn agent(bytes: &[u8]) -> String {
    let mut agent = String::from_utf8_lossy(bytes.get(..MAX_AGENT_LEN).unwrap_or(bytes)).into_owned();
    // What stands for bytes that are no text is longer than they are.
    let end = (0..=MAX_AGENT_LEN.min(agent.len())).rev().find(|&end| agent.is_char_boundary(end));
    agent.truncate(end.unwrap_or(0));
    agent
}

/// Most codecs in a hello. Chosen because nobody has that many.
const MAX_CODECS: usize = 64;
/// Longest agent kept, in bytes.
const MAX_AGENT_LEN: usize = 256;

/// The optional fields of requests, responses and pushes.
#[derive(Default)]
struct Fields<'a> {
    metadata: Option<Metadata>,
    codec: Option<&'a str>,
    place: Option<BodyPlace>,
}

fn fields<'a>(flags: u8, reader: &mut Reader<'a>) -> Result<Fields<'a>, Error> {
    let mut fields = Fields::default();
    if flags & flag::FIELDS == 0 {
        return Ok(fields);
    }
    let mut block = Reader::new(reader.bytes()?);
    while let Some((tag, value)) = block.field()? {
        match tag {
            tag::METADATA => fields.metadata = Some(read_metadata(value)?),
            tag::CODEC => {
                fields.codec =
                    Some(std::str::from_utf8(value).map_err(|_| Error::protocol("text is not UTF-8"))?);
            }
            tag::BODY_PLACE => {
                let mut value = Reader::new(value);
                let lane = Lane::new(value.varint()?);
                if lane == Lane::ZERO {
                    return Err(Error::protocol("a body of its own cannot be on lane 0"));
                }
                fields.place = Some(BodyPlace { lane, len: value.varint()? });
            }
            _ => check_ignorable(tag)?,
        }
    }
    Ok(fields)
}

fn check_ignorable(tag: u64) -> Result<(), Error> {
    if tag % 2 == 1 { Ok(()) } else { Err(Error::protocol(format!("unknown critical field {tag}"))) }
}

/// Reads the value of a metadata field.
pub(crate) fn read_metadata(bytes: &[u8]) -> Result<Metadata, Error> {
    let mut reader = Reader::new(bytes);
    let mut metadata = Metadata::new();
    while !reader.is_empty() {
        let key = reader.text()?;
        metadata.insert(key, reader.bytes()?);
    }
    Ok(metadata)
}

/// True of `Service/Method` without control characters, of at most [`MAX_PATH_LEN`] bytes.
pub(crate) fn is_path(path: &str) -> bool {
    let (mut slash, mut plain) = (0, true);
    for (at, byte) in path.bytes().enumerate() {
        if byte == b'/' && slash == 0 {
            slash = at;
        }
        plain &= matches!(byte, b' '..=b'~');
    }
    // Nearly every path is plain ASCII, of which one look is enough.
    let is_text = plain || !path.chars().any(char::is_control);
    path.len() <= MAX_PATH_LEN && slash > 0 && slash + 1 < path.len() && !path.starts_with('/') && is_text
}

fn path<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Error> {
    let path = reader.text()?;
    if is_path(path) {
        Ok(path)
    } else {
        Err(Error::protocol("path is not Service/Method of at most 255 bytes"))
    }
}

fn request<'a>(flags: u8, mut reader: Reader<'a>) -> Result<Request<'a>, Error> {
    let call = reader.varint32()?;
    let timeout = reader.varint()?;
    let path = path(&mut reader)?;
    let Fields { metadata, codec, place } = fields(flags, &mut reader)?;
    Ok(Request {
        call,
        one_way: flags & flag::ONE_WAY != 0,
        timeout: (timeout > 0).then(|| Duration::from_micros(timeout)),
        path,
        metadata,
        codec,
        body: reader.rest(),
        place,
    })
}

fn response<'a>(flags: u8, mut reader: Reader<'a>) -> Result<Response<'a>, Error> {
    let call = reader.varint32()?;
    let Fields { metadata, codec, place } = fields(flags, &mut reader)?;
    let outcome =
        if flags & flag::APPLICATION_ERROR != 0 { Outcome::ApplicationError } else { Outcome::Value };
    Ok(Response {
        call,
        outcome,
        after_pushes: flags & flag::AFTER_PUSHES != 0,
        metadata,
        codec,
        body: reader.rest(),
        place,
    })
}

fn failure<'a>(flags: u8, mut reader: Reader<'a>) -> Result<Message<'a>, Error> {
    let call = reader.varint32()?;
    let code = Code::from_number(reader.varint()?);
    let ran = Ran::from_number(u8::try_from(reader.varint()?).unwrap_or(u8::MAX));
    let message = reader.text()?;
    Ok(Message::Failure {
        call,
        status: Status::new(code, ran, message),
        after_pushes: flags & flag::AFTER_PUSHES != 0,
    })
}

fn push<'a>(flags: u8, mut reader: Reader<'a>) -> Result<Message<'a>, Error> {
    let path = path(&mut reader)?;
    let Fields { metadata, codec, place } = fields(flags, &mut reader)?;
    Ok(Message::Push { path, codec, metadata, body: reader.rest(), place })
}

fn close<'a>(mut reader: Reader<'a>) -> Result<Message<'a>, Error> {
    let code = u16::try_from(reader.varint()?).map_err(|_| Error::protocol("close code exceeds 65535"))?;
    Ok(Message::Close(Close::new(CloseCode::from_number(code), reader.text()?.to_owned())))
}
