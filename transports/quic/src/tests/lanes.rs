//! Frames and lanes.

use std::collections::BTreeMap;

use linkspan_core::frame::{LAST, MAX_FRAME_LEN, RESET, frame_lane, reset_frame};
use linkspan_core::{Capabilities, ErrorKind};

use super::*;

/// What every lane is to carry, in its order.
fn by_lane(frames: Vec<Vec<u8>>) -> BTreeMap<Lane, Vec<Vec<u8>>> {
    let mut lanes = BTreeMap::<_, Vec<_>>::new();
    for frame in frames {
        lanes.entry(frame_lane(&frame).unwrap()).or_default().push(frame);
    }
    lanes
}

/// Frames of lane 0 and of `lanes` others, interleaved, of all sizes up to the largest; each other lane ends.
fn mixed(lanes: u64, rounds: u8) -> Batch {
    let mut batch = Batch::new();
    for round in 0..rounds {
        for lane in 0..=lanes {
            let flags = if round + 1 == rounds && lane != 0 { LAST } else { 0 };
            let len = [1, 100, 17_000, MAX_FRAME_LEN - 16]
                [(usize::from(round) + usize::try_from(lane).unwrap()) % 4];
            push(&mut batch, lane, flags, vec![round; len]);
        }
    }
    batch
}

#[test]
fn frames_of_many_lanes_arrive_whole_and_in_lane_order_both_ways() {
    run(async {
        let (mut client, mut server) = pair().await?;
        let expected = encoded(&mut mixed(40, 8));
        let (mut from_client, mut from_server) = (mixed(40, 8), mixed(40, 8));
        let (at_client, at_server) = tokio::join!(
            exchange(&mut client, &mut from_client, expected.len()),
            exchange(&mut server, &mut from_server, expected.len()),
        );
        let expected = by_lane(expected);
        assert!(by_lane(at_client?) == expected);
        assert!(by_lane(at_server?) == expected);
        Ok(())
    });
}

#[test]
fn more_lanes_than_streams_take_turns() {
    run(async {
        let (mut client, mut server) = pair().await?;
        let lanes = u64::from(Capabilities::streams().max_lanes) * 5;
        let expected = encoded(&mut mixed(lanes, 1));
        let (mut batch, mut nothing) = (mixed(lanes, 1), Batch::new());
        let (sent, received) = tokio::join!(
            exchange(&mut client, &mut batch, 0),
            exchange(&mut server, &mut nothing, expected.len())
        );
        sent?;
        assert!(by_lane(received?) == by_lane(expected));
        Ok(())
    });
}

#[test]
fn a_flood_both_ways_does_not_deadlock() {
    run(async {
        let (mut client, mut server) = pair().await?;
        let (mut from_client, mut from_server) = (mixed(8, 100), mixed(8, 100));
        let count = from_client.frames();
        assert!(from_client.len() > 8 * 1024 * 1024);
        let (at_client, at_server) = tokio::join!(
            exchange(&mut client, &mut from_client, count),
            exchange(&mut server, &mut from_server, count),
        );
        assert_eq!((at_client?.len(), at_server?.len()), (count, count));
        Ok(())
    });
}

#[test]
fn small_frames_beyond_the_window_arrive_whole_and_in_order() {
    run(async {
        let (mut client, mut server) = pair().await?;
        let many = || {
            let mut batch = Batch::new();
            for len in (1..300).cycle().take(20_000) {
                push_inline(&mut batch, len);
            }
            batch
        };
        let (mut batch, mut nothing) = (many(), Batch::new());
        assert!(batch.len() > 2 * 1024 * 1024);
        poll_fn(|cx| {
            assert!(client.poll_send(cx, &mut batch)?.is_pending());
            assert!(!batch.is_empty(), "the window holds less");
            Poll::Ready(Ok::<_, Error>(()))
        })
        .await?;
        push(&mut batch, 1, LAST, "another lane");
        let expected = encoded(&mut many());
        let (sent, received) = tokio::join!(
            exchange(&mut client, &mut batch, 0),
            exchange(&mut server, &mut nothing, expected.len() + 1)
        );
        sent?;
        let mut received = by_lane(received?);
        assert_eq!(received.remove(&Lane::new(1)).map(|frames| frames.len()), Some(1));
        assert!(received == by_lane(expected));
        Ok(())
    });
}

/// A frame of lane 0 without a body of its own, as the runtime makes them of small messages.
fn push_inline(batch: &mut Batch, len: usize) {
    let filler = u8::try_from(len % 251).unwrap();
    batch.push((KIND, 0), Lane::ZERO, None, |fields| fields.resize(fields.len() + len, filler)).unwrap();
}

#[test]
fn a_stalled_lane_holds_no_other() {
    run(async {
        let client = careless();
        let (link, peer, _quic) = raw_server(&client).await?;
        let mut pipe = link.into_parts().0;
        let mut batch = Batch::new();
        for _ in 0..40 {
            push(&mut batch, 1, 0, vec![1; 60_000]);
        }
        push(&mut batch, 3, LAST, "third");
        push(&mut batch, 0, 0, "control");
        push(&mut batch, 1, LAST, "end");

        let others = async {
            let (_send, mut zero) = peer.accept_bi().await.unwrap();
            let mut control = [0; 11];
            zero.read_exact(&mut control).await.unwrap();
            assert_eq!(control[4..], *b"control");
            let mut stalled = peer.accept_uni().await.unwrap();
            let mut third = peer.accept_uni().await.unwrap();
            let mut frame = [0; 10];
            third.read_exact(&mut frame).await.unwrap();
            assert_eq!(frame[5..], *b"third");
            stalled.read_to_end(10_000_000).await.unwrap().len()
        };
        let waiting = async {
            // Lane 1 has room for 1,280 KiB and one frame; everything else of it waits in the batch.
            poll_fn(|cx| {
                let sent = pipe.poll_send(cx, &mut batch)?;
                assert!(batch.len() <= 41 * 61_000 - 1280 * 1024);
                assert!(!batch.has_lane(Lane::ZERO) && !batch.has_lane(Lane::new(3)));
                sent.map(Ok::<_, Error>)
            })
            .await
        };
        let (sent, read) = tokio::join!(waiting, others);
        sent?;
        assert_eq!(read, 40 * 60_005 + 8);
        Ok(())
    });
}

#[test]
fn an_abandoned_lane_arrives_as_a_reset_frame() {
    run(async {
        let (mut client, mut server) = pair().await?;
        let mut batch = Batch::new();
        push(&mut batch, 1, 0, "begun");
        send(&mut client, &mut batch).await?;
        assert_eq!(collect(&mut server, 1).await?.len(), 1);

        push(&mut batch, 1, 0, "dropped");
        push(&mut batch, 1, LAST | RESET, "");
        send(&mut client, &mut batch).await?;
        let frames = collect(&mut server, 1).await?;
        assert_eq!(frames.last(), Some(&reset_frame(Lane::new(1))));

        push(&mut batch, 300, LAST | RESET, "");
        send(&mut client, &mut batch).await?;
        assert_eq!(collect(&mut server, 1).await?, [reset_frame(Lane::new(300))]);
        Ok(())
    });
}

#[test]
fn abandoning_a_stalled_lane_drops_what_waits_of_it() {
    run(async {
        let client = careless();
        let (link, peer, _quic) = raw_server(&client).await?;
        let mut pipe = link.into_parts().0;
        let mut batch = Batch::new();
        for _ in 0..40 {
            push(&mut batch, 1, 0, vec![1; 60_000]);
        }
        poll_fn(|cx| {
            assert!(pipe.poll_send(cx, &mut batch)?.is_pending());
            Poll::Ready(Ok::<_, Error>(()))
        })
        .await?;
        assert!(batch.has_lane(Lane::new(1)));
        push(&mut batch, 1, LAST | RESET, "");
        send(&mut pipe, &mut batch).await?;
        let mut stream = peer.accept_uni().await.unwrap();
        let reset = stream.received_reset().await.unwrap();
        assert_eq!(reset, Some(1u32.into()));
        Ok(())
    });
}

#[test]
fn a_lane_the_peer_does_not_want_is_dropped_without_harm() {
    run(async {
        let client = careless();
        let (link, peer, _quic) = raw_server(&client).await?;
        let mut pipe = link.into_parts().0;
        let mut batch = Batch::new();
        push(&mut batch, 1, 0, "unwanted");
        send(&mut pipe, &mut batch).await?;
        let mut stream = peer.accept_uni().await.unwrap();
        stream.stop(7u32.into()).unwrap();
        for _ in 0..100 {
            push(&mut batch, 1, 0, vec![1; 60_000]);
        }
        push(&mut batch, 1, LAST, "end");
        push(&mut batch, 0, 0, "still here");
        send(&mut pipe, &mut batch).await?;
        let (_send, mut zero) = peer.accept_bi().await.unwrap();
        let mut frame = [0; 14];
        zero.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame[4..], *b"still here");
        Ok(())
    });
}

#[test]
fn a_stream_that_breaks_the_rules_of_lanes_fails_the_link() {
    run(async {
        let frame = |lane, flags| {
            let mut batch = Batch::new();
            push(&mut batch, lane, flags, "x");
            encoded(&mut batch).concat()
        };
        for (bytes, why) in [
            (frame(2, 0), "without its last frame"),
            (vec![], "without its last frame"),
            ([frame(2, 0), frame(4, LAST)].concat(), "before the last frame of another"),
            ([frame(2, LAST), frame(4, 0)].concat(), "without its last frame"),
            ([frame(2, LAST), frame(2, 0)].concat(), "follows the last"),
            (frame(2, 0)[..3].to_vec(), "within a frame"),
            (frame(0, 0), "lane 0"),
            (vec![0, 0, 3, 0], "shorter than its head"),
        ] {
            let (peer, mut pipe, _quic) = raw_client().await?;
            let mut stream = peer.open_uni().await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            stream.finish().unwrap();
            let error = collect(&mut pipe, 9).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol);
            assert!(error.to_string().contains(why), "{error} is not {why}");
        }
        Ok(())
    });
}
