use std::future::poll_fn;

use linkspan_core::Endpoint;
use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::{DevelopmentCa, Protocol, Tls, TrustedCa};

const PROTOCOL: Protocol = Protocol::new("test");
/// Bytes that fit between the two ends.
const WIRE: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

type Met = Result<(TlsStream<DuplexStream>, TlsInfo), Error>;

fn endpoint() -> Endpoint {
    "tls://localhost:1".parse().unwrap()
}

/// A server that requires certificates of clients, a client that has one, and one that has none.
fn sides() -> (Tls, Tls, Tls) {
    let ca = DevelopmentCa::generate().unwrap();
    let trusted = TrustedCa::from_pem(ca.ca_pem()).unwrap();
    let server = Tls::new().with_identity(ca.issue(&["localhost"]).unwrap()).with_client_ca(trusted.clone());
    let anonymous = Tls::new().with_trusted_ca(trusted);
    (server, anonymous.clone().with_identity(ca.issue_client("alice").unwrap()), anonymous)
}

async fn meet(server: &Tls, client: &Tls, protocol: Protocol) -> (Met, Met) {
    let (near, far) = duplex(WIRE);
    let acceptor = server.acceptor(&endpoint(), &protocol).await.unwrap();
    let connector = client.connector(&endpoint(), &protocol).await.unwrap();
    let meeting = async { tokio::join!(connector.connect(near), acceptor.accept(far)) };
    timeout(PATIENCE, meeting).await.unwrap()
}

#[tokio::test]
async fn both_versions_carry_bytes_both_ways_and_an_orderly_end() {
    for protocol in [PROTOCOL.tls12_only(), PROTOCOL.tls13_only()] {
        let (server, client, _) = sides();
        let (client, server) = meet(&server, &client, protocol).await;
        let ((mut client, _), (mut server, facts)) = (client.unwrap(), server.unwrap());
        assert_eq!(facts.identity.unwrap().common_name.as_deref(), Some("alice"));
        assert_eq!(facts.alpn.as_deref(), Some("test"));
        assert_eq!(facts.server_name.as_deref(), Some("localhost"));

        let sent = vec![7; 300_000];
        let mut received = Vec::new();
        let sending = async {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let exchange = async { tokio::join!(sending, server.read_to_end(&mut received)) };
        let ((), read) = timeout(PATIENCE, exchange).await.unwrap();
        assert_eq!((read.unwrap(), received == sent), (sent.len(), true));
        server.write_all(b"bye").await.unwrap();
        server.shutdown().await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"bye");
    }
}

#[tokio::test]
async fn an_end_that_nobody_signed_is_no_orderly_one() {
    let (server, client, _) = sides();
    let (client, server) = meet(&server, &client, PROTOCOL).await;
    let ((client, _), (mut server, _)) = (client.unwrap(), server.unwrap());
    drop(client); // as whoever cuts the wire could do
    let error = server.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn who_writes_to_a_server_that_refused_and_left_is_told_why() {
    let (server, _, anonymous) = sides();
    let (client, server) = meet(&server, &anonymous, PROTOCOL.tls13_only()).await;
    assert_eq!(server.unwrap_err().kind(), ErrorKind::Certificate);
    let (mut client, _) = client.expect("in TLS 1.3 the client is through before the server looks");
    let told = loop {
        match client.write_all(&[0; 1024]).await {
            Ok(()) => {} // into the buffers between
            Err(error) => break Error::link_failed(error),
        }
    };
    assert_eq!(told.kind(), ErrorKind::Certificate, "{told:?}");
    assert!(told.to_string().contains("?cert=FILE&key=FILE"), "{told}");
}

#[tokio::test]
async fn in_the_older_version_the_handshake_itself_fails() {
    let (server, _, anonymous) = sides();
    let (client, server) = meet(&server, &anonymous, PROTOCOL.tls12_only()).await;
    for error in [client.unwrap_err(), server.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Certificate, "{error:?}");
    }
}

#[tokio::test]
async fn versions_without_overlap_are_refused() {
    let (server, client, _) = sides();
    let acceptor = server.acceptor(&endpoint(), &PROTOCOL.tls13_only()).await.unwrap();
    let connector = client.connector(&endpoint(), &PROTOCOL.tls12_only()).await.unwrap();
    let (near, far) = duplex(WIRE);
    let meeting = async { tokio::join!(connector.connect(near), acceptor.accept(far)) };
    let (client, server) = timeout(PATIENCE, meeting).await.unwrap();
    for error in [client.unwrap_err(), server.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    }
}

#[test]
fn what_no_alert_tells_is_told_apart() {
    let kinds = [
        (rustls::Error::NoCertificatesPresented, ErrorKind::Certificate),
        (rustls::Error::InvalidCertificate(rustls::CertificateError::BadSignature), ErrorKind::Certificate),
        (rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType), ErrorKind::Protocol),
        (rustls::Error::NoApplicationProtocol, ErrorKind::Refused),
    ];
    for (error, kind) in kinds {
        assert_eq!(translate(&error, Side::Accepting).kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn what_a_slow_peer_takes_is_seen_record_by_record() {
    const RECORD: usize = 16 * 1024;
    let (server, client, _) = sides();
    let (client, server) = meet(&server, &client, PROTOCOL).await;
    let ((mut client, _), (mut server, _)) = (client.unwrap(), server.unwrap());
    for end in [&mut client, &mut server] {
        let bytes = [7; 4 * RECORD];
        let mut taken = 0;
        // Until nothing more goes into the wire, nor into what TLS holds above it.
        while let Poll::Ready(wrote) =
            poll_fn(|cx| Poll::Ready(Pin::new(&mut *end).poll_write(cx, &bytes))).await
        {
            taken += wrote.unwrap();
        }
        assert!(taken <= WIRE + RECORD, "{taken}");
    }
}
