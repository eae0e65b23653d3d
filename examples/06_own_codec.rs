//! Step 6, a codec of your own: CBOR beside JSON, and neither the service nor its notifications know.

use cbor4ii::core::dec::Read;
use cbor4ii::core::utils::SliceReader;
use linkspan::{Json, Stack, Standard, Transports, stack};
use linkspan_core::{BoxError, Codec, Decode, DecodeLimits, DepthLimited, Encode, Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Every serde type as CBOR ([RFC 8949](https://www.rfc-editor.org/rfc/rfc8949.html)), which other languages read without a
/// schema: structs are maps with their fields' names as keys, and `{ place: "quay", celsius: -12 }` is
/// `a2 65 "place" 64 "quay" 67 "celsius" 2b`.
///
/// Enums are the variant's name, or a map from it to what the variant holds; `None` is `null`, `()` an empty array, and a
/// `char` a text. `Some(None)` comes back as `None`. A float is read in the width of its type and no other. Half floats, and
/// tagged values other than big integers, are refused, even in fields that the type does not have.
///
/// A string's length without its bytes takes 16 KiB at most, whatever [`DecodeLimits::max_reserve_len`] says of collections.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cbor;

impl Codec for Cbor {
    const NAME: &'static str = "cbor";
}

impl<T: Serialize + ?Sized> Encode<T> for Cbor {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
        cbor4ii::serde::to_writer(out, &value)
            .map_err(|cause| Error::new(ErrorKind::Encode, "no CBOR for this value").with_source(cause))
    }
}

impl<T: DeserializeOwned> Decode<T> for Cbor {
    fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<T, Error> {
        let mut cbor = cbor4ii::serde::Deserializer::new(SliceReader::new(bytes));
        let value = DepthLimited::new(&mut cbor, bytes.len(), limits).deserialize().map_err(invalid)?;
        if !cbor.into_inner().fill(1).map_err(invalid)?.as_ref().is_empty() {
            return Err(invalid("bytes are left over"));
        }
        Ok(value)
    }
}

fn invalid(cause: impl Into<BoxError>) -> Error {
    Error::new(ErrorKind::Decode, "not valid CBOR for this type").with_source(cause)
}

/// What this application is built with: CBOR unless the URL says otherwise.
struct Mine;

impl Stack for Mine {
    type Codecs = (Cbor, Json);

    fn transports() -> Transports {
        Standard::transports()
    }
}

type Client = stack::Client<Mine>;
type Server = stack::Server<Mine>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    place: String,
    celsius: i16,
}

#[linkspan::service]
trait Weather {
    /// The coldest of these.
    async fn coldest(&self, readings: Vec<Reading>) -> Option<Reading>;
}

struct Station;

impl Weather for Station {
    async fn coldest(&self, readings: Vec<Reading>) -> Option<Reading> {
        readings.into_iter().min_by_key(|reading| reading.celsius)
    }
}

#[linkspan::notifications(stack = Mine)] // pushes are encoded in the codecs of this stack
trait Warnings {
    fn frost(reading: Reading);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quay = Reading { place: "quay".to_owned(), celsius: -12 };
    let deck = Reading { place: "deck".to_owned(), celsius: 3 };

    let mut bytes = Vec::new();
    Cbor::encode(&quay, &mut bytes)?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{quay:?} in CBOR: {hex}");
    assert_eq!(hex, "a265706c61636564717561796763656c736975732b");

    let server =
        Server::builder().service(WeatherServer::new(Station)).listen("tcp://127.0.0.1:0").start().await?;
    let url = server.endpoints().first().ok_or("it listens nowhere")?.to_string();

    for codec in ["cbor", "json"] {
        let client = Client::connect(&format!("{url}?codec={codec}")).await?;
        assert_eq!(client.session().codec(), codec);

        let weather = WeatherClient::new(&client);
        let coldest = weather.coldest(vec![deck.clone(), quay.clone()]).await?;
        println!("in {codec}, the coldest is {coldest:?}");
        assert_eq!(coldest.as_ref(), Some(&quay));

        let session = server.sessions().find(client.session().id()).ok_or("not there")?;
        WarningsPush::new(&session).frost(quay.clone()).await?;
        let warning = client.events::<WarningsEvent>().next().await.ok_or("the connection ended")??;
        println!("in {codec}, a warning: {warning:?}");
        assert!(matches!(warning, WarningsEvent::Frost { reading } if reading == quay));
    }
    server.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    linkspan_conformance::codec!(cbor_keeps_every_promise, super::Cbor);
}
