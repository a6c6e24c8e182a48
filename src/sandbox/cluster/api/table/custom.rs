//! Custom resources, by the columns that their definition names, and kinds without a printer of their own: name and age.

use jiff::Timestamp;
use serde_json::Value;

use super::super::kinds::Kind;
use super::show::{age, age_of, items, name, plain};
use super::{Row, definition};

/// The columns after the name; `None` when the definition names none.
fn columns(kind: &Kind) -> Option<Vec<&Value>> {
    let columns: Vec<&Value> = items(kind.columns.as_ref()?).collect();
    (!columns.is_empty()).then_some(columns)
}

/// The columns of a kind.
pub fn definitions(kind: &Kind) -> Vec<Value> {
    let mut definitions = vec![definition("Name", "string", 0, "")];
    match columns(kind) {
        None => definitions.push(definition("Age", if kind.schema.is_some() { "string" } else { "date" }, 0, "")),
        Some(columns) => definitions.extend(columns.into_iter().map(|column| {
            let priority = column["priority"].as_i64().unwrap_or(0);
            definition(&plain(&column["name"]), &plain(&column["type"]), priority, &plain(&column["description"]))
        })),
    }
    definitions
}

/// The cells of an object.
pub fn row(kind: &Kind, object: &Value, now: Timestamp) -> Row {
    let mut cells = vec![name(object)];
    match columns(kind) {
        None => cells.push(age(object, now)),
        Some(columns) => cells.extend(columns.into_iter().map(|column| {
            let found = lookup(object, &plain(&column["jsonPath"]));
            match column["type"].as_str() {
                Some("date") => match found {
                    Some(time) => age_of(time, now),
                    None => Value::Null,
                },
                Some("string") => found.map_or(Value::Null, |value| plain(value).into()),
                _ => found.cloned().unwrap_or(Value::Null),
            }
        })),
    }
    cells.into()
}

/// The first value at a simple JSON path: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`, `.a[0].b`.
fn lookup<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = object;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[?(@.") {
            let (condition, after) = after.split_once(")]")?;
            let (field, wanted) = condition.split_once("==")?;
            let wanted = wanted.trim().trim_matches(['"', '\'']);
            value = items(value).find(|one| plain(&one[field.trim()]) == wanted)?;
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            value = match index.trim_matches(['"', '\'']).parse::<usize>() {
                Ok(index) => value.get(index)?,
                Err(_) => value.get(index.trim_matches(['"', '\'']))?,
            };
            rest = after;
        } else {
            let after = rest.strip_prefix('.').unwrap_or(rest);
            // A dot within a name is written `\.`.
            let mut end = after.len();
            let mut escaped = false;
            for (at, c) in after.char_indices() {
                match c {
                    '\\' => escaped = true,
                    '.' | '[' if !escaped => {
                        end = at;
                        break;
                    }
                    _ => escaped = false,
                }
            }
            value = value.get(after[..end].replace('\\', ""))?;
            rest = &after[end..];
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths() {
        let object = json!({"spec": {"a": [{"b": 1}]}, "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            "metadata": {"labels": {"x.y/z": "w"}}});
        for (path, expected) in [
            (".spec.a[0].b", Some(json!(1))),
            (".status.conditions[?(@.type==\"Ready\")].status", Some(json!("True"))),
            (".metadata.labels.x\\.y/z", Some(json!("w"))),
            (".spec.none", None),
        ] {
            assert_eq!(lookup(&object, path), expected.as_ref(), "{path}");
        }
    }
}
