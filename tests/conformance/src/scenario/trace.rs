//! What each observer saw, in order.

use std::collections::BTreeMap;

use crate::broken::Broken;

/// What each observer saw, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trace(BTreeMap<String, Vec<String>>);

impl Trace {
    /// `observer` saw `what`.
    pub(super) fn add(&mut self, observer: impl Into<String>, what: impl Into<String>) {
        self.0.entry(observer.into()).or_default().push(what.into());
    }

    /// Adds everything of `other`.
    pub(super) fn append(&mut self, other: Self) {
        for (observer, mut seen) in other.0 {
            self.0.entry(observer).or_default().append(&mut seen);
        }
    }

    /// Holds what was seen against this trace.
    ///
    /// # Errors
    /// The first difference.
    pub(super) fn compare(&self, seen: &Self) -> Result<(), Broken> {
        for observer in self.0.keys().chain(seen.0.keys()) {
            let empty = Vec::new();
            let wanted = self.0.get(observer).unwrap_or(&empty);
            let got = seen.0.get(observer).unwrap_or(&empty);
            let len = wanted.len().max(got.len());
            if let Some(at) = (0..len).find(|&at| wanted.get(at) != got.get(at)) {
                let show = |trace: &[String]| trace.get(at).cloned().unwrap_or_else(|| "nothing".into());
                return Err(Broken::new(format!(
                    "{observer} saw `{}` as number {at}, where `{}` is right",
                    show(got),
                    show(wanted)
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_difference_is_found_in_either_direction() {
        let mut one = Trace::default();
        one.add("hook", "open");
        let mut two = one.clone();
        two.add("hook", "closed");
        assert!(one.compare(&one).is_ok());
        assert!(one.compare(&two).unwrap_err().to_string().contains("`closed` as number 1"));
        assert!(two.compare(&one).unwrap_err().to_string().contains("`nothing`"));
    }
}
