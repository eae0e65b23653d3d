//! Which figures there are.

use super::Report;
use super::figure::{Cell, Column, Figure, Group, Row, Scale};
use super::svg::Tone;
use super::tables::amount;
use crate::budget::{Budget, Target};
use crate::contenders::{Contender, Family, Road};
use crate::load::Load;
use crate::results::Metric;
use crate::statistics::Spread;

/// What one figure shows.
struct Plot {
    name: &'static str,
    title: &'static str,
    loads: &'static [&'static str],
    metric: Metric,
    scale: Scale,
}

const PLOTS: &[Plot] = &[
    Plot::values(
        "unary",
        "Calls per second, both processes on one core",
        &["unary-1", "unary-64", "unary-1024"],
    ),
    Plot::values(
        "unary-unpinned",
        "Calls per second on every core",
        &["unary-1-unpinned", "unary-64-unpinned", "unary-1024-unpinned", "unary-64x16"],
    ),
    Plot {
        scale: Scale::Linear,
        ..Plot::values(
            "echo",
            "Large bodies there and back, both processes on one core",
            &["echo-16k", "echo-1m"],
        )
    },
    Plot {
        scale: Scale::Linear,
        ..Plot::values("echo-unpinned", "Large bodies there and back on every core", &["echo-16k-unpinned"])
    },
    Plot::values("push", "Notes per second, both processes on one core", &["push", "broadcast", "lockstep"]),
    Plot::values("push-unpinned", "Notes per second on every core", &["push-unpinned", "broadcast-unpinned"]),
    Plot {
        metric: Metric::P99,
        ..Plot::values(
            "p99",
            "99th percentile of a call, both processes on one core",
            &["unary-1", "unary-64", "unary-1024"],
        )
    },
    Plot {
        metric: Metric::CpuPerMillion,
        ..Plot::values(
            "cpu",
            "CPU seconds of both processes per million calls, on one core",
            &["unary-1", "unary-64", "unary-1024"],
        )
    },
    Plot::values("connections", "Connecting, and what an idle connection holds", &["connect", "memory"]),
];

impl Plot {
    const fn values(name: &'static str, title: &'static str, loads: &'static [&'static str]) -> Self {
        Self { name, title, loads, metric: Metric::Value, scale: Scale::Logarithmic }
    }

    fn figure(&self, report: &Report) -> Option<Figure> {
        let ran = report.results.loads();
        let loads: Vec<_> = ran.into_iter().filter(|load| self.loads.contains(&load.name)).collect();
        let columns: Vec<_> = loads.iter().map(|load| self.column(load)).collect();
        let groups: Vec<_> = Road::ALL.iter().filter_map(|road| self.group(report, *road, &loads)).collect();
        if columns.is_empty() || groups.is_empty() {
            return None;
        }
        let scale = match self.scale {
            Scale::Linear => "",
            Scale::Logarithmic => "; logarithmic, a line for each power of ten",
        };
        let note = format!(
            "Median of {} repetitions, min..max as a line, ratio to what is written by hand on the same road{scale}",
            report.results.repetitions()
        );
        let (title, scale) = (self.title.to_owned(), self.scale);
        Some(Figure { title, note, scale, names: 130.0, mark: None, columns, groups })
    }

    fn column(&self, load: &Load) -> Column {
        let less = load.counts_cost() || self.metric != Metric::Value;
        let unit = match self.metric {
            Metric::CpuPerMillion => "s",
            Metric::P99 => "µs",
            Metric::Value => load.unit(),
        };
        let better = if less { "less" } else { "more" };
        Column { title: load.title.to_owned(), unit: format!("{unit}, {better} is better") }
    }

    fn group(&self, report: &Report, road: Road, loads: &[Load]) -> Option<Group> {
        let rows =
            Contender::ALL.iter().filter(|contender| contender.road() == road).filter_map(|&contender| {
                let cells: Vec<_> = loads.iter().map(|load| self.cell(report, contender, load)).collect();
                let is_there = cells.iter().any(Option::is_some);
                is_there.then(|| Row { name: contender.name().to_owned(), tone: tone(contender), cells })
            });
        let rows: Vec<_> = rows.collect();
        (!rows.is_empty()).then(|| Group { title: road.name().to_owned(), rows })
    }

    fn cell(&self, report: &Report, contender: Contender, load: &Load) -> Option<Cell> {
        let spread = report.results.spread(contender, load, self.metric)?;
        let ratio = report.results.ratios(contender, contender.road().limits(), load, self.metric);
        let remark = ratio.map_or(String::new(), |ratio| format!("{:.2}x", ratio.median));
        Some(Cell { spread, value: amount(spread.median), remark })
    }
}

fn tone(contender: Contender) -> Tone {
    match contender.family() {
        Family::ByHand => Tone::ByHand,
        Family::Linkspan => Tone::Linkspan,
        Family::Peer => Tone::Peer,
    }
}

/// The figures for which something was measured, with their names.
pub(super) fn all(report: &Report) -> Vec<(&'static str, String)> {
    let plots = PLOTS.iter().filter_map(|plot| Some((plot.name, plot.figure(report)?.draw())));
    plots.chain(budgets(report).map(|figure| ("budgets", figure.draw()))).collect()
}

/// How far every budget is from its target.
fn budgets(report: &Report) -> Option<Figure> {
    let all = Budget::all();
    let judged: Vec<_> = all.iter().filter_map(|budget| Some((budget, budget.measured(report)?))).collect();
    let group = |road: Road| {
        let rows: Vec<_> = judged
            .iter()
            .filter(|(budget, _)| budget.subject.road() == road)
            .map(|(budget, spread)| budget_row(budget, *spread))
            .collect();
        (!rows.is_empty()).then(|| Group { title: road.name().to_owned(), rows })
    };
    let groups: Vec<_> = Road::ALL.iter().filter_map(|road| group(*road)).collect();
    let column = Column {
        title: "how much better than the target".to_owned(),
        unit: "met from the dark line on; logarithmic".to_owned(),
    };
    let repetitions = report.results.repetitions();
    let figure = Figure {
        title: "Budgets".to_owned(),
        note: format!("Median of {repetitions} repetitions, min..max as a line; red is not met"),
        scale: Scale::Logarithmic,
        names: 480.0,
        mark: Some(1.0),
        columns: vec![column],
        groups,
    };
    (!judged.is_empty()).then_some(figure)
}

fn budget_row(budget: &Budget, spread: Spread) -> Row {
    let ends = [spread.min, spread.max].map(|value| budget.target.margin(value));
    let median = budget.target.margin(spread.median);
    let [min, max] = if matches!(budget.target, Target::AtLeast(_)) { ends } else { [ends[1], ends[0]] };
    let is_met = budget.target.is_met_by(spread.median);
    Row {
        name: format!("{} · {} · {}", budget.load.name, budget.subject.name(), budget.against()),
        tone: if is_met { tone(budget.subject) } else { Tone::Missed },
        cells: vec![Some(Cell {
            spread: Spread { median, min, max, count: spread.count },
            value: format!("{:.2}", spread.median),
            remark: budget.target.to_string(),
        })],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::results;

    #[test]
    fn plots_name_loads_that_exist() {
        for plot in PLOTS {
            for load in plot.loads {
                assert!(Load::parse(load).is_ok(), "{load}");
            }
        }
    }

    #[test]
    fn only_what_was_measured_is_plotted() {
        let mut report = Report::new("test");
        assert!(all(&report).is_empty());
        report.results = results(&[
            (Contender::Raw, "unary-64", 0, 100.0),
            (Contender::LinkspanPostcard, "unary-64", 0, 90.0),
        ]);
        let names: Vec<_> = all(&report).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["unary", "p99", "budgets"]);
    }

    #[test]
    fn a_budget_that_is_missed_stands_out() {
        let mut report = Report::new("test");
        report.results = results(&[
            (Contender::Raw, "unary-64", 0, 100.0),
            (Contender::LinkspanPostcard, "unary-64", 0, 90.0),
        ]);
        let drawn = budgets(&report).unwrap().draw();
        assert!(drawn.contains(r#"<rect class="missed""#), "{drawn}");
        assert!(drawn.contains(">unary-64 · linkspan-postcard · the better of raw, raw-inplace<"), "{drawn}");
    }
}
