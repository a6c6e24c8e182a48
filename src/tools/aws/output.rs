//! Values as the CLI prints them.

use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use crate::tools::yaml::{Dialect, to_yaml};

mod table;

pub(super) use table::table;

/// `--output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Text,
    Table,
    Yaml,
    YamlStream,
    Off,
}

/// The formats that the CLI knows.
pub(super) const FORMATS: &[&str] = &["json", "text", "table", "yaml", "yaml-stream", "off"];

impl Format {
    /// The format of that name.
    pub fn named(name: &str) -> Result<Self, Failure> {
        match name {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            "table" => Ok(Self::Table),
            "off" => Ok(Self::Off),
            "yaml" => Ok(Self::Yaml),
            "yaml-stream" => Ok(Self::YamlStream),
            unknown => Err(Failure::general(format!("Unknown output type: {unknown}"))),
        }
    }
}

/// YAML as Python's libraries write it; nothing for an empty object.
pub(super) fn yaml(value: &Value) -> String {
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        return String::new();
    }
    to_yaml(value, Dialect::Python)
}

/// JSON as Python's `json.dump(indent=4, ensure_ascii=False)`; nothing for an empty object.
pub(super) fn json(value: &Value) -> String {
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        return String::new();
    }
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    // Writing to memory cannot fail, nor can a value that was read.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter));
    out.push(b'\n');
    String::from_utf8_lossy(&out).into_owned()
}

/// Tab-separated text: scalars of an object on one line in the order of their keys, what is nested on lines of its own
/// behind its key in capitals.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    text_into(value, None, None, &mut out);
    out
}

fn text_into(value: &Value, name: Option<&str>, keys: Option<&[String]>, out: &mut String) {
    match value {
        Value::Object(map) => {
            let nested = |value: &Value| value.is_object() || value.is_array();
            let mut sorted: Vec<(&String, &Value)> = map.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            let (mut scalars, mut inner) = (Vec::new(), Vec::new());
            match keys {
                None => {
                    for (key, value) in sorted {
                        if nested(value) { inner.push((key, value)) } else { scalars.push(scalar(value)) }
                    }
                }
                Some(keys) => {
                    scalars.extend(keys.iter().map(|key| map.get(key).map(scalar).unwrap_or_default()));
                    inner.extend(sorted.into_iter().filter(|(key, _)| !keys.contains(key)));
                }
            }
            if !scalars.is_empty() {
                if let Some(name) = name {
                    scalars.insert(0, name.to_uppercase());
                }
                out.push_str(&scalars.join("\t"));
                out.push('\n');
            }
            for (key, value) in inner {
                text_into(value, Some(key), None, out);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let mut keys: Vec<String> = items
                .iter()
                .filter_map(Value::as_object)
                .flat_map(|map| map.iter().filter(|(_, v)| !v.is_object() && !v.is_array()).map(|(k, _)| k.clone()))
                .collect();
            keys.sort();
            keys.dedup();
            items.iter().for_each(|item| text_into(item, name, Some(&keys), out));
        }
        Value::Array(items) => {
            let (lists, scalars): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.is_array());
            if !scalars.is_empty() {
                match name {
                    Some(name) => {
                        for item in scalars {
                            out.push_str(&format!("{}\t{}\n", name.to_uppercase(), scalar(item)));
                        }
                    }
                    None => {
                        out.push_str(&scalars.into_iter().map(scalar).collect::<Vec<_>>().join("\t"));
                        out.push('\n');
                    }
                }
            }
            lists.into_iter().for_each(|list| text_into(list, name, None, out));
        }
        value => {
            out.push_str(&scalar(value));
            out.push('\n');
        }
    }
}

/// A scalar as Python's `str` has it.
fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        nested => nested.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_has_four_spaces_and_keeps_letters() {
        assert_eq!(
            json(&json!({"a": [], "b": {"c": "ü\n\u{1}"}})),
            "{\n    \"a\": [],\n    \"b\": {\n        \"c\": \"ü\\n\\u0001\"\n    }\n}\n"
        );
        assert_eq!(json(&json!({})), "");
        assert_eq!(json(&json!([])), "[]\n");
        assert_eq!(json(&Value::Null), "null\n");
    }

    #[test]
    fn text_lines() {
        let value = json!({"b": "2", "a": true, "list": ["x", "y"], "of": [{"k": "1", "n": {"z": null}}, {"j": 2}]});
        assert_eq!(text(&value), "True\t2\nLIST\tx\nLIST\ty\nOF\t\t1\nN\tNone\nOF\t2\t\n");
        assert_eq!(text(&json!(["a", "b"])), "a\tb\n");
        assert_eq!(text(&json!([["a", "b"], ["c", null]])), "a\tb\nc\tNone\n");
        assert_eq!(text(&Value::Null), "None\n");
        assert_eq!(text(&json!([])), "");
    }
}
