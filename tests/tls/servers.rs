//! What a client makes of a server's certificate.

use linkspan::ErrorKind;

use super::*;

#[tokio::test]
async fn a_server_with_a_wrong_certificate_is_refused_and_both_sides_are_told_why() {
    let issuer = Issuer::new("known");
    let stranger = Issuer::new("unknown");
    let right = Paper::of_a_server;
    let cases = [
        ("expired", shows(&issuer, right().valid_in(2001, 2002)), "renew it", "renew it"),
        ("not yet valid", shows(&issuer, right().valid_in(2999, 3000)), "the clocks", "the clocks"),
        ("of another issuer", shows(&stranger, right()), "?ca=FILE", "?ca=FILE"),
        (
            "for another name",
            shows(&issuer, right().named(vec![issuer::address([192, 0, 2, 1])])),
            "server_name",
            "issue it for that name",
        ),
        (
            "a client's",
            shows(&issuer, Paper { is_for_clients: true, ..right() }),
            "server authentication",
            "refuses our certificate",
        ),
    ];
    for scheme in ROADS {
        for (what, server, connecting, accepting) in &cases {
            let (client, server) = refused(scheme, server, &trusts(&issuer)).await;
            for (error, hint) in [(client, connecting), (server, accepting)] {
                assert_eq!(error.kind(), ErrorKind::Certificate, "{scheme}, {what}: {error:?}");
                assert!(error.to_string().contains(hint), "{scheme}, {what}: {error}");
                assert!(error.to_string().contains(scheme), "{scheme}, {what}: {error} does not say where");
                assert!(std::error::Error::source(&error).is_some(), "{scheme}, {what}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_was_told_nothing_trusts_what_the_system_trusts() {
    let server = shows(&Issuer::new("unknown"), Paper::of_a_server());
    for scheme in ROADS {
        let mut listener = listen(scheme, &server).await.unwrap();
        let (tls, endpoint) = (Tls::new(), listener.endpoint().clone());
        let connecting = connect(&tls, &endpoint);
        tokio::pin!(connecting);
        // A system without any certificate does not even knock.
        let error = tokio::select! {
            connected = &mut connecting => connected.unwrap_err(),
            arrived = arrive(&mut listener) => {
                assert!(arrived.is_err());
                connecting.await.unwrap_err()
            }
        };
        assert_eq!(error.kind(), ErrorKind::Certificate, "{error:?}");
        assert!(error.to_string().contains("?ca=FILE"), "{error}");
    }
}

#[tokio::test]
async fn a_client_knows_which_server_it_reached() {
    let issuer = Issuer::new("known");
    for scheme in ROADS {
        let server = serving(scheme, shows(&issuer, Paper::of_a_server())).start().await.unwrap();
        let client = connect(&trusts(&issuer), &server.endpoints()[0]).await.unwrap();
        assert_eq!(names(client.session()), ["server", "localhost", "127.0.0.1"]);
        let peer = client.session().peer();
        assert!(peer.capabilities().encrypted, "{scheme}");
        assert_eq!(peer.tls().unwrap().server_name.as_deref(), Some("127.0.0.1"));
        let alpn = if scheme == "wss" { "http/1.1" } else { "linkspan/1" };
        assert_eq!(peer.tls().unwrap().alpn.as_deref(), Some(alpn));
        within(server.shutdown()).await;
    }
}

#[tokio::test]
async fn who_verifies_nothing_knows_nobody() {
    let server = shows(&Issuer::new("unknown"), Paper::of_a_server().valid_in(2001, 2002));
    for scheme in ROADS {
        let server = serving(scheme, server.clone()).start().await.unwrap();
        let careless = Tls::new().dangerously_skip_verification();
        let client = connect(&careless, &server.endpoints()[0]).await.unwrap();
        let tls = client.session().peer().tls().unwrap();
        assert_eq!((tls.certificates.len(), &tls.identity), (1, &None));
        within(server.shutdown()).await;
    }
}

#[tokio::test]
async fn a_listener_without_a_certificate_says_how_to_name_one() {
    for scheme in ROADS {
        let error = listen(scheme, &Tls::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Certificate);
        assert!(error.to_string().contains("?cert=FILE&key=FILE"), "{error}");
        let endpoint: Endpoint = format!("{scheme}://127.0.0.1:0?ca=a.pem").parse().unwrap();
        let roads = Standard::transports_with(Tls::new());
        let error = roads.find(&endpoint).unwrap().listen(&endpoint).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains("knows codec, cert, key, client_ca"), "{error}");
    }
}

#[tokio::test]
async fn no_private_key_shows_in_debug_output() {
    let issuer = Issuer::new("known");
    let (chain, key) = issuer.sign(Paper::of_a_server());
    let tls = Tls::new().with_identity(linkspan::tls::Identity::from_pem(chain, &key).unwrap());
    let mut shown = format!("{tls:?} {:?}", Standard::transports_with(tls.clone()));
    for scheme in ROADS {
        shown += &format!("{:?}", listen(scheme, &tls).await.unwrap());
    }
    assert!(shown.contains("redacted"), "{shown}");
    for secret in secrets(&key) {
        assert!(!shown.contains(&secret), "{secret} shows in {shown}");
    }
}

/// What would show of `key`: its lines in PEM, and its bytes as a list or in base 16.
fn secrets(key: &str) -> Vec<String> {
    let der = rcgen::KeyPair::from_pem(key).unwrap().serialize_der();
    let lines = key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned);
    let lists = der.chunks(8).map(|bytes| format!("{bytes:?}").trim_matches(['[', ']']).to_owned());
    let hex = der.chunks(8).map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    lines.chain(lists).chain(hex).collect()
}
