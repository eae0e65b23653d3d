//! Certificates of a file, of the program, and of both.

use std::path::PathBuf;

use linkspan::config::Config;
use linkspan::tls::DevelopmentCa;
use linkspan::{Client, ErrorKind};
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
