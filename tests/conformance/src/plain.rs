//! The kit's own codec, for transports tested without any other.

use linkspan_core::{Blob, Codec, Decode, DecodeLimits, Encode, Error, ErrorKind};

use crate::values::{Answer, Ask, Nest, Note, Refusal, Sample, Step};

/// The kit's own codec: it writes the kit's values and no others, as numbers of eight bytes and texts behind their
/// length.
#[derive(Debug)]
pub struct Plain;

impl Codec for Plain {
    const NAME: &'static str = "plain";
}

/// The values that travel alone.
macro_rules! values {
    ($($kind:ty)+) => {
        $(impl Encode<$kind> for Plain {
            fn encode(value: &$kind, out: &mut Vec<u8>) -> Result<(), Error> {
                value.write(out);
                Ok(())
            }
        }

        impl Decode<$kind> for Plain {
            fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<$kind, Error> {
                let mut reader = Reader { rest: bytes, levels_left: limits.max_depth() };
                let value = Record::read(&mut reader).filter(|_| reader.rest.is_empty());
                value.ok_or_else(|| Error::new(ErrorKind::Decode, "not a value of this type"))
            }
        })+
    };
}

values! { Answer Ask Note Refusal Sample String }

/// A value, or a part of one.
trait Record {
    /// Appends it.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads it, or `None` if it is not there.
    fn read(reader: &mut Reader<'_>) -> Option<Self>
    where
        Self: Sized;
}

/// What is left to read.
struct Reader<'a> {
    rest: &'a [u8],
    levels_left: u8,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(u64::read(self)?).ok()?;
        self.take(len)
    }
}

impl Record for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.take(8)?.try_into().ok().map(Self::from_le_bytes)
    }
}

/// Numbers that travel as eight bytes of another kind.
macro_rules! number {
    ($($kind:ty, $write:expr, $read:expr;)+) => {
        $(impl Record for $kind {
            fn write(&self, out: &mut Vec<u8>) {
                let write: fn($kind) -> u64 = $write;
                write(*self).write(out);
            }

            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                let read: fn(u64) -> Option<$kind> = $read;
                read(u64::read(reader)?)
            }
        })+
    };
}

number! {
    bool, u64::from, |number| Some(number == 1).filter(|_| number < 2);
    u32, u64::from, |number| Self::try_from(number).ok();
    i64, i64::cast_unsigned, |number| Some(number.cast_signed());
    f64, f64::to_bits, |number| Some(Self::from_bits(number));
}

impl Record for String {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        std::str::from_utf8(reader.bytes()?).ok().map(str::to_owned)
    }
}

impl Record for Blob {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        out.extend_from_slice(self);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.bytes().map(|bytes| bytes.to_vec().into())
    }
}

impl<T: Record> Record for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        self.iter().for_each(|item| item.write(out));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.levels_left = reader.levels_left.checked_sub(1)?;
        let len = u64::read(reader)?;
        let items = (0..len).map(|_| T::read(reader)).collect();
        reader.levels_left += 1;
        items
    }
}

impl<T: Record> Record for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        self.iter().for_each(|value| value.write(out));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if bool::read(reader)? { T::read(reader).map(Some) } else { Some(None) }
    }
}

impl Record for Nest {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Record::read(reader).map(Self)
    }
}

impl Record for Step {
    fn write(&self, out: &mut Vec<u8>) {
        let (number, fields): (u64, [u64; 4]) = match *self {
            Self::Answer(len) => (0, [len.into(), 0, 0, 0]),
            Self::AwaitCancel => (1, [0; 4]),
            Self::Deadline => (2, [0; 4]),
            Self::Fail => (3, [0; 4]),
            Self::Flood(most) => (4, [most.into(), 0, 0, 0]),
            Self::Gate => (5, [0; 4]),
            Self::Hang => (6, [0; 4]),
            Self::Headers => (7, [0; 4]),
            Self::Panic => (8, [0; 4]),
            Self::Push { source, from, count, len } => (9, [source.into(), from, count.into(), len.into()]),
            Self::Relay => (10, [0; 4]),
            Self::RelayHang(id) => (11, [id.into(), 0, 0, 0]),
            Self::Yield => (12, [0; 4]),
        };
        number.write(out);
        fields.iter().for_each(|field| field.write(out));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let number = u64::read(reader)?;
        let mut field = || u64::read(reader);
        let [a, b, c, d] = [field()?, field()?, field()?, field()?];
        let small = |value: u64| u32::try_from(value).ok();
        Some(match number {
            0 => Self::Answer(small(a)?),
            1 => Self::AwaitCancel,
            2 => Self::Deadline,
            3 => Self::Fail,
            4 => Self::Flood(small(a)?),
            5 => Self::Gate,
            6 => Self::Hang,
            7 => Self::Headers,
            8 => Self::Panic,
            9 => Self::Push { source: small(a)?, from: b, count: small(c)?, len: small(d)? },
            10 => Self::Relay,
            11 => Self::RelayHang(small(a)?),
            12 => Self::Yield,
            _ => return None,
        })
    }
}

/// Fields in order.
macro_rules! record {
    ($($kind:ident { $($field:ident),+ })+) => {
        $(impl Record for $kind {
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write(out);)+
            }

            fn read(reader: &mut Reader<'_>) -> Option<Self> {
                Some(Self { $($field: Record::read(reader)?),+ })
            }
        })+
    };
}

record! {
    Answer { id, text }
    Ask { id, steps, text }
    Note { source, number, text }
    Refusal { id, why }
    Sample { signed, unsigned, fractions, texts, maybe, blob, nest }
}
