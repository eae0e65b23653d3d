//! How many calls, how long they may take, and how much metadata they carry.

use std::time::Duration;

use linkspan::{CallError, Code, Limits, Metadata, Ran, Status};

use crate::raw::{FIELDS, ONE_WAY, REQUEST, Raw, field, metadata, request};
use crate::support::ROADS;
use crate::work::{Stage, WorkClient, within};

fn status<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> Status {
    match result {
        Err(CallError::Status(status)) => status,
        other => panic!("{other:?} is no status"),
    }
}

#[tokio::test]
async fn one_call_more_than_may_be_in_flight_did_not_run() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "in-flight", Limits::default().with_max_in_flight(3)).await;
        let client = stage.connect().await;
        let work = WorkClient::new(&client);
        let hanging: Vec<_> = (0..3).map(|_| tokio::spawn(work.hang().into_owned())).collect();
        within(async {
            while client.session().in_flight() < 3 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let refused = status(within(work.echo("one more".into())).await);
        assert_eq!((refused.code(), refused.ran()), (Code::ResourceExhausted, Ran::No), "{scheme}");
        assert!(refused.is_retryable() && refused.message().contains("max_in_flight"), "{refused}");
        hanging.iter().for_each(|call| call.abort());

        let mut raw = Raw::greeted(&stage.endpoint).await;
        raw.request(3, "Work/Echo", b"{}").await.unwrap();
        let (call, code, ran, message) = raw.failure().await;
        assert_eq!((call, code, ran), (3, 8, 0), "{scheme}");
        assert!(message.contains("max_in_flight"), "{message}");
        drop(raw);
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn more_one_way_calls_than_may_run_close_the_connection_and_name_the_limit() {
    for scheme in ["mem", "tcp", "quic"] {
        let stage = Stage::new(
            scheme,
            "one-way",
            Limits::default().with_max_in_flight(3).with_drain_timeout(Duration::from_millis(50)),
        )
        .await;
        let mut raw = Raw::greeted(&stage.endpoint).await;
        let session = stage.other_session();
        for _ in 0..4 {
            let note = request(0, "Work/Note", None, b"\"\"");
            raw.send((REQUEST, ONE_WAY), 0, &note).await.unwrap();
        }
        let (code, reason) = raw.close().await;
        assert_eq!(code, 2004, "{scheme}: {reason}");
        assert!(reason.contains("max_in_flight"), "{reason}");
        drop(raw);
        assert_eq!(within(session.closed()).await.code().number(), 2004);
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn a_call_ends_at_its_default_deadline() {
    let limits = Limits::default().with_call_timeout(Duration::from_millis(50));
    let stage = Stage::new("tcp", "call-timeout", Limits::default()).await;
    let client = stage.connect_with(limits).await.unwrap();
    let ended = status(within(WorkClient::new(&client).hang()).await);
    assert_eq!((ended.code(), ended.ran()), (Code::DeadlineExceeded, Ran::Maybe));
    let session = stage.other_session();
    within(async {
        while session.serving() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stage.assert_healthy().await;
}

/// Metadata beyond the bounds of [`few`]: by its length, and by its entries.
fn excess() -> [(&'static str, Vec<u8>, Metadata); 2] {
    let long = vec![b'v'; 200];
    let many: Vec<(&str, &[u8])> = vec![("k", b"v"); 5];
    [
        ("max_metadata_len", metadata(&[("k", &long)]), Metadata::new().with("k", &long)),
        (
            "max_metadata_entries",
            metadata(&many),
            many.iter().fold(Metadata::new(), |metadata, (key, value)| metadata.with(*key, value)),
        ),
    ]
}

fn few() -> Limits {
    Limits::default().with_max_metadata_len(100).with_max_metadata_entries(4)
}

#[tokio::test]
async fn metadata_beyond_its_bounds_fails_its_call_at_either_end() {
    for scheme in ["tcp", "ws"] {
        let stage = Stage::new(scheme, "metadata", few()).await;
        let mut raw = Raw::greeted(&stage.endpoint).await;
        for (name, value, _) in excess() {
            let fields = request(0, "Work/Echo", Some(&field(2, &value)), b"\"\"");
            raw.send((REQUEST, FIELDS), 0, &fields).await.unwrap();
            let (call, code, ran, message) = raw.failure().await;
            assert_eq!((call, code, ran), (0, 8, 0), "{scheme}");
            assert!(message.contains(name), "{message}");
        }
        // A client of ours does not send what exceeds its own bounds.
        let client = stage.connect_with(few()).await.unwrap();
        for (name, _, metadata) in excess() {
            let call = WorkClient::new(&client).echo(String::new()).with_metadata(metadata).into_owned();
            let refused = status(within(call).await);
            assert_eq!((refused.code(), refused.ran()), (Code::ResourceExhausted, Ran::No));
            assert!(refused.message().contains(name), "{refused}");
        }
        stage.assert_healthy().await;
    }
}

#[tokio::test]
async fn metadata_of_a_hello_beyond_its_bounds_refuses_the_client() {
    for scheme in ROADS {
        let stage = Stage::new(scheme, "hello-metadata", few()).await;
        for (name, value, metadata) in excess() {
            let mut raw = Raw::silent(&stage.endpoint).await;
            raw.hello(&field(9, &value)).await.unwrap();
            let (code, reason) = raw.close().await;
            assert_eq!(code, 1009, "{scheme}: {reason}");
            assert!(reason.contains(name), "{reason}");

            let connecting = stage.road.client().metadata(metadata);
            let error = within(connecting.connect(&stage.endpoint.to_string())).await.unwrap_err();
            assert_eq!(error.kind(), linkspan::ErrorKind::FrameTooLarge, "{scheme}: {error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        stage.assert_healthy().await;
    }
}
