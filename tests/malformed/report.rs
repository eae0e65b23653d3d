//! What came of many inputs, as a table a person can read.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::attack::Outcome;

/// The inputs of one road.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    outcomes: BTreeMap<Outcome, usize>,
    slowest: (Duration, String),
    /// Inputs that took more than a second beside others, and were tried again alone.
    pub(crate) again: usize,
}

impl Tally {
    pub(crate) fn enter(&mut self, name: &str, outcome: Outcome, took: Duration) {
        *self.outcomes.entry(outcome).or_default() += 1;
        if took > self.slowest.0 {
            self.slowest = (took, name.to_owned());
        }
    }

    /// Inputs that broke a rule.
    pub(crate) fn malformed(&self) -> usize {
        let broken = self.outcomes.iter().filter(|(outcome, _)| **outcome != Outcome::Valid);
        broken.map(|(_, count)| count).sum()
    }

    pub(crate) fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:6} malformed:", self.malformed())?;
        for (outcome, count) in &self.outcomes {
            match outcome {
                Outcome::Closed(code) => write!(f, " {code}: {count}")?,
                Outcome::Ended => write!(f, " ended: {count}")?,
                Outcome::Failed => write!(f, " typed failure: {count}")?,
                Outcome::Valid => write!(f, " (valid: {count})")?,
            }
        }
        let (took, name) = &self.slowest;
        write!(f, "; {} tried again alone; slowest {} ms: {name}", self.again, took.as_millis())
    }
}
