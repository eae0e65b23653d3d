//! One push to several sessions, small and large, in the codec of each.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use linkspan::{Blob, Client, Events, Limits, Session};
use support::{PATIENCE, ROADS, Road};
use tokio::time::timeout;

#[linkspan::service]
trait Pictures {
    /// Answers once the caller is known.
    async fn hello(&self);
}

#[linkspan::notifications]
trait Gallery {
    fn picture(n: usize, image: Blob);
}

#[derive(Debug)]
struct Painter;

impl Pictures for Painter {
    async fn hello(&self) {}
}

/// A body over 16 KiB has a lane of its own; one below is a frame that all sessions share.
const LENS: [usize; 8] = [100, 17 * 1024, 0, 100_000, 16 * 1024, 1, 40_000, 5];

/// Room for all of them, in the codec that makes them longest.
fn limits() -> Limits {
    Limits::default().with_max_outbox_len(4 * 1024 * 1024).with_max_event_buffer_len(4 * 1024 * 1024)
}

fn image(n: usize, len: usize) -> Blob {
    Blob::from((0..=250).cycle().skip(n).take(len).collect::<Vec<u8>>())
}

/// The next picture, checked.
async fn assert_next(events: &mut Events<GalleryEvent>, n: usize, len: usize, road: &str) {
    match timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap() {
        GalleryEvent::Picture { n: number, image: picture } => {
            assert_eq!(number, n, "{road}");
            assert!(picture == image(n, len), "{road}: {len} bytes are damaged");
        }
        other => panic!("{road}: {other:?} came in the place of picture {n}"),
    }
}

async fn subscribed(
    road: &Road,
    endpoint: &linkspan::Endpoint,
    codec: &str,
) -> (Client, Events<GalleryEvent>) {
    let url = endpoint.clone().with_option("codec", codec).to_string();
    let client = road.client().limits(limits()).connect(&url).await.unwrap();
    let events = client.events();
    PicturesClient::new(&client).hello().await.unwrap();
    (client, events)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_small_broadcasts_reach_every_session_whole_and_in_order() {
    for scheme in ROADS {
        let road = Road::new(scheme, "broadcast-large");
        let server =
            road.server().service(PicturesServer::new(Painter)).limits(limits()).start().await.unwrap();
        let mut subscribers = Vec::new();
        for codec in ["postcard", "postcard", "json", "postcard"] {
            subscribers.push(subscribed(&road, &server.endpoints()[0], codec).await);
        }
        for (n, len) in LENS.into_iter().enumerate() {
            let reach = server.sessions().broadcast(&GalleryPush::picture_push(n, image(n, len))).unwrap();
            assert_eq!((reach.taken, reach.missed, reach.closed), (4, 0, 0), "{scheme}: {len} bytes");
        }
        for (_, events) in &mut subscribers {
            for (n, len) in LENS.into_iter().enumerate() {
                assert_next(events, n, len, scheme).await;
            }
        }
        timeout(PATIENCE, server.shutdown()).await.unwrap();
    }
}

#[tokio::test]
async fn a_session_that_ended_does_not_keep_a_large_broadcast_from_the_others() {
    let road = Road::new("tcp", "broadcast-ended");
    let server = road.server().service(PicturesServer::new(Painter)).start().await.unwrap();
    let (leaving, _events) = subscribed(&road, &server.endpoints()[0], "postcard").await;
    let (_staying, mut events) = subscribed(&road, &server.endpoints()[0], "postcard").await;
    let chosen: linkspan::Selection = server.sessions().iter().collect();
    assert_eq!(chosen.len(), 2);
    leaving.close();
    let ended = async {
        while !chosen.iter().any(Session::is_closed) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.unwrap();
    let reach = chosen.broadcast(&GalleryPush::picture_push(1, image(1, 50_000))).unwrap();
    assert_eq!((reach.taken, reach.missed, reach.closed), (1, 0, 1));
    assert_next(&mut events, 1, 50_000, "tcp").await;
}
