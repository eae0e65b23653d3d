use std::time::Duration;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ReadError, MapDeserializer};

use super::{Misfit, Setting, SettingKind, SettingType, SettingValue, Settings, duration, size};
use crate::{Endpoint, Limits, settings};

settings! {
    /// One of each kind.
    struct Sample {
        /// Default 64 KiB.
        size: usize as Bytes = 65_536, within 1..=1 << 20, set by with_size;
        /// Default 7.
        count: u32 = 7, within 1..=9, set by with_count;
        /// Default 10 s.
        wait: Duration = Duration::from_secs(10),
            within Duration::from_secs(1)..=Duration::from_secs(60), set by with_wait;
        /// Default false.
        flag: bool = false, set by with_flag;
        /// Default none.
        text: Option<String> = None;
        /// Default none.
        endpoint: Option<Endpoint> = None;
        /// Default round.
        shape: Shape = Shape("round");
        /// Default [].
        texts: Vec<String> = Vec::new(), set by with_texts;
    }
}

/// A choice.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape(&'static str);

impl SettingType for Shape {
    type Bound = std::convert::Infallible;
    const KIND: SettingKind = SettingKind::Choice(&["round", "square"]);

    fn to_value(&self, _: SettingKind) -> SettingValue {
        SettingValue::Choice(self.0)
    }

    fn from_value(name: &'static str, value: SettingValue) -> Result<Self, Misfit> {
        match value {
            SettingValue::Choice(shape) => Ok(Self(shape)),
            other => Err(Misfit::new(name, format!("{other} is no shape"))),
        }
    }

    fn bound(bound: Self::Bound) -> SettingValue {
        match bound {}
    }
}

fn read<'de, V: IntoDeserializer<'de, ReadError>>(name: &'static str, value: V) -> Result<Sample, String> {
    let map = MapDeserializer::new([(name, value)].into_iter());
    Sample::deserialize(map).map_err(|error: ReadError| error.to_string())
}

#[test]
fn what_is_read_is_what_was_written() {
    assert_eq!(read("size", 4096u64), Ok(Sample::default().with_size(4096)));
    assert_eq!(read("size", "512 KiB"), Ok(Sample::default().with_size(512 * 1024)));
    assert_eq!(read("count", 9u64), Ok(Sample::default().with_count(9)));
    assert_eq!(read("wait", "1m"), Ok(Sample::default().with_wait(Duration::from_secs(60))));
    assert_eq!(read("flag", true), Ok(Sample::default().with_flag(true)));
    assert_eq!(read("shape", "square").unwrap().shape, Shape("square"));
    assert_eq!(read("text", "a").unwrap().text.as_deref(), Some("a"));
    assert_eq!(read("endpoint", "tcp://h:1").unwrap().endpoint, Some("tcp://h:1".parse().unwrap()));
    assert_eq!(read("texts", vec!["a", "b"]), Ok(Sample::default().with_texts(vec!["a".into(), "b".into()])));
}

#[test]
fn a_wrong_value_is_answered_with_what_to_write() {
    let refused = |said: Result<Sample, String>| said.unwrap_err();
    assert_eq!(refused(read("wait", "30")), r#""30" is not a duration; write "250ms", "10s" or "2m""#);
    assert_eq!(refused(read("wait", 30u64)), r#"30 is not a duration; write "250ms", "10s" or "2m""#);
    assert_eq!(
        refused(read("size", "4 MB")),
        r#""4 MB" is not a size; write a number of bytes, "64 KiB" or "4 MiB""#
    );
    assert_eq!(refused(read("shape", "flat")), r#""flat" is not known here; write "round" or "square""#);
    assert_eq!(refused(read("shape", 4u64)), r#"4 is not known here; write "round" or "square""#);
    assert_eq!(refused(read("count", "7")), r#""7" is not a whole number; write digits without quotes"#);
    assert_eq!(refused(read("count", 7.5)), "7.5 is not a whole number; write digits without quotes");
    assert_eq!(refused(read("count", -1i64)), "-1 is not a whole number; write digits without quotes");
    assert_eq!(refused(read("count", 10u64)), "10 is out of range; it must be 1 to 9");
    assert_eq!(refused(read("wait", "2m")), r#""2m" is out of range; it must be "1s" to "1m""#);
    assert_eq!(refused(read("size", "2 MiB")), r#""2 MiB" is out of range; it must be 1 to "1 MiB""#);
    assert_eq!(refused(read("flag", "yes")), r#""yes" is not true or false; write it without quotes"#);
    assert!(refused(read("endpoint", "localhost")).contains("has no scheme"));
    assert!(refused(read("texts", "a")).starts_with(r#""a" is not a list of texts"#));
    assert!(refused(read("sizes", 1u64)).contains("unknown field `sizes`"));
}

#[test]
fn a_value_out_of_range_is_found_wherever_it_was_set() {
    let sample = Sample::default().with_count(0);
    assert_eq!(sample.check().unwrap_err().to_string(), "count: 0 is out of range; it must be 1 to 9");
    assert_eq!(sample.fits().unwrap_err().setting(), "count");
    let mut sample = Sample::default();
    assert!(sample.set("count", SettingValue::Count(10)).is_err());
    assert!(sample.set("count", SettingValue::Flag(true)).is_err());
    assert_eq!(sample, Sample::default());
    sample.set("count", SettingValue::Count(9)).unwrap();
    assert_eq!(sample.value("count"), Some(SettingValue::Count(9)));
}

#[test]
fn a_table_tells_names_kinds_defaults_and_ranges() {
    let [size, count, wait, ..] = Sample::settings() else { panic!("three at least") };
    assert_eq!((size.name, size.kind), ("size", SettingKind::Bytes));
    assert_eq!(size.default.to_string(), r#""64 KiB""#);
    assert_eq!(count.range, Some((SettingValue::Count(1), SettingValue::Count(9))));
    assert_eq!(wait.default, SettingValue::Duration(Duration::from_secs(10)));
    assert_eq!(wait.summary(), "Default 10 s.");
}

#[test]
fn the_documentation_of_every_limit_tells_its_default() {
    let plain = |text: &str| text.replace([' ', '\n', ',', '"'], "");
    let wrong = |setting: &&Setting| {
        let default = plain(&setting.default.to_string());
        !plain(&setting.documentation).contains(&format!("Default{default}"))
    };
    let wrong: Vec<_> = Limits::settings().iter().filter(wrong).collect();
    assert!(wrong.is_empty(), "these documents say something else: {wrong:#?}");
}

#[test]
fn every_default_is_in_range() {
    assert_eq!(Limits::default().fits(), Ok(()));
    assert_eq!(Sample::default().fits(), Ok(()));
}

#[test]
fn durations_and_sizes_are_written_as_they_are_read() {
    for millis in [0, 1, 250, 1000, 1500, 60_000, 90_000, 3_600_000, 86_400_000] {
        let wait = Duration::from_millis(millis);
        let text = duration::to_text(wait).unwrap();
        assert_eq!(duration::parse(&text), Some(wait), "{text}");
    }
    assert_eq!(duration::to_text(Duration::from_micros(1500)), None);
    for text in ["", "s", "10", "1.5s", "-1s", "10 s", "1d", "99999999999999999999s", "18446744073709551615h"]
    {
        assert_eq!(duration::parse(text), None, "{text}");
    }
    for bytes in [0, 1, 1023, 1024, 1536, 4 << 20, 1 << 40, u64::MAX] {
        let text = size::to_text(bytes);
        assert_eq!(size::parse(&text), Some(bytes), "{text}");
    }
    for text in ["", "KiB", "1 kB", "1 MB", "1  KiB", "1.5 KiB", "-1 B", "18446744073709551615 TiB"] {
        assert_eq!(size::parse(text), None, "{text}");
    }
}
