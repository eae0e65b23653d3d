//! The JSON Schema of a configuration file.

use serde_json::{Map, Value, json};

use super::sections::Section;
use crate::settings::{Setting, SettingKind, SettingValue};

/// A schema (draft 2020-12) of files with `sections`, for a program that knows `codecs` and `schemes`.
pub(super) fn schema(sections: &[Section], codecs: &[&str], schemes: &[&str]) -> Value {
    let mut root = Map::new();
    for section in sections {
        let keys = section.settings.iter().map(|setting| (setting.name.to_owned(), key(setting, schemes)));
        let keys: Map<_, _> = keys.collect();
        if section.name.is_empty() {
            root.extend(keys);
        } else {
            let table = json!({
                "title": section.name,
                "description": section.about,
                "type": "object",
                "additionalProperties": false,
                "properties": keys,
            });
            put(&mut root, section.name, table);
        }
    }
    if let Some(Value::Object(list)) = root.get_mut("codecs") {
        list.extend([
            ("items".to_owned(), json!({ "enum": codecs })),
            ("minItems".to_owned(), json!(1)),
            ("uniqueItems".to_owned(), json!(true)),
        ]);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Linkspan configuration",
        "description": "Where a Linkspan server listens, where a client connects to, and every limit of both.",
        "type": "object",
        "additionalProperties": false,
        "properties": root,
    })
}

/// Puts the schema of the table called `name`, whose outer table comes before it, into `properties`.
fn put(properties: &mut Map<String, Value>, name: &str, table: Value) {
    match name.split_once('.') {
        None => drop(properties.insert(name.to_owned(), table)),
        Some((outer, inner)) => {
            let outer = properties.get_mut(outer).and_then(|table| table.get_mut("properties"));
            if let Some(Value::Object(properties)) = outer {
                put(properties, inner, table);
            }
        }
    }
}

fn key(setting: &Setting, schemes: &[&str]) -> Value {
    let mut schema = match kind(setting, schemes) {
        Value::Object(schema) => schema,
        _ => Map::new(),
    };
    schema.insert("title".to_owned(), json!(setting.name));
    let mut description = setting.documentation.trim().to_owned();
    if let Some((low, high)) = &setting.range {
        description.push_str(&format!("\n\nFrom {low} to {high}."));
    }
    schema.insert("description".to_owned(), json!(description));
    if let Some(default) = default(&setting.default) {
        schema.insert("default".to_owned(), default);
    }
    Value::Object(schema)
}

fn kind(setting: &Setting, schemes: &[&str]) -> Value {
    let endpoint = json!({ "type": "string", "pattern": pattern(schemes) });
    let number = |range: &Option<(SettingValue, SettingValue)>| match range {
        Some((
            SettingValue::Bytes(low) | SettingValue::Count(low),
            SettingValue::Bytes(high) | SettingValue::Count(high),
        )) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        _ => json!({ "type": "integer", "minimum": 0 }),
    };
    match setting.kind {
        SettingKind::Bytes => json!({ "anyOf": [
            number(&setting.range),
            { "type": "string", "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB|TiB)$" },
        ] }),
        SettingKind::Choice(names) => json!({ "enum": names }),
        SettingKind::Count => number(&setting.range),
        SettingKind::Duration => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" }),
        SettingKind::Endpoint => endpoint,
        SettingKind::Endpoints => json!({ "type": "array", "items": endpoint }),
        SettingKind::Flag => json!({ "type": "boolean" }),
        SettingKind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        _ => json!({ "type": "string" }),
    }
}

/// What endpoints of `schemes` match. Of what a scheme may hold, `.` and `+` mean
/// something else in a pattern.
fn pattern(schemes: &[&str]) -> String {
    let escaped: Vec<_> =
        schemes.iter().map(|scheme| scheme.replace('.', r"\.").replace('+', r"\+")).collect();
    format!("^({})://", escaped.join("|"))
}

/// A default as JSON has it: as a file would say it.
fn default(value: &SettingValue) -> Option<Value> {
    match value {
        SettingValue::Endpoints(list) => {
            Some(json!(list.iter().map(ToString::to_string).collect::<Vec<_>>()))
        }
        // What a file says about the others is JSON too.
        value if value.is_present() => serde_json::from_str(&value.to_string()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_means_itself_in_a_pattern() {
        assert_eq!(pattern(&["tcp", "a+b", "x.y-z"]), r"^(tcp|a\+b|x\.y-z)://");
    }
}
