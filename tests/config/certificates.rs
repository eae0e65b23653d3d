//! Certificates of a file, of the program, and of both.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use linkspan::config::{Config, StackConfig};
use linkspan::tls::{DevelopmentCa, Tls, TrustedCa};
use linkspan::{
    Capabilities, Client, Endpoint, Error, ErrorKind, Json, Link, Listener, Stack, Standard, Transport,
    Transports, async_trait,
};
use tokio::time::timeout;

use crate::directory;
use crate::driving::{ArithServer, Calculator, PATIENCE, call};

const MUTUAL: &str = r#"
[server]
listen = ["tls://127.0.0.1:0", "wss://127.0.0.1:0/rpc", "quic://127.0.0.1:0", "tcp://127.0.0.1:0"]

[server.tls]
cert = "server.pem"
key = "server.key"
client_ca = "ca.pem"

[client.tls]
ca = "ca.pem"
cert = "client.pem"
key = "client.key"
"#;

/// A directory with the files that [`MUTUAL`] names, and its issuer.
fn with_certificates(name: &str) -> (PathBuf, DevelopmentCa) {
    let directory = directory(name);
    let file = |name: &str| directory.join(name);
    let ca = DevelopmentCa::generate().unwrap();
    ca.write_ca_pem(file("ca.pem")).unwrap();
    ca.issue_to_files(&["127.0.0.1", "service.test"], file("server.pem"), file("server.key")).unwrap();
    ca.issue_client_to_files("alice", file("client.pem"), file("client.key")).unwrap();
    (directory, ca)
}

fn connecting_to(config: &Config, endpoint: &linkspan::Endpoint) -> Config {
    let variables = [("L__CLIENT__ENDPOINT", endpoint.to_string()), ("L__CODECS", "postcard".to_owned())];
    config.clone().with_variables("L", variables).unwrap()
}

async fn start(config: &Config) -> linkspan::Server {
    config.server().unwrap().service(ArithServer::new(Calculator)).start().await.unwrap()
}

#[tokio::test]
async fn one_file_drives_mutual_tls_and_each_side_reads_its_own_files_only() {
    let (directory, _) = with_certificates("mutual");
    let file = directory.join("linkspan.toml");
    std::fs::write(&file, MUTUAL).unwrap();
    let config = Config::from_file(&file).unwrap();

    let keys = [directory.join("server.key"), directory.join("client.key")];
    let client_key = std::fs::read(&keys[1]).unwrap();
    std::fs::remove_file(&keys[1]).unwrap();
    let server = start(&config).await;
    std::fs::remove_file(&keys[0]).unwrap();

    for endpoint in server.endpoints() {
        let config = connecting_to(&config, endpoint);
        if endpoint.scheme() == "tcp" {
            call(&config).await; // and reads no key at all
            continue;
        }
        let unread = config.connect().await.unwrap_err();
        assert_eq!(unread.to_string(), format!("{}:13: client.tls.key: cannot be used", file.display()));

        std::fs::write(&keys[1], &client_key).unwrap();
        call(&config).await;
        let client = timeout(PATIENCE, config.connect()).await.unwrap().unwrap();
        let session = server.sessions().find(client.session().id()).unwrap();
        let identity = session.peer().tls().and_then(|tls| tls.identity.clone()).unwrap();
        assert_eq!(identity.common_name.as_deref(), Some("alice"), "{endpoint}");
        drop(client);

        let trusting = format!("{endpoint}?ca={}", directory.join("ca.pem").display());
        let nobody = timeout(PATIENCE, Client::connect(&trusting)).await.unwrap().unwrap_err();
        assert_eq!(nobody.kind(), ErrorKind::Certificate, "{endpoint}: {nobody}");
        std::fs::remove_file(&keys[1]).unwrap();
    }
    server.shutdown().await;
}

const ROADS: &str = r#"
[server]
listen = ["tls://127.0.0.1:0", "wss://127.0.0.1:0/rpc", "quic://127.0.0.1:0"]
"#;

#[tokio::test]
async fn a_file_that_names_only_a_server_leaves_the_programs_trust() {
    let ca = DevelopmentCa::generate().unwrap();
    let identity = Tls::new().with_identity(ca.issue(&["service.test"]).unwrap());
    let server = start(&Config::from_toml(ROADS).unwrap().with_tls(identity)).await;
    let pinned = Tls::new().with_trusted_ca(TrustedCa::from_pem(ca.ca_pem()).unwrap());
    let text = "[client.tls]\nserver_name = 'service.test'\n[quic]\nidle_timeout = '2m'\n[websocket]";
    let config = Config::from_toml(text).unwrap().with_tls(pinned);
    for endpoint in server.endpoints() {
        call(&connecting_to(&config, endpoint)).await;
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_file_that_names_only_a_certificate_leaves_whom_the_program_serves() {
    let (directory, ca) = with_certificates("client_ca");
    let file = directory.join("linkspan.toml");
    std::fs::write(&file, format!("{ROADS}[server.tls]\ncert = 'server.pem'\nkey = 'server.key'")).unwrap();
    let trusted = TrustedCa::from_pem(ca.ca_pem()).unwrap();
    let config = Config::from_file(&file).unwrap().with_tls(Tls::new().with_client_ca(trusted.clone()));
    let server = start(&config).await;
    let anonymous = Tls::new().with_trusted_ca(trusted);
    let alice = anonymous.clone().with_identity(ca.issue_client("alice").unwrap());
    for endpoint in server.endpoints() {
        let config = connecting_to(&Config::default(), endpoint);
        call(&config.clone().with_tls(alice.clone())).await;
        let refused =
            timeout(PATIENCE, config.with_tls(anonymous.clone()).connect()).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Certificate, "{endpoint}: {refused}");
    }
    server.shutdown().await;
}

static CA: LazyLock<DevelopmentCa> = LazyLock::new(|| DevelopmentCa::generate().unwrap());

/// A stack that trusts one issuer only.
struct Pinned;

impl Stack for Pinned {
    type Codecs = (Json,);

    fn transports() -> Transports {
        let trusted = TrustedCa::from_pem(CA.ca_pem()).unwrap();
        Standard::transports_with(Tls::new().with_trusted_ca(trusted))
    }
}

#[tokio::test]
async fn a_section_about_a_road_leaves_the_stacks_trust() {
    let identity = Tls::new().with_identity(CA.issue(&["service.test"]).unwrap());
    let server = start(&Config::from_toml(ROADS).unwrap().with_tls(identity)).await;
    for endpoint in server.endpoints() {
        let text = format!(
            "[client]\nendpoint = '{endpoint}'\n[client.tls]\nserver_name = 'service.test'\n[quic]\nidle_timeout = '2m'\n\
             [websocket]\ndangerously_allow_any_origin = true"
        );
        let config = StackConfig::<Pinned>::from_toml(&text).unwrap();
        let client = timeout(PATIENCE, config.connect()).await.unwrap().unwrap();
        assert_eq!(client.session().codec(), "json", "{endpoint}");
    }
    server.shutdown().await;
}

/// A transport that is not of this crate, for a scheme that is.
#[derive(Debug)]
struct Foreign;

#[async_trait]
impl Transport for Foreign {
    fn schemes(&self) -> &[&'static str] {
        &["quic"]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::streams()
    }

    async fn connect(&self, _: &Endpoint) -> Result<Link, Error> {
        Err(Error::new(ErrorKind::Refused, "the foreign transport was asked"))
    }

    async fn listen(&self, _: &Endpoint) -> Result<Box<dyn Listener>, Error> {
        Err(Error::new(ErrorKind::Refused, "the foreign transport was asked"))
    }
}

struct Mixed;

impl Stack for Mixed {
    type Codecs = (Json,);

    fn transports() -> Transports {
        let mut transports = Pinned::transports();
        transports.register(Arc::new(Foreign));
        transports
    }
}

#[tokio::test]
async fn what_a_file_cannot_say_to_a_foreign_transport_is_refused() {
    let read = |text: &str| StackConfig::<Mixed>::from_toml(text).unwrap();
    let refused = read("[quic]\nidle_timeout = '2m'").client().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "line 1: quic: the program has a transport of its own for quic://, which this section cannot set; take the section out"
    );
    let text = "[client]\nendpoint = 'quic://h:1'\n";
    let config = read(&format!("{text}[client.tls]\nserver_name = 'service.test'"));
    let refused = config.connect().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "line 3: client.tls: the program has a transport of its own for quic://, which this section cannot give certificates; \
         take the section out"
    );
    // What is about other roads leaves it in place.
    let config = read(&format!("{text}[server.tls]\n[websocket]")).with_tls(Tls::new());
    assert_eq!(config.connect().await.unwrap_err().to_string(), "the foreign transport was asked");
}
