//! JSON as Go prints it: keys sorted, and the characters of HTML escaped.

use serde_json::Value;

/// One line, no spaces.
pub fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(value, None, true, &mut out);
    out
}

/// Indented by four spaces a level, with a newline at the end, as `-o json` prints it.
pub fn indented(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(0), true, &mut out);
    out.push('\n');
    out
}

/// The same with the keys in their own order, for what kubectl prints of its own types.
pub fn indented_in_order(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(0), false, &mut out);
    out.push('\n');
    out
}

/// The same value with the keys of all objects sorted, as Go's maps are printed.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// An object with these fields first, in this order, and all others behind them.
pub fn in_order(value: &Value, fields: &[&str]) -> Value {
    let Some(map) = value.as_object() else { return value.clone() };
    let first = fields.iter().filter_map(|field| map.get_key_value(*field));
    let others = map.iter().filter(|(field, _)| !fields.contains(&field.as_str()));
    Value::Object(first.chain(others).map(|(field, value)| (field.clone(), value.clone())).collect())
}

fn write(value: &Value, level: Option<usize>, by_key: bool, out: &mut String) {
    let inner = level.map(|level| level + 1);
    match value {
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            if by_key {
                entries.sort_by(|a, b| a.0.cmp(b.0));
            }
            out.push('{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(inner, out);
                string(key, out);
                out.push_str(if level.is_some() { ": " } else { ":" });
                write(value, inner, by_key, out);
            }
            line(level, out);
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, value) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(inner, out);
                write(value, inner, by_key, out);
            }
            line(level, out);
            out.push(']');
        }
        Value::String(text) => string(text, out),
        other => out.push_str(&other.to_string()),
    }
}

fn line(level: Option<usize>, out: &mut String) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", level));
    }
}

/// A text quoted and escaped as Go's encoding/json does it.
pub fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_go_s() {
        let value = json!({"b": [1, {}], "a": "x<y&\n", "c": null, "d": []});
        assert_eq!(compact(&value), r#"{"a":"x\u003cy\u0026\n","b":[1,{}],"c":null,"d":[]}"#);
        assert_eq!(indented(&json!({"b": [1], "a": {}})), "{\n    \"a\": {},\n    \"b\": [\n        1\n    ]\n}\n");
    }
}
