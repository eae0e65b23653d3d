//! Settings as tables: one entry per setting, from which the struct, its checks, its file format and its documentation
//! follow.
//!
//! [`settings!`](crate::settings!) declares a struct of settings. What it knows about each of them ([`Setting`]) is plain
//! data, so that a configuration file, a JSON Schema and a page of documentation say the same as the code.

pub mod duration;
mod read;
pub mod size;
mod table;
mod value;

pub use read::{deserialize, deserialize_value, serialize};
pub use value::{SettingKind, SettingType, SettingValue};

#[doc(hidden)]
pub use serde;

use std::fmt;
use std::ops::RangeInclusive;

/// A struct that [`settings!`](crate::settings!) declared.
pub trait Settings: Clone + Default + 'static {
    /// The struct's name.
    const NAME: &'static str;
    /// The settings' names, in the order of the table.
    const NAMES: &'static [&'static str];

    /// What is known about each setting, in the order of the table.
    fn settings() -> &'static [Setting];

    /// The value of the setting called `name`; none if there is no such setting.
    fn value(&self, name: &str) -> Option<SettingValue>;

    /// Sets the setting called `name`. A name that is not of this struct changes nothing.
    ///
    /// # Errors
    /// The value is not of the setting's kind, or out of its range.
    fn set(&mut self, name: &'static str, value: SettingValue) -> Result<(), Misfit>;

    /// Checks each setting, and how they fit together.
    ///
    /// # Errors
    /// The first that does not fit.
    fn fits(&self) -> Result<(), Misfit>;
}

/// What is known about one setting.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name: the field's, and the key's in files.
    pub name: &'static str,
    /// Its documentation in Markdown, the first paragraph a summary.
    pub documentation: String,
    /// What kind of value it takes.
    pub kind: SettingKind,
    /// Its value unless another is given.
    pub default: SettingValue,
    /// The least and the greatest value it takes, if they are bounded.
    pub range: Option<(SettingValue, SettingValue)>,
}

impl Setting {
    /// A setting of type `T`, as [`settings!`](crate::settings!) describes it: `lines` are those of its doc comment.
    pub fn new<T: SettingType>(name: &'static str, lines: &[&str], default: &T) -> Self {
        let lines: Vec<_> = lines.iter().map(|line| line.trim()).collect();
        // Links of rustdoc lead nowhere outside of it.
        let documentation = lines.join("\n").replace("[`", "`").replace("`]", "`");
        let default = default.to_value(T::KIND);
        Self { name, documentation, kind: T::KIND, default, range: None }
    }

    /// The same, counted as `kind`: a number may be one of bytes.
    #[must_use]
    pub fn counted_as(mut self, kind: SettingKind) -> Self {
        self.default = self.default.counted_as(kind);
        self.kind = kind;
        self
    }

    /// The same, bounded.
    #[must_use]
    pub fn within<T: SettingType>(mut self, range: RangeInclusive<T::Bound>) -> Self {
        let (low, high) = range.into_inner();
        self.range = Some((T::bound(low).counted_as(self.kind), T::bound(high).counted_as(self.kind)));
        self
    }

    /// The first paragraph of its documentation, as one line.
    pub fn summary(&self) -> String {
        let paragraph = self.documentation.split("\n\n").next().unwrap_or_default();
        paragraph.replace('\n', " ")
    }

    /// Checks that `value` is in range.
    ///
    /// # Errors
    /// It is not, and what is.
    pub fn check(&self, value: &SettingValue) -> Result<(), Misfit> {
        match &self.range {
            Some((low, high)) if !value.is_within(low, high) => {
                Err(Misfit::new(self.name, format!("{value} is out of range; it must be {low} to {high}")))
            }
            _ => Ok(()),
        }
    }
}

/// A setting that does not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    setting: &'static str,
    reason: String,
}

impl Misfit {
    /// That `setting` does not fit: `reason` says what it is, and what to write instead.
    pub fn new(setting: &'static str, reason: impl Into<String>) -> Self {
        Self { setting, reason: reason.into() }
    }

    /// The setting's name.
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// What it is, and what it must be.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.reason)
    }
}

impl std::error::Error for Misfit {}

impl From<Misfit> for crate::Error {
    fn from(misfit: Misfit) -> Self {
        Self::configuration(misfit.to_string())
    }
}

#[cfg(test)]
mod tests;
