//! Step 5, mutual TLS: both sides prove who they are, and a handler greets its caller by the name in its certificate.

use linkspan::tls::{DevelopmentCa, Tls, TrustedCa};
use linkspan::{Client, Context, ErrorKind, Server, Session, Standard};

#[linkspan::service]
trait Greeter {
    /// Says hello to whoever calls.
    async fn hello(&self, cx: &Context) -> String;
}

struct Doorman;

impl Greeter for Doorman {
    async fn hello(&self, cx: &Context) -> String {
        let name = caller(cx.session()).unwrap_or_else(|| "whoever you are".to_owned());
        format!("hello, {name}")
    }
}

/// The name in the certificate of `session`'s peer, which its issuer vouches for.
fn caller(session: &Session) -> Option<String> {
    session.peer().tls()?.identity.as_ref()?.common_name.clone()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In production both come from files: `Identity::from_pem_files`, `TrustedCa::from_pem_file`, or a configuration file.
    let ca = DevelopmentCa::generate()?;
    let trusted = TrustedCa::from_pem(ca.ca_pem())?;

    let tls =
        Tls::new().with_identity(ca.issue(&["localhost", "127.0.0.1"])?).with_client_ca(trusted.clone());
    let server = Server::builder()
        .transports(Standard::transports_with(tls))
        .service(GreeterServer::new(Doorman))
        .on_connect(|session| async move {
            println!("{} is here", caller(&session).unwrap_or_default());
            Ok(())
        })
        .listen("tls://127.0.0.1:0")
        .start()
        .await?;
    let url = server.endpoints().first().ok_or("it listens nowhere")?.to_string();

    for name in ["alice", "bob"] {
        let tls = Tls::new().with_identity(ca.issue_client(name)?).with_trusted_ca(trusted.clone());
        let client = Client::builder().transports(Standard::transports_with(tls)).connect(&url).await?;
        let answer = GreeterClient::new(&client).hello().await?;
        println!("{name} is told: {answer}");
        assert_eq!(answer, format!("hello, {name}"));
    }

    // Who shows no certificate is refused, and told what to do.
    let nobody = Tls::new().with_trusted_ca(trusted);
    let refused = Client::builder().transports(Standard::transports_with(nobody)).connect(&url).await;
    let refused = refused.err().ok_or("a stranger was let in")?;
    println!("nobody is told: {refused}");
    assert_eq!(refused.kind(), ErrorKind::Certificate);

    server.shutdown().await;
    Ok(())
}
