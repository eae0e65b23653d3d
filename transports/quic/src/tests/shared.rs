//! Lanes of one frame, and the streams they share.

use std::collections::BTreeMap;

use linkspan_core::ErrorKind;
use linkspan_core::frame::{LAST, frame_lane, frame_len, reset_frame};
use linkspan_core::{Close, CloseCode};
use quinn::{RecvStream, TransportConfig};

use super::*;

/// The whole frames in `bytes`.
fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(len) = frame_len(bytes).unwrap() {
        let (frame, rest) = bytes.split_at(len);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    assert!(bytes.is_empty(), "ends within a frame");
    frames
}

/// Frame of `lane` with its flags, as it is on the wire.
fn frame(lane: u64, flags: u8) -> Vec<u8> {
    let mut batch = Batch::new();
    push(&mut batch, lane, flags, "x");
    encoded(&mut batch).concat()
}

async fn read_all(mut stream: RecvStream) -> Vec<u8> {
    stream.read_to_end(10_000_000).await.unwrap()
}

#[test]
fn lanes_of_one_frame_follow_each_other_on_few_streams() {
    run(async {
        let client = careless();
        let (link, peer, _quic) = raw_server(&client).await?;
        let mut pipe = link.into_parts().0;
        let mut batch = Batch::new();
        push(&mut batch, 0, 0, "hello");
        for lane in (1..400).step_by(2) {
            push(&mut batch, lane, LAST, vec![7; 2_000]);
        }
        let goodbye = Close::new(CloseCode::NORMAL, "");
        let sending = async {
            send(&mut pipe, &mut batch).await?;
            poll_fn(|cx| pipe.poll_close(cx, &goodbye)).await?;
            drop(pipe);
            Ok::<_, Error>(())
        };
        let reading = async {
            let mut streams = Vec::new();
            while let Ok(stream) = peer.accept_uni().await {
                streams.push(tokio::spawn(read_all(stream)));
            }
            streams
        };
        let zero = async {
            let (_send, zero) = peer.accept_bi().await.unwrap();
            read_all(zero).await;
        };
        let (sent, streams, ()) = tokio::join!(sending, reading, zero);
        sent?;
        assert!(streams.len() <= 16, "{} streams", streams.len());
        let mut lanes = BTreeMap::new();
        for stream in streams {
            let frames = frames(&stream.await.unwrap());
            let order: Vec<_> = frames.iter().map(|frame| frame_lane(frame).unwrap()).collect();
            assert!(order.is_sorted());
            lanes.extend(order.into_iter().zip(frames));
        }
        assert_eq!(lanes.len(), 200);
        assert!(lanes.values().all(|frame| frame.ends_with(&[7; 2_000])));
        Ok(())
    });
}

#[test]
fn a_stream_may_carry_one_lane_after_the_other() {
    run(async {
        let (peer, mut pipe, _quic) = raw_client().await?;
        let mut stream = peer.open_uni().await.unwrap();
        let sent = [frame(1, LAST), frame(3, 0), frame(3, LAST), frame(5, LAST)];
        stream.write_all(&sent.concat()).await.unwrap();
        assert_eq!(collect(&mut pipe, 4).await?, sent);

        // A reset names the lane that it ends: one of which nothing came, or one that is whole already.
        stream.reset(7u32.into()).unwrap();
        assert_eq!(collect(&mut pipe, 1).await?, [reset_frame(Lane::new(7))]);
        let mut stream = peer.open_uni().await.unwrap();
        stream.write_all(&frame(9, LAST)).await.unwrap();
        assert_eq!(collect(&mut pipe, 1).await?, [frame(9, LAST)]);
        stream.reset(9u32.into()).unwrap();
        let mut stream = peer.open_uni().await.unwrap();
        stream.write_all(&[frame(11, LAST), frame(13, 0)].concat()).await.unwrap();
        assert_eq!(collect(&mut pipe, 2).await?, [frame(11, LAST), frame(13, 0)]);
        stream.finish().unwrap();
        let error = collect(&mut pipe, 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        Ok(())
    });
}

#[test]
fn a_shared_stream_that_the_peer_does_not_want_is_replaced() {
    run(async {
        let client = careless();
        let (link, peer, _quic) = raw_server(&client).await?;
        let mut pipe = link.into_parts().0;
        let mut batch = Batch::new();
        for lane in 0..16 {
            push(&mut batch, 2 * lane + 1, LAST, "unwanted");
        }
        send(&mut pipe, &mut batch).await?;
        for _ in 0..16 {
            peer.accept_uni().await.unwrap().stop(7u32.into()).unwrap();
        }
        // Some go where the peer looks no longer, until it is known.
        let sending = async {
            for lane in 16.. {
                push(&mut batch, 2 * lane + 1, LAST, "wanted");
                send(&mut pipe, &mut batch).await?;
                tokio::task::yield_now().await;
            }
            Ok::<_, Error>(())
        };
        tokio::select! {
            failed = sending => failed?,
            stream = peer.accept_uni() => {
                let chunk = stream.unwrap().read_chunk(1000, true).await.unwrap().unwrap();
                assert!(frames(&chunk.bytes).iter().all(|frame| frame.ends_with(b"wanted")));
            }
        }
        Ok(())
    });
}

#[test]
fn shared_streams_make_way_where_the_peer_allows_few() {
    run(async {
        let tls = Tls::new().with_identity(DevelopmentCa::generate()?.issue(&["localhost"])?);
        let (crypto, _) = tls::server(&tls, &"quic://127.0.0.1:0".parse()?).await?;
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        let mut transport = TransportConfig::default();
        transport.max_concurrent_uni_streams(2u32.into());
        config.transport_config(Arc::new(transport));
        let quic = socket::bind("127.0.0.1:0".parse().unwrap(), Some(config), 0).unwrap();
        let (client, endpoint) = (careless(), raw_endpoint(&quic)?);
        let (link, peer) =
            tokio::join!(client.connect(&endpoint), async { quic.accept().await.unwrap().await.unwrap() });

        let mut pipe = link?.into_parts().0;
        let mut batch = Batch::new();
        for lane in [1, 3, 5, 7] {
            push(&mut batch, lane, LAST, "short");
        }
        for lane in [9, 11] {
            push(&mut batch, lane, 0, "begun");
        }
        for lane in [9, 11, 13] {
            push(&mut batch, lane, LAST, "end");
        }
        let reading = async {
            let mut lanes = BTreeMap::<_, usize>::new();
            while lanes.values().sum::<usize>() < 9 {
                // Shared streams that made way end; the last of them may not.
                let mut stream = peer.accept_uni().await.unwrap();
                let mut bytes = Vec::new();
                while let Some(chunk) = stream.read_chunk(1000, true).await.unwrap() {
                    bytes.extend_from_slice(&chunk.bytes);
                    if frames(&bytes).last().is_some_and(|frame| frame_lane(frame).unwrap() == Lane::new(13))
                    {
                        break;
                    }
                }
                for frame in frames(&bytes) {
                    *lanes.entry(frame_lane(&frame).unwrap()).or_default() += 1;
                }
            }
            lanes
        };
        let (sent, lanes) = tokio::join!(send(&mut pipe, &mut batch), reading);
        sent?;
        assert_eq!(lanes.into_values().collect::<Vec<_>>(), [1, 1, 1, 1, 2, 2, 1]);
        Ok(())
    });
}
