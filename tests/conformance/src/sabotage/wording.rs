//! Broken codecs: each is the kit's own with one thing wrong about samples.

use linkspan_core::{Codec, Decode, DecodeLimits, Encode, Error};

use super::Saboteur;
use crate::codecs::CodecChoice;
use crate::plain::Plain;
use crate::values::{Answer, Ask, Note, Refusal, Sample};

pub(super) fn saboteurs() -> Vec<Saboteur> {
    vec![
        codec("panics at what it cannot read", CodecChoice::of::<(Trusting,)>("plain")),
        codec("reads another number", CodecChoice::of::<(OffByOne,)>("plain")),
        codec("reads less than there is", CodecChoice::of::<(Lenient,)>("plain")),
        codec("reads whatever is deep", CodecChoice::of::<(Deep,)>("plain")),
        codec("goes as deep as it likes", CodecChoice::of::<(Stubborn,)>("plain")),
    ]
}

fn codec(name: &'static str, codec: Option<CodecChoice>) -> Saboteur {
    Saboteur { codec, ..Saboteur::new(name) }
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

broken!(Deep, |bytes, read| if bytes.len() > DEEP_LEN { Ok(Sample::new()) } else { read });

broken!(Lenient, |bytes, read| read.or_else(|error| match bytes.split_last() {
    Some((_, fewer)) => Plain::decode(fewer, DecodeLimits::default()),
    None => Err(error),
}));

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
