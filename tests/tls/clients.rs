//! What a server makes of a client's certificate.

use std::path::PathBuf;

use linkspan::{Close, CloseCode, ErrorKind};
use rcgen::SanType;
use tokio::sync::mpsc;

use super::*;

/// A server that lets nobody in whom `issuer` does not vouch for.
fn guarded(issuer: &Issuer) -> Tls {
    shows(issuer, Paper::of_a_server()).with_client_ca(issuer.trusted())
}

fn alice() -> Paper {
    Paper::of_a_client().named(vec![
        SanType::Rfc822Name("alice@example.test".try_into().unwrap()),
        SanType::URI("spiffe://example.test/alice".try_into().unwrap()),
    ])
}

#[tokio::test]
async fn a_client_with_a_wrong_certificate_is_refused_and_both_sides_are_told_why() {
    let issuer = Issuer::new("known");
    let stranger = Issuer::new("unknown");
    let with = |paper, from: &Issuer| trusts(&issuer).with_identity(from.issue(paper));
    let right = Paper::of_a_client;
    let cases = [
        ("none", trusts(&issuer), "?cert=FILE&key=FILE", "?cert=FILE&key=FILE"),
        ("of another issuer", with(right(), &stranger), "client_ca", "?client_ca=FILE"),
        ("expired", with(right().valid_in(2001, 2002), &issuer), "renew it", "renew it"),
        ("not yet valid", with(right().valid_in(2999, 3000), &issuer), "the clocks", "the clocks"),
        (
            "a server's",
            with(Paper::of_a_server(), &issuer),
            "refuses our certificate",
            "client authentication",
        ),
    ];
    for scheme in ROADS {
        for (what, client, connecting, accepting) in &cases {
            // The client's hello and the server's refusal cross: whichever is first, the client is told.
            for _ in 0..CROSSINGS {
                let (client, server) = refused(scheme, &guarded(&issuer), client).await;
                for (error, hint) in [(client, connecting), (server, accepting)] {
                    assert_eq!(error.kind(), ErrorKind::Certificate, "{scheme}, {what}: {error:?}");
                    assert!(error.to_string().contains(hint), "{scheme}, {what}: {error}");
                    assert!(
                        error.to_string().contains(scheme),
                        "{scheme}, {what}: {error} does not say where"
                    );
                }
            }
        }
    }
}

/// Attempts at each case: enough to meet both orders.
const CROSSINGS: usize = 10;

#[tokio::test]
async fn who_is_let_in_is_known_by_name_in_the_connect_hook_and_in_handlers() {
    let issuer = Issuer::new("known");
    let expected = ["alice", "alice@example.test", "spiffe://example.test/alice"];
    for scheme in ROADS {
        let (seen, mut hooked) = mpsc::channel(1);
        let server = serving(scheme, guarded(&issuer)).on_connect(move |session| {
            let seen = seen.clone();
            async move { seen.try_send(names(&session)).map_err(|error| error.to_string()) }
        });
        let server = server.start().await.unwrap();
        let known = trusts(&issuer).with_identity(issuer.issue(alice()));
        let client = connect(&known, &server.endpoints()[0]).await.unwrap();
        assert_eq!(hooked.recv().await.unwrap(), expected, "{scheme}");
        assert_eq!(within(MirrorClient::new(&client).names()).await.unwrap(), expected, "{scheme}");

        let session = server.sessions().find(client.session().id()).unwrap();
        let upgrade = session.peer().upgrade().map(|upgrade| upgrade.path.as_str());
        assert_eq!(upgrade, (scheme == "wss").then_some("/"), "{scheme}");
        assert_eq!(session.peer().tls().unwrap().certificates.len(), 1, "{scheme}");
        session.close(Close::new(CloseCode::from_number(2345), "enough"));
        let close = within(client.closed()).await;
        assert_eq!((close.code().number(), close.reason()), (2345, "enough"), "{scheme}");
        within(server.shutdown()).await;
    }
}

#[tokio::test]
async fn a_client_whose_certificate_nobody_asks_for_stays_anonymous() {
    let issuer = Issuer::new("known");
    for scheme in ROADS {
        let server = serving(scheme, shows(&issuer, Paper::of_a_server())).start().await.unwrap();
        let known = trusts(&issuer).with_identity(issuer.issue(alice()));
        let client = connect(&known, &server.endpoints()[0]).await.unwrap();
        assert!(within(MirrorClient::new(&client).names()).await.unwrap().is_empty(), "{scheme}");
        within(server.shutdown()).await;
    }
}

#[tokio::test]
async fn options_of_the_endpoint_name_the_files_and_go_before_the_settings() {
    let issuer = Issuer::new("known");
    let files = Files::new();
    let (chain, key) = issuer.sign(named("db.test"));
    let server = [files.write("server.pem", &chain), files.write("server.key", &key)];
    let (chain, key) = issuer.sign(Paper::of_a_client());
    let client = [files.write("alice.pem", &chain), files.write("alice.key", &key)];
    let ca = files.write("ca.pem", &issuer.pem());

    let other = Issuer::new("another");
    let overruled =
        shows(&other, Paper::of_a_server()).with_client_ca(other.trusted()).with_trusted_ca(other.trusted());
    for scheme in ROADS {
        let roads = Standard::transports_with(overruled.clone());
        let listen = format!("{scheme}://127.0.0.1:0?cert={}&key={}&client_ca={ca}", server[0], server[1]);
        let started = Server::builder().transports(roads).service(MirrorServer::new(Glass)).listen(listen);
        let started = started.start().await.unwrap();
        let endpoint = started.endpoints()[0].clone();
        assert_eq!(endpoint.options().count(), 0);
        let endpoint = endpoint
            .with_option("ca", &ca)
            .with_option("server_name", "db.test")
            .with_option("cert", &client[0])
            .with_option("key", &client[1]);
        let client = connect(&overruled, &endpoint).await.unwrap();
        assert_eq!(within(MirrorClient::new(&client).names()).await.unwrap(), ["alice"], "{scheme}");
        assert_eq!(names(client.session()), ["server", "db.test"], "{scheme}");

        for (option, file) in [("ca", "/nowhere/ca.pem"), ("cert", "/nowhere/alice.pem")] {
            let error = connect(&overruled, &endpoint.clone().with_option(option, file)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
            assert!(error.to_string().contains(file), "{error}");
        }
        within(started.shutdown()).await;
    }
}

/// A server's certificate for one host name.
fn named(name: &'static str) -> Paper {
    Paper::of_a_server().named(vec![SanType::DnsName(name.try_into().unwrap())])
}

/// A directory of its own for one test, removed at the end.
struct Files(PathBuf);

impl Files {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("linkspan-tls-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The path of the file.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
