//! What a connection keeps that called once and then does nothing: the heap of both its sides, client and server.

use std::fmt::Write;

use linkspan::Client;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::loads::Failure;
use crate::support::{PATIENCE, Road};

/// The most that a connection may keep at both sides, in bytes and in pieces of memory. What there is now, and 3 % more.
const BOUNDS: [(&str, usize, usize); 2] = [("tcp", 8_530, 49), ("ws", 9_230, 54)];
/// Connections before the measured ones: what the process has anyway is there then.
const WARM_UP: usize = 50;
/// Connections that are measured. Enough that a table which grows with them does not matter.
const MEASURED: usize = 400;

#[linkspan::service]
trait Greeter {
    async fn greet(&self, number: u64) -> u64;
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, number: u64) -> u64 {
        number + 1
    }
}

/// Appends to `wrong` the roads whose connections keep more than they may.
pub(crate) fn check(wrong: &mut String) {
    for (scheme, most_bytes, most_blocks) in BOUNDS {
        let (bytes, blocks) = measure(scheme).unwrap();
        println!("{:<15} {bytes:>7} bytes in {blocks} pieces", format!("idle-{scheme}"));
        if bytes > most_bytes || blocks > most_blocks {
            writeln!(
                wrong,
                "idle-{scheme}: {bytes} bytes in {blocks} pieces, not {most_bytes} in {most_blocks}"
            )
            .unwrap();
        }
    }
}

/// Bytes and pieces that each of [`MEASURED`] connections keeps.
fn measure(scheme: &str) -> Result<(usize, usize), Failure> {
    let profiler = super::testing();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let counted = runtime.block_on(async {
        let counting = async {
            let road = Road::new(scheme, "idle");
            let server = road.server().service(GreeterServer::new(Polite)).start().await?;
            let endpoint = server.endpoints().first().ok_or("no endpoint")?.clone();
            let url = endpoint.with_option("codec", "postcard").to_string();
            let mut clients = Vec::with_capacity(WARM_UP + MEASURED);
            connect(&road, &url, WARM_UP, &mut clients).await?;
            let before = dhat::HeapStats::get();
            connect(&road, &url, MEASURED, &mut clients).await?;
            let after = dhat::HeapStats::get();
            let per_connection = |before: usize, after: usize| after.saturating_sub(before) / MEASURED;
            Ok::<_, Failure>((
                per_connection(before.curr_bytes, after.curr_bytes),
                per_connection(before.curr_blocks, after.curr_blocks),
            ))
        };
        timeout(PATIENCE, counting).await
    })?;
    drop(profiler);
    counted
}

/// Makes `count` connections that work: each has called.
async fn connect(road: &Road, url: &str, count: usize, clients: &mut Vec<Client>) -> Result<(), Failure> {
    let builder = road.client();
    for _ in 0..count {
        let client = builder.clone().connect(url).await?;
        if GreeterClient::new(&client).greet(1).await? != 2 {
            return Err("the answer is wrong".into());
        }
        clients.push(client);
    }
    // What an answer leaves to be done is done before its tasks have nothing else to do.
    for _ in 0..YIELDS {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// More than a task needs for its last steps.
const YIELDS: usize = 100;
