//! JSON patches (RFC 6902) with the words of the Go library that kustomize uses (evanphx/json-patch v4) when one does not
//! apply. The library takes negative indexes and makes no parents.

use serde_json::Value;

/// Applies the operations one after the other.
///
/// # Errors
/// When one does not apply.
pub(super) fn apply(document: &mut Value, operations: &[Value]) -> Result<(), String> {
    for operation in operations {
        let name = operation["op"].as_str().unwrap_or_default();
        let path = operation["path"]
            .as_str()
            .ok_or_else(|| format!("{name} operation failed to decode path: missing value"))?;
        let from = || {
            operation["from"].as_str().ok_or_else(|| format!("{name} operation failed to decode from: missing value"))
        };
        let value = || operation.get("value").cloned().unwrap_or(Value::Null);
        match name {
            "add" => add(document, path, value(), |path| {
                format!("add operation does not apply: doc is missing path: \"{path}\": missing value")
            })?,
            "remove" => {
                remove(document, path, "remove operation does not apply: doc is missing path: ", "remove")?;
            }
            "replace" => {
                let (container, key) = find(document, path).ok_or_else(|| {
                    format!("replace operation does not apply: doc is missing path: {path}: missing value")
                })?;
                let place = get(container, &key).ok_or_else(|| {
                    format!("replace operation does not apply: doc is missing key: {path}: missing value")
                })?;
                *place = value();
            }
            "move" => {
                let moved =
                    remove(document, from()?, "move operation does not apply: doc is missing from path: ", "move")?;
                add(document, path, moved, |path| {
                    format!("move operation does not apply: doc is missing destination path: {path}: missing value")
                })?;
            }
            "copy" => {
                let from = from()?;
                let missing =
                    || format!("copy operation does not apply: doc is missing from path: {from}: missing value");
                let (container, key) = find(document, from).ok_or_else(missing)?;
                let copied = get(container, &key).cloned().ok_or_else(missing)?;
                add(document, path, copied, |path| {
                    format!("copy operation does not apply: doc is missing destination path: {path}: missing value")
                })?;
            }
            "test" => {
                let (container, key) = find(document, path)
                    .ok_or_else(|| format!("test operation does not apply: is missing path: {path}: missing value"))?;
                let found = get(container, &key).map_or(Value::Null, |found| found.clone());
                if found != value() {
                    return Err(format!("testing value {path} failed: test failed"));
                }
            }
            other => return Err(format!("Unexpected kind: {other}")),
        }
    }
    Ok(())
}

fn add(document: &mut Value, path: &str, value: Value, missing: impl Fn(&str) -> String) -> Result<(), String> {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (container, key) = find(document, path).ok_or_else(|| missing(path))?;
    match container {
        Value::Object(entries) => {
            entries.insert(key, value);
        }
        Value::Array(items) => {
            if key == "-" {
                items.push(value);
                return Ok(());
            }
            let wrong = |why: String| format!("error in add for path: '{path}': {why}");
            let index: i64 = key.parse().map_err(|_| {
                wrong(format!(
                    "value was not a proper array index: '{key}': strconv.Atoi: parsing \"{key}\": invalid syntax"
                ))
            })?;
            let length = i64::try_from(items.len()).unwrap_or(i64::MAX - 1) + 1;
            let at = if index < 0 { index + length } else { index };
            match usize::try_from(at) {
                Ok(at) if at <= items.len() => items.insert(at, value),
                _ => return Err(wrong(format!("Unable to access invalid index: {index}: invalid index referenced"))),
            }
        }
        _ => return Err(missing(path)),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str, missing: &str, verb: &str) -> Result<Value, String> {
    let quoted = if verb == "remove" { format!("\"{path}\"") } else { path.to_owned() };
    let (container, key) = find(document, path).ok_or_else(|| format!("{missing}{quoted}: missing value"))?;
    let wrong = |why: String| format!("error in {verb} for path: '{path}': {why}");
    match container {
        Value::Object(entries) => entries
            .shift_remove(&key)
            .ok_or_else(|| wrong(format!("Unable to remove nonexistent key: {key}: missing value"))),
        Value::Array(items) => {
            let at = index(&key, items.len());
            match at {
                Some(at) => Ok(items.remove(at)),
                None => Err(wrong(format!("Unable to access invalid index: {key}: invalid index referenced"))),
            }
        }
        _ => Err(format!("{missing}{quoted}: missing value")),
    }
}

/// The collection that holds what a path names, and the name in it.
fn find<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let mut names = path.strip_prefix('/')?.split('/').map(|name| name.replace("~1", "/").replace("~0", "~"));
    let mut key = names.next()?;
    let mut container = document;
    for next in names {
        container = get(container, &key)?;
        key = next;
    }
    (container.is_object() || container.is_array()).then_some((container, key))
}

fn get<'a>(container: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match container {
        Value::Object(entries) => entries.get_mut(key),
        Value::Array(items) => {
            let at = index(key, items.len())?;
            items.get_mut(at)
        }
        _ => None,
    }
}

/// A place in a list; negative ones count from its end.
fn index(key: &str, length: usize) -> Option<usize> {
    let index: i64 = key.parse().ok()?;
    let at = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
    usize::try_from(at).ok().filter(|at| *at < length)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(document: Value, operations: Value) -> Result<Value, String> {
        let mut document = document;
        apply(&mut document, operations.as_array().unwrap()).map(|()| document)
    }

    #[test]
    fn each_operation_applies() {
        let document = json!({"a": {"b/c": 1}, "l": [1, 2]});
        let operations = json!([
            {"op": "add", "path": "/l/-", "value": 3}, {"op": "add", "path": "/l/0", "value": 0},
            {"op": "replace", "path": "/a/b~1c", "value": 2}, {"op": "copy", "from": "/a", "path": "/d"},
            {"op": "move", "from": "/l/1", "path": "/m"}, {"op": "remove", "path": "/l/-1"},
            {"op": "test", "path": "/m", "value": 1}
        ]);
        assert_eq!(applied(document, operations), Ok(json!({"a": {"b/c": 2}, "l": [0, 2], "d": {"b/c": 2}, "m": 1})));
    }

    #[test]
    fn what_does_not_apply_is_told() {
        let told = |operation: Value| applied(json!({"a": {}, "l": [1]}), json!([operation])).unwrap_err();
        assert_eq!(
            told(json!({"op": "remove", "path": "/a/x"})),
            "error in remove for path: '/a/x': Unable to remove nonexistent key: x: missing value"
        );
        assert_eq!(
            told(json!({"op": "replace", "path": "/a/x", "value": 1})),
            "replace operation does not apply: doc is missing key: /a/x: missing value"
        );
        assert_eq!(
            told(json!({"op": "add", "path": "/x/y", "value": 1})),
            "add operation does not apply: doc is missing path: \"/x/y\": missing value"
        );
        assert_eq!(told(json!({"op": "test", "path": "/l/0", "value": 2})), "testing value /l/0 failed: test failed");
    }
}
