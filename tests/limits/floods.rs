//! Frames that cost their sender less than their receiver.

use std::time::Duration;

use linkspan::Limits;
use linkspan::frame::{LAST, RESET};
use linkspan::{Client, Server};
use tokio::time::Instant;

use crate::raw::{CANCEL, PING, Raw, put_number};
use crate::support::ROADS;
use crate::work::{Stage, WorkClient, WorkServer, Worker, within};

fn slow() -> Limits {
    Limits::default().with_max_cancels_per_second(5).with_max_in_flight(4)
}

#[tokio::test]
async fn a_flood_of_cancels_pings_or_resets_closes_the_connection_and_names_the_limit() {
    for scheme in ROADS {
        for kind in [CANCEL, PING, linkspan::frame::KIND_RESET] {
            // Lanes that were reset before their head came cost a place each; they are bounded by something else.
            let stage = Stage::new(scheme, "flood", slow()).await;
            let mut raw = Raw::greeted(&stage.endpoint).await;
            let session = stage.other_session();
            for number in 0..200 {
                let sent = if kind == linkspan::frame::KIND_RESET {
                    raw.send((kind, LAST | RESET), number * 2 + 1, &[]).await
                } else {
                    let mut fields = Vec::new();
                    put_number(&mut fields, number);
                    raw.send((kind, 0), 0, &fields).await
                };
                if sent.is_err() {
                    break; // the server has hung up, as it should
                }
            }
            let (code, reason) = raw.close().await;
            assert_eq!(code, 2004, "{scheme} {kind}: {reason}");
            assert!(reason.contains("max_cancels_per_second"), "{reason}");
            drop(raw);
            let close = within(session.closed()).await;
            assert_eq!((close.code().number(), close.reason()), (code, reason.as_str()), "{scheme} {kind}");
            stage.assert_healthy().await;
        }
    }
}

#[tokio::test]
async fn a_client_that_gives_up_whatever_it_asks_is_never_taken_for_a_flood() {
    for scheme in ["mem", "tcp", "quic"] {
        let stage = Stage::new(scheme, "patience", slow()).await;
        let client = stage.connect().await;
        let work = WorkClient::new(&client);
        let mut given_up = 0;
        for round in 0..300 {
            // Alternately by dropping the call, and by its deadline.
            let call = work.hang().with_timeout(Duration::from_micros(500));
            let ended = if round % 2 == 0 {
                tokio::time::timeout(Duration::from_micros(200), call).await.ok()
            } else {
                Some(within(call).await)
            };
            given_up += usize::from(ended.is_none_or(|ended| ended.is_err()));
        }
        assert_eq!(given_up, 300);
        assert_eq!(client.session().close_reason(), None, "{scheme}");
        // The slots come back at the pace of the server.
        within(async {
            while client.session().in_flight() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(within(work.echo("still here".into())).await.as_deref(), Ok("still here"), "{scheme}");
        stage.assert_healthy().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock is paused: it tells what is due when")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_too_fast_is_told_in_its_time_and_not_with_the_next_ping() {
    let limits = slow().with_ping_after(Duration::from_secs(3600));
    let server = Server::builder()
        .limits(limits.clone())
        .service(WorkServer::new(Worker))
        .listen("mem://floods-paced")
        .start()
        .await
        .unwrap();
    let url = server.endpoints()[0].to_string();
    let client = Client::builder().limits(limits).connect(&url).await.unwrap();
    let start = now();
    // Nine are more than may be told at once, and nothing else is due: no call has a deadline.
    for _ in 0..9 {
        within(async {
            while client.session().in_flight() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        let call = WorkClient::new(&client).hang().without_timeout().into_owned();
        assert!(tokio::time::timeout(Duration::from_micros(1), call).await.is_err());
        // Until the driver has nothing to do: then it sleeps until something is due.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    within(async {
        while client.session().in_flight() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    server.shutdown().await;
}
