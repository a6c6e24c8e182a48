//! A strategic merge patch carried out here, for what `--dry-run=client` shows: Kubernetes' rules as far as patches that
//! people write use them. The server's own merge is what counts.

use serde_json::{Map, Value};

use super::three_way::merge_key;

/// The object of a kind with a patch merged into it.
pub fn merged(object: &Value, patch: &Value) -> Value {
    let kind = object["kind"].as_str();
    let mut merged = object.clone();
    if let (Some(object), Some(patch)) = (merged.as_object_mut(), patch.as_object()) {
        merge(kind, object, patch);
    }
    merged
}

fn merge(kind: Option<&str>, object: &mut Map<String, Value>, patch: &Map<String, Value>) {
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => object.clear(),
        Some("delete") => return object.clear(),
        _ => {}
    }
    for (field, change) in patch.iter().filter(|(field, _)| !field.starts_with('$')) {
        match (object.get_mut(field), change) {
            (_, Value::Null) => {
                object.shift_remove(field);
            }
            (Some(Value::Object(map)), Value::Object(changes)) => merge(kind, map, changes),
            (Some(Value::Array(list)), Value::Array(changes)) => match merge_key(kind, field) {
                Some(key) => merge_list(kind, list, changes, key),
                None => *list = changes.clone(),
            },
            _ => {
                object.insert(field.clone(), without_nulls(change));
            }
        }
    }
}

/// Elements that the list has are changed where they are, new ones come ahead of all others.
fn merge_list(kind: Option<&str>, list: &mut Vec<Value>, changes: &[Value], key: &str) {
    let mut new = Vec::new();
    for change in changes {
        let is_it = |one: &Value| one[key] == change[key];
        if change["$patch"] == "delete" {
            list.retain(|one| !is_it(one));
            continue;
        }
        match (list.iter_mut().find(|one| is_it(one)).and_then(Value::as_object_mut), change.as_object()) {
            (Some(one), Some(change)) => merge(kind, one, change),
            _ => new.push(without_nulls(change)),
        }
    }
    list.splice(0..0, new);
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(field, value)| !value.is_null() && !field.starts_with('$'));
            Value::Object(kept.map(|(field, value)| (field.clone(), without_nulls(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_merged_by_their_key() {
        let object = json!({"kind": "Deployment", "spec": {"replicas": 1, "paused": true, "template": {"spec": {"containers": [
            {"name": "a", "image": "x", "args": ["1", "2"]}]}}}});
        let patch = json!({"spec": {"replicas": 3, "paused": null, "template": {"spec": {"containers": [
            {"name": "b", "image": "z"}, {"name": "a", "args": ["3"]}]}}}});
        assert_eq!(
            merged(&object, &patch),
            json!({"kind": "Deployment", "spec": {"replicas": 3, "template": {"spec": {"containers": [
                {"name": "b", "image": "z"}, {"name": "a", "image": "x", "args": ["3"]}]}}}})
        );
        let gone = json!({"spec": {"template": {"spec": {"containers": [{"$patch": "delete", "name": "a"}]}}}});
        assert_eq!(merged(&object, &gone)["spec"]["template"]["spec"]["containers"], json!([]));
    }
}
