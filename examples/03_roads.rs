//! Step 3, roads: the same service over memory, TCP, WebSocket and QUIC, plain and encrypted, in every codec, by URL alone.

use linkspan::tls::{DevelopmentCa, Tls, TrustedCa};
use linkspan::{Client, Context, ErrorKind, Server, Standard};

#[linkspan::service]
trait Arith {
    /// The product, and the road that the call came by.
    async fn mul(&self, cx: &Context, a: i64, b: i64) -> (i64, String);
}

struct Calculator;

impl Arith for Calculator {
    async fn mul(&self, cx: &Context, a: i64, b: i64) -> (i64, String) {
        // A handler may ask who calls, and how; it need not.
        (a * b, format!("{} in {}", cx.session().peer().scheme(), cx.session().codec()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // On roads that encrypt, a server shows a certificate, and clients trust whoever issued it.
    let ca = DevelopmentCa::generate()?;
    let shown = Tls::new().with_identity(ca.issue(&["localhost", "127.0.0.1"])?);
    let trusting = Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem())?);

    let server = Server::builder()
        .service(ArithServer::new(Calculator))
        .transports(Standard::transports_with(shown))
        .listen("mem://roads")
        .listen("tcp://127.0.0.1:0")
        .listen("tls://127.0.0.1:0")
        .listen("ws://127.0.0.1:0/arith")
        .listen("wss://127.0.0.1:0/arith")
        .listen("quic://127.0.0.1:0")
        .start()
        .await?;

    for endpoint in server.endpoints() {
        for codec in ["json", "messagepack", "postcard"] {
            let url = format!("{endpoint}?codec={codec}");
            let roads = Standard::transports_with(trusting.clone());
            let client = Client::builder().transports(roads).connect(&url).await?;
            let (product, road) = ArithClient::new(&client).mul(6, 7).await?;
            println!("{url:<47} 6 x 7 = {product}, by {road}");
            assert_eq!((product, road), (42, format!("{} in {codec}", endpoint.scheme())));
        }
    }

    // A road that is not there says which are.
    let error = Client::connect("carrier-pigeon://roof").await.err().ok_or("a pigeon came")?;
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::UnknownScheme);
    server.shutdown().await;
    Ok(())
}
