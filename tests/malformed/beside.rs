//! A healthy client beside the broken ones: it calls all the time, and what is pushed to it arrives without a gap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use linkspan::{Client, Server};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::service::{ArithClient, TicksEvent, TicksPush};
use crate::support::PATIENCE;
use crate::watch::Watch;

/// A client at work, until it is asked to stop.
pub(crate) struct Healthy {
    stop: Arc<AtomicBool>,
    calls: JoinHandle<Duration>,
    made: Arc<AtomicU64>,
    pushes: JoinHandle<u64>,
    events: JoinHandle<u64>,
    client: Client,
}

impl Healthy {
    /// Starts to call and to be pushed to. `client` is the only one of `server`.
    pub(crate) fn start(server: &Server, client: Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let made = Arc::new(AtomicU64::new(0));
        let session = server.sessions().iter().next().expect("the healthy client's session");
        let events = tokio::spawn(listen(client.clone()));
        let pushes = tokio::spawn({
            let stop = stop.clone();
            async move {
                let (ticks, mut pace, mut pushed) = (TicksPush::new(&session), pace(), 0);
                while !stop.load(Ordering::Relaxed) {
                    pace.tick().await;
                    timeout(PATIENCE, ticks.tick(pushed)).await.expect("a push in time").expect("a push");
                    pushed += 1;
                }
                timeout(PATIENCE, ticks.tick(END)).await.expect("a push in time").expect("a push");
                pushed
            }
        });
        let calls = tokio::spawn(call(client.clone(), stop.clone(), made.clone()));
        Self { stop, calls, made, pushes, events, client }
    }

    /// Waits until some more calls were answered: the client is alive behind what was done to the server.
    pub(crate) async fn assert_well(&self) {
        let before = self.made.load(Ordering::Relaxed);
        let mut pace = pace();
        let more = async {
            while self.made.load(Ordering::Relaxed) < before + 2 {
                assert!(!self.calls.is_finished(), "the healthy client failed");
                pace.tick().await;
            }
        };
        timeout(PATIENCE, more).await.expect("the healthy client is answered");
    }

    /// Ends the work. Returns how many calls and pushes there were, and the slowest call; panics if one failed.
    pub(crate) async fn stop(self) -> (u64, u64, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let slowest = timeout(PATIENCE, self.calls).await.unwrap().expect("every call was answered");
        let pushed = timeout(PATIENCE, self.pushes).await.unwrap().expect("every push was taken");
        let arrived = timeout(PATIENCE, self.events).await.unwrap().expect("every push arrived");
        assert_eq!(pushed, arrived);
        assert_eq!(self.client.session().close_reason(), None);
        (self.made.load(Ordering::Relaxed), arrived, slowest)
    }
}

async fn call(client: Client, stop: Arc<AtomicBool>, made: Arc<AtomicU64>) -> Duration {
    let (arith, mut pace, mut slowest) = (ArithClient::new(&client), pace(), Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let n = made.load(Ordering::Relaxed);
        let watch = Watch::start();
        assert_eq!(timeout(PATIENCE, arith.mul(n, 3)).await.expect("an answer in time"), Ok(n * 3));
        slowest = slowest.max(watch.elapsed());
        made.store(n + 1, Ordering::Relaxed);
    }
    slowest
}

/// Counts the ticks, which must come one after the other.
async fn listen(client: Client) -> u64 {
    let mut events = client.events::<TicksEvent>();
    let mut arrived = 0;
    loop {
        match events.next().await {
            Some(Ok(TicksEvent::Tick { n: END })) => return arrived,
            Some(Ok(TicksEvent::Tick { n })) => assert_eq!(n, arrived, "a tick is missing"),
            other => panic!("after {arrived} ticks: {other:?}"),
        }
        arrived += 1;
    }
}

fn pace() -> tokio::time::Interval {
    let mut pace = interval(Duration::from_millis(2));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// What the last tick says.
const END: u64 = u64::MAX;
