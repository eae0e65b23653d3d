//! What Linkspan sets out to reach, and whether it does.

use crate::contenders::Contender;
use crate::load::Load;
use crate::report::Report;
use crate::results::Metric;
use crate::statistics::Spread;

/// One budget.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    pub(crate) subject: Contender,
    pub(crate) load: Load,
    pub(crate) measure: Measure,
    pub(crate) target: Target,
}

/// What is held against the target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Measure {
    /// The value itself.
    Absolute,
    /// CPU time of both processes per operation, to the lowest of these.
    Cpu(&'static [Contender]),
    /// How much more than another's.
    Excess(Contender),
    /// The 99th percentile, to the lowest of these.
    P99(&'static [Contender]),
    /// The value, to the best of these.
    Ratio(&'static [Contender]),
    /// System calls that write, per call.
    Writes,
}

/// Where a median has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

use Contender::{
    Axum, Jsonrpsee, LinkspanPostcard, LinkspanQuic, LinkspanStatic, LinkspanWs, LinkspanWsJson, Raw,
    RawInplace, RawQuic, Tarpc, Tonic,
};
use Target::{AtLeast, AtMost};

impl Budget {
    /// All of them, first those of the baselines.
    pub(crate) fn all() -> Vec<Self> {
        [baselines(), calls(), peers(), bodies_and_notes(), costs()].concat()
    }

    fn new(subject: Contender, load: &str, measure: Measure, target: Target) -> Vec<Self> {
        let load = Load::parse(load).ok();
        load.map(|load| Self { subject, load, measure, target }).into_iter().collect()
    }

    fn to_limit(subject: Contender, load: &str, at_least: f64) -> Vec<Self> {
        Self::new(subject, load, Measure::Ratio(subject.road().limits()), AtLeast(at_least))
    }

    /// What was measured, if it was.
    pub(crate) fn measured(&self, report: &Report) -> Option<Spread> {
        let results = &report.results;
        match self.measure {
            Measure::Absolute => results.spread(self.subject, &self.load, Metric::Value),
            Measure::Cpu(bases) => results.ratios(self.subject, bases, &self.load, Metric::CpuPerMillion),
            Measure::Excess(base) => results.differences(self.subject, &[base], &self.load),
            Measure::P99(bases) => results.ratios(self.subject, bases, &self.load, Metric::P99),
            Measure::Ratio(bases) => results.ratios(self.subject, bases, &self.load, Metric::Value),
            Measure::Writes => Spread::of(report.writes_per_call(self.subject)),
        }
    }

    /// What it is held against, in words.
    pub(crate) fn against(&self) -> String {
        let names = |bases: &[Contender]| {
            let names: Vec<_> = bases.iter().map(|base| base.name()).collect();
            if names.len() > 1 { format!("the better of {}", names.join(", ")) } else { names.concat() }
        };
        match self.measure {
            Measure::Absolute => "KiB".to_owned(),
            Measure::Cpu(bases) => format!("CPU per million of {}", names(bases)),
            Measure::Excess(base) => format!("KiB more than {}", base.name()),
            Measure::P99(bases) => format!("p99 of {}", names(bases)),
            Measure::Ratio(bases) => names(bases),
            Measure::Writes => "writes per call".to_owned(),
        }
    }
}

impl Target {
    pub(crate) fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(target) => value >= target,
            Self::AtMost(target) => value <= target,
        }
    }

    /// How far `value` is above what is asked: from 1 on it is met.
    pub(crate) fn margin(self, value: f64) -> f64 {
        match self {
            Self::AtLeast(target) => value / target,
            // A cost below nothing is as good as the smallest.
            Self::AtMost(target) => target / value.max(target / 100.0),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(target) => write!(f, "≥ {target:.2}"),
            Self::AtMost(target) => write!(f, "≤ {target:.2}"),
        }
    }
}

/// A weak baseline would make every ratio void.
fn baselines() -> Vec<Budget> {
    [
        Budget::new(Raw, "unary-64", Measure::Ratio(&[Tarpc]), AtLeast(10.0)),
        Budget::new(RawInplace, "unary-64", Measure::Ratio(&[Tarpc]), AtLeast(10.0)),
        Budget::new(Raw, "unary-64", Measure::Writes, AtMost(0.2)),
        Budget::new(RawInplace, "unary-64", Measure::Writes, AtMost(0.2)),
    ]
    .concat()
}

fn calls() -> Vec<Budget> {
    let limited = [
        (LinkspanPostcard, [0.90, 1.10, 0.90]),
        (LinkspanWs, [1.0, 1.10, 1.10]),
        (LinkspanQuic, [0.85, 0.85, 0.85]),
    ];
    let mut budgets = Vec::new();
    for (subject, at_least) in limited {
        for (load, at_least) in ["unary-1", "unary-64", "unary-1024"].into_iter().zip(at_least) {
            budgets.extend(Budget::to_limit(subject, load, at_least));
        }
    }
    for (subject, _) in limited {
        let measure = Measure::P99(subject.road().limits());
        budgets.extend(Budget::new(subject, "unary-64", measure, AtMost(1.25)));
    }
    for load in ["unary-1", "unary-64", "unary-1024"] {
        let measure = Measure::Ratio(&[LinkspanStatic]);
        budgets.extend(Budget::new(LinkspanPostcard, load, measure, AtLeast(0.97)));
    }
    budgets
}

fn peers() -> Vec<Budget> {
    let mut budgets = Vec::new();
    for (load, [tarpc, jsonrpsee, tonic]) in [
        ("unary-64", [9.0, 8.0, 20.0]),
        ("unary-1024", [5.0, 6.0, 20.0]),
        ("unary-1", [1.0, 1.0, 1.0]),
        ("unary-64x16", [1.0, 1.0, 1.0]),
    ] {
        budgets.extend(Budget::new(LinkspanPostcard, load, Measure::Ratio(&[Tarpc]), AtLeast(tarpc)));
        budgets.extend(Budget::new(LinkspanWsJson, load, Measure::Ratio(&[Jsonrpsee]), AtLeast(jsonrpsee)));
        budgets.extend(Budget::new(LinkspanPostcard, load, Measure::Ratio(&[Tonic]), AtLeast(tonic)));
    }
    budgets
}

fn bodies_and_notes() -> Vec<Budget> {
    let mut budgets = Vec::new();
    for subject in [LinkspanPostcard, LinkspanWs, LinkspanQuic] {
        for load in ["echo-16k", "echo-1m"] {
            budgets.extend(Budget::to_limit(subject, load, 0.90));
        }
    }
    for subject in [LinkspanPostcard, LinkspanWs] {
        budgets.extend(Budget::to_limit(subject, "push", 0.85));
        budgets.extend(Budget::to_limit(subject, "broadcast", 0.85));
        budgets.extend(Budget::new(subject, "push", Measure::Ratio(&[Axum]), AtLeast(4.0)));
        budgets.extend(Budget::new(subject, "broadcast", Measure::Ratio(&[Axum]), AtLeast(4.0)));
        budgets.extend(Budget::to_limit(subject, "lockstep", 0.90));
    }
    budgets
}

fn costs() -> Vec<Budget> {
    [
        Budget::new(LinkspanPostcard, "memory", Measure::Absolute, AtMost(6.0)),
        Budget::new(LinkspanWs, "memory", Measure::Absolute, AtMost(8.0)),
        Budget::new(LinkspanQuic, "memory", Measure::Excess(RawQuic), AtMost(10.0)),
        // With a processor to itself each costs what it takes; on two, what callers and drivers cost each other shows here.
        Budget::new(LinkspanPostcard, "unary-64x16", Measure::Cpu(&[Tarpc]), AtMost(1.0)),
        Budget::new(LinkspanPostcard, "unary-64x16", Measure::Cpu(&[Tonic]), AtMost(1.0)),
        Budget::new(LinkspanWsJson, "unary-64x16", Measure::Cpu(&[Jsonrpsee]), AtMost(1.0)),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::results;

    fn report(runs: &[(Contender, &str, usize, f64)]) -> Report {
        Report { results: results(runs), ..Report::new("test") }
    }

    #[test]
    fn every_budget_names_loads_that_its_contenders_can_do() {
        assert_eq!(Budget::all().len(), 4 + 9 + 3 + 3 + 12 + 6 + 10 + 6);
        for budget in Budget::all() {
            let bases = match &budget.measure {
                Measure::Excess(base) => vec![*base],
                Measure::Cpu(bases) | Measure::P99(bases) | Measure::Ratio(bases) => bases.to_vec(),
                Measure::Absolute | Measure::Writes => Vec::new(),
            };
            assert_eq!(budget.subject.cannot(budget.load.kind), None, "{budget:?}");
            let able = bases.iter().filter(|base| base.cannot(budget.load.kind).is_none()).count();
            assert!(able > 0 || bases.is_empty(), "{budget:?}");
        }
    }

    #[test]
    fn the_limit_over_tcp_is_the_better_of_two() {
        let report = report(&[
            (Raw, "unary-64", 0, 100.0),
            (RawInplace, "unary-64", 0, 200.0),
            (LinkspanPostcard, "unary-64", 0, 230.0),
        ]);
        let budget = &Budget::to_limit(LinkspanPostcard, "unary-64", 1.1)[0];
        let spread = budget.measured(&report).unwrap();
        assert_eq!(spread.median, 1.15);
        assert!(budget.target.is_met_by(spread.median));
        assert_eq!(budget.against(), "the better of raw, raw-inplace");
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let budgets = Budget::all();
        assert!(budgets.iter().all(|budget| budget.measured(&report(&[])).is_none()));
    }

    #[test]
    fn margins_grow_with_what_is_better() {
        assert_eq!(AtLeast(0.5).margin(1.0), 2.0);
        assert_eq!(AtMost(6.0).margin(3.0), 2.0);
        assert_eq!(AtMost(6.0).margin(-1.0), 100.0);
        assert!(AtMost(6.0).is_met_by(-1.0) && !AtMost(6.0).is_met_by(6.1));
    }
}
