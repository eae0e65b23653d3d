//! Broken codecs: each is the kit's own with one thing wrong about samples.

use std::sync::Arc;

use bytes::Bytes;
use linkspan_core::{BodyCodec, Codec, Decode, DecodeLimits, Encode, Encoded, Error, Push};

use super::Saboteur;
use crate::codecs::CodecChoice;
use crate::plain::Plain;
use crate::service::push_of;
use crate::values::{Answer, Ask, Note, Refusal, Sample};

pub(super) fn saboteurs() -> Vec<Saboteur> {
    vec![
        codec(
            "encodes a push for every session anew",
            "a push to many is encoded once",
            plain().map(|codec| codec.with_push(encoded_anew)),
        ),
        codec(
            "panics at what it cannot read",
            "no bytes make a codec panic",
            CodecChoice::of::<(Trusting,)>("plain"),
        ),
        codec(
            "writes over what was there",
            "encoding appends and keeps what was there",
            CodecChoice::of::<(Careless,)>("plain"),
        ),
        codec(
            "calls a wrong value a closed link",
            "what cannot be read is a decode error",
            CodecChoice::of::<(Mistaken,)>("plain"),
        ),
        codec("reads another number", "values survive the codec", CodecChoice::of::<(OffByOne,)>("plain")),
        codec(
            "reads less than there is",
            "bytes left over are an error",
            CodecChoice::of::<(Lenient,)>("plain"),
        ),
        codec("reads whatever is deep", "no codec recurses without end", CodecChoice::of::<(Deep,)>("plain")),
        codec(
            "goes as deep as it likes",
            "a codec goes no deeper than its connection allows",
            CodecChoice::of::<(Stubborn,)>("plain"),
        ),
    ]
}

fn codec(name: &'static str, aims_at: &'static str, codec: Option<CodecChoice>) -> Saboteur {
    Saboteur { codec, ..Saboteur::new(name, aims_at) }
}

fn plain() -> Option<CodecChoice> {
    CodecChoice::of::<(Plain,)>("plain")
}

fn encoded_anew(note: Note) -> Push {
    let path = push_of::<(Plain,)>(note.clone()).path().to_owned();
    Push::new(path, Arc::new(Anew(note)))
}

/// A body that keeps nothing of what it encodes.
#[derive(Debug)]
struct Anew(Note);

impl Encoded for Anew {
    fn bytes(&self, codec: &str) -> Result<(Bytes, BodyCodec), Error> {
        push_of::<(Plain,)>(self.0.clone()).body().bytes(codec)
    }
}

/// The kit's codec under the same name, except for how it reads samples.
macro_rules! broken {
    ($name:ident, $read:expr) => {
        struct $name;

        impl Codec for $name {
            const NAME: &'static str = Plain::NAME;
        }

        impl<T: ?Sized> Encode<T> for $name
        where
            Plain: Encode<T>,
        {
            fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
                Plain::encode(value, out)
            }
        }

        impl Decode<Sample> for $name {
            fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Sample, Error> {
                let read: fn(&[u8], Result<Sample, Error>) -> Result<Sample, Error> = $read;
                read(bytes, Plain::decode(bytes, limits))
            }
        }

        broken! { $name reads Answer Ask Note Refusal String }
    };
    ($name:ident reads $($kind:ty)+) => {
        $(impl Decode<$kind> for $name {
            fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<$kind, Error> {
                Plain::decode(bytes, limits)
            }
        })+
    };
}

/// Clears the buffer that it is given.
struct Careless;

impl Codec for Careless {
    const NAME: &'static str = Plain::NAME;
}

impl<T: ?Sized> Encode<T> for Careless
where
    Plain: Encode<T>,
{
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        out.clear();
        Plain::encode(value, out)
    }
}

broken! { Careless reads Answer Ask Note Refusal Sample String }

broken!(Deep, |bytes, read| if bytes.len() > DEEP_LEN { Ok(Sample::new()) } else { read });

broken!(Lenient, |bytes, read| read.or_else(|error| match bytes.split_last() {
    Some((_, fewer)) => Plain::decode(fewer, DecodeLimits::default()),
    None => Err(error),
}));

broken!(Mistaken, |_, read| read.map_err(|error| Error::closed("no value came").with_source(error)));

broken!(OffByOne, |_, read| read.map(|mut sample| {
    sample.unsigned.iter_mut().for_each(|number| *number = number.wrapping_add(1));
    sample
}));

broken!(Stubborn, |bytes, _| Plain::decode(bytes, DecodeLimits::default()));

broken!(Trusting, |_, read| match read {
    Err(_) => std::panic::resume_unwind(Box::new("the bytes were not what they should be")),
    read => read,
});

/// What only a sample is longer than that is nested hundreds of times.
const DEEP_LEN: usize = 3000;
