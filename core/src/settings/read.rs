//! Settings through serde. What is wrong with a value is said while it is read, where a reader still knows the line.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{Error as _, SerializeMap, Serializer};

use super::value::{from_text, wrong};
use super::{Setting, SettingKind, SettingValue, Settings, duration};

/// Writes `settings` as a map: durations as texts, sizes as numbers of bytes, and nothing for what is absent.
///
/// # Errors
/// Those of the serializer; a duration that is no whole number of milliseconds.
pub fn serialize<T: Settings, S: Serializer>(settings: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let values: Vec<_> = T::settings()
        .iter()
        .filter_map(|setting| Some((setting.name, settings.value(setting.name)?)))
        .filter(|(_, value)| value.is_present())
        .collect();
    let mut map = serializer.serialize_map(Some(values.len()))?;
    for (name, value) in values {
        map.serialize_key(name)?;
        match value {
            SettingValue::Bytes(number) | SettingValue::Count(number) => map.serialize_value(&number)?,
            SettingValue::Duration(value) => {
                let text = duration::to_text(value).ok_or_else(|| {
                    S::Error::custom(format!("{name}: {value:?} is no whole number of milliseconds"))
                })?;
                map.serialize_value(&text)?;
            }
            SettingValue::Endpoint(endpoint) => map.serialize_value(&endpoint.map(|url| url.to_string()))?,
            SettingValue::Endpoints(list) => {
                map.serialize_value(&list.iter().map(ToString::to_string).collect::<Vec<_>>())?;
            }
            SettingValue::Choice(name) => map.serialize_value(&name)?,
            SettingValue::Flag(flag) => map.serialize_value(&flag)?,
            SettingValue::Path(path) => map.serialize_value(&path)?,
            SettingValue::Text(text) => map.serialize_value(&text)?,
            SettingValue::Texts(list) => map.serialize_value(&list)?,
        }
    }
    map.end()
}

/// Reads settings from a map; what is not in it keeps its default. For self-describing formats.
///
/// How settings fit together is not checked here but by [`Settings::fits`], since a file is read one value at a time.
///
/// # Errors
/// Those of the deserializer; an unknown name, one that comes twice, a value of the wrong kind or out of range.
pub fn deserialize<'de, T: Settings, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_struct(T::NAME, T::NAMES, Table(PhantomData))
}

/// Reads one value of `kind`, as for a setting that stands outside of a table.
///
/// # Errors
/// Those of the deserializer; the value is of another kind.
pub fn deserialize_value<'de, D: Deserializer<'de>>(
    kind: SettingKind,
    deserializer: D,
) -> Result<SettingValue, D::Error> {
    Kind(kind).deserialize(deserializer)
}

struct Table<T>(PhantomData<T>);

impl<'de, T: Settings> Visitor<'de> for Table<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut settings = T::default();
        let mut seen = Vec::new();
        while let Some(setting) = map.next_key_seed(Name(T::settings(), T::NAMES))? {
            if seen.contains(&setting.name) {
                return Err(A::Error::duplicate_field(setting.name));
            }
            seen.push(setting.name);
            map.next_value_seed(Value { setting, settings: &mut settings })?;
        }
        Ok(settings)
    }
}

/// The setting of a name.
struct Name(&'static [Setting], &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = &'static Setting;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = &'static Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a setting")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let Self(settings, names) = self;
        settings.iter().find(|setting| setting.name == name).ok_or_else(|| E::unknown_field(name, names))
    }
}

/// Reads the value of one setting and puts it into its place.
struct Value<'a, T> {
    setting: &'static Setting,
    settings: &'a mut T,
}

impl<'de, T: Settings> DeserializeSeed<'de> for Value<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let value = Kind(self.setting.kind).deserialize(deserializer)?;
        let set = self.settings.set(self.setting.name, value);
        set.map_err(|misfit| D::Error::custom(misfit.reason()))
    }
}

/// Reads a value of a kind.
struct Kind(SettingKind);

impl<'de> DeserializeSeed<'de> for Kind {
    type Value = SettingValue;

    // The kind is a hint for formats that have nothing but texts, such as environment variables.
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SettingValue, D::Error> {
        match self.0 {
            SettingKind::Bytes => deserializer.deserialize_any(self),
            SettingKind::Count => deserializer.deserialize_u64(self),
            SettingKind::Flag => deserializer.deserialize_bool(self),
            SettingKind::Choice(_) | SettingKind::Duration => deserializer.deserialize_str(self),
            SettingKind::Endpoint | SettingKind::Path | SettingKind::Text => {
                deserializer.deserialize_option(self)
            }
            SettingKind::Endpoints | SettingKind::Texts => deserializer.deserialize_seq(self),
        }
    }
}

impl Kind {
    fn refuse<E: serde::de::Error>(&self, given: impl fmt::Display) -> Result<SettingValue, E> {
        Err(E::custom(wrong(self.0, given)))
    }
}

impl<'de> Visitor<'de> for Kind {
    type Value = SettingValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<SettingValue, E> {
        if self.0 == SettingKind::Flag { Ok(SettingValue::Flag(flag)) } else { self.refuse(flag) }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<SettingValue, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => self.refuse(number),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<SettingValue, E> {
        match self.0 {
            SettingKind::Bytes => Ok(SettingValue::Bytes(number)),
            SettingKind::Count => Ok(SettingValue::Count(number)),
            _ => self.refuse(number),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<SettingValue, E> {
        self.refuse(number)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SettingValue, E> {
        from_text(self.0, text).map_err(E::custom)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<SettingValue, E> {
        self.visit_unit()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<SettingValue, E> {
        match self.0 {
            SettingKind::Endpoint => Ok(SettingValue::Endpoint(None)),
            SettingKind::Path => Ok(SettingValue::Path(None)),
            SettingKind::Text => Ok(SettingValue::Text(None)),
            _ => Err(E::invalid_type(Unexpected::Unit, &self)),
        }
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<SettingValue, D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<SettingValue, A::Error> {
        let mut texts = Vec::new();
        let mut endpoints = Vec::new();
        let of = match self.0 {
            SettingKind::Endpoints => SettingKind::Endpoint,
            SettingKind::Texts => SettingKind::Text,
            _ => return self.refuse("a list"),
        };
        while let Some(value) = sequence.next_element_seed(Self(of))? {
            match value {
                SettingValue::Endpoint(endpoint) => endpoints.extend(endpoint),
                SettingValue::Text(text) => texts.extend(text),
                _ => {}
            }
        }
        Ok(if of == SettingKind::Text {
            SettingValue::Texts(texts)
        } else {
            SettingValue::Endpoints(endpoints)
        })
    }
}
