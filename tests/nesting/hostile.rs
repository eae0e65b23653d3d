//! A peer that sends whatever bytes it likes as values of the codec agreed on.

use std::marker::PhantomData;

use linkspan::tcp::Tcp;
use linkspan::{Codec, Decode, DecodeLimits, Encode, Error, Json, MessagePack, Postcard, Stack, Transports};

/// Bytes that are sent as they stand.
#[derive(Clone, Debug)]
pub(crate) struct Raw(pub(crate) Vec<u8>);

/// The codec `C`, except that it lets anything be written.
#[derive(Debug)]
pub(crate) struct As<C>(PhantomData<C>);

impl<C: Codec> Codec for As<C> {
    const NAME: &'static str = C::NAME;
}

impl<C: Codec> Encode<Raw> for As<C> {
    fn encode(value: &Raw, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&value.0);
        Ok(())
    }
}

impl<C: Decode<u32>> Decode<u32> for As<C> {
    fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<u32, Error> {
        C::decode(bytes, limits)
    }
}

/// An application that lets anything be written.
#[derive(Debug)]
pub(crate) struct Hostile;

impl Stack for Hostile {
    type Codecs = (As<Json>, As<MessagePack>, As<Postcard>);

    fn transports() -> Transports {
        let mut transports = Transports::new();
        transports.register(std::sync::Arc::new(Tcp::new()));
        transports
    }
}
