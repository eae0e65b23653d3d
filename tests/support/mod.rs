//! Every road, ready to serve and to connect.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use linkspan::tls::{DevelopmentCa, Tls, TrustedCa};
use linkspan::{Client, ClientBuilder, Endpoint, Server, ServerBuilder, Standard, Transports};

/// Longest any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The roads under test.
pub const ROADS: [&str; 7] = ["mem", "tcp", "tls", "unix", "ws", "wss", "quic"];

/// What both sides of a road need.
pub struct Road {
    listen: String,
    ca: DevelopmentCa,
}

impl Road {
    /// A road on a free port; `test` makes the name of a memory or Unix endpoint unique.
    pub fn new(scheme: &str, test: &str) -> Self {
        let listen = match scheme {
            "mem" => format!("mem://{test}"),
            "unix" => format!("unix://{}", socket_file().display()),
            other => format!("{other}://127.0.0.1:0"),
        };
        Self { listen, ca: DevelopmentCa::generate().unwrap() }
    }

    pub fn server(&self) -> ServerBuilder {
        let identity = self.ca.issue(&["127.0.0.1", "localhost"]).unwrap();
        let tls = Tls::new().with_identity(identity);
        Server::builder().transports(Standard::transports_with(tls)).listen(self.listen.clone())
    }

    pub fn client(&self) -> ClientBuilder {
        Client::builder().transports(self.transports())
    }

    /// What a client connects with.
    pub fn transports(&self) -> Transports {
        let ca = TrustedCa::from_pem(self.ca.ca_pem()).unwrap();
        Standard::transports_with(Tls::new().with_trusted_ca(ca))
    }

    /// Connects in `codec`.
    pub async fn connect(&self, endpoint: &Endpoint, codec: &str) -> Client {
        let url = endpoint.clone().with_option("codec", codec).to_string();
        tokio::time::timeout(PATIENCE, self.client().connect(&url)).await.unwrap().unwrap()
    }
}

/// A name for a socket file that nobody else has.
pub fn socket_file() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("linkspan-{}-{number}.sock", std::process::id()))
}
