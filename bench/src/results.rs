//! Runs, and what can be asked about them: values, and ratios taken within a repetition.

use serde::{Deserialize, Serialize};

use crate::contenders::Contender;
use crate::load::Load;
use crate::measure::Measured;
use crate::statistics::Spread;

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) contender: Contender,
    pub(crate) load: String,
    pub(crate) repetition: usize,
    pub(crate) value: f64,
    pub(crate) unit: String,
    /// Microseconds, where an operation has a beginning that the client knows.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    /// CPU seconds of both processes per million operations.
    pub(crate) cpu_per_million: Option<f64>,
    /// Which loop written by hand did best in this repetition, and the ratio to it.
    pub(crate) limit: Option<Contender>,
    pub(crate) ratio_to_limit: Option<f64>,
    pub(crate) measured: Measured,
}

/// What to ask of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    CpuPerMillion,
    P99,
    Value,
}

impl Run {
    pub(crate) fn new(contender: Contender, load: &Load, repetition: usize, measured: Measured) -> Self {
        let cpu_seconds = measured.client_cpu_seconds + measured.server_cpu_seconds;
        Self {
            contender,
            load: load.name.to_owned(),
            repetition,
            value: measured.value(load),
            unit: load.unit().to_owned(),
            p50: measured.p50_micros,
            p99: measured.p99_micros,
            cpu_per_million: (cpu_seconds > 0.0).then(|| measured.per_million(cpu_seconds)),
            limit: None,
            ratio_to_limit: None,
            measured,
        }
    }

    fn metric(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::CpuPerMillion => self.cpu_per_million,
            Metric::P99 => self.p99,
            Metric::Value => Some(self.value),
        }
    }
}

/// All runs of an invocation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Results(Vec<Run>);

impl Results {
    pub(crate) fn add(&mut self, run: Run) {
        self.0.push(run);
    }

    /// The loads that were run, in the order of the tables.
    pub(crate) fn loads(&self) -> Vec<Load> {
        let ran = |load: &&Load| self.0.iter().any(|run| run.load == load.name);
        Load::ALL.iter().filter(ran).copied().collect()
    }

    pub(crate) fn repetitions(&self) -> usize {
        self.0.iter().map(|run| run.repetition + 1).max().unwrap_or(0)
    }

    pub(crate) fn has(&self, contender: Contender, load: &Load) -> bool {
        self.of(contender, load).next().is_some()
    }

    /// The runs of `contender` under `load`.
    pub(crate) fn of<'a>(&'a self, contender: Contender, load: &'a Load) -> impl Iterator<Item = &'a Run> {
        self.0.iter().filter(move |run| run.contender == contender && run.load == load.name)
    }

    pub(crate) fn spread(&self, contender: Contender, load: &Load, metric: Metric) -> Option<Spread> {
        Spread::of(self.of(contender, load).filter_map(|run| run.metric(metric)))
    }

    /// `metric` of `contender` to that of the best of `bases`, repetition by repetition.
    pub(crate) fn ratios(
        &self,
        contender: Contender,
        bases: &[Contender],
        load: &Load,
        metric: Metric,
    ) -> Option<Spread> {
        self.compared((contender, bases), load, metric, |own, base| own / base)
    }

    /// By how much `metric` of `contender` exceeds that of the best of `bases`, repetition by repetition.
    pub(crate) fn differences(
        &self,
        contender: Contender,
        bases: &[Contender],
        load: &Load,
    ) -> Option<Spread> {
        self.compared((contender, bases), load, Metric::Value, |own, base| own - base)
    }

    fn compared(
        &self,
        (contender, bases): (Contender, &[Contender]),
        load: &Load,
        metric: Metric,
        compare: fn(f64, f64) -> f64,
    ) -> Option<Spread> {
        Spread::of(self.of(contender, load).filter_map(|run| {
            let (_, base) = self.best(bases, load, metric, run.repetition)?;
            Some(compare(run.metric(metric)?, base))
        }))
    }

    fn best(
        &self,
        bases: &[Contender],
        load: &Load,
        metric: Metric,
        repetition: usize,
    ) -> Option<(Contender, f64)> {
        let beats = match metric {
            Metric::Value if !load.counts_cost() => f64::gt,
            _ => f64::lt,
        };
        let runs =
            bases.iter().flat_map(|base| self.of(*base, load)).filter(|run| run.repetition == repetition);
        let values = runs.filter_map(|run| Some((run.contender, run.metric(metric)?)));
        values.reduce(|best, other| if beats(&other.1, &best.1) { other } else { best })
    }

    /// Tells each run its ratio to the limit of its road.
    pub(crate) fn compare_to_limits(&mut self) {
        let limits: Vec<_> = self
            .0
            .iter()
            .map(|run| {
                let load = Load::parse(&run.load).ok()?;
                self.best(run.contender.road().limits(), &load, Metric::Value, run.repetition)
            })
            .collect();
        for (run, limit) in self.0.iter_mut().zip(limits) {
            run.limit = limit.map(|(contender, _)| contender);
            run.ratio_to_limit = limit.map(|(_, value)| run.value / value);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Results with these values.
    pub(crate) fn results(runs: &[(Contender, &str, usize, f64)]) -> Results {
        let mut results = Results::default();
        for &(contender, load, repetition, value) in runs {
            let load = Load::parse(load).unwrap();
            let measured = Measured { p99_micros: Some(1e6 / value), ..Measured::default() };
            results.add(Run { value, ..Run::new(contender, &load, repetition, measured) });
        }
        results.compare_to_limits();
        results
    }

    const TCP: &[Contender] = &[Contender::Raw, Contender::RawInplace];

    #[test]
    fn ratios_are_taken_within_a_repetition_to_the_best_of_it() {
        let results = results(&[
            (Contender::Raw, "unary-64", 0, 100.0),
            (Contender::RawInplace, "unary-64", 0, 80.0),
            (Contender::Tarpc, "unary-64", 0, 50.0),
            (Contender::Raw, "unary-64", 1, 10.0),
            (Contender::RawInplace, "unary-64", 1, 20.0),
            (Contender::Tarpc, "unary-64", 1, 20.0),
        ]);
        let load = Load::parse("unary-64").unwrap();
        let ratios = results.ratios(Contender::Tarpc, TCP, &load, Metric::Value).unwrap();
        assert_eq!((ratios.min, ratios.median, ratios.max), (0.5, 0.75, 1.0));
        let p99 = results.ratios(Contender::Tarpc, TCP, &load, Metric::P99).unwrap();
        assert_eq!((p99.min, p99.max), (1.0, 2.0));
        assert_eq!(results.ratios(Contender::Tarpc, &[Contender::Tonic], &load, Metric::Value), None);
        assert_eq!(results.repetitions(), 2);
        let limits: Vec<_> = results.of(Contender::Tarpc, &load).map(|run| run.limit).collect();
        assert_eq!(limits, [Some(Contender::Raw), Some(Contender::RawInplace)]);
        assert_eq!(results.of(Contender::Raw, &load).last().unwrap().ratio_to_limit, Some(0.5));
    }

    #[test]
    fn of_costs_the_least_is_the_best() {
        let results = results(&[
            (Contender::Raw, "memory", 0, 6.0),
            (Contender::RawInplace, "memory", 0, 5.0),
            (Contender::LinkspanPostcard, "memory", 0, 2.5),
        ]);
        let load = Load::parse("memory").unwrap();
        let ratios = results.ratios(Contender::LinkspanPostcard, TCP, &load, Metric::Value).unwrap();
        assert_eq!(ratios.median, 0.5);
        let more = results.differences(Contender::LinkspanPostcard, TCP, &load).unwrap();
        assert_eq!(more.median, -2.5);
    }

    #[test]
    fn results_survive_their_file() {
        let results = results(&[(Contender::Raw, "unary-1", 0, 3.0)]);
        let text = serde_json::to_string(&results).unwrap();
        assert!(
            text.contains(
                r#""contender":"raw","load":"unary-1","repetition":0,"value":3.0,"unit":"calls/s""#
            ),
            "{text}"
        );
        let back: Results = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }
}
