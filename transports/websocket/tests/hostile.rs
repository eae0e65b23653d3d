//! Peers that speak WebSocket, but not ours, or not well.

mod support;

use futures_util::SinkExt;
use linkspan_core::ErrorKind;
use support::{both, plain_client, recv_error, recv_frames};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

#[tokio::test]
async fn what_is_no_whole_frame_is_a_protocol_error() {
    both(async || {
        for message in [
            Message::text("hello"),
            Message::Frame(Frame::message(&b"\xff"[..], OpCode::Data(Data::Text), true)),
            Message::binary(&b"garbage of more than four bytes"[..]),
            Message::binary(&b"\x05\x00\x03"[..]),
            Message::binary(&b"\x05\x00\x03\x00on"[..]),
            Message::binary(&b"\x01\x00\x03\x00"[..]),
            Message::binary(&b"\x05\x00\x03\x00one\x05"[..]),
        ] {
            let (mut client, mut server) = plain_client().await;
            client.send(message.clone()).await.unwrap();
            let error = recv_error(&mut server).await;
            assert_eq!(error.kind(), ErrorKind::Protocol, "{message:?}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_broken_websocket_frame_is_a_protocol_error_with_its_cause() {
    both(async || {
        let cases: [(&str, &[u8], &str); 5] = [
            ("not masked", b"\x82\x04\x02\x00\x0c\x00", "unmasked"),
            ("reserved bits", b"\xf2\x80\0\0\0\0", "reserved bits"),
            ("unknown opcode", b"\x83\x80\0\0\0\0", "invalid opcode"),
            ("nothing to continue", b"\x80\x80\0\0\0\0", "continue frame"),
            ("long ping", b"\x89\xfe\x00\x7e\0\0\0\0", "control frame too big"),
        ];
        for (what, bytes, cause) in cases {
            let (mut client, mut server) = plain_client().await;
            client.get_mut().write_all(bytes).await.unwrap();
            client.get_mut().write_all(&[0; 126]).await.unwrap();
            let error = recv_error(&mut server).await;
            assert_eq!(error.kind(), ErrorKind::Protocol, "{what}: {error}");
            let source = std::error::Error::source(&error).expect(what).to_string().to_lowercase();
            assert!(source.contains(cause), "{what}: {source}");
            assert!(!error.to_string().contains(cause), "each fact once: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_above_the_bound_is_refused_before_it_is_read() {
    both(async || {
        let (mut client, mut server) = plain_client().await;
        // A binary message of 2^40 bytes, of which nothing follows.
        client.get_mut().write_all(b"\x82\xff\x00\x00\x01\x00\x00\x00\x00\x00").await.unwrap();
        client.get_mut().write_all(&[0; 4]).await.unwrap();
        assert_eq!(recv_error(&mut server).await.kind(), ErrorKind::FrameTooLarge);
    })
    .await;
}

#[tokio::test]
async fn a_message_in_pieces_above_the_bound_is_refused() {
    both(async || {
        let (mut client, mut server) = plain_client().await;
        let frames = [&[0xfe, 0xff, 3, 0][..], &[7; 65_532]].concat().repeat(9);
        let piece = |opcode, last| Message::Frame(Frame::message(frames.clone(), OpCode::Data(opcode), last));
        let sent = async {
            client.feed(piece(Data::Binary, false)).await?;
            client.send(piece(Data::Continue, true)).await
        };
        let (error, _) = tokio::join!(recv_error(&mut server), sent);
        assert_eq!(error.kind(), ErrorKind::FrameTooLarge, "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_message_of_the_largest_size_arrives() {
    both(async || {
        let (mut client, mut server) = plain_client().await;
        let frame = [&[0xfe, 0xff, 3, 0][..], &[7; 65_532]].concat();
        let message = Message::binary(frame.repeat(16));
        assert_eq!(message.len(), 1024 * 1024);
        let (sent, frames) = tokio::join!(client.send(message), recv_frames(&mut server, 16));
        sent.unwrap();
        assert!(frames.iter().all(|received| *received == frame));
    })
    .await;
}

#[tokio::test]
async fn pieces_and_empty_messages_are_as_good_as_one_message() {
    both(async || {
        let (mut client, mut server) = plain_client().await;
        let piece = |bytes: &'static [u8], opcode, last| {
            Message::Frame(Frame::message(bytes, OpCode::Data(opcode), last))
        };
        for _ in 0..1000 {
            client.feed(Message::binary(&b""[..])).await.unwrap();
        }
        client.feed(piece(b"\x05\x00", Data::Binary, false)).await.unwrap();
        client.feed(Message::Ping("between".into())).await.unwrap();
        client.send(piece(b"\x03\x00one", Data::Continue, true)).await.unwrap();
        assert_eq!(recv_frames(&mut server, 1).await, [b"\x05\x00\x03\x00one"]);
    })
    .await;
}
