//! The wire as `docs/wire.md` has it, written again for these tests: what judges the library must not be the library.

/// Frame kinds.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 0x01;
    pub(crate) const REQUEST: u8 = 0x02;
    pub(crate) const RESPONSE: u8 = 0x03;
    pub(crate) const FAILURE: u8 = 0x04;
    pub(crate) const CANCEL: u8 = 0x05;
    pub(crate) const PUSH: u8 = 0x06;
    pub(crate) const GAP: u8 = 0x07;
    pub(crate) const BODY: u8 = 0x08;
    pub(crate) const PING: u8 = 0x09;
    pub(crate) const PONG: u8 = 0x0a;
    pub(crate) const GOAWAY: u8 = 0x0b;
    pub(crate) const CLOSE: u8 = 0x0c;
    pub(crate) const RESET: u8 = 0x0f;
    pub(crate) const IGNORABLE: u8 = 0x80;
}

/// Frame flags.
pub(crate) mod flag {
    pub(crate) const LANE: u8 = 0x01;
    pub(crate) const LAST: u8 = 0x02;
    pub(crate) const RESET: u8 = 0x04;
    pub(crate) const RESERVED: u8 = 0x08;
    pub(crate) const FIELDS: u8 = 0x10;
    pub(crate) const ONE_WAY: u8 = 0x20;
}

/// Bytes as a receiver splits them.
#[derive(Debug)]
pub(crate) struct Split<'a> {
    pub(crate) frames: Vec<&'a [u8]>,
    pub(crate) end: SplitEnd,
}

/// What stands behind the last whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SplitEnd {
    /// A length that no frame has; this is the close code for it.
    BadLength(u16),
    /// Nothing.
    Clean,
    /// The beginning of a frame.
    Cut,
}

/// Splits `bytes` into whole frames.
pub(crate) fn split(bytes: &[u8]) -> Split<'_> {
    let (mut frames, mut rest) = (Vec::new(), bytes);
    let end = loop {
        let [low, high, _, _, ..] = *rest else {
            break if rest.is_empty() { SplitEnd::Clean } else { SplitEnd::Cut };
        };
        let len = usize::from(u16::from_le_bytes([low, high]));
        match len {
            0 | 1 => break SplitEnd::BadLength(1002),
            65_535 => break SplitEnd::BadLength(1009),
            _ => {}
        }
        let Some((frame, behind)) = rest.split_at_checked(len + 2) else { break SplitEnd::Cut };
        frames.push(frame);
        rest = behind;
    };
    Split { frames, end }
}

/// A whole frame of `fields`, which begin with the lane if `flags` say so.
pub(crate) fn frame(kind: u8, flags: u8, fields: &[u8]) -> Vec<u8> {
    let len = u16::try_from(fields.len() + 2).expect("a frame of at most 64 KiB");
    [&len.to_le_bytes()[..], &[kind, flags], fields].concat()
}

/// What is left of a frame. Every reading is `None` where the frame is too short or wrong.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut value = 0u128;
        for place in 0..10 {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u128::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return u64::try_from(value).ok();
            }
        }
        None
    }

    pub(crate) fn call(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.number()?.try_into().ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// `Service/Method`.
    pub(crate) fn path(&mut self) -> Option<&'a str> {
        let path = self.text()?;
        let (service, method) = path.split_once('/')?;
        let possible = path.len() <= 255 && !service.is_empty() && !method.is_empty();
        (possible && !path.chars().any(char::is_control)).then_some(path)
    }

    /// Metadata to the end: how many entries, and how many bytes they hold.
    pub(crate) fn metadata(mut self) -> Option<(usize, usize)> {
        let (mut entries, mut len) = (0, 0);
        while !self.0.is_empty() {
            len += self.text()?.len() + self.bytes()?.len();
            entries += 1;
        }
        Some((entries, len))
    }
}

/// The optional fields of a request, response or push.
#[derive(Debug, Default)]
pub(crate) struct Optional<'a> {
    pub(crate) metadata: (usize, usize),
    pub(crate) codec: Option<&'a str>,
    pub(crate) place: Option<(u64, u64)>,
}

impl<'a> Optional<'a> {
    /// Reads the block if `flags` say that there is one.
    pub(crate) fn read(flags: u8, fields: &mut Fields<'a>) -> Option<Self> {
        let mut found = Self::default();
        if flags & flag::FIELDS == 0 {
            return Some(found);
        }
        let mut block = Fields(fields.bytes()?);
        while !block.0.is_empty() {
            let (tag, mut value) = (block.number()?, Fields(block.bytes()?));
            match tag {
                2 => found.metadata = value.metadata()?,
                4 => {
                    let lane = value.number().filter(|&lane| lane != 0)?;
                    found.place = Some((lane, value.number()?));
                }
                6 => found.codec = Some(std::str::from_utf8(value.0).ok()?),
                odd if odd % 2 == 1 => {}
                _ => return None,
            }
        }
        Some(found)
    }
}

/// Appends `value` as a varint.
pub(crate) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// A frame of `kind` on `lane`.
pub(crate) fn frame_on(lane: u64, kind: u8, flags: u8, fields: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    put_number(&mut all, lane);
    all.extend_from_slice(fields);
    frame(kind, flags | flag::LANE, &all)
}

/// The numbers at the beginning of a frame of `kind` that the server sent.
pub(crate) fn numbers<const N: usize>(frame: &[u8]) -> Option<[u64; N]> {
    let mut fields = Fields(frame.get(4..)?);
    let mut found = [0; N];
    for number in &mut found {
        *number = fields.number()?;
    }
    Some(found)
}
