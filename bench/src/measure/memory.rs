//! What an idle connection keeps resident at the server.

use std::time::Duration;

use tokio::task::JoinSet;

use super::calls::Multiply;
use super::{Measured, Timing, Work};
use crate::Failure;
use crate::contenders::Caller;
use crate::load::Load;
use crate::process::memory;

pub(crate) async fn run<C: Caller>(address: &str, load: &Load, timing: &Timing) -> Result<Measured, Failure> {
    let server = timing.server.ok_or("whose memory? name the server's process")?;
    let first = connect::<C>(address.to_owned()).await?; // what the process has anyway
    tokio::time::sleep(SETTLE).await;
    let before = memory::resident(server)?;
    let mut idle = Vec::with_capacity(load.connections);
    let mut connecting = JoinSet::new();
    while idle.len() < load.connections {
        while connecting.len() < AT_ONCE && idle.len() + connecting.len() < load.connections {
            connecting.spawn(connect::<C>(address.to_owned()));
        }
        idle.push(connecting.join_next().await.ok_or("nobody connects")???);
    }
    tokio::time::sleep(SETTLE).await;
    let after = memory::resident(server)?;
    drop((first, idle));
    Ok(Measured {
        operations: load.connections as u64,
        operations_ever: load.connections as u64 + 1,
        resident_bytes: Some((after as f64 - before as f64) / load.connections as f64),
        ..Measured::default()
    })
}

/// A connection that works: it has called.
async fn connect<C: Caller>(address: String) -> Result<C, Failure> {
    let caller = C::connect(&address).await?;
    Multiply::new(caller.clone()).work(1).await?;
    Ok(caller)
}

/// For what still runs after an answer, such as giving buffers back.
const SETTLE: Duration = Duration::from_millis(400);
/// Few, so that what handshakes need at once is not what is measured.
const AT_ONCE: usize = 16;
