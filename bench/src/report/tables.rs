//! Markdown. Writing to a string cannot fail, so what that returns says nothing.

use std::fmt::Write;

use super::Report;
use crate::budget::Budget;
use crate::contenders::{Contender, Road};
use crate::load::{Kind, Load, Pace, Place};
use crate::results::{Metric, Run};
use crate::statistics::Spread;

/// Everything: the budgets first.
pub(super) fn all(report: &Report) -> String {
    let repetitions = report.results.repetitions();
    let mut text = format!("# {}: {repetitions} repetitions\n\n{}.\n", report.name, report.machine);
    budgets(report, &mut text);
    writes(report, &mut text);
    for load in report.results.loads() {
        of_load(report, &load, &mut text);
    }
    not_done(&mut text);
    if !report.failures.is_empty() {
        text.push_str("\n## Failed\n\n");
        for failure in &report.failures {
            let _ = writeln!(text, "- {failure}");
        }
    }
    text
}

fn budgets(report: &Report, text: &mut String) {
    let all = Budget::all();
    let judged: Vec<_> = all.iter().filter_map(|budget| Some((budget.measured(report)?, budget))).collect();
    let met = judged.iter().filter(|(spread, budget)| budget.target.is_met_by(spread.median)).count();
    let missing = all.len() - judged.len();
    let _ = write!(
        text,
        "\n## Budgets: {met} of {} met{}\n\nMedians of ratios, each taken within a repetition.\n\n\
         | contender | load | against | target | median | min..max | |\n|---|---|---|---:|---:|---:|---|\n",
        judged.len(),
        if missing > 0 { format!(", {missing} not measured") } else { String::new() },
    );
    for (spread, budget) in judged {
        let is_met = budget.target.is_met_by(spread.median);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.2} | {:.2}..{:.2} | {} |",
            budget.subject.name(),
            budget.load.name,
            budget.against(),
            budget.target,
            spread.median,
            spread.min,
            spread.max,
            if is_met { "met" } else { "**NOT met**" },
        );
    }
}

fn writes(report: &Report, text: &mut String) {
    if report.writes.is_empty() {
        return;
    }
    text.push_str(
        "\n## Writes per call at 64 in flight on one core\n\n\
         System calls that write, counted by strace in a run of its own.\n\n\
         | contender | client | server | both |\n|---|---:|---:|---:|\n",
    );
    for writes in &report.writes {
        let (client, server) = (writes.client_per_call, writes.server_per_call);
        let name = writes.contender.name();
        let _ = writeln!(text, "| {name} | {client:.3} | {server:.3} | {:.3} |", client + server);
    }
}

fn of_load(report: &Report, load: &Load, text: &mut String) {
    let place = match load.place {
        Place::Anywhere => "on every core",
        Place::OneCore => "both processes on one core",
    };
    let _ = writeln!(text, "\n## `{}`: {}, {place}, in {}", load.name, load.title, load.unit());
    for &road in Road::ALL {
        let able = |contender: &Contender| contender.road() == road && report.results.has(*contender, load);
        let contenders: Vec<_> = Contender::ALL.iter().copied().filter(able).collect();
        if contenders.is_empty() {
            continue;
        }
        let peers: Vec<_> =
            Contender::PEERS.iter().copied().filter(|peer| report.results.has(*peer, load)).collect();
        let names: String = peers.iter().map(|peer| format!(" of {} |", peer.name())).collect();
        let rules = "---:|".repeat(peers.len());
        let limits: Vec<_> = road.limits().iter().map(|limit| limit.name()).collect();
        let _ = writeln!(
            text,
            "\n| {} | median | min..max | of {} | min..max |{names} p50 µs | p99 µs | client CPU µs | server CPU µs |\n\
             |---|---:|---:|---:|---:|{rules}---:|---:|---:|---:|",
            road.name(),
            limits.join(", "),
        );
        for contender in contenders {
            let _ = writeln!(text, "{}", row(report, load, contender, &peers));
        }
    }
}

fn row(report: &Report, load: &Load, contender: Contender, peers: &[Contender]) -> String {
    let results = &report.results;
    let value = results.spread(contender, load, Metric::Value);
    let limit = results.ratios(contender, contender.road().limits(), load, Metric::Value);
    let of_peers: String = peers
        .iter()
        .map(|peer| {
            format!(" {} |", median(results.ratios(contender, &[*peer], load, Metric::Value), 2, "x"))
        })
        .collect();
    let of_runs = |ask: &dyn Fn(&Run) -> Option<f64>| Spread::of(results.of(contender, load).filter_map(ask));
    let cpu = |side: &dyn Fn(&Run) -> f64| {
        of_runs(&|run| run.cpu_per_million.is_some().then(|| run.measured.per_million(side(run))))
    };
    format!(
        "| {} | {} | {} | {} | {} |{of_peers} {} | {} | {} | {} |",
        contender.name(),
        value.map_or("-".to_owned(), |spread| amount(spread.median)),
        value.map_or("-".to_owned(), |spread| format!("{}..{}", amount(spread.min), amount(spread.max))),
        median(limit, 2, "x"),
        limit.map_or("-".to_owned(), |spread| format!("{:.2}..{:.2}", spread.min, spread.max)),
        median(of_runs(&|run| run.p50), 1, ""),
        median(of_runs(&|run| run.p99), 1, ""),
        median(cpu(&|run| run.measured.client_cpu_seconds), 2, ""),
        median(cpu(&|run| run.measured.server_cpu_seconds), 2, ""),
    )
}

fn not_done(text: &mut String) {
    text.push_str("\n## Not done\n\n");
    let kinds = [
        ("calls and echoes", Kind::Unary),
        ("notes", Kind::Notes(Pace::Saturated)),
        ("connecting", Kind::Connect),
        ("idle memory", Kind::Memory),
    ];
    for (what, kind) in kinds {
        for contender in Contender::ALL {
            if let Some(reason) = contender.cannot(kind) {
                let _ = writeln!(text, "- {what} by {}: {reason}.", contender.name());
            }
        }
    }
}

fn median(spread: Option<Spread>, decimals: usize, unit: &str) -> String {
    spread.map_or("-".to_owned(), |spread| format!("{:.decimals$}{unit}", spread.median))
}

/// A number with as many digits as mean something.
pub(super) fn amount(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2}M", value / 1e6),
        size if size >= 1e4 => format!("{:.0}k", value / 1e3),
        size if size >= 1e3 => format!("{:.1}k", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Writes;
    use crate::results::tests::results;

    #[test]
    fn budgets_stand_first_and_each_road_has_a_table_of_its_own() {
        let mut report = Report::new("test");
        report.results = results(&[
            (Contender::Raw, "unary-64", 0, 1_500_000.0),
            (Contender::Tarpc, "unary-64", 0, 100_000.0),
            (Contender::LinkspanPostcard, "unary-64", 0, 1_200_000.0),
            (Contender::RawWs, "unary-64", 0, 900_000.0),
        ]);
        report.writes.push(Writes {
            contender: Contender::Raw,
            client_per_call: 0.05,
            server_per_call: 0.06,
        });
        let text = all(&report);
        for line in [
            "| raw | unary-64 | tarpc | ≥ 10.00 | 15.00 | 15.00..15.00 | met |",
            "| raw | unary-64 | writes per call | ≤ 0.20 | 0.11 | 0.11..0.11 | met |",
            "| linkspan-postcard | unary-64 | the better of raw, raw-inplace | ≥ 1.10 | 0.80 | 0.80..0.80 | **NOT met** |",
            "| TCP | median | min..max | of raw, raw-inplace | min..max | of tarpc |",
            "| tarpc | 100k | 100k..100k | 0.07x | 0.07..0.07 | 1.00x |",
            "| WebSocket | median |",
            "- notes by tarpc: its servers cannot speak first.",
        ] {
            assert!(text.contains(line), "no {line} in {text}");
        }
        assert!(!text.contains("| QUIC | median |"), "{text}");
    }

    #[test]
    fn amounts_keep_two_or_three_digits() {
        let shown = [2.345, 23.45, 234.5, 2345.0, 23_450.0, 2_345_000.0].map(amount);
        assert_eq!(shown, ["2.35", "23.4", "234", "2.3k", "23k", "2.35M"].map(str::to_owned));
    }
}
