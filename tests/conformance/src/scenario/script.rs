//! What happens in a scenario, and the one trace that is right for it.

use linkspan_core::{Close, CloseCode};

use super::trace::Trace;
use crate::rng::Rng;

/// A scenario: epochs of one connection each.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) epochs: Vec<Epoch>,
}

/// From a connect to a close.
#[derive(Clone, Debug)]
pub(super) struct Epoch {
    pub(super) number: u64,
    /// What each actor does. Actors run at once; the acts of one follow each other.
    pub(super) actors: Vec<Vec<Act>>,
    pub(super) close: Close,
    pub(super) closed_by_server: bool,
}

/// One act of an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A call that never ends, dropped once its handler began.
    Cancel,
    /// A call answered with so many characters, after yielding or not.
    Call { len: u32, yields: bool },
    /// A call that ends with the method's own error.
    Fail { len: u32 },
    /// A call whose handler pushes before it returns.
    Push { count: u32, len: u32 },
    /// Pushes from outside of every handler.
    PushOutside { count: u32, len: u32 },
    /// A one-way call whose handler pushes.
    Tell { count: u32, len: u32 },
    /// A call of a method that is not there.
    Unknown,
}

impl Script {
    /// The scenario of `seed` with `steps` acts.
    pub(super) fn new(seed: u64, steps: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut epochs = Vec::new();
        let mut left = steps;
        while left > 0 {
            let acts = (20 + rng.below(40)).min(left);
            left -= acts;
            let mut actors = vec![Vec::new(); ACTORS];
            for _ in 0..acts {
                let at = usize::try_from(rng.below(ACTORS as u64)).unwrap_or(0);
                let act = Act::random(&mut rng);
                actors.iter_mut().skip(at).take(1).for_each(|actor| actor.push(act.clone()));
            }
            let code = [1000, 1500, 2500, 3000].into_iter().nth(usize::try_from(rng.below(4)).unwrap_or(0));
            let reason = format!("end of epoch {}", epochs.len());
            epochs.push(Epoch {
                number: epochs.len() as u64,
                actors,
                close: Close::new(CloseCode::from_number(code.unwrap_or(1000)), reason),
                closed_by_server: rng.below(2) == 0,
            });
        }
        Self { epochs }
    }

    /// What every observer must see.
    pub(super) fn trace(&self) -> Trace {
        let mut trace = Trace::default();
        for epoch in &self.epochs {
            trace.add(epoch.hook(), "connected");
            trace.add(epoch.hook(), closed(&epoch.close));
            trace.add(epoch.client(), closed(&epoch.close));
            for (actor, acts) in (0u64..).zip(&epoch.actors) {
                let mut note = 0;
                for (index, act) in (0u64..).zip(acts) {
                    act.trace(epoch.call(actor, index), epoch.source(actor), &mut note, &mut trace);
                }
            }
        }
        trace
    }
}

impl Epoch {
    /// The number of an actor's call, unique in the scenario.
    pub(super) fn call(&self, actor: u64, index: u64) -> u64 {
        self.number << 24 | actor << 16 | index
    }

    /// The source of an actor's notes, unique in the scenario.
    pub(super) fn source(&self, actor: u64) -> u32 {
        u32::try_from(self.number << 8 | actor).unwrap_or(u32::MAX)
    }

    /// How many notes arrive.
    pub(super) fn notes(&self) -> u64 {
        self.actors.iter().flatten().map(|act| u64::from(act.notes())).sum()
    }

    pub(super) fn hook(&self) -> String {
        format!("hook of epoch {}", self.number)
    }

    pub(super) fn client(&self) -> String {
        format!("client of epoch {}", self.number)
    }
}

impl Act {
    fn random(rng: &mut Rng) -> Self {
        let len = match rng.below(24) {
            0 => 16_000 + u32::try_from(rng.below(30_000)).unwrap_or(0),
            _ => u32::try_from(rng.below(300)).unwrap_or(0),
        };
        let count = 1 + u32::try_from(rng.below(4)).unwrap_or(0);
        match rng.below(10) {
            0..=2 => Self::Call { len, yields: rng.below(2) == 0 },
            3 => Self::Fail { len },
            4..=5 => Self::Push { count, len },
            6 => Self::PushOutside { count, len },
            7 => Self::Tell { count, len },
            8 => Self::Cancel,
            _ => Self::Unknown,
        }
    }

    /// How many notes it makes.
    pub(super) fn notes(&self) -> u32 {
        match self {
            Self::Push { count, .. } | Self::PushOutside { count, .. } | Self::Tell { count, .. } => *count,
            _ => 0,
        }
    }

    fn trace(&self, call: u64, source: u32, note: &mut u64, trace: &mut Trace) {
        let (outcome, handler): (Option<String>, &[&str]) = match self {
            Self::Cancel => (None, &["started", "dropped"]),
            Self::Call { len, .. } => (Some(answered(call, *len as usize)), &["started", "finished"]),
            Self::Fail { len } => (Some(refused(call, *len as usize)), &["started", "finished"]),
            Self::Push { .. } => (Some(answered(call, 0)), &["started", "finished"]),
            Self::PushOutside { .. } => (None, &[]),
            Self::Tell { .. } => (None, &["started", "finished"]),
            Self::Unknown => (Some("unimplemented (did not run)".to_owned()), &[]),
        };
        if let Some(outcome) = outcome {
            trace.add(caller(call), outcome);
        }
        for &seen in handler {
            trace.add(handler_of(call), seen);
        }
        for _ in 0..self.notes() {
            trace.add(reader(source), format!("note {note}"));
            *note += 1;
        }
    }
}

pub(super) fn caller(call: u64) -> String {
    format!("caller of {call:#x}")
}

pub(super) fn handler_of(call: u64) -> String {
    format!("handler of {call:#x}")
}

pub(super) fn reader(source: u32) -> String {
    format!("reader of source {source:#x}")
}

pub(super) fn answered(call: u64, len: usize) -> String {
    format!("answer of {call:#x} with {len} characters")
}

pub(super) fn refused(call: u64, len: usize) -> String {
    format!("refusal of {call:#x} with {len} characters")
}

pub(super) fn closed(close: &Close) -> String {
    close.to_string()
}

/// Tasks at once.
const ACTORS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_makes_the_same_scenario() {
        let (one, again, other) = (Script::new(7, 200), Script::new(7, 200), Script::new(8, 200));
        assert!(one.trace().compare(&again.trace()).is_ok());
        assert!(one.trace().compare(&other.trace()).is_err());
        let acts: usize = one.epochs.iter().flat_map(|epoch| &epoch.actors).map(Vec::len).sum();
        assert_eq!(acts, 200);
    }

    #[test]
    fn twenty_seeds_hold_every_kind_of_act() {
        let epochs = (0..20).flat_map(|seed| Script::new(seed, 200).epochs);
        let acts: Vec<Act> = epochs.flat_map(|epoch| epoch.actors.concat()).collect();
        let kinds: std::collections::HashSet<_> = acts.iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 7);
    }
}
