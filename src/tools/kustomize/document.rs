//! YAML texts as values, with what go-yaml v3 makes of their scalars.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use crate::tools::yaml::{Kind, kind_of};

/// Aliases may blow up a small text: no text has more nodes than this.
const MOST_NODES: usize = 1_000_000;

/// How deep collections may lie in each other.
const DEEPEST: usize = 200;

/// What `key:` with nothing behind it is until the end of the build. A patch drops such a field, but keeps one that says
/// `null`; in the result both are null.
const NOTHING: &str = "\0nothing";

/// Whether a value is null, written or not.
pub(super) fn is_null(value: &Value) -> bool {
    value.is_null() || is_nothing(value)
}

/// Whether a value was not written at all.
pub(super) fn is_nothing(value: &Value) -> bool {
    value.as_str() == Some(NOTHING)
}

/// Makes nulls of what was not written.
pub(super) fn settle(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(settle),
        Value::Object(entries) => entries.values_mut().for_each(settle),
        nothing if is_nothing(nothing) => *nothing = Value::Null,
        _ => {}
    }
}

/// A collection that is being read: keys and values of a mapping come in turn.
struct Open {
    items: Vec<Value>,
    /// The keys of a mapping that are `<<` without quotes, by their place among the items.
    merges: Vec<usize>,
    mapping: bool,
    anchor: usize,
    line: usize,
}

/// The documents of a text; those that are empty are left out.
///
/// # Errors
/// What is wrong and in which line, in go-yaml's form.
pub(super) fn read(text: &str) -> Result<Vec<Value>, String> {
    parse(text, scalar)
}

/// As [`read`], but `yes`, `off`, `n` and the like are true or false, as they are in kustomization files.
///
/// # Errors
/// As [`read`].
pub(super) fn read_1_1(text: &str) -> Result<Vec<Value>, String> {
    parse(text, |text| match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
        other => scalar(other),
    })
}

fn parse(text: &str, scalar: fn(&str) -> Value) -> Result<Vec<Value>, String> {
    let mut documents = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Value, usize)> = HashMap::new();
    let mut total = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|problem| format!("line {}: {}", problem.marker().line(), problem.info()))?;
        let line = span.start.line();
        let (value, anchor) = match event {
            Event::DocumentStart(..) => {
                anchors.clear();
                continue;
            }
            Event::Scalar(text_of, style, anchor, tag) => {
                let written = span.slice(text).is_none_or(|written| !written.is_empty());
                let plain = matches!(style, ScalarStyle::Plain);
                if let Some(parent) = open.last_mut()
                    && parent.mapping
                    && plain
                    && text_of == "<<"
                    && parent.items.len() % 2 == 0
                {
                    parent.merges.push(parent.items.len());
                }
                let value = match tag.as_ref().map(|tag| tag.suffix()) {
                    Some("str" | "binary") => Value::String(text_of.into_owned()),
                    Some(_) => scalar(&text_of),
                    None if plain && !written => Value::String(NOTHING.to_owned()),
                    None if plain => scalar(&text_of),
                    None => Value::String(text_of.into_owned()),
                };
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, ..) | Event::MappingStart(_, anchor, ..) => {
                let mapping = matches!(event, Event::MappingStart(..));
                open.push(Open { items: Vec::new(), merges: Vec::new(), mapping, anchor, line });
                if open.len() > DEEPEST {
                    return Err(format!("line {line}: collections lie too deep in each other"));
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                let anchor = done.anchor;
                (if done.mapping { mapping(done)? } else { Value::Array(done.items) }, anchor)
            }
            Event::Alias(anchor) => {
                let (value, size) =
                    anchors.get(&anchor).cloned().ok_or(format!("line {line}: an alias refers to nothing"))?;
                total += size;
                (value, 0)
            }
            _ => continue,
        };
        total += 1;
        if total > MOST_NODES {
            return Err(format!("line {line}: the document is too large"));
        }
        if anchor > 0 {
            let size = size(&value);
            anchors.insert(anchor, (value.clone(), size));
        }
        match open.last_mut() {
            Some(parent) => parent.items.push(value),
            None if is_null(&value) => {}
            None => documents.push(value),
        }
    }
    Ok(documents)
}

/// A mapping from its keys and values; what `<<` brings in yields to the mapping's own keys.
fn mapping(done: Open) -> Result<Value, String> {
    let mut entries = Map::new();
    let mut merged = Vec::new();
    let mut items = done.items.into_iter().enumerate();
    while let (Some((at, key)), Some((_, value))) = (items.next(), items.next()) {
        if done.merges.contains(&at) {
            match value {
                Value::Array(several) => merged.extend(several),
                one => merged.push(one),
            }
            continue;
        }
        let key = match key {
            Value::String(text) if text == NOTHING => "null".to_owned(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        if entries.contains_key(&key) {
            return Err(format!("unmarshal errors:\n  line {}: mapping key {key:?} already defined", done.line));
        }
        entries.insert(key, value);
    }
    for value in merged {
        let Value::Object(more) = value else {
            return Err(format!("line {}: map merge requires map or sequence of maps as the value", done.line));
        };
        for (key, value) in more {
            entries.entry(key).or_insert(value);
        }
    }
    Ok(Value::Object(entries))
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(entries) => 1 + entries.values().map(|value| 1 + size(value)).sum::<usize>(),
        _ => 1,
    }
}

/// What a scalar without quotes is.
pub(super) fn scalar(text: &str) -> Value {
    match kind_of(text) {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(text.eq_ignore_ascii_case("true")),
        Kind::Integer | Kind::Float => number(text),
        Kind::Timestamp => Value::String(timestamp(text)),
        Kind::Merge | Kind::String => Value::String(text.to_owned()),
    }
}

fn number(text: &str) -> Value {
    let plain = text.replace('_', "").to_ascii_lowercase();
    let (negative, digits) = match plain.strip_prefix(['+', '-']) {
        Some(digits) => (plain.starts_with('-'), digits),
        None => (false, plain.as_str()),
    };
    let (radix, whole) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some(_) if digits.starts_with('0') && u64::from_str_radix(&digits[1..], 8).is_ok() => (8, &digits[1..]),
        _ => (10, digits),
    };
    if let Ok(value) = u64::from_str_radix(whole, radix) {
        let signed = if negative { 0_i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() };
        if let Some(signed) = signed {
            return Value::Number(signed.into());
        }
        if !negative {
            return Value::Number(value.into());
        }
    }
    // JSON, through which Go goes, has no negative zero.
    let float =
        plain.parse::<f64>().ok().map(|float| if float == 0.0 { 0.0 } else { float }).and_then(Number::from_f64);
    float.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// A date as Go writes it in JSON: RFC 3339 with as few digits as need be.
fn timestamp(text: &str) -> String {
    let (date, rest) = text.split_at(text.find(['T', 't', ' ']).unwrap_or(text.len()));
    let padded = |text: &str, separator: char| {
        let parts: Vec<String> = text.split(separator).map(|part| format!("{part:0>2}")).collect();
        parts.join(&separator.to_string())
    };
    let date = padded(date, '-');
    let rest = rest.trim_start_matches(['T', 't', ' ']);
    if rest.is_empty() {
        return format!("{date}T00:00:00Z");
    }
    let zone_at = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone_at);
    let (clock, fraction) = time.split_once(['.', ',']).unwrap_or((time, ""));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let zone = if matches!(zone, "" | "+00:00") { "Z" } else { zone };
    format!("{date}T{}{point}{fraction}{zone}", padded(clock, ':'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_what_go_yaml_takes_them_for() {
        let text =
            "a: 0777\nb: yes\nc: 1.50\nd: 2020-1-02\ne: !!str 5\nf: \"5\"\ng: 0x1F\nh: ~\ni: 1e3\nj: 09\nk: -7\n";
        let expected = json!({"a": 511, "b": "yes", "c": 1.5, "d": "2020-01-02T00:00:00Z", "e": "5", "f": "5",
            "g": 31, "h": null, "i": 1000.0, "j": 9, "k": -7});
        assert_eq!(read(text).unwrap(), [expected]);
    }

    #[test]
    fn what_is_not_written_is_not_what_says_null() {
        let mut read = read("a:\nb: null\n").unwrap().remove(0);
        assert!(is_nothing(&read["a"]) && !is_nothing(&read["b"]) && is_null(&read["b"]));
        settle(&mut read);
        assert_eq!(read, json!({"a": null, "b": null}));
    }

    #[test]
    fn aliases_and_merges_are_followed() {
        let text = "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: *x\n";
        let expected = json!({"x": {"a": 1, "b": 2}, "y": {"b": 3, "a": 1}, "z": {"a": 1, "b": 2}});
        assert_eq!(read(text).unwrap(), [expected]);
    }

    #[test]
    fn empty_documents_count_nothing() {
        assert_eq!(read("---\n# nothing\n---\na: 1\n---\n").unwrap(), [json!({"a": 1})]);
        assert!(read("a: [1\nb").is_err() && read("a: 1\na: 2\n").is_err());
    }
}
