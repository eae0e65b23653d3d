//! Every close code and every reason, from either side, on every road: they arrive as they were said.
#![cfg(all(unix, feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]

mod support;

use linkspan::{Close, CloseCode, SessionId, Verdict};
use support::{PATIENCE, ROADS, Road};
use tokio::sync::mpsc;
use tokio::time::timeout;

#[linkspan::service]
trait Nothing {
    async fn nothing(&self);
}

#[derive(Debug)]
struct Idle;

impl Nothing for Idle {
    async fn nothing(&self) {}
}

/// Every code there is but the one that is never sent (2000: the link was lost), some of each verdict that only applications use, and the ends of the range.
fn codes() -> Vec<(CloseCode, Verdict)> {
    let known = [
        (CloseCode::NORMAL, Verdict::Terminal),
        (CloseCode::PROTOCOL, Verdict::Terminal),
        (CloseCode::UNSUPPORTED_CODEC, Verdict::Terminal),
        (CloseCode::UNSUPPORTED_VERSION, Verdict::Terminal),
        (CloseCode::REFUSED, Verdict::Terminal),
        (CloseCode::TOO_LARGE, Verdict::Terminal),
        (CloseCode::AT_CAPACITY, Verdict::BackOff),
        (CloseCode::TIMEOUT, Verdict::BackOff),
        (CloseCode::SLOW, Verdict::BackOff),
        (CloseCode::RATE, Verdict::BackOff),
        (CloseCode::SHUTDOWN, Verdict::ReconnectNow),
    ];
    let own = [
        (0, Verdict::Terminal),
        (1999, Verdict::Terminal),
        (2999, Verdict::BackOff),
        (3999, Verdict::ReconnectNow),
        (4000, Verdict::Terminal),
        (u16::MAX, Verdict::Terminal),
    ];
    known.into_iter().chain(own.map(|(number, verdict)| (CloseCode::from_number(number), verdict))).collect()
}

/// Empty, the longest there is in one, two and four bytes a character, and what a terminal or a log trips over.
fn reasons() -> Vec<String> {
    let longest = Close::MAX_REASON_LEN;
    vec![
        String::new(),
        "x".repeat(longest),
        "é".repeat(longest / 2),
        "\u{1f980}".repeat(longest / 4),
        "line\nbreak\ttab \"quoted\" \\ \u{7f}\u{200f}".to_owned(),
    ]
}

#[tokio::test]
async fn every_code_and_reason_arrives_as_it_was_said_from_either_side() {
    for scheme in ROADS {
        let road = Road::new(scheme, "closes");
        let (hook, mut seen) = mpsc::channel::<(SessionId, Close)>(64);
        let server = road
            .server()
            .service(NothingServer::new(Idle))
            .on_close(move |session, close| hook.try_send((session.id(), close)).unwrap())
            .start()
            .await
            .unwrap();
        for (turn, (code, verdict)) in codes().into_iter().enumerate() {
            assert_eq!(code.verdict(), verdict, "{code:?}");
            for by_server in [true, false] {
                // Each code meets two reasons, and each reason several codes.
                let reasons = reasons();
                let reason = &reasons[(turn * 2 + usize::from(by_server)) % reasons.len()];
                let close = Close::new(code, reason.clone());
                assert_eq!(close.reason(), reason, "it is not cut");
                let client = road.connect(&server.endpoints()[0], "json").await;
                let id = client.session().id();
                let session = server.sessions().find(id).unwrap();
                if by_server {
                    session.close(close.clone());
                } else {
                    client.session().close(close.clone());
                }
                let proven = async {
                    assert_eq!(client.closed().await, close, "{scheme}: at the client");
                    assert_eq!(session.closed().await, close, "{scheme}: at the server");
                    assert_eq!(seen.recv().await, Some((id, close.clone())), "{scheme}: in the hook");
                };
                timeout(PATIENCE, proven).await.unwrap();
            }
        }
        timeout(PATIENCE, server.shutdown()).await.unwrap();
        assert!(seen.try_recv().is_err(), "{scheme}: a hook ran twice");
    }
}
