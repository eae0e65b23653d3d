//! How often calls and pushes allocate: both sides together, every thread of the process, reallocations too.
//!
//! `cargo test --test allocations -- --nocapture` prints the figures; with `LINKSPAN_PROFILE=unary-tcp` it measures that path
//! alone and says where it allocates.

#![cfg(all(feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[path = "../cost/benches/cost/loads.rs"]
mod loads;
mod sites;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write;

use loads::{Failure, Load};
use support::{PATIENCE, Road};
use tokio::runtime::{Builder, Handle};
use tokio::time::timeout;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Every path that is measured, and how often it may allocate per call, or per note that arrived; without a number, it is
/// reported.
const PATHS: [(Load, &str, Option<f64>); 12] = [
    (Load::Unary, "mem", Some(0.0)),
    (Load::Unary, "tcp", Some(0.0)),
    (Load::Unary, "ws", Some(0.0)),
    (Load::Unary, "quic", None),
    (Load::OneWay, "tcp", Some(0.0)),
    (Load::Push, "tcp", Some(0.0)),
    (Load::Push, "ws", Some(0.0)),
    (Load::Push, "quic", None),
    (Load::Broadcast, "tcp", Some(0.0)),
    (Load::Echo, "tcp", Some(0.0)),
    (Load::Echo, "ws", Some(0.0)),
    (Load::Echo, "quic", None),
];
/// What a path may allocate less or more than it says: buffers grow until they are large enough, and that is not every time
/// at the same moment.
const TOLERANCE: f64 = 0.01;
/// Calls of the measured window, and before it.
const CALLS: usize = 10_000;
const WARM_UP: usize = 2_000;
/// Measures one path, and says where it allocates.
const PROFILE: &str = "LINKSPAN_PROFILE";

/// One test, since it counts what the whole process does.
#[test]
fn a_path_allocates_as_often_as_the_table_says() {
    let profiled = std::env::var(PROFILE).ok();
    let mut wrong = String::new();
    for (load, scheme, allowed) in PATHS {
        let path = format!("{}-{scheme}", load.name());
        if let Some(profiled) = &profiled {
            if path == *profiled {
                return profile(load, scheme);
            }
            continue;
        }
        let per_unit = measure(load, scheme, testing).unwrap_or_else(|failure| panic!("{path}: {failure}"));
        println!("{path:<15} {per_unit:>7.3} allocations");
        if let Some(allowed) = allowed.filter(|allowed| (per_unit - allowed).abs() > TOLERANCE) {
            let change = if per_unit > allowed { "more" } else { "less: tighten it" };
            writeln!(wrong, "{path}: {per_unit:.3}, and the table says {allowed}; that is {change}").unwrap();
        }
    }
    assert!(profiled.is_none(), "no path is called {profiled:?}");
    assert!(wrong.is_empty(), "\n{wrong}{PROFILE}=path says where; the table is in {}", file!());
}

/// The counts alone; few frames, since each allocation takes a backtrace.
fn testing() -> dhat::Profiler {
    dhat::Profiler::builder().testing().trim_backtraces(Some(4)).build()
}

fn profile(load: Load, scheme: &str) {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocations.json");
    let start = || dhat::Profiler::builder().file_name(&file).trim_backtraces(Some(48)).build();
    let per_unit = measure(load, scheme, start).unwrap();
    println!("{} {scheme}: {per_unit:.3} allocations", load.name());
    print!("{}", sites::read(&file, units(load)).unwrap());
    println!("whole profile, for the viewer of valgrind's DHAT: {}", file.display());
}

fn units(load: Load) -> usize {
    CALLS.next_multiple_of(load.multiple())
}

/// Allocations per unit of `load` between the moment its tasks are let go and the moment all is done.
fn measure(load: Load, scheme: &str, start: impl FnOnce() -> dhat::Profiler) -> Result<f64, Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(timeout(PATIENCE, async {
        let mut play = load.play(scheme, &Handle::current(), &Handle::current()).await?;
        play.window(WARM_UP.next_multiple_of(load.multiple())).await?;
        let profiler = start();
        play.window(units(load)).await?;
        let counted = dhat::HeapStats::get().total_blocks;
        drop(profiler);
        Ok(counted as f64 / units(load) as f64)
    }))?
}
