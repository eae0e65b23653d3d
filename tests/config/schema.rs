//! The JSON Schema says what the reader does.

use boon::{Compiler, SchemaIndex, Schemas};
use linkspan::Limits;
use linkspan::config::Config;
use linkspan::settings::Settings;
use serde_json::{Value, json};

struct Checked {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Checked {
    fn new() -> Self {
        let mut compiler = Compiler::new();
        compiler.add_resource("config.json", Config::schema()).unwrap();
        let mut schemas = Schemas::new();
        let index = compiler.compile("config.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn accepts(&self, instance: &Value) -> Result<(), String> {
        self.schemas.validate(instance, self.index).map_err(|error| format!("{error:#}"))
    }
}

fn from_toml(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

#[test]
fn the_default_and_every_sample_are_valid() {
    let checked = Checked::new();
    assert_eq!(checked.accepts(&serde_json::to_value(Config::default()).unwrap()), Ok(()));
    let samples = ["examples/arith/linkspan.toml"];
    for sample in samples {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(sample);
        assert_eq!(checked.accepts(&from_toml(&std::fs::read_to_string(&file).unwrap())), Ok(()), "{sample}");
        Config::from_file(file).unwrap().check().unwrap();
    }
    for (name, text) in crate::documented::files() {
        assert_eq!(checked.accepts(&from_toml(&text)), Ok(()), "{name}");
    }
}

#[test]
fn what_the_reader_refuses_is_invalid_too() {
    let checked = Checked::new();
    for text in [
        "[limits]\nmax_in_fligth = 1",
        "[limit]",
        "[limits]\nmax_in_flight = 0",
        "[limits]\nmax_in_flight = '1'",
        "[limits]\nmax_message_len = '4 MB'",
        "[limits]\nmax_message_len = 1",
        "[limits]\ncall_timeout = '30'",
        "[limits]\ncall_timeout = 30",
        "codecs = ['bson']",
        "codecs = []",
        "codecs = ['json', 'json']",
        "[client]\nendpoint = 'tpc://h:1'",
        "[server]\nlisten = 'tcp://h:1'",
        "[websocket]\ndangerously_allow_any_origin = 1",
        "[websocket]\nengine = 'another'",
        "[websocket]\nengine = 1",
        "[server.tls]\nca = 'ca.pem'",
        "[tls]\nca = 'ca.pem'",
    ] {
        assert!(crate::checked(text).is_err(), "{text}");
        assert!(checked.accepts(&from_toml(text)).is_err(), "{text}");
    }
}

#[test]
fn every_limit_is_in_the_schema_with_its_default_and_range() {
    let schema = Config::schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let limits = &schema["properties"]["limits"]["properties"];
    for name in Limits::NAMES {
        let key = &limits[*name];
        assert_eq!(key["title"], *name);
        assert!(key["description"].as_str().is_some_and(|text| text.contains("Default ")), "{name}");
        assert!(!key["default"].is_null(), "{name}");
    }
    assert_eq!(limits.as_object().unwrap().len(), Limits::NAMES.len());
    assert_eq!(limits["max_in_flight"]["maximum"], 65_536);
    assert_eq!(limits["call_timeout"]["default"], "30s");
    assert_eq!(limits["max_message_len"]["default"], "4 MiB");
    assert_eq!(schema["properties"]["codecs"]["default"], schema["properties"]["codecs"]["items"]["enum"]);
}

#[test]
fn the_defaults_in_the_schema_are_those_of_the_program() {
    let schema = Config::schema();
    let mut written = json!({});
    for section in Config::sections() {
        let tables = section.name.split('.').filter(|table| !table.is_empty());
        let properties = tables.fold(&schema["properties"], |outer, table| &outer[table]["properties"]);
        assert!(properties.is_object(), "{}", section.name);
        for setting in &section.settings {
            let default = &properties[setting.name]["default"];
            match section.name {
                _ if default.is_null() => {}
                "" => written[setting.name] = default.clone(),
                name => written[name][setting.name] = default.clone(),
            }
        }
    }
    let read: Config = serde_json::from_value(written).unwrap();
    assert_eq!(read.limits(), &Limits::default());
}
