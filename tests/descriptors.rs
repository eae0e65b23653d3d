//! A server that runs out of file descriptors: it waits without spinning, serves the clients it has, and goes on.
#![cfg(all(target_os = "linux", feature = "tcp", feature = "websocket", feature = "quic"))]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod support;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use linkspan::tls::{DevelopmentCa, Tls, TrustedCa};
use linkspan::{Client, ClientBuilder, ErrorKind, Limits, Server, Standard};
use support::{PATIENCE, socket_file};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Roads whose every connection takes a descriptor.
const ROADS: [&str; 5] = ["tcp", "tls", "unix", "ws", "wss"];
/// Descriptors of the server: its own dozen, and some connections.
const DESCRIPTORS: usize = 40;
/// Makes this program the server: the road to listen on.
const SERVE: &str = "LINKSPAN_SERVE_WITH_FEW_DESCRIPTORS";
/// Where it leaves the certificate that its clients trust.
const TRUST: &str = "LINKSPAN_CERTIFICATE_OF_THE_SERVER";

#[linkspan::service]
trait Work {
    async fn echo(&self, text: String) -> String;
}

#[derive(Debug)]
struct Worker;

impl Work for Worker {
    async fn echo(&self, text: String) -> String {
        text
    }
}

/// Prints what is logged at `warn` or above: what an operator sees.
struct Log;

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Line(String);
        impl tracing::field::Visit for Line {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!(" {field}={value:?}"));
            }
        }
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        println!("\nlog {}", line.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// The server's half, in a process of its own; nothing in the parent's.
#[tokio::test]
async fn server_with_few_descriptors() {
    let Ok(scheme) = std::env::var(SERVE) else { return };
    tracing::subscriber::set_global_default(Log).unwrap();
    let ca = DevelopmentCa::generate().unwrap();
    std::fs::write(std::env::var(TRUST).unwrap(), ca.ca_pem()).unwrap();
    let tls = Tls::new().with_identity(ca.issue(&["127.0.0.1"]).unwrap());
    let listen = match scheme.as_str() {
        "unix" => format!("unix://{}", socket_file().display()),
        _ => format!("{scheme}://127.0.0.1:0"),
    };
    // So that half-open connections do not free themselves while the test looks.
    let limits = Limits::default().with_handshake_timeout(PATIENCE);
    let server = Server::builder()
        .transports(Standard::transports_with(tls))
        .listen(listen)
        .limits(limits)
        .service(WorkServer::new(Worker))
        .start()
        .await
        .unwrap();
    println!("\nlistening on {}", server.endpoints()[0]);
    server.stopped().await;
}

/// The server, and the lines it prints.
struct Serving {
    child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    url: String,
}

impl Serving {
    async fn start(scheme: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {DESCRIPTORS} && exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "server_with_few_descriptors", "--nocapture"])
            .env(SERVE, scheme)
            .env(TRUST, trust())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut serving = Self { child, lines, url: String::new() };
        serving.url = serving.line("listening on ").await;
        serving
    }

    /// The rest of the next line that begins with `start`.
    async fn line(&mut self, start: &str) -> String {
        loop {
            let line = within(self.lines.next_line()).await.unwrap().expect("the server lives");
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// Processor time that it used, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().unwrap())).unwrap();
        // proc(5): user and system time are the 14th and 15th field; the 2nd is in parentheses and may hold spaces.
        let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        [11, 12].iter().map(|index| fields.get(*index).unwrap().parse::<u64>().unwrap()).sum()
    }

    async fn hold(&self) -> Held {
        let endpoint: linkspan::Endpoint = self.url.parse().unwrap();
        match endpoint.scheme() {
            "unix" => Held::Unix(UnixStream::connect(endpoint.path()).await.unwrap()),
            _ => Held::Tcp(TcpStream::connect(endpoint.authority().unwrap()).await.unwrap()),
        }
    }
}

/// The file of the certificate.
fn trust() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("descriptors-ca.pem")
}

/// Clients that trust the server, whatever the road.
fn client() -> ClientBuilder {
    let ca = TrustedCa::from_pem(std::fs::read(trust()).unwrap()).unwrap();
    Client::builder().transports(Standard::transports_with(Tls::new().with_trusted_ca(ca)))
}

/// A connection that says nothing.
#[expect(dead_code, reason = "it is open, and that is all")]
enum Held {
    Tcp(TcpStream),
    Unix(UnixStream),
}

async fn within<T>(case: impl Future<Output = T>) -> T {
    timeout(PATIENCE, case).await.expect("it ends in time")
}

async fn assert_served(client: &Client, scheme: &str) {
    let answer = within(WorkClient::new(client).echo("served".into())).await;
    assert_eq!(answer.as_deref(), Ok("served"), "{scheme}");
}

#[tokio::test]
async fn a_server_without_descriptors_serves_its_clients_and_accepts_again_later() {
    for scheme in ROADS {
        let mut serving = Serving::start(scheme).await;
        let client = within(client().connect(&serving.url)).await.unwrap();
        assert_served(&client, scheme).await;
        let mut held = Vec::new();
        for _ in 0..2 * DESCRIPTORS {
            held.push(serving.hold().await);
        }
        let warning = serving.line("log WARN").await;
        assert!(warning.contains("accept failed") && warning.contains("ulimit -n"), "{scheme}: {warning}");
        assert!(warning.contains("Too many open files"), "{scheme}: {warning}");

        // It is quiet meanwhile, and busy with its clients only.
        let ticks = serving.ticks();
        for _ in 0..20 {
            assert_served(&client, scheme).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let used = serving.ticks() - ticks;
        assert!(used < 50, "{scheme}: {used} hundredths of a second in two seconds");
        let limits = Limits::default().with_handshake_timeout(Duration::from_millis(200));
        let waiting = within(self::client().limits(limits).connect(&serving.url)).await.unwrap_err();
        assert_eq!(waiting.kind(), ErrorKind::DeadlineExceeded, "{scheme}: {waiting}");

        drop(held);
        let later = within(self::client().connect(&serving.url)).await.unwrap();
        assert_served(&later, scheme).await;
        assert_served(&client, scheme).await;

        // Once was enough for the log.
        serving.child.start_kill().unwrap();
        if let Some(file) = serving.url.strip_prefix("unix://") {
            std::fs::remove_file(file).unwrap(); // a killed server leaves it
        }
        let mut rest = Vec::new();
        while let Some(line) = within(serving.lines.next_line()).await.unwrap() {
            rest.push(line);
        }
        assert!(rest.iter().all(|line| !line.starts_with("log ")), "{scheme}: {rest:#?}");
    }
}
