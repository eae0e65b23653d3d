//! Step 1, a call: one service, one server, one client.

use linkspan::{Client, Server};

/// The service: a plain trait.
#[linkspan::service]
trait Greeter {
    async fn hello(&self, name: String) -> String;
}

/// Its implementation.
struct Polite;

impl Greeter for Polite {
    async fn hello(&self, name: String) -> String {
        format!("Hello, {name}!")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Port 0 picks a free one; `endpoints` tells which.
    let server =
        Server::builder().service(GreeterServer::new(Polite)).listen("tcp://127.0.0.1:0").start().await?;

    for endpoint in server.endpoints() {
        let client = Client::connect(&endpoint.to_string()).await?;
        let answer = GreeterClient::new(&client).hello("world".to_owned()).await?;
        println!("{endpoint} says: {answer}");
        assert_eq!(answer, "Hello, world!");
    }
    server.shutdown().await;
    Ok(())
}
