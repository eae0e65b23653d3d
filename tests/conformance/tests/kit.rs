//! The kit on its own road with its own codec, as an author uses it; and what an author is told of a codec that is wrong.

use linkspan_conformance::{Answer, Ask, Loopback, Matrix, Note, Plain, Refusal, Road, Sample};
use linkspan_core::{Codec, Decode, DecodeLimits, Encode, Error};

linkspan_conformance::transport!(loopback, Road::new("loop", Loopback::new(), "loop://server-{n}"));

linkspan_conformance::codec!(plain, Plain);

/// Loses the last character of every text that travels alone.
struct Forgetful;

impl Codec for Forgetful {
    const NAME: &'static str = "forgetful";
}

impl<T: ?Sized> Encode<T> for Forgetful
where
    Plain: Encode<T>,
{
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        Plain::encode(value, out)
    }
}

impl Decode<String> for Forgetful {
    fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<String, Error> {
        let mut text = <Plain as Decode<String>>::decode(bytes, limits)?;
        text.pop();
        Ok(text)
    }
}

macro_rules! as_plain {
    ($($kind:ty)+) => {
        $(impl Decode<$kind> for Forgetful {
            fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<$kind, Error> {
                Plain::decode(bytes, limits)
            }
        })+
    };
}

as_plain! { Answer Ask Note Refusal Sample }

#[test]
fn a_failure_says_what_was_promised_what_came_and_what_was_wanted() {
    let road = Road::new("loop", Loopback::new(), "loop://server-{n}");
    let report = Matrix::new().road(road).codecs::<(Forgetful,)>().run(Some("its own value"));
    let failures = report.failures();
    for part in [
        "FAILED: a call is answered with its own value on loop·forgetful",
        "Every call brings the value that its own handler returned.",
        // Once at the server, and once at the client.
        "echo: got \"grüße, ☃ and\", wanted \"grüße, ☃ and ",
    ] {
        assert!(failures.contains(part), "{part} is missing in:\n{failures}");
    }
    assert_eq!((report.cells(), report.failed()), (1, 1));
}
