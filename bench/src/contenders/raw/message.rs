//! What the two halves say to each other.

use bytes::{Buf, Bytes, BytesMut};

use crate::Failure;
use crate::contenders::{Args, NOTE_LEN, checked_note, note_filler};

/// A call, its answer, or a note. Behind the header stand a number, a byte that says which, and the values.
#[derive(Debug)]
pub(super) enum Message {
    /// The answer to an order.
    Done,
    Echo(Bytes),
    /// Publish endlessly.
    Flow,
    Mul(Args),
    /// A note, by its place in the sequence.
    Note(u64),
    Product(i64),
    /// Publish one note.
    Step,
    Subscribe,
}

impl Message {
    /// Which message, in a byte.
    fn kind(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Echo(_) => ECHO,
            Self::Flow => 2,
            Self::Mul(_) => 3,
            Self::Note(_) => 4,
            Self::Product(_) => 5,
            Self::Step => 6,
            Self::Subscribe => 7,
        }
    }

    /// Bytes behind the header.
    pub(super) fn payload_len(&self) -> usize {
        PREFIX_LEN
            + match self {
                Self::Done | Self::Flow | Self::Step | Self::Subscribe => 0,
                Self::Echo(body) => body.len(),
                Self::Mul(_) => 16,
                Self::Note(_) => NOTE_LEN,
                Self::Product(_) => 8,
            }
    }

    /// Appends all but the body of an echo.
    pub(super) fn write(&self, number: u32, output: &mut Vec<u8>) {
        output.extend_from_slice(&number.to_le_bytes());
        output.push(self.kind());
        match self {
            Self::Done | Self::Echo(_) | Self::Flow | Self::Step | Self::Subscribe => {}
            Self::Mul(Args { a, b }) => {
                output.extend_from_slice(&a.to_le_bytes());
                output.extend_from_slice(&b.to_le_bytes());
            }
            Self::Note(sequence) => {
                output.extend_from_slice(&sequence.to_le_bytes());
                output.extend_from_slice(note_filler());
            }
            Self::Product(product) => output.extend_from_slice(&product.to_le_bytes()),
        }
    }

    /// Takes a message of `len` bytes off the front of `input`, which holds them.
    pub(super) fn take(input: &mut BytesMut, len: usize) -> Result<(u32, Self), Failure> {
        let payload = input.get(..len).ok_or(CUT_SHORT)?;
        if let Some(small) = Self::read(payload)? {
            input.advance(len);
            return Ok(small);
        }
        let number = input.try_get_u32_le()?;
        input.advance(1);
        let body = input.split_to(len.checked_sub(PREFIX_LEN).ok_or(CUT_SHORT)?);
        Ok((number, Self::Echo(body.freeze())))
    }

    /// The message that `payload` is.
    pub(super) fn parse(mut payload: Bytes) -> Result<(u32, Self), Failure> {
        if let Some(small) = Self::read(&payload)? {
            return Ok(small);
        }
        let number = payload.try_get_u32_le()?;
        payload.advance(1);
        Ok((number, Self::Echo(payload)))
    }

    /// The message that `payload` is, unless its body is to be shared.
    fn read(mut payload: &[u8]) -> Result<Option<(u32, Self)>, Failure> {
        let number = payload.try_get_u32_le()?;
        let message = match payload.try_get_u8()? {
            0 => Self::Done,
            ECHO => return Ok(None),
            2 => Self::Flow,
            3 => Self::Mul(Args { a: payload.try_get_i64_le()?, b: payload.try_get_i64_le()? }),
            4 => Self::Note(checked_note(payload.try_get_u64_le()?, payload)?),
            5 => Self::Product(payload.try_get_i64_le()?),
            6 => Self::Step,
            7 => Self::Subscribe,
            other => return Err(format!("no message {other} of {} bytes", payload.len()).into()),
        };
        Ok(Some((number, message)))
    }
}

/// The number and the kind.
const PREFIX_LEN: usize = 5;
const ECHO: u8 = 1;
const CUT_SHORT: &str = "message is cut short";
