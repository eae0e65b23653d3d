//! One file drives both sides; one line of it changes the road, and nothing else.

use std::path::Path;
use std::time::Duration;

use linkspan::config::Config;
use linkspan::tls::DevelopmentCa;
use linkspan::{Client, ErrorKind, Server};
use tokio::time::timeout;

use crate::directory;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[linkspan::service]
pub(crate) trait Arith {
    async fn mul(&self, cx: &linkspan::Context, a: i64, b: i64) -> i64;
}

pub(crate) struct Calculator;

impl Arith for Calculator {
    async fn mul(&self, _: &linkspan::Context, a: i64, b: i64) -> i64 {
        a * b
    }
}

async fn codec_of(server: linkspan::ServerBuilder, client: linkspan::ClientBuilder, url: &str) -> String {
    let listening = url.split('?').next().unwrap();
    let server = server.service(ArithServer::new(Calculator)).listen(listening).start().await.unwrap();
    let client = timeout(PATIENCE, client.connect(url)).await.unwrap().unwrap();
    assert_eq!(ArithClient::new(&client).mul(6, 7).await.unwrap(), 42);
    let codec = client.session().codec().to_owned();
    server.shutdown().await;
    codec
}

#[tokio::test]
async fn a_client_offers_its_codecs_in_the_order_it_was_told() {
    let client = || Client::builder().codecs(["postcard", "json"]);
    let url = "mem://codecs-of-the-client";
    assert_eq!(codec_of(Server::builder(), client(), url).await, "postcard");
    assert_eq!(codec_of(Server::builder(), client(), &format!("{url}?codec=json")).await, "json");
    assert_eq!(codec_of(Server::builder(), Client::builder().codecs(["json"]), url).await, "json");
}

#[tokio::test]
async fn a_server_takes_the_first_of_its_own_codecs_that_is_offered() {
    let server = || Server::builder().codecs(["postcard", "json"]);
    let client = || Client::builder().codecs(["json", "postcard"]);
    let url = "mem://codecs-of-the-server";
    assert_eq!(codec_of(Server::builder(), client(), url).await, "json");
    assert_eq!(codec_of(server(), client(), url).await, "postcard");
    assert_eq!(codec_of(server(), Client::builder().codecs(["json"]), url).await, "json");
}

#[tokio::test]
async fn a_server_does_not_listen_in_one_codec_of_many() {
    for url in ["mem://codec-of-an-endpoint?codec=json", "tcp://127.0.0.1:0?codec=json"] {
        let refused = Server::builder().listen(url).start().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        assert!(refused.to_string().contains("names a codec, which its clients choose"), "{refused}");
    }
}

#[tokio::test]
async fn a_codec_that_a_server_was_not_told_is_refused() {
    let url = "mem://codecs-refused";
    let server = Server::builder().codecs(["postcard"]).listen(url).start().await.unwrap();
    let refused = Client::builder().codecs(["json"]).connect(url).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnsupportedCodec);
    assert!(refused.to_string().ends_with("this server has postcard"), "{refused}");
    server.shutdown().await;
}

#[tokio::test]
async fn codecs_that_are_not_of_the_stack_are_refused_by_both_builders() {
    let url = "mem://codecs-unknown";
    let server = Server::builder().codecs(["bson"]).listen(url).start().await.unwrap_err();
    let client = Client::builder().codecs(["bson"]).connect(url).await.unwrap_err();
    for error in [server, client] {
        assert_eq!(error.kind(), ErrorKind::UnsupportedCodec);
        assert!(error.to_string().starts_with("no codec `bson` here; known: json, "), "{error}");
    }
}

#[tokio::test]
async fn limits_and_codecs_of_a_file_hold_on_both_sides() {
    let text = "codecs = ['postcard']\n[server]\nlisten = ['mem://limited']\n[client]\nendpoint = 'mem://limited'\n\
                [limits]\nmax_connections = 1";
    let config = Config::from_toml(text).unwrap();
    let server = config.server().unwrap().service(ArithServer::new(Calculator)).start().await.unwrap();
    let client = timeout(PATIENCE, config.connect()).await.unwrap().unwrap();
    assert_eq!(client.session().codec(), "postcard");
    let second = timeout(PATIENCE, config.connect()).await.unwrap().unwrap_err();
    assert_eq!(second.kind(), ErrorKind::AtCapacity);
    server.shutdown().await;
}

const FILE: &str = r#"
codecs = ["postcard", "json"]

[server]
listen = ["tcp://127.0.0.1:0", "tls://127.0.0.1:0", "ws://127.0.0.1:0/rpc", "wss://127.0.0.1:0/rpc", "quic://127.0.0.1:0"]

[client]
endpoint = "tcp://127.0.0.1:1"

[server.tls]
cert = "server.pem"
key = "server.key"

[client.tls]
ca = "ca.pem"

[websocket]
allowed_origins = ["https://app.example"]

[quic]
idle_timeout = "2m"

[limits]
call_timeout = "20s"
"#;

/// A directory with the files that [`FILE`] names.
fn with_certificates(name: &str) -> std::path::PathBuf {
    let directory = directory(name);
    let ca = DevelopmentCa::generate().unwrap();
    ca.write_ca_pem(directory.join("ca.pem")).unwrap();
    let files = (directory.join("server.pem"), directory.join("server.key"));
    ca.issue_to_files(&["127.0.0.1", "localhost"], files.0, files.1).unwrap();
    directory
}

/// A place for a Unix socket: the path of one is short.
struct Socket(std::path::PathBuf);

impl Socket {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("linkspan-config-{}.sock", std::process::id())))
    }

    fn listed(&self) -> String {
        if cfg!(unix) { format!("\"unix://{}\", ", self.0.display()) } else { String::new() }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // if the server has not
    }
}

pub(crate) async fn call(config: &Config) {
    let client = timeout(PATIENCE, config.connect()).await.unwrap().unwrap();
    assert_eq!(client.session().peer().scheme(), config.endpoint().unwrap().scheme());
    assert_eq!(client.session().codec(), "postcard");
    assert_eq!(ArithClient::new(&client).mul(6, 7).await.unwrap(), 42);
}

#[tokio::test]
async fn one_line_or_one_variable_changes_the_road_and_nothing_else() {
    let file = with_certificates("roads").join("linkspan.toml");
    let socket = Socket::new();
    let text = FILE.replace("listen = [", &format!("listen = [{}", socket.listed()));
    std::fs::write(&file, &text).unwrap();
    let config = Config::from_file(&file).unwrap();
    let server = config.server().unwrap().service(ArithServer::new(Calculator)).start().await.unwrap();

    assert_eq!(server.endpoints().len(), if cfg!(unix) { 6 } else { 5 });
    for endpoint in server.endpoints() {
        let variable = [("LINKSPAN__CLIENT__ENDPOINT", endpoint.to_string())];
        call(&config.clone().with_variables("LINKSPAN", variable).unwrap()).await;

        let line =
            FILE.replace("\nendpoint = \"tcp://127.0.0.1:1\"", &format!("\nendpoint = \"{endpoint}\""));
        assert_ne!(line, text);
        std::fs::write(&file, line).unwrap();
        call(&Config::from_file(&file).unwrap()).await;
    }
    server.shutdown().await;
}

#[test]
fn a_file_of_tls_that_is_missing_is_named_with_its_line() {
    let directory = with_certificates("certificates");
    let file = directory.join("linkspan.toml");
    std::fs::write(&file, FILE).unwrap();
    std::fs::remove_file(directory.join("ca.pem")).unwrap();
    let config = Config::from_file(&file).unwrap();
    assert!(config.server().is_ok());
    let error = config.client().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate);
    assert_eq!(error.to_string(), format!("{}:15: client.tls.ca: cannot be used", file.display()));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains(&directory.join("ca.pem").display().to_string()), "{cause}");
}

#[test]
fn paths_are_relative_to_what_names_them() {
    let file = with_certificates("paths").join("linkspan.toml");
    std::fs::write(&file, FILE).unwrap();
    let variables = [("L__CLIENT__TLS__CA", "elsewhere.pem")];
    let config = Config::from_file(&file).unwrap().with_variables("L", variables).unwrap();
    let (server, client) = (config.server_tls().unwrap(), config.client_tls().unwrap());
    assert_eq!(server.cert.as_deref(), Some(file.with_file_name("server.pem").as_path()));
    assert_eq!(client.ca.as_deref(), Some(Path::new("elsewhere.pem")));
}

#[tokio::test]
async fn a_program_brings_certificates_where_the_file_names_none() {
    let ca = DevelopmentCa::generate().unwrap();
    let text = "[server]\nlisten = ['tls://127.0.0.1:0', 'quic://127.0.0.1:0']\n[quic]\nidle_timeout = '2m'";
    let config = Config::from_toml(text).unwrap();
    let refused = config.server().unwrap().start().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Certificate);

    let identity = ca.issue(&["127.0.0.1"]).unwrap();
    let trusted = linkspan::tls::TrustedCa::from_pem(ca.ca_pem()).unwrap();
    let tls = linkspan::tls::Tls::new().with_identity(identity).with_trusted_ca(trusted);
    let config = config.with_tls(tls);
    let server = config.server().unwrap().service(ArithServer::new(Calculator)).start().await.unwrap();
    for endpoint in server.endpoints() {
        let variable = [("L__CLIENT__ENDPOINT", endpoint.to_string()), ("L__CODECS", "postcard".to_owned())];
        call(&config.clone().with_variables("L", variable).unwrap()).await;
    }
    server.shutdown().await;
}
