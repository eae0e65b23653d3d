//! Two codecs as one set, chosen at run time.

use linkspan_core::{CodecIndex, CodecSet, DecodeBy, DecodeLimits, EncodeBy, ErrorKind};
use linkspan_json::Json;
use linkspan_postcard::Postcard;
use proptest::prelude::*;

use super::contract::sample::{Sample, sample};

type Codecs = (Json, Postcard);

const LIMITS: DecodeLimits = DecodeLimits::new();

proptest! {
    #[test]
    fn each_codec_of_a_set_reads_what_it_wrote(sample in sample()) {
        for name in ["json", "postcard"] {
            let index = Codecs::find(name).unwrap();
            let mut bytes = Vec::new();
            <Codecs as EncodeBy<Sample>>::encode(index, &sample, &mut bytes).unwrap();
            let decoded: Sample = <Codecs as DecodeBy<Sample>>::decode(index, &bytes, LIMITS).unwrap();
            assert_eq!(decoded, sample);
        }
    }
}

#[test]
fn a_generic_caller_needs_one_bound_for_both_ways() {
    fn through<C: EncodeBy<str> + DecodeBy<String>>(index: CodecIndex) -> String {
        let mut bytes = Vec::new();
        C::encode(index, "text", &mut bytes).unwrap();
        C::decode(index, &bytes, LIMITS).unwrap()
    }
    assert_eq!(through::<(Json,)>(CodecIndex::new(0)), "text");
    assert_eq!(through::<Codecs>(CodecIndex::new(1)), "text");
}

#[test]
fn an_index_outside_the_set_is_an_error() {
    assert_eq!(Codecs::NAMES, ["json", "postcard"]);
    let error = <Codecs as DecodeBy<u8>>::decode(CodecIndex::new(2), b"1", LIMITS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedCodec);
}
