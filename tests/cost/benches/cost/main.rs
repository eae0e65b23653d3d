//! What calls and pushes cost, in instructions: unlike times, they are the same on a busy machine.
//!
//! `cargo bench -p linkspan-cost` measures every path under callgrind and compares with `instructions.toml`; an argument
//! selects paths by a part of their name, and `--top 40` shows the functions that cost the most.

mod callgrind;
mod halves;
mod loads;
#[path = "../../../support/require.rs"]
mod require;
mod road;
mod table;

use std::fs;
use std::process::ExitCode;

use callgrind::Profile;
use halves::Halves;
use loads::{Failure, Load};
use road::Road;
use table::{Sides, Table};

/// Every path that is measured: the load, the road, and the units of the measured window.
const PATHS: [(Load, &str, usize); 9] = [
    (Load::Unary, "mem", 6_400),
    (Load::Unary, "tcp", 6_400),
    (Load::Unary, "ws", 6_400),
    (Load::OneWay, "tcp", 6_400),
    (Load::Push, "tcp", 6_400),
    (Load::Push, "ws", 6_400),
    (Load::Broadcast, "tcp", 8_000),
    (Load::Echo, "tcp", 640),
    (Load::Echo, "ws", 640),
];
/// Makes this program do the work instead of measuring it.
const INSIDE: &str = "--inside";
/// The function whose instructions count, with all that it calls.
const MEASURED: &str = "measured_window";
/// What a heap allocation ends in.
const ALLOCATORS: [&str; 5] = ["aligned_alloc", "calloc", "malloc", "posix_memalign", "realloc"];
/// Functions that are shown where something became dearer.
const SHOWN: usize = 12;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    let result = match arguments.first().map(String::as_str) {
        Some(INSIDE) => work(arguments.get(1).map_or("", String::as_str)),
        Some("--top") => {
            let shown = arguments.get(1).and_then(|many| many.parse().ok()).unwrap_or(SHOWN);
            arguments.drain(..arguments.len().min(2));
            measure(&arguments, shown)
        }
        _ => measure(&arguments, 0),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn name(load: Load, scheme: &str) -> String {
    format!("{} {scheme}", load.name())
}

/// Does the work of a path, under callgrind.
fn work(path: &str) -> Result<(), Failure> {
    let known = PATHS.into_iter().find(|(load, scheme, _)| name(*load, scheme) == path);
    let (load, scheme, units) = known.ok_or("no such path")?;
    let warm_up = (units / 4).next_multiple_of(load.multiple());
    Halves::new()?.run(load, scheme, warm_up, units)
}

/// How a figure stands to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Cheaper,
    Dearer,
    New,
    Same,
}

impl Verdict {
    fn of(before: Sides, now: Sides, tolerance: f64) -> Self {
        let changes = [change(before.client, now.client), change(before.server, now.server)];
        if changes.iter().any(|change| *change > tolerance) {
            Self::Dearer
        } else if changes.iter().any(|change| *change < -tolerance) {
            Self::Cheaper
        } else {
            Self::Same
        }
    }
}

/// In percent.
fn change(before: u64, now: u64) -> f64 {
    100.0 * (now as f64 - before as f64) / before.max(1) as f64
}

fn measure(parts: &[String], shown: usize) -> Result<(), Failure> {
    let Some(valgrind) = require::program("valgrind", "apt-get install valgrind") else {
        return Ok(());
    };
    let (mut table, bless) = (Table::read()?, std::env::var_os("LINKSPAN_BLESS").is_some());
    let directory = require::target().join("cost");
    fs::create_dir_all(&directory)?;
    let mut failures = Vec::new();
    for (load, scheme, units) in PATHS {
        let path = name(load, scheme);
        if !parts.is_empty() && !parts.iter().any(|part| path.contains(part.as_str())) {
            continue;
        }
        let file = directory.join(format!("{}.callgrind", path.replace(' ', "-")));
        let program = std::env::current_exe()?;
        let profile = callgrind::run(&valgrind, &program, &[INSIDE, &path], MEASURED, &file)?;
        let now = sides(&profile, units as u64);
        let before = table.instructions.get(&path).copied();
        let verdict = before.map_or(Verdict::New, |before| Verdict::of(before, now, table.tolerance));
        println!("{}", line(&path, before, now, &profile, units));
        if shown > 0 || (verdict != Verdict::Same && !bless) {
            show(&profile, units, shown.max(SHOWN));
            println!("    whole profile: callgrind_annotate --inclusive=yes {}", file.display());
        }
        if bless {
            table.instructions.insert(path, now);
        } else if verdict != Verdict::Same {
            failures.push(format!("{path}: {verdict:?}"));
        }
    }
    if bless {
        table.rustc = table::rustc()?;
        return table.write();
    }
    if failures.is_empty() { Ok(()) } else { Err(complaint(&failures, &table)?.into()) }
}

fn sides(profile: &Profile, units: u64) -> Sides {
    Sides {
        client: profile.inclusive("client_half") / units,
        server: profile.inclusive("server_half") / units,
    }
}

fn line(path: &str, before: Option<Sides>, now: Sides, profile: &Profile, units: usize) -> String {
    let allocations: u64 = ALLOCATORS.iter().map(|name| profile.count(name)).sum();
    let side = |now: u64, before: Option<u64>| match before {
        Some(before) => format!("{now:>6} ({:+5.1} % of {before})", change(before, now)),
        None => format!("{now:>6} (new)"),
    };
    format!(
        "{path:<14} {:>7} instructions: client {}, server {}; {:.2} allocations",
        now.client + now.server,
        side(now.client, before.map(|before| before.client)),
        side(now.server, before.map(|before| before.server)),
        allocations as f64 / units as f64,
    )
}

fn show(profile: &Profile, units: usize, many: usize) {
    println!("    of {} per unit, by function and without what it calls:", profile.total() / units as u64);
    for function in profile.top(many) {
        println!("    {:>9.1} {}", function.own as f64 / units as f64, function.name);
    }
}

fn complaint(failures: &[String], table: &Table) -> Result<String, Failure> {
    let (file, now, before) = (table::file(), table::rustc()?, &table.rustc);
    let mut text = format!("not within {} % of {}:\n", table.tolerance, file.display());
    for failure in failures {
        text += &format!("  {failure}\n");
    }
    if now != *before {
        text +=
            &format!("The figures are of {before}; this is {now}, and that alone may be the difference.\n");
    }
    text += "Compare the functions above with those of a build without your change (`--top 40` shows them for every path).\n";
    text += "If it has to be so: LINKSPAN_BLESS=1 cargo bench -p linkspan-cost";
    Ok(text)
}
