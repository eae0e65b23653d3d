//! The frame of a push that goes to many: encoded once per codec, head and all.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::frame::SharedFrame;
use crate::wire::{self, Fields, MAX_INLINE_LEN};
use crate::{Batch, RAW};

/// A push as it stands on the wire.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) shared: SharedFrame,
    /// Length of its body, which is what counts in outboxes.
    pub(crate) body_len: usize,
}

/// The frames of one push, by codec.
#[derive(Default)]
pub(super) struct Frames([OnceLock<(&'static str, Option<Frame>)>; MAX_CODECS]);

impl Frame {
    /// `None` if the body is not small.
    pub(super) fn new(path: &str, body: &Bytes, raw: bool) -> Option<Self> {
        if body.len() > MAX_INLINE_LEN {
            return None;
        }
        let mut batch = Batch::new();
        let fields = Fields { codec: raw.then_some(RAW), ..Fields::default() };
        wire::encode_push(path, fields, body, &mut batch).ok()?;
        Some(Self { shared: SharedFrame::new(batch.front().into()), body_len: body.len() })
    }
}

impl Frames {
    /// The frame for `codec`, made once; `None` if there cannot be one, or if there are so many codecs that it is not kept.
    pub(super) fn find(&self, codec: &'static str, make: impl FnOnce() -> Option<Frame>) -> Option<&Frame> {
        let mut make = Some(make);
        for cell in &self.0 {
            let (known, frame) = cell.get_or_init(|| (codec, make.take().and_then(|make| make())));
            if std::ptr::eq(*known, codec) || *known == codec {
                return frame.as_ref();
            }
        }
        None
    }
}

/// Codecs whose frames are kept: of one server, hardly more are spoken at once.
const MAX_CODECS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_made_once_per_codec() {
        let frames = Frames::default();
        let frame = || Frame::new("A/Note", &Bytes::from_static(b"body"), false);
        let first = frames.find("json", frame).map(|frame| frame.shared.bytes().as_ptr());
        let again = frames.find("json", || unreachable!()).map(|frame| frame.shared.bytes().as_ptr());
        assert!(first.is_some() && first == again);
        assert!(frames.find("postcard", || None).is_none());
        assert!(frames.find("postcard", || unreachable!()).is_none());
        assert!(frames.find("cbor", frame).is_some());
        assert!(frames.find("bson", frame).is_none(), "it is not kept");
        assert!(frames.find("cbor", || unreachable!()).is_some());
    }

    #[test]
    fn it_is_the_frame_that_one_session_would_be_sent() {
        let frame = Frame::new("A/Note", &Bytes::from_static(b"body"), true).unwrap();
        let mut batch = Batch::new();
        let fields = Fields { codec: Some(RAW), ..Fields::default() };
        wire::encode_push("A/Note", fields, b"body", &mut batch).unwrap();
        assert_eq!((frame.shared.bytes(), frame.body_len), (batch.front(), 4));
        assert!(Frame::new("A/Note", &Bytes::from(vec![0; MAX_INLINE_LEN + 1]), false).is_none());
    }
}
