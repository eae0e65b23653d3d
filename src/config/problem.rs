//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;
use std::path::Path;

use serde::de::{Expected, Unexpected};

use super::node::Origin;

/// Something that is wrong, on its way up from where it was found.
#[derive(Debug)]
pub(super) struct Problem {
    origin: Option<Origin>,
    /// The keys that lead there, innermost first.
    path: Vec<String>,
    message: String,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { origin: None, path: Vec::new(), message: message.into() }
    }

    /// The same, found at `origin` unless it was found further in.
    pub(super) fn at(mut self, origin: &Origin) -> Self {
        self.origin.get_or_insert_with(|| origin.clone());
        self
    }

    /// The same, found inside the value of `key`.
    pub(super) fn inside(mut self, key: &str) -> Self {
        self.path.push(key.to_owned());
        self
    }

    /// The same, found at `path`.
    pub(super) fn below(self, path: &[&str]) -> Self {
        path.iter().rev().fold(self, |problem, key| problem.inside(key))
    }

    /// What an application is told: `linkspan.toml:14: limits.call_timeout: …`.
    pub(super) fn describe(&self, file: Option<&Path>) -> String {
        let file = file.map(Path::display);
        let place = match (self.origin.as_ref().unwrap_or(&Origin::Unknown), file) {
            (Origin::Line(line), Some(file)) => format!("{file}:{line}: "),
            (Origin::Line(line), None) => format!("line {line}: "),
            (Origin::Variable(name), _) => format!("{name}: "),
            (Origin::Unknown, Some(file)) => format!("{file}: "),
            (Origin::Unknown, None) => String::new(),
        };
        format!("{place}{self}")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, key) in self.path.iter().rev().enumerate() {
            match key.parse::<usize>() {
                Ok(index) => write!(f, "[{index}]")?,
                Err(_) if depth == 0 => f.write_str(key)?,
                Err(_) => write!(f, ".{key}")?,
            }
        }
        if !self.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl serde::de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(given: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("{given} stands where {expected} is expected"))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(match nearest(field, known) {
            Some(near) => format!("unknown key; did you mean `{near}`?"),
            None => format!("unknown key; known: {}", known.join(", ")),
        })
    }
}

/// The name of `known` that somebody who wrote `given` may have meant.
pub(super) fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let given = given.to_ascii_lowercase().replace('-', "_");
    let distances = known.iter().map(|name| (strsim::osa_distance(&given, name), *name));
    let (distance, name) = distances.min()?;
    // Chosen by trying: a third of the letters still reads as the same word.
    (distance <= name.len() / 3).then_some(name)
}
