//! How often calls and pushes allocate, and how much an idle connection keeps: both sides together, every thread of the
//! process, reallocations too.
//!
//! `cargo test --test allocations -- --nocapture` prints the figures; with `LINKSPAN_PROFILE=unary-tcp` it measures that path
//! alone and says where it allocates.

#![cfg(all(feature = "memory", feature = "tcp", feature = "websocket", feature = "quic"))]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod idle;
#[path = "../cost/benches/cost/loads.rs"]
mod loads;
mod sites;
#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write;
use std::path::Path;

use loads::{Failure, Load};
use support::{PATIENCE, Road};
use tokio::runtime::{Builder, Handle};
use tokio::time::timeout;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Every path that is measured, and how often it allocates per call, or per note that arrived; without a number, it is
/// reported. The goal of unary calls on tcp and ws is 0.
const PATHS: [(Load, &str, Option<f64>); 12] = [
    (Load::Unary, "mem", Some(0.0)),
    (Load::Unary, "tcp", Some(0.0)),
    (Load::Unary, "ws", Some(0.0)),
    (Load::Unary, "quic", None),
    (Load::OneWay, "tcp", Some(0.0)),
    (Load::Push, "tcp", Some(0.0)),
    (Load::Push, "ws", Some(0.0)),
    (Load::Push, "quic", None),
    (Load::Broadcast, "tcp", Some(1.07)),
    (Load::Echo, "tcp", Some(8.38)),
    (Load::Echo, "ws", Some(8.38)),
    (Load::Echo, "quic", None),
];
/// What a path may allocate less or more than that: buffers grow until they are large enough, not always at the same moment.
const TOLERANCE: f64 = 0.02;
/// How much more a unary call may allocate on several threads, where chance decides how many of them one read brings.
const SEVERAL_THREADS: f64 = 0.2;
/// Calls of the measured window, and before it.
const CALLS: usize = 10_000;
const WARM_UP: usize = 2_000;
/// Large calls of the measured window: they take longer.
const ECHOES: usize = 1_000;
/// Names the path that is to be measured alone, with where it allocates.
const PROFILE: &str = "LINKSPAN_PROFILE";

/// One test, since it counts what the whole process does.
#[test]
fn a_path_allocates_as_often_as_the_table_says() {
    if let Ok(path) = std::env::var(PROFILE) {
        return profile(&path);
    }
    let mut wrong = String::new();
    for (load, scheme, allowed) in PATHS {
        let per_unit = measure(load, scheme, Builder::new_current_thread(), testing);
        println!("{:<15} {per_unit:>7.3} allocations", name(load, scheme));
        if let Some(allowed) =
            allowed.filter(|allowed| (per_unit - allowed).abs() > TOLERANCE.max(allowed / 100.0))
        {
            let change = if per_unit > allowed { "more" } else { "less: tighten the table" };
            writeln!(wrong, "{}: {per_unit:.3}, not {allowed}; that is {change}", name(load, scheme))
                .unwrap();
        }
    }
    for (load, scheme, allowed) in PATHS {
        let Some(allowed) = allowed.filter(|_| load == Load::Unary) else { continue };
        let per_unit = measure(load, scheme, Builder::new_multi_thread(), testing);
        println!("{:<15} {per_unit:>7.3} allocations on several threads", name(load, scheme));
        if per_unit > allowed + SEVERAL_THREADS {
            writeln!(wrong, "{}: {per_unit:.3} on several threads, not {allowed}", name(load, scheme))
                .unwrap();
        }
    }
    idle::check(&mut wrong);
    assert!(wrong.is_empty(), "\n{wrong}{PROFILE}=path says where; the table is in {}", file!());
}

fn name(load: Load, scheme: &str) -> String {
    format!("{}-{scheme}", load.name())
}

/// The counts alone; few frames, since each allocation takes a backtrace.
fn testing() -> dhat::Profiler {
    dhat::Profiler::builder().testing().trim_backtraces(Some(4)).build()
}

fn profile(path: &str) {
    let known = PATHS.into_iter().find(|(load, scheme, _)| name(*load, scheme) == path);
    let (load, scheme, _) = known.expect("a path of the table");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocations.json");
    let start = || dhat::Profiler::builder().file_name(&file).trim_backtraces(Some(48)).build();
    let per_unit = measure(load, scheme, Builder::new_current_thread(), start);
    println!("{path}: {per_unit:.3} allocations");
    print!("{}", sites::read(&file, units(load)).unwrap());
    println!("whole profile, for the viewer of valgrind's DHAT: {}", file.display());
}

fn units(load: Load) -> usize {
    let calls = if load == Load::Echo { ECHOES } else { CALLS };
    calls.next_multiple_of(load.multiple())
}

/// Allocations per unit of `load`, from the moment that its tasks are let go to the moment that all is done.
fn measure(load: Load, scheme: &str, mut runtime: Builder, start: impl FnOnce() -> dhat::Profiler) -> f64 {
    let runtime = runtime.enable_all().build().unwrap();
    let counted = async {
        let mut play = load.play(scheme, &Handle::current(), &Handle::current()).await?;
        play.window(WARM_UP.min(units(load)).next_multiple_of(load.multiple())).await?;
        let profiler = start();
        play.window(units(load)).await?;
        let counted = dhat::HeapStats::get().total_blocks;
        drop(profiler);
        Ok::<_, Failure>(counted)
    };
    let counted = runtime.block_on(async { timeout(PATIENCE, counted).await });
    match counted.map_err(Failure::from).flatten() {
        Ok(counted) => counted as f64 / units(load) as f64,
        Err(failure) => panic!("{}: {failure}", name(load, scheme)),
    }
}
