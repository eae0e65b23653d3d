//! Peers that speak something else, or nothing.

use std::future::poll_fn;

use linkspan::{ErrorKind, Inbox, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// A road and its encrypted twin.
const TWINS: [(&str, &str); 2] = [("tcp", "tls"), ("ws", "wss")];

/// The endpoint of another scheme at the same place.
fn misnamed(endpoint: &Endpoint, scheme: &str) -> Endpoint {
    format!("{scheme}://{}", endpoint.authority().unwrap()).parse().unwrap()
}

/// What a server's side finds in a peer: at the latest when it reads.
async fn find_fault(listener: &mut Box<dyn Listener>) -> Error {
    let link = match arrive(listener).await {
        Ok(link) => link,
        Err(error) => return error,
    };
    let (mut pipe, _) = link.into_parts();
    poll_fn(|cx| pipe.poll_recv(cx, &mut Inbox::new())).await.unwrap_err()
}

#[tokio::test]
async fn plaintext_and_tls_do_not_meet_and_both_sides_are_told_what_is_wrong() {
    let issuer = Issuer::new("known");
    let (server, client) = (shows(&issuer, Paper::of_a_server()), trusts(&issuer));
    for (plain, encrypted) in TWINS {
        for (served, spoken) in [(plain, encrypted), (encrypted, plain)] {
            let server = server.clone();
            let started = serving(served, server.clone()).start().await.unwrap();
            let wrong = misnamed(&started.endpoints()[0], spoken);
            let error = connect(&client, &wrong).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{spoken} to {served}: {error:?}");
            assert!(error.to_string().contains("TLS"), "{spoken} to {served}: {error}");
            within(started.shutdown()).await;

            let mut listener = listen(served, &server).await.unwrap();
            let wrong = misnamed(listener.endpoint(), spoken);
            let (connected, found) =
                within(async { tokio::join!(connect(&client, &wrong), find_fault(&mut listener)) }).await;
            assert!(connected.is_err());
            assert_eq!(found.kind(), ErrorKind::Protocol, "{spoken} to {served}: {found:?}");
            assert!(found.to_string().contains("TLS"), "{spoken} to {served}: {found}");
        }
    }
}

#[tokio::test]
async fn another_protocol_under_tls_is_refused() {
    let issuer = Issuer::new("known");
    let client = trusts(&issuer);
    for (served, spoken) in [("tls", "wss"), ("wss", "tls")] {
        let mut listener = listen(served, &shows(&issuer, Paper::of_a_server())).await.unwrap();
        let wrong = misnamed(listener.endpoint(), spoken);
        let (connected, arrived) =
            within(async { tokio::join!(connect(&client, &wrong), arrive(&mut listener)) }).await;
        for error in [connected.unwrap_err(), arrived.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Refused, "{spoken} to {served}: {error:?}");
            assert!(error.to_string().contains("ALPN"), "{spoken} to {served}: {error}");
        }
    }
}

#[tokio::test]
async fn a_slow_handshake_is_ended_by_its_deadline_and_delays_nobody() {
    let issuer = Issuer::new("known");
    for scheme in ["tls", "wss"] {
        let limits = Limits::default().with_handshake_timeout(Duration::from_secs(3));
        let server =
            serving(scheme, shows(&issuer, Paper::of_a_server())).limits(limits).start().await.unwrap();
        let mut slow = Vec::new();
        for beginning in [&b""[..], b"\x16\x03\x01\x01\x00", b"\x16"] {
            let mut stream = TcpStream::connect(server.endpoints()[0].authority().unwrap()).await.unwrap();
            stream.write_all(beginning).await.unwrap();
            slow.push(stream);
        }
        // They came first, and still wait when this one is through.
        let client = connect(&trusts(&issuer), &server.endpoints()[0]).await.unwrap();
        assert!(within(MirrorClient::new(&client).names()).await.unwrap().is_empty());
        let waiting = |stream: &TcpStream| stream.try_read(&mut [0]).is_err();
        assert!(slow.iter().all(waiting), "{scheme}: a slow peer was given up too early");
        for stream in &mut slow {
            // Closed, or reset: ended in any case.
            assert_eq!(within(stream.read(&mut [0])).await.unwrap_or(0), 0, "{scheme}");
        }
        within(server.shutdown()).await;
    }
}
