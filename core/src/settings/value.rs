//! Values of settings: what they are in code, and how they are written.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Misfit, duration, size};
use crate::Endpoint;

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingKind {
    /// A number of bytes: `65536`, or `"64 KiB"`.
    Bytes,
    /// One of these names: `"one"`.
    Choice(&'static [&'static str]),
    /// A whole number.
    Count,
    /// A duration: `"250ms"`, `"10s"`, `"2m"` or `"1h"`.
    Duration,
    /// An endpoint: `"tcp://127.0.0.1:7001"`.
    Endpoint,
    /// A list of endpoints.
    Endpoints,
    /// `true` or `false`.
    Flag,
    /// A path of a file.
    Path,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
}

impl SettingKind {
    /// What a value of this kind is called, with its article.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "a size",
            Self::Choice(_) => "one of several names",
            Self::Count => "a whole number",
            Self::Duration => "a duration",
            Self::Endpoint => "an endpoint",
            Self::Endpoints => "a list of endpoints",
            Self::Flag => "true or false",
            Self::Path => "a path",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
        }
    }

    /// How a value of this kind is written, for somebody who wrote it otherwise.
    pub fn example(self) -> &'static str {
        match self {
            Self::Bytes => r#"a number of bytes, "64 KiB" or "4 MiB""#,
            Self::Choice(names) => names.first().copied().unwrap_or_default(),
            Self::Count => "digits without quotes",
            Self::Duration => r#""250ms", "10s" or "2m""#,
            Self::Endpoint => r#""tcp://127.0.0.1:7001""#,
            Self::Endpoints => r#"["tcp://127.0.0.1:7001"]"#,
            Self::Flag => "it without quotes",
            Self::Path => r#"it in quotes, as in "server.pem""#,
            Self::Text => "it in quotes",
            Self::Texts => r#"["one", "two"]"#,
        }
    }
}

/// A setting's value. `Display` writes it as a TOML file has it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SettingValue {
    /// A number of bytes.
    Bytes(u64),
    /// One of several names.
    Choice(&'static str),
    /// A whole number.
    Count(u64),
    /// A duration.
    Duration(Duration),
    /// An endpoint, or none.
    Endpoint(Option<Endpoint>),
    /// A list of endpoints.
    Endpoints(Vec<Endpoint>),
    /// True or false.
    Flag(bool),
    /// A path, or none.
    Path(Option<PathBuf>),
    /// A text, or none.
    Text(Option<String>),
    /// A list of texts.
    Texts(Vec<String>),
}

impl SettingValue {
    /// False for a value that is absent: a file does not have it.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Endpoint(None) | Self::Path(None) | Self::Text(None))
    }

    pub(super) fn counted_as(self, kind: SettingKind) -> Self {
        match (self, kind) {
            (Self::Bytes(number) | Self::Count(number), SettingKind::Bytes) => Self::Bytes(number),
            (Self::Bytes(number) | Self::Count(number), SettingKind::Count) => Self::Count(number),
            (other, _) => other,
        }
    }

    pub(super) fn is_within(&self, low: &Self, high: &Self) -> bool {
        match (self, low, high) {
            (Self::Bytes(value), Self::Bytes(low), Self::Bytes(high))
            | (Self::Count(value), Self::Count(low), Self::Count(high)) => (low..=high).contains(&value),
            (Self::Duration(value), Self::Duration(low), Self::Duration(high)) => {
                (low..=high).contains(&value)
            }
            _ => true,
        }
    }
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(number) => match size::to_text(*number) {
                text if text.ends_with(" B") => write!(f, "{number}"),
                text => write!(f, "\"{text}\""),
            },
            Self::Choice(name) => write!(f, "{name:?}"),
            Self::Count(number) => write!(f, "{number}"),
            Self::Duration(value) => match duration::to_text(*value) {
                Some(text) => write!(f, "\"{text}\""),
                None => write!(f, "{value:?}"),
            },
            Self::Endpoint(Some(endpoint)) => write!(f, "{:?}", endpoint.to_string()),
            Self::Endpoints(list) => {
                write!(f, "{:?}", list.iter().map(ToString::to_string).collect::<Vec<_>>())
            }
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Path(Some(path)) => write!(f, "{:?}", path.display().to_string()),
            Self::Text(Some(text)) => write!(f, "{text:?}"),
            Self::Texts(list) => write!(f, "{list:?}"),
            Self::Endpoint(None) | Self::Path(None) | Self::Text(None) => f.write_str("none"),
        }
    }
}

/// A type that a field of settings may have.
pub trait SettingType: Sized {
    /// What its ranges are made of.
    type Bound;
    /// Its kind, unless the table says otherwise.
    const KIND: SettingKind;

    /// The field as a value of `kind`.
    fn to_value(&self, kind: SettingKind) -> SettingValue;

    /// The field of a value.
    ///
    /// # Errors
    /// The value is of another kind, or too large for this type.
    fn from_value(name: &'static str, value: SettingValue) -> Result<Self, Misfit>;

    /// A bound as a value.
    fn bound(bound: Self::Bound) -> SettingValue;
}

macro_rules! numbers {
    ($($type:ty),+) => {
        $(impl SettingType for $type {
            type Bound = u64;
            const KIND: SettingKind = SettingKind::Count;

            fn to_value(&self, kind: SettingKind) -> SettingValue {
                SettingValue::Count(u64::try_from(*self).unwrap_or(u64::MAX)).counted_as(kind)
            }

            fn from_value(name: &'static str, value: SettingValue) -> Result<Self, Misfit> {
                match value {
                    SettingValue::Bytes(number) | SettingValue::Count(number) => Self::try_from(number)
                        .map_err(|_| Misfit::new(name, format!("{number} is too large for this machine"))),
                    other => Err(of_another_kind(name, &other, SettingKind::Count)),
                }
            }

            fn bound(bound: u64) -> SettingValue {
                SettingValue::Count(bound)
            }
        })+
    };
}

numbers!(u32, u64, usize);

macro_rules! others {
    ($($type:ty: $kind:ident),+ $(,)?) => {
        $(impl SettingType for $type {
            type Bound = Self;
            const KIND: SettingKind = SettingKind::$kind;

            fn to_value(&self, _: SettingKind) -> SettingValue {
                SettingValue::$kind(self.clone())
            }

            fn from_value(name: &'static str, value: SettingValue) -> Result<Self, Misfit> {
                match value {
                    SettingValue::$kind(value) => Ok(value),
                    other => Err(of_another_kind(name, &other, SettingKind::$kind)),
                }
            }

            fn bound(bound: Self) -> SettingValue {
                SettingValue::$kind(bound)
            }
        })+
    };
}

others! {
    Duration: Duration,
    Option<Endpoint>: Endpoint,
    Option<PathBuf>: Path,
    Option<String>: Text,
    Vec<Endpoint>: Endpoints,
    Vec<String>: Texts,
    bool: Flag,
}

fn of_another_kind(name: &'static str, value: &SettingValue, kind: SettingKind) -> Misfit {
    Misfit::new(name, wrong(kind, value))
}

/// That `given` is not of `kind`, and what to write instead.
pub(super) fn wrong(kind: SettingKind, given: impl fmt::Display) -> String {
    if let SettingKind::Choice(names) = kind {
        let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
        return format!("{given} is not known here; write {}", names.join(" or "));
    }
    format!("{given} is not {}; write {}", kind.name(), kind.example())
}

/// The value of `kind` that `text` is written for; none if it is none.
pub(super) fn from_text(kind: SettingKind, text: &str) -> Result<SettingValue, String> {
    let shown = || format!("{:?}", text.chars().take(80).collect::<String>());
    match kind {
        SettingKind::Bytes => size::parse(text).map(SettingValue::Bytes).ok_or_else(|| wrong(kind, shown())),
        SettingKind::Choice(names) => match names.iter().find(|name| **name == text) {
            Some(name) => Ok(SettingValue::Choice(name)),
            None => Err(wrong(kind, shown())),
        },
        SettingKind::Duration => {
            duration::parse(text).map(SettingValue::Duration).ok_or_else(|| wrong(kind, shown()))
        }
        SettingKind::Endpoint => {
            let endpoint: Endpoint = text.parse().map_err(|error: crate::Error| error.to_string())?;
            Ok(SettingValue::Endpoint(Some(endpoint)))
        }
        SettingKind::Path => Ok(SettingValue::Path(Some(text.into()))),
        SettingKind::Text => Ok(SettingValue::Text(Some(text.to_owned()))),
        SettingKind::Count | SettingKind::Endpoints | SettingKind::Flag | SettingKind::Texts => {
            Err(wrong(kind, shown()))
        }
    }
}
