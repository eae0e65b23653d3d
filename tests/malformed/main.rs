//! Malformed input on every road: who sends it gets a typed error or a close within a second, who does not notices
//! nothing.
//!
//! Inputs come from `corpus/`, where each says what is wrong and what must come of it, and from a generator, whose inputs a
//! model of the protocol judges. Roads without TLS get 10,000 of those in every run, the others under
//! `LINKSPAN_LONG=1`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "what fails here fails the test"
)]

mod attack;
mod beside;
mod corpus;
mod generator;
mod judge;
mod peer;
mod report;
mod service;
mod stored;
#[path = "../support/mod.rs"]
mod support;
mod watch;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use linkspan::tls::Tls;
use linkspan::{Endpoint, Limits, Server, Standard, Transport};
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;

use attack::{Input, Outcome, Seen, attack};
use beside::Healthy;
use corpus::{Case, Want, cases};
use generator::{Random, generate};
use judge::Verdict;
use peer::Place;
use report::Tally;
use service::{ArithServer, Calculator};
use support::{PATIENCE, ROADS, Road};

/// How long a server may take to end what is malformed.
const SECOND: Duration = Duration::from_secs(1);
/// Attackers beside each other.
const AT_ONCE: u64 = 24;
/// Failures after which a test gives up.
const MAX_FAILURES: usize = 20;

fn transport(endpoint: &Endpoint) -> Arc<dyn Transport> {
    let tls = Tls::new().dangerously_skip_verification();
    Standard::transports_with(tls).find(endpoint).unwrap().clone()
}

async fn serve(road: &Road, limits: Limits) -> (Server, Place) {
    let server = road.server().limits(limits).service(ArithServer::new(Calculator)).start().await.unwrap();
    let endpoint = server.endpoints()[0].clone();
    (server, Place { transport: transport(&endpoint), endpoint })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_stored_input_ends_as_it_says() {
    let cases = cases();
    assert!(cases.len() >= 150, "only {} cases are stored", cases.len());
    let mut unused: BTreeSet<_> = cases.iter().map(|case| case.name.clone()).collect();
    assert_eq!(unused.len(), cases.len(), "two cases have one name");
    let mut failures = Vec::new();
    for scheme in ROADS {
        let road = Road::new(scheme, "malformed-stored");
        // Handshakes of this patience end by themselves where the peer stalls, and are no hurry where it does not.
        let (server, place) = serve(&road, Limits::default().with_handshake_timeout(PATIENCE)).await;
        let healthy = Healthy::start(&server, road.connect(&place.endpoint, "json").await);
        let (hasty, hasty_place) = stalling(scheme).await;
        let mut tally = Tally::default();
        for case in cases.iter().filter(|case| case.runs_on(&place)) {
            unused.remove(&case.name);
            let place = if case.is_stall() { &hasty_place } else { &place };
            if let Err(why) = try_stored(place, case, &mut tally).await {
                failures.push(format!("{scheme}: {}: {why}", case.name));
            }
        }
        let (calls, pushes, slowest) = healthy.stop().await;
        println!("stored {scheme:5} {tally}; beside it {calls} calls, {pushes} pushes, slowest {slowest:?}");
        timeout(PATIENCE, server.shutdown()).await.unwrap();
        timeout(PATIENCE, hasty.shutdown()).await.unwrap();
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert!(unused.iter().all(|name| is_for_other_roads(&cases, name)), "never run: {unused:#?}");
}

/// A server that gives a handshake half of the second.
async fn stalling(scheme: &str) -> (Server, Place) {
    let road = Road::new(scheme, "malformed-stalled");
    serve(&road, Limits::default().with_handshake_timeout(SECOND / 2)).await
}

/// True of cases that name only roads which are not under test.
fn is_for_other_roads(cases: &[Case], name: &str) -> bool {
    let on = cases.iter().find(|case| case.name == name).map(|case| &case.on);
    on.is_some_and(|on| !on.is_empty() && on.iter().all(|road| !ROADS.contains(&road.as_str())))
}

async fn try_stored(place: &Place, case: &Case, tally: &mut Tally) -> Result<(), String> {
    let mut result = case.run(place).await;
    if result.seen.took > SECOND || !result.is_wanted(case) {
        tally.again += 1;
        result = case.run(place).await;
    }
    if !result.is_wanted(case) || result.objection.is_some() {
        return Err(format!("wants {:?}, but {result:?}", case.wants));
    }
    if result.seen.took > SECOND {
        return Err(format!("took {:?}", result.seen.took));
    }
    let outcome = match (&case.wants[..], result.seen.close) {
        ([Want::Fine | Want::Value(_)], _) => Outcome::Valid,
        (_, Some(code)) => Outcome::Closed(code),
        _ if result.seen.ended => Outcome::Ended,
        _ => Outcome::Failed,
    };
    tally.enter(&case.name, outcome, result.seen.took);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated_inputs_end_in_a_typed_error_or_a_close() {
    let long = std::env::var_os("LINKSPAN_LONG").is_some();
    for scheme in ROADS {
        // A handshake of TLS costs a hundred times what an input does.
        let wanted = if long || ["mem", "tcp", "unix", "ws"].contains(&scheme) { 10_000 } else { 500 };
        let road = Road::new(scheme, "malformed-generated");
        let (server, place) = serve(&road, Limits::default().with_handshake_timeout(PATIENCE)).await;
        let healthy = Healthy::start(&server, road.connect(&place.endpoint, "json").await);
        let watch = watch::Watch::start();
        let tally = Arc::new(strike_many(&place, wanted).await);
        healthy.assert_well().await;
        let (calls, pushes, slowest) = healthy.stop().await;
        let took = watch.elapsed().as_secs_f32();
        println!(
            "{scheme:5} {took:4.1} s {tally}; beside it {calls} calls, {pushes} pushes, slowest {slowest:?}"
        );
        assert!(tally.malformed() >= wanted && tally.count(Outcome::Failed) > 0);
        timeout(PATIENCE, server.shutdown()).await.unwrap();
    }
}

/// Inputs of all seeds until `wanted` were malformed, many at once.
async fn strike_many(place: &Place, wanted: usize) -> Tally {
    let (seeds, malformed) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicUsize::new(0)));
    let entered = Arc::new(Mutex::new((Tally::default(), Vec::new(), Vec::new())));
    let mut attackers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (place, seeds, malformed, entered) =
            (place.clone(), seeds.clone(), malformed.clone(), entered.clone());
        attackers.spawn(async move {
            while malformed.load(Ordering::Relaxed) < wanted {
                let input = generate(seeds.fetch_add(1, Ordering::Relaxed), !place.takes_bytes());
                let (verdict, seen) = attack(&place, &input).await;
                let mut entered = entered.lock().await;
                let (tally, slow, wrong) = &mut *entered;
                match seen.check(&verdict) {
                    _ if seen.took > SECOND => slow.push(input),
                    Ok(outcome) => {
                        malformed.fetch_add(usize::from(outcome != Outcome::Valid), Ordering::Relaxed);
                        tally.enter(&input.name, outcome, seen.took);
                    }
                    Err(why) => wrong.push(describe(&input, &why, &verdict, &seen)),
                }
                if wrong.len() >= MAX_FAILURES {
                    return;
                }
            }
        });
    }
    attackers.join_all().await;
    let (mut tally, slow, mut wrong) = Arc::into_inner(entered).unwrap().into_inner();
    for input in slow {
        // The machine may be busy with others: alone, a second is enough.
        tally.again += 1;
        let (verdict, seen) = attack(place, &input).await;
        match seen.check(&verdict) {
            Ok(outcome) if seen.took <= SECOND => tally.enter(&input.name, outcome, seen.took),
            Ok(_) => wrong.push(describe(&input, &"it takes more than a second", &verdict, &seen)),
            Err(why) => wrong.push(describe(&input, &why, &verdict, &seen)),
        }
    }
    assert!(wrong.is_empty(), "{}: {} failures:\n{}", place.endpoint, wrong.len(), wrong.join("\n"));
    tally
}

fn describe(input: &Input, why: &dyn std::fmt::Display, verdict: &Verdict, seen: &Seen) -> String {
    let hex: Vec<_> = input.bytes.iter().take(400).map(|byte| format!("{byte:02x}")).collect();
    format!("{}: {why}\n  {}\n  {verdict:?}\n  {seen:?}", input.name, hex.join(" "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_datagrams_do_not_disturb_quic() {
    let road = Road::new("quic", "");
    let (server, place) = serve(&road, Limits::default()).await;
    let healthy = Healthy::start(&server, road.connect(&place.endpoint, "json").await);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut random = Random::new(7);
    for round in 0..1000 {
        let len = 1 + random.below(1400);
        let mut datagram = random.bytes(len);
        if round % 2 == 0 {
            datagram[0] |= 0xc0; // looks like the first packet of a connection (RFC 9000 §17.2)
            datagram.splice(1..1, [0, 0, 0, 1]);
        }
        let _ = socket.send_to(&datagram, place.endpoint.authority().unwrap()).await;
        if round % 100 == 0 {
            healthy.assert_well().await;
        }
    }
    healthy.stop().await;
    timeout(PATIENCE, server.shutdown()).await.unwrap();
}
