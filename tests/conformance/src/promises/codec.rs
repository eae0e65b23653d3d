//! What a codec owes whatever the road.

use linkspan_core::{DecodeLimits, Error, ErrorKind};

use crate::broken::Broken;
use crate::codecs::CodecChoice;
use crate::pair::Pair;
use crate::promise::Promise;
use crate::rng::Rng;
use crate::values::{Nest, Sample};

pub(super) fn promises() -> Vec<Promise> {
    vec![
        Promise::new(
            "values survive the codec",
            "What is encoded decodes to an equal value, extremes included.",
            values_survive,
        ),
        Promise::new(
            "encoding appends and keeps what was there",
            "What stands in the buffer before a value still does afterwards.",
            appends,
        ),
        Promise::new(
            "what cannot be read is a decode error",
            "Bytes that are no value end with the kind `Decode`, whatever is wrong with them.",
            decode_errors,
        ),
        Promise::new(
            "bytes left over are an error",
            "No value is read from more bytes than its own, nor the same one from fewer.",
            exact_bytes,
        ),
        Promise::new(
            "no bytes make a codec panic",
            "Bytes of any kind decode to a value or an error.",
            hostile_bytes,
        ),
        Promise::new(
            "no codec recurses without end",
            "Values nested far deeper than allowed are refused.",
            bounded_depth,
        ),
        Promise::new(
            "a codec goes no deeper than its connection allows",
            "Values nested deeper than the limits say are refused, and others are not.",
            limited_depth,
        ),
    ]
}

fn encode(codec: &CodecChoice, sample: &Sample) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    (codec.values().encode_sample)(codec.values().index, sample, &mut out)?;
    Ok(out)
}

fn decode(codec: &CodecChoice, bytes: &[u8]) -> Result<Sample, Error> {
    decode_within(codec, bytes, DecodeLimits::default())
}

fn decode_within(codec: &CodecChoice, bytes: &[u8], limits: DecodeLimits) -> Result<Sample, Error> {
    (codec.values().decode_sample)(codec.values().index, bytes, limits)
}

async fn values_survive(pair: Pair) -> Result<(), Broken> {
    let mut rng = Rng::new(3);
    let mut sample = Sample::new();
    for _ in 0..50 {
        Broken::unless_equal("value", &decode(pair.codec(), &encode(pair.codec(), &sample)?)?, &sample)?;
        sample.unsigned.push(rng.next() >> rng.below(64));
        sample.signed.push(rng.next().cast_signed() >> rng.below(64));
        sample.fractions.push(f64::from_bits(rng.next() & !(0x7ff << 52) | rng.below(0x7ff) << 52));
        sample.maybe =
            [None, Some(false), Some(true)].into_iter().nth(usize::try_from(rng.below(3))?).flatten();
    }
    Ok(())
}

async fn appends(pair: Pair) -> Result<(), Broken> {
    let sample = Sample::new();
    let (before, plain) = (b"what was there".to_vec(), encode(pair.codec(), &sample)?);
    let mut out = before.clone();
    (pair.codec().values().encode_sample)(pair.codec().values().index, &sample, &mut out)?;
    let (kept, appended) = out.split_at_checked(before.len()).unwrap_or((&out, &[]));
    Broken::unless_equal("buffer before the value", &kept, &before.as_slice())?;
    Broken::unless_equal("bytes of the value", &appended, &plain.as_slice())
}

async fn decode_errors(pair: Pair) -> Result<(), Broken> {
    let bytes = encode(pair.codec(), &Sample::new())?;
    let longer = [bytes.as_slice(), b"\0"].concat();
    let shorter = bytes.get(..bytes.len() / 2).unwrap_or_default();
    for (what, wrong) in [("no bytes", &b""[..]), ("half a value", shorter), ("a byte too many", &longer)] {
        let error = decode(pair.codec(), wrong).err();
        Broken::unless_equal(what, &error.map(|error| error.kind()), &Some(ErrorKind::Decode))?;
    }
    Ok(())
}

async fn exact_bytes(pair: Pair) -> Result<(), Broken> {
    let sample = Sample::new();
    let bytes = encode(pair.codec(), &sample)?;
    let longer = decode(pair.codec(), &[bytes.as_slice(), b"\0"].concat());
    Broken::unless(longer.is_err(), || "a byte too many was read over".into())?;
    for len in 0..bytes.len() {
        let shorter = decode(pair.codec(), bytes.get(..len).unwrap_or_default());
        Broken::unless(shorter.is_err() || shorter.is_ok_and(|short| short != sample), || {
            format!("{len} of {} bytes were read as the whole", bytes.len())
        })?;
    }
    Ok(())
}

async fn hostile_bytes(pair: Pair) -> Result<(), Broken> {
    let mut rng = Rng::new(5);
    let bytes = encode(pair.codec(), &Sample::new())?;
    for _ in 0..2000 {
        let mut hostile = bytes.clone();
        for _ in 0..=rng.below(8) {
            let at = usize::try_from(rng.below(hostile.len() as u64))?;
            if let Some(byte) = hostile.get_mut(at) {
                *byte = rng.next().to_le_bytes()[0];
            }
        }
        hostile.truncate(usize::try_from(rng.below(bytes.len() as u64 * 2))?);
        let _ = decode(pair.codec(), &hostile); // either is fine; a panic fails the case
    }
    Ok(())
}

async fn bounded_depth(pair: Pair) -> Result<(), Broken> {
    let deep = Sample { nest: Nest::of_depth(500), ..Sample::new() };
    let survived = encode(pair.codec(), &deep).and_then(|bytes| decode(pair.codec(), &bytes));
    Broken::unless(survived.is_err(), || "a value nested 500 times was read".into())
}

async fn limited_depth(pair: Pair) -> Result<(), Broken> {
    let deep = Sample { nest: Nest::of_depth(20), ..Sample::new() };
    let bytes = encode(pair.codec(), &deep)?;
    let limits = DecodeLimits::default();
    Broken::unless_equal("value", &decode_within(pair.codec(), &bytes, limits.with_max_depth(32))?, &deep)?;
    let survived = decode_within(pair.codec(), &bytes, limits.with_max_depth(16));
    Broken::unless(survived.is_err(), || "a value nested 20 times was read where 16 are allowed".into())
}
