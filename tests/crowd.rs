//! Many calls on one connection, many connections with one call, and a server that dies under both.

mod support;

use std::time::Duration;

use linkspan::{CallError, Context, Limits, Ran};
use support::{PATIENCE, ROADS, Road};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[linkspan::service]
trait Arith {
    async fn mul(&self, cx: &Context, a: u64, b: u64) -> u64;
    /// Lets other calls go first, a different number of times each.
    async fn late(&self, cx: &Context, n: u64) -> u64;
    async fn never(&self, cx: &Context) -> u64;
}

#[derive(Debug)]
struct Calculator;

impl Arith for Calculator {
    async fn mul(&self, _cx: &Context, a: u64, b: u64) -> u64 {
        a * b
    }

    async fn late(&self, _cx: &Context, n: u64) -> u64 {
        for _ in 0..n % 17 {
            tokio::task::yield_now().await;
        }
        n
    }

    async fn never(&self, _cx: &Context) -> u64 {
        std::future::pending().await
    }
}

const CROWD: u32 = 1000;
/// Clients that connect at the same moment. More would overflow the kernel's default UDP receive buffer (208 KiB, about
/// 90 packets), and lost hellos come again only after seconds.
const DOORS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_calls_on_one_connection_are_each_answered() {
    for scheme in ROADS {
        let road = Road::new(scheme, "crowd-calls");
        let server = road.server().service(ArithServer::new(Calculator)).start().await.unwrap();
        let client = road.connect(&server.endpoints()[0], "postcard").await;
        let arith = ArithClient::new(&client);
        let mut calls = JoinSet::new();
        for n in 0..u64::from(CROWD) {
            let arith = arith.clone();
            calls.spawn(async move {
                assert_eq!(arith.late(n).await, Ok(n));
                assert_eq!(arith.mul(n, 3).await, Ok(n * 3));
            });
        }
        timeout(PATIENCE, calls.join_all()).await.unwrap();
        assert_eq!(client.session().in_flight(), 0, "{scheme}");
        timeout(PATIENCE, server.shutdown()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_are_each_answered() {
    for scheme in ROADS {
        let road = std::sync::Arc::new(Road::new(scheme, "crowd-connections"));
        let limits = Limits::default().with_handshake_timeout(PATIENCE);
        let server =
            road.server().limits(limits).service(ArithServer::new(Calculator)).start().await.unwrap();
        let endpoint = &server.endpoints()[0];
        let doors = std::sync::Arc::new(Semaphore::new(DOORS));
        let mut clients = JoinSet::new();
        for n in 0..u64::from(CROWD) {
            let (road, endpoint, doors) = (road.clone(), endpoint.clone(), doors.clone());
            clients.spawn(async move {
                let limits = Limits::default().with_handshake_timeout(PATIENCE);
                let url = endpoint.with_option("codec", "json").to_string();
                let door = doors.acquire().await.unwrap();
                let client = road.client().limits(limits).connect(&url).await.unwrap();
                drop(door);
                assert_eq!(ArithClient::new(&client).mul(n, 2).await, Ok(n * 2));
                client
            });
        }
        let clients = timeout(PATIENCE, clients.join_all()).await.unwrap();
        assert_eq!(server.sessions().len(), clients.len(), "{scheme}");
        timeout(PATIENCE, server.shutdown()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_gives_every_caller_a_typed_error() {
    for scheme in ROADS {
        let road = Road::new(scheme, "crowd-death");
        let server = road.server().service(ArithServer::new(Calculator)).start().await.unwrap();
        let client = road.connect(&server.endpoints()[0], "json").await;
        let arith = ArithClient::new(&client);
        let mut calls = JoinSet::new();
        for _ in 0..CROWD {
            calls.spawn(arith.never().into_owned());
        }
        let session = server.sessions().iter().next().unwrap();
        timeout(PATIENCE, async {
            while session.serving() < CROWD.try_into().unwrap() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .unwrap();
        drop(server);
        for result in timeout(PATIENCE, calls.join_all()).await.unwrap() {
            let Err(CallError::Status(status)) = result else { panic!("{scheme}: {result:?}") };
            assert_eq!(status.ran(), Ran::Maybe, "{scheme}: {status}");
        }
        assert!(arith.mul(1, 1).await.unwrap_err().status().is_some());
    }
}
