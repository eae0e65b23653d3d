//! A server and its clients in one thread, each in a runtime of its own, that take turns. So what happens is the same each
//! time, and the instructions of the two can be told apart.

use std::future::poll_fn;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use crate::loads::{Failure, Load};

/// How often the scheduler of a half polls its IO in one turn: to read, to write, and once for a driver that lets the ready
/// tasks go first.
const ROUNDS: usize = 3;
/// So that a measurement ends even if nothing happens.
const MAX_TURNS: usize = 1_000_000;

#[derive(Debug)]
pub(crate) struct Halves {
    server: Runtime,
    client: Runtime,
}

impl Halves {
    pub(crate) fn new() -> Result<Self, Failure> {
        let runtime = || Builder::new_current_thread().enable_all().build();
        Ok(Self { server: runtime()?, client: runtime()? })
    }

    /// Sets a load up, warms it, and has `units` of it measured.
    pub(crate) fn run(&self, load: Load, scheme: &str, warm_up: usize, units: usize) -> Result<(), Failure> {
        let play = load.play(scheme, self.server.handle(), self.client.handle());
        let mut play = self.turns(pin!(play))??;
        self.turns(pin!(play.window(warm_up)))??;
        measured_window(self, pin!(play.window(units)))
    }

    /// Lets the halves take turns until `future`, which is polled by the client's, is ready.
    fn turns<F: Future>(&self, mut future: Pin<&mut F>) -> Result<F::Output, Failure> {
        for _ in 0..MAX_TURNS {
            if let Some(output) = client_half(&self.client, future.as_mut()) {
                return Ok(output);
            }
            server_half(&self.server);
        }
        Err("nothing happens any more".into())
    }
}

/// Callgrind counts while this function runs, by its name.
#[inline(never)]
fn measured_window<F: Future<Output = Result<(), Failure>>>(
    halves: &Halves,
    window: Pin<&mut F>,
) -> Result<(), Failure> {
    black_box(halves.turns(window)?)
}

/// The report tells the halves apart by the names of this function and the next.
#[inline(never)]
fn client_half<F: Future>(runtime: &Runtime, mut future: Pin<&mut F>) -> Option<F::Output> {
    black_box(runtime.block_on(async {
        for _ in 0..ROUNDS {
            if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
                return Some(output);
            }
            yield_now().await;
        }
        None
    }))
}

#[inline(never)]
fn server_half(runtime: &Runtime) {
    black_box(runtime.block_on(async {
        for _ in 0..ROUNDS {
            yield_now().await;
        }
    }));
}
