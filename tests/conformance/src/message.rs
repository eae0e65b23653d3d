//! Requests, responses and pushes taken apart, for saboteurs that change them and raw peers that make them.

use crate::wire::{
    BODY_PLACE, FAILURE, FIELDS, METADATA, Owned, PUSH, Parts, REQUEST, RESPONSE, read_bytes, read_fields,
    read_number, write_bytes, write_fields, write_number,
};

/// A request, response or push taken apart further.
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    /// Call, and of a request its timeout; of a push nothing.
    pub(crate) numbers: Vec<u64>,
    /// Of a request or push.
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) fields: Vec<(u64, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The message that `parts` is, if it is one of those.
    pub(crate) fn of(parts: &Parts) -> Option<Self> {
        let mut rest = parts.fields.as_slice();
        let count = match parts.kind {
            REQUEST => 2,
            RESPONSE => 1,
            PUSH => 0,
            _ => return None,
        };
        let numbers = (0..count).map(|_| read_number(&mut rest)).collect::<Option<Vec<_>>>()?;
        let path = if parts.kind == RESPONSE { None } else { Some(read_bytes(&mut rest)?.to_vec()) };
        let fields = if parts.flags & FIELDS == 0 { Vec::new() } else { read_fields(read_bytes(&mut rest)?) };
        Some(Self { kind: parts.kind, flags: parts.flags, numbers, path, fields, body: rest.to_vec() })
    }

    /// A request without a deadline.
    pub(crate) fn request(call: u64, path: &str) -> Self {
        Self::new(REQUEST, vec![call, 0], Some(path))
    }

    /// An answer.
    pub(crate) fn response(call: u64) -> Self {
        Self::new(RESPONSE, vec![call], None)
    }

    pub(crate) fn push(path: &str) -> Self {
        Self::new(PUSH, Vec::new(), Some(path))
    }

    fn new(kind: u8, numbers: Vec<u64>, path: Option<&str>) -> Self {
        let path = path.map(|path| path.as_bytes().to_vec());
        Self { kind, flags: 0, numbers, path, fields: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn flagged(mut self, flags: u8) -> Self {
        self.flags |= flags;
        self
    }

    pub(crate) fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn with_field(mut self, tag: u64, value: Vec<u8>) -> Self {
        self.fields.push((tag, value));
        self
    }

    /// The same with its body on `lane`, `len` bytes long.
    pub(crate) fn with_place(self, lane: u64, len: usize) -> Self {
        let mut place = Vec::new();
        write_number(&mut place, lane);
        write_number(&mut place, len as u64);
        self.with_field(BODY_PLACE, place)
    }

    /// Where its body is, if it is on a lane of its own: the lane and the length.
    pub(crate) fn place(&self) -> Option<(u64, u64)> {
        let (_, place) = self.fields.iter().find(|(tag, _)| *tag == BODY_PLACE)?;
        let mut place = place.as_slice();
        Some((read_number(&mut place)?, read_number(&mut place)?))
    }

    pub(crate) fn frame(&self) -> Owned {
        self.parts().frame()
    }

    pub(crate) fn parts(&self) -> Parts {
        let mut out = Vec::new();
        self.numbers.iter().for_each(|number| write_number(&mut out, *number));
        if let Some(path) = &self.path {
            write_bytes(&mut out, path);
        }
        let mut flags = self.flags & !FIELDS;
        if !self.fields.is_empty() {
            flags |= FIELDS;
            write_bytes(&mut out, &write_fields(&self.fields));
        }
        out.extend_from_slice(&self.body);
        Parts { flags, ..Parts::new(self.kind, out) }
    }

    pub(crate) fn strip_metadata(&mut self) {
        self.fields.retain(|(tag, _)| *tag != METADATA);
    }
}

/// A failure with what `change` makes of its code and of whether the handler ran.
pub(crate) fn change_failure(parts: &Parts, change: impl FnOnce(u64, u64) -> (u64, u64)) -> Option<Owned> {
    let mut rest = parts.fields.as_slice();
    let call = read_number(&mut rest).filter(|_| parts.kind == FAILURE)?;
    let (code, ran) = change(read_number(&mut rest)?, read_number(&mut rest)?);
    let mut out = Vec::new();
    [call, code, ran].iter().for_each(|number| write_number(&mut out, *number));
    out.extend_from_slice(rest);
    Some(Parts { fields: out, ..parts.clone() }.frame())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_being_taken_apart() {
        let frame = Message::request(7, "Kit/Run").with_body(*b"body").frame();
        let mut message = Message::of(&Parts::of(&frame)).unwrap();
        assert_eq!(message.frame(), frame);
        message.fields = vec![(METADATA, b"k".to_vec()), (6, b"raw".to_vec())];
        let again = Message::of(&Parts::of(&message.frame())).unwrap();
        assert_eq!((again.numbers, again.fields, again.body), (vec![7, 0], message.fields, b"body".to_vec()));
    }
}
