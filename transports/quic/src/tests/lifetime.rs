//! Beginnings and ends.

use std::pin::Pin;

use linkspan_core::{Close, CloseCode, ErrorKind};
use linkspan_tls::Protocol;
use quinn::ConnectionError;

use super::*;

async fn close(pipe: &mut Box<dyn Pipe>, close: &Close) -> Result<(), Error> {
    poll_fn(|cx| pipe.poll_close(cx, close)).await
}

#[test]
fn what_was_sent_just_before_a_close_arrives_before_the_end() {
    run(async {
        for _ in 0..20 {
            let (mut client, mut server) = pair().await?;
            let goodbye = Close::new(CloseCode::SHUTDOWN, "rolling restart");
            let mut batch = Batch::new();
            push(&mut batch, 1, linkspan_core::frame::LAST, vec![7; 50_000]);
            push(&mut batch, 0, 0, "close frame");
            let closing = async {
                send(&mut client, &mut batch).await?;
                close(&mut client, &goodbye).await?;
                drop(client);
                Ok::<_, Error>(())
            };
            let (closed, received) = tokio::join!(closing, collect(&mut server, 2));
            closed?;
            let lens: usize = received?.iter().map(Vec::len).sum();
            assert_eq!(lens, 50_005 + 15);
            assert!(ends(&mut server).await?);
            assert!(ends(&mut server).await?, "the end stays the end");
        }
        Ok(())
    });
}

#[test]
fn a_closed_direction_leaves_the_other_open_until_the_peer_ends_too() {
    run(async {
        let (mut client, mut server) = pair().await?;
        let goodbye = Close::new(CloseCode::NORMAL, "");
        let mut batch = Batch::new();
        push(&mut batch, 0, 0, "last words");
        send(&mut client, &mut batch).await?;
        let reading = async {
            collect(&mut server, 1).await?;
            ends(&mut server).await
        };
        let (closed, ended) = tokio::join!(close(&mut client, &goodbye), reading);
        closed?;
        assert!(ended?);

        let mut batch = Batch::new();
        push(&mut batch, 0, 0, "answer");
        send(&mut server, &mut batch).await?;
        assert_eq!(collect(&mut client, 1).await?.len(), 1);
        let (closed, ended) = tokio::join!(close(&mut server, &goodbye), ends(&mut client));
        closed?;
        assert!(ended?);
        Ok(())
    });
}

#[test]
fn the_close_code_and_reason_are_the_connections_own() {
    run(async {
        let client = careless();
        let (link, peer, _quic) = raw_server(&client).await?;
        let mut pipe = link.into_parts().0;
        let mut batch = Batch::new();
        push(&mut batch, 0, 0, "bye");
        send(&mut pipe, &mut batch).await?;
        let (_send, mut zero) = peer.accept_bi().await.unwrap();
        let goodbye = Close::new(CloseCode::SHUTDOWN, "rolling restart");
        let (closed, said) = tokio::join!(close(&mut pipe, &goodbye), zero.read_to_end(100));
        closed?;
        assert_eq!(said.unwrap()[4..], *b"bye");
        drop(pipe);
        let ConnectionError::ApplicationClosed(end) = peer.closed().await else { panic!("no close") };
        assert_eq!(end.error_code, 3000u32.into());
        assert_eq!(&end.reason[..], b"rolling restart");
        Ok(())
    });
}

#[test]
fn what_the_peer_sent_before_it_closed_is_read_even_if_sending_fails_meanwhile() {
    run(async {
        let (peer, mut pipe, _quic) = raw_client().await?;
        let mut lane = peer.open_uni().await.unwrap();
        lane.write_all(b"\x06\x00\x03\x03\x01bye").await.unwrap();
        lane.finish().unwrap();
        lane.stopped().await.unwrap();
        peer.close(3000u32.into(), b"gone");

        let mut batch = Batch::new();
        push(&mut batch, 1, 0, "too late");
        let mut inbox = Inbox::new();
        let mut read = Vec::new();
        poll_fn(|cx| {
            while let Poll::Ready(more) = pipe.poll_recv(cx, &mut inbox)? {
                if !more {
                    return Poll::Ready(Ok::<_, Error>(()));
                }
                read.extend(inbox.frames().map(<[u8]>::to_vec));
            }
            let _ = pipe.poll_send(cx, &mut batch)?;
            Poll::Pending
        })
        .await?;
        assert_eq!(read, [b"\x06\x00\x03\x03\x01bye"]);
        push(&mut batch, 3, 0, "much too late");
        let error = send(&mut pipe, &mut batch).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        Ok(())
    });
}

#[test]
fn a_dropped_link_is_seen_at_once() {
    run(async {
        for from_client in [true, false] {
            let (client, server) = pair().await?;
            let (dropped, mut other) = if from_client { (client, server) } else { (server, client) };
            drop(dropped);
            let ended = tokio::time::timeout(Duration::from_secs(2), ends(&mut other)).await;
            assert!(ended.expect("a close, not a timeout")?);
        }
        Ok(())
    });
}

#[test]
fn links_outlive_their_listener_and_newcomers_are_refused() {
    run(async {
        let (server, client) = transports()?;
        let mut listener = listen(&server).await?;
        let (connected, arrived) = meet(&client, &mut listener).await?;
        let endpoint = listener.endpoint().clone();
        drop(listener);

        let refused = tokio::time::timeout(Duration::from_secs(2), client.connect(&endpoint)).await;
        let error = refused.expect("an answer, not silence").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        let (mut connected, mut arrived) = (connected.into_parts().0, arrived.into_parts().0);
        let mut batch = Batch::new();
        push(&mut batch, 0, 0, "still here");
        send(&mut connected, &mut batch).await?;
        assert_eq!(collect(&mut arrived, 1).await?.len(), 1);
        Ok(())
    });
}

#[test]
fn a_peer_that_waits_in_the_queue_is_refused_when_the_listener_goes() {
    run(async {
        let (server, client) = transports()?;
        let mut listener = listen(&server).await?;
        let endpoint = listener.endpoint().clone();
        // The first is accepted to see that packets arrive; its handshake is abandoned.
        let connecting = tokio::spawn(async move { client.connect(&endpoint).await });
        let arrival = listener.accept().await?;
        drop(listener);
        drop(arrival);
        let error = connecting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        Ok(())
    });
}

#[test]
fn a_silent_port_is_unreachable_after_the_idle_timeout() {
    run(async {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let config = QuicConfig::default().with_idle_timeout(Duration::from_millis(300));
        let quic = careless().with_config(config);
        let endpoint: Endpoint =
            format!("quic://127.0.0.1:{}", silent.local_addr().unwrap().port()).parse()?;
        let error = quic.connect(&endpoint).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.is_retryable());
        let error = quic.connect(&"quic://no-such-host.invalid:1".parse()?).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        Ok(())
    });
}

#[test]
fn a_port_in_use_is_named() {
    run(async {
        let (server, _) = transports()?;
        let listener = listen(&server).await?;
        let error = server.listen(listener.endpoint()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressInUse);
        Ok(())
    });
}

#[test]
fn a_dropped_listener_frees_its_port() {
    run(async {
        let (server, _) = transports()?;
        let endpoint = listen(&server).await?.endpoint().clone();
        // The socket goes with quinn's task, which ends as soon as it runs.
        for _ in 0..100_000 {
            match server.listen(&endpoint).await {
                Ok(_) => return Ok(()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::AddressInUse),
            }
            tokio::task::yield_now().await;
        }
        panic!("{endpoint} is still in use");
    });
}

#[test]
fn a_peer_with_another_protocol_is_refused() {
    run(async {
        let tls = Tls::new().with_identity(DevelopmentCa::generate()?.issue(&["127.0.0.1"])?);
        let other = Protocol::new("h3").tls13_only();
        let acceptor = tls.acceptor(&"quic://127.0.0.1:0".parse()?, &other).await?;
        let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(acceptor.config()).unwrap();
        let config = ServerConfig::with_crypto(Arc::new(crypto));
        let quic = socket::bind("127.0.0.1:0".parse().unwrap(), Some(config), 0).unwrap();
        let endpoint = raw_endpoint(&quic)?;
        let client = careless();
        let (refused, _) =
            tokio::join!(client.connect(&endpoint), async { quic.accept().await.unwrap().await.is_err() });
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("protocol"), "{error}");
        Ok(())
    });
}

#[test]
fn an_unknown_option_is_named() {
    run(async {
        let (server, client) = transports()?;
        let wrong: Endpoint = "quic://127.0.0.1:0?cart=x".parse()?;
        for error in [server.listen(&wrong).await.unwrap_err(), client.connect(&wrong).await.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains("`cart`"));
        }
        Ok(())
    });
}

#[test]
fn a_link_knows_its_peer() {
    run(async {
        let (server, client) = transports()?;
        let mut listener = listen(&server).await?;
        let (connected, arrived) = meet(&client, &mut listener).await?;
        let (connected, arrived) = (connected.peer(), arrived.peer());
        assert!(connected.capabilities().independent_lanes && connected.capabilities().encrypted);
        assert_eq!(connected.remote_address(), Some(listener.endpoint().authority()?.as_str()));
        assert_eq!(arrived.local_address(), connected.remote_address());
        assert_eq!(arrived.endpoint(), listener.endpoint());
        let (ours, theirs) = (connected.tls().unwrap(), arrived.tls().unwrap());
        assert_eq!(ours.alpn.as_deref(), Some("linkspan/1"));
        assert_eq!(ours.server_name.as_deref(), Some("127.0.0.1"));
        assert_eq!((ours.certificates.len(), theirs.certificates.len()), (1, 0));
        Ok(())
    });
}

#[test]
fn a_server_that_drops_a_handshake_is_worth_coming_back_to() {
    // On one thread the server's first flight waits until the arrival is gone: the client cannot be done before.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async {
        let (server, client) = transports()?;
        let mut listener = listen(&server).await?;
        let endpoint = listener.endpoint().clone();
        let dropping = async {
            let mut arrival = listener.accept().await?;
            let begun = poll_fn(|cx| Poll::Ready(Pin::new(&mut arrival).poll(cx).is_pending())).await;
            assert!(begun, "the handshake is over before the client's answer");
            drop(arrival);
            Ok::<_, Error>(())
        };
        let (connected, dropped) = tokio::join!(client.connect(&endpoint), dropping);
        dropped?;
        let error = connected.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        assert!(error.is_retryable());
        // The next attempt is met.
        meet(&client, &mut listener).await?;
        Ok::<_, Error>(())
    };
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), test).await.unwrap() }).unwrap();
}

#[test]
fn a_peer_with_nothing_to_say_is_not_lost() {
    run(async {
        let (server, client) = transports()?;
        let idle = Duration::from_secs(1);
        let config = || QuicConfig::default().with_idle_timeout(idle);
        let (server, client) = (server.with_config(config()), client.with_config(config()));
        let (connected, arrived) = meet(&client, &mut listen(&server).await?).await?;
        let ((mut client, _), (mut server, _)) = (connected.into_parts(), arrived.into_parts());
        let mut batch = Batch::new();
        push(&mut batch, 0, 0, "hello");
        send(&mut client, &mut batch).await?;
        collect(&mut server, 1).await?;
        // Three times as long as silence may last.
        let ended = async { tokio::join!(ends(&mut client), ends(&mut server)) };
        assert!(tokio::time::timeout(idle * 3, ended).await.is_err());
        push(&mut batch, 0, 0, "still here");
        send(&mut client, &mut batch).await?;
        collect(&mut server, 1).await?;
        Ok(())
    });
}
