//! Frames through a link, in both directions and under load.

mod support;

use std::future::poll_fn;
use std::task::Poll;

use futures_util::{SinkExt, StreamExt};
use linkspan_core::{Batch, Close, CloseCode, ErrorKind, Inbox};
use support::{
    both, close, exchange, frames_of, links, pipes, plain_client, push_frame, recv, recv_frames, send,
};
use tokio_tungstenite::tungstenite::Message;

const LARGEST_BODY: usize = 65_536 - 4 - 1;

#[tokio::test]
async fn frames_of_several_lanes_arrive_whole_and_in_order_both_ways() {
    both(async || {
        let (mut sender, mut receiver) = pipes().await;
        for _ in 0..2 {
            let mut batch = Batch::new();
            for number in 0..20 {
                push_frame(&mut batch, number, [4, 100, LARGEST_BODY][number as usize % 3]);
            }
            let expected = frames_of(&mut batch);
            let (sent, frames) =
                tokio::join!(send(&mut sender, &mut batch), recv_frames(&mut receiver, expected.len()));
            sent.unwrap();
            assert!(batch.is_empty());
            assert!(frames == expected);
            std::mem::swap(&mut sender, &mut receiver);
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_in_both_directions_loses_nothing() {
    both(async || {
        let (mut client, mut server) = pipes().await;
        let (mut to_server, mut to_client) = (Batch::new(), Batch::new());
        for number in 0..2000 {
            push_frame(&mut to_server, number, if number % 10 == 0 { LARGEST_BODY } else { 300 });
            push_frame(&mut to_client, number, if number % 15 == 0 { LARGEST_BODY } else { 700 });
        }
        let (at_server, at_client) = (frames_of(&mut to_server), frames_of(&mut to_client));
        let (from_server, from_client) = tokio::join!(
            exchange(&mut client, &mut to_server, at_client.len()),
            exchange(&mut server, &mut to_client, at_server.len()),
        );
        assert!(from_server == at_client);
        assert!(from_client == at_server);
    })
    .await;
}

#[tokio::test]
async fn both_ends_know_their_addresses() {
    both(async || {
        let (client, server) = links().await;
        assert_eq!(client.peer().local_address(), server.peer().remote_address());
        assert_eq!(client.peer().remote_address(), server.peer().local_address());
        assert_eq!(client.peer().remote_address(), Some(&*client.peer().endpoint().authority().unwrap()));
        let upgrade = server.peer().upgrade().unwrap();
        assert_eq!((upgrade.path.as_str(), upgrade.query.as_deref()), ("/rpc", None));
        assert_eq!(upgrade.subprotocol.as_deref(), Some("linkspan.1"));
        assert_eq!(upgrade.header("upgrade"), Some("websocket"));
    })
    .await;
}

#[tokio::test]
async fn a_ping_gets_its_pong_while_the_server_only_reads() {
    both(async || {
        let (mut client, mut server) = plain_client().await;
        let mut inbox = Inbox::new();
        let pinged = async {
            client.send(Message::Ping("are you there".into())).await.unwrap();
            let answer = client.next().await.unwrap().unwrap();
            assert_eq!(answer, Message::Pong("are you there".into()));
        };
        tokio::select! {
            () = pinged => {}
            read = recv(&mut server, &mut inbox) => panic!("nothing was sent: {read:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_cannot_write_still_reads() {
    both(async || {
        let (mut client, mut server) = plain_client().await;
        let mut batch = Batch::new();
        for number in 0..1000 {
            push_frame(&mut batch, number, LARGEST_BODY);
        }
        let blocked = poll_fn(|cx| Poll::Ready(server.poll_send(cx, &mut batch))).await;
        assert!(blocked.is_pending(), "64 MB fit into the socket's buffers");
        for number in 0..100_u8 {
            client.send(Message::Ping(vec![number; 125].into())).await.unwrap();
        }
        client.send(Message::Binary(vec![5, 0, 3, 0, b'o', b'n', b'e'].into())).await.unwrap();
        assert_eq!(recv_frames(&mut server, 1).await, [b"\x05\x00\x03\x00one"]);

        let read = async {
            let mut frames = Inbox::new();
            let (mut count, mut pongs) = (0, 0);
            while count < 1000 {
                match client.next().await.unwrap().unwrap() {
                    Message::Binary(message) => frames.fill_from_message(message).unwrap(),
                    Message::Pong(_) => {
                        pongs += 1;
                        continue;
                    }
                    other => panic!("{other:?}"),
                }
                count += frames.len();
            }
            pongs
        };
        let (sent, pongs) = tokio::join!(send(&mut server, &mut batch), read);
        sent.unwrap();
        assert!((1..=100).contains(&pongs), "{pongs}");
    })
    .await;
}

#[tokio::test]
async fn a_close_reaches_a_plain_client_with_code_and_reason() {
    both(async || {
        for (code, expected) in [(CloseCode::NORMAL, 1000), (CloseCode::SHUTDOWN, 4600)] {
            let (mut client, mut server) = plain_client().await;
            let reason = Close::new(code, "rolling restart");
            close(&mut server, &reason).await.unwrap();
            let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else {
                panic!("a close")
            };
            assert_eq!((u16::from(frame.code), frame.reason.as_str()), (expected, "rolling restart"));
            client.flush().await.unwrap();
            assert!(!recv(&mut server, &mut Inbox::new()).await.unwrap(), "the answer is an orderly end");
        }
    })
    .await;
}

#[tokio::test]
async fn a_close_ends_both_directions_in_order() {
    both(async || {
        for server_first in [true, false] {
            let (client, server) = pipes().await;
            let (mut first, mut second) = if server_first { (server, client) } else { (client, server) };
            let mut batch = Batch::new();
            push_frame(&mut batch, 1, 100);
            send(&mut first, &mut batch).await.unwrap();
            let why = Close::new(CloseCode::NORMAL, "done");
            close(&mut first, &why).await.unwrap();
            assert_eq!(recv_frames(&mut second, 1).await.len(), 1);
            assert!(!recv(&mut second, &mut Inbox::new()).await.unwrap());
            close(&mut second, &why).await.unwrap();
            assert!(!recv(&mut first, &mut Inbox::new()).await.unwrap());
            push_frame(&mut batch, 2, 100);
            assert_eq!(send(&mut first, &mut batch).await.unwrap_err().kind(), ErrorKind::Closed);
        }
    })
    .await;
}

#[tokio::test]
async fn a_dropped_link_is_seen_at_once_as_lost() {
    both(async || {
        let (client, mut server) = pipes().await;
        drop(client);
        let error = recv(&mut server, &mut Inbox::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    })
    .await;
}
