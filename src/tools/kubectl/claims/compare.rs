//! Whether an object has the fields of a manifest or a patch.

use serde_json::Value;

use super::RESTARTED;
use crate::target::Field;
use crate::tools::kubectl::quantity;
use crate::tools::kubectl::verbs::LAST_APPLIED;

/// What the server keeps of an object, and what says nothing of what was wanted.
const NOT_WANTED: &[&str] = &[
    "apiVersion",
    "kind",
    "status",
    "metadata.creationTimestamp",
    "metadata.generation",
    "metadata.managedFields",
    "metadata.name",
    "metadata.namespace",
    "metadata.resourceVersion",
    "metadata.selfLink",
    "metadata.uid",
];

/// Keys that single out the elements of lists in Kubernetes' built-in types, those first that are unique where several are there.
const KEYS: &[&str] =
    &["name", "mountPath", "devicePath", "containerPort", "port", "topologyKey", "key", "ip", "uid", "type"];

/// The fields of `wanted`, each with what `now` has there. An absent field is as good as an empty one.
pub fn fields(wanted: &Value, now: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    walk(String::new(), wanted, Some(now), &mut fields);
    fields
}

fn walk(path: String, wanted: &Value, now: Option<&Value>, fields: &mut Vec<Field>) {
    if NOT_WANTED.contains(&path.as_str()) || path.contains(LAST_APPLIED) {
        return;
    }
    match wanted {
        // Only a patch has directives; what they mean shows in the fields beside them.
        Value::Object(map) if map.get("$patch").and_then(Value::as_str) == Some("delete") => {
            fields.push(Field { path, expected: Value::Null, found: now.cloned(), holds: now.is_none() });
        }
        Value::Object(map) => {
            for (key, wanted) in map.iter().filter(|(key, _)| !key.starts_with('$')) {
                walk(join(&path, key), wanted, now.and_then(|now| now.get(key)), fields);
            }
        }
        Value::Array(list) if list.iter().all(Value::is_object) && !list.is_empty() => {
            let present: &[Value] = now.and_then(Value::as_array).map_or(&[], Vec::as_slice);
            for (at, wanted) in list.iter().enumerate() {
                let (name, found) = element(wanted, at, list, present);
                walk(format!("{path}[{name}]"), wanted, found, fields);
            }
        }
        wanted => {
            let holds = match now {
                _ if path.contains(RESTARTED) => now.is_some_and(|now| !now.is_null()),
                None => empty(wanted),
                Some(now) => equal(wanted, now, &path),
            };
            fields.push(Field { path, expected: wanted.clone(), found: now.cloned(), holds });
        }
    }
}

/// The element of a list that one of another list means: the one of the same key, else the one in the same place.
fn element<'n>(wanted: &Value, at: usize, all: &[Value], present: &'n [Value]) -> (String, Option<&'n Value>) {
    let key = KEYS.iter().find(|key| {
        all.iter().all(|one| one.get(**key).is_some_and(|value| value.is_string() || value.is_number()))
            && all.iter().filter(|one| one[**key] == wanted[**key]).count() == 1
    });
    match key {
        Some(key) => {
            let name = match &wanted[*key] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (format!("{key}={name}"), present.iter().find(|one| one[*key] == wanted[*key]))
        }
        None => (at.to_string(), present.get(at)),
    }
}

/// The operations of a JSON patch (RFC 6902) as fields.
pub fn patched(patch: &Value, now: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    for operation in patch.as_array().into_iter().flatten() {
        let text = |key: &str| operation[key].as_str().unwrap_or_default();
        let pointer = text("path");
        let path = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        let path = path.fold(String::new(), |path, part| join(&path, &part));
        match text("op") {
            "remove" => {
                let found = now.pointer(pointer).cloned();
                fields.push(Field { path, expected: Value::Null, holds: found.is_none(), found });
            }
            "add" if pointer.ends_with("/-") => {
                let list = now.pointer(pointer.trim_end_matches("/-")).and_then(Value::as_array);
                let found = list.into_iter().flatten().find(|one| fields_hold(&operation["value"], one)).cloned();
                let holds = found.is_some();
                fields.push(Field { path, expected: operation["value"].clone(), found, holds });
            }
            "add" | "replace" => walk(path, &operation["value"], now.pointer(pointer), &mut fields),
            // `test`, `copy` and `move` say nothing of what is there afterwards that could be looked at alone.
            _ => {}
        }
    }
    fields
}

fn fields_hold(wanted: &Value, now: &Value) -> bool {
    match wanted {
        Value::Object(_) => fields(wanted, now).iter().all(|field| field.holds),
        wanted => equal(wanted, now, ""),
    }
}

fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains(['.', '/'])) {
        (true, _) => key.to_owned(),
        (false, false) => format!("{path}.{key}"),
        (false, true) => format!("{path}[{key}]"),
    }
}

/// What the server leaves out.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(_) | Value::Bool(true) => false,
    }
}

/// Whether two values mean the same: amounts may be written in several ways (`1000m`, `1`).
fn equal(wanted: &Value, now: &Value, path: &str) -> bool {
    if wanted == now || (empty(wanted) && empty(now)) {
        return true;
    }
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    let (Some(wanted), Some(now)) = (text(wanted), text(now)) else { return false };
    // A Secret's values are written in plain and kept in base64.
    if path.starts_with("stringData") {
        return true;
    }
    match (quantity::parse(&wanted), quantity::parse(&now)) {
        (Some(wanted), Some(now)) => (wanted - now).abs() < 1e-9 * wanted.abs().max(1e-9),
        _ => wanted == now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrong(wanted: &Value, now: &Value) -> Vec<String> {
        fields(wanted, now).into_iter().filter(|field| !field.holds).map(|field| field.path).collect()
    }

    #[test]
    fn fields_are_found_by_key_and_amount() {
        let now = json!({"metadata": {"name": "x", "uid": "u", "labels": {"a": "b"}}, "spec": {"replicas": 3, "template": {
            "spec": {"containers": [{"name": "side"}, {"name": "main", "image": "i:1", "env": [{"name": "A", "value": "1"}],
            "resources": {"requests": {"cpu": "1"}}}], "dnsPolicy": "ClusterFirst"}}}});
        let good = json!({"apiVersion": "v1", "metadata": {"name": "x", "creationTimestamp": null}, "status": {"a": 1},
            "spec": {"paused": false, "template": {"spec": {"containers": [{"name": "main", "image": "i:1",
            "resources": {"requests": {"cpu": "1000m"}}}]}}}});
        assert_eq!(wrong(&good, &now), [""; 0]);
        let bad = json!({"metadata": {"labels": {"a": "c", "x.y/z": "1"}}, "spec": {"replicas": 1, "template": {"spec": {"containers": [
            {"name": "main", "image": "i:2", "env": [{"name": "A", "value": "2"}, {"name": "B", "value": "1"}]}]}}}});
        assert_eq!(
            wrong(&bad, &now),
            [
                "metadata.labels.a",
                "metadata.labels[x.y/z]",
                "spec.replicas",
                "spec.template.spec.containers[name=main].image",
                "spec.template.spec.containers[name=main].env[name=A].value",
                "spec.template.spec.containers[name=main].env[name=B].name",
                "spec.template.spec.containers[name=main].env[name=B].value",
            ]
        );
    }

    #[test]
    fn removed_fields_must_be_gone() {
        let now = json!({"metadata": {"labels": {"a": "b"}}});
        assert_eq!(wrong(&json!({"metadata": {"labels": {"a": null, "c": null}}}), &now), ["metadata.labels.a"]);
    }

    #[test]
    fn json_patches() {
        let now = json!({"spec": {"a": 1, "list": [{"name": "x", "v": 2}]}});
        let patch = json!([{"op": "replace", "path": "/spec/a", "value": 1}, {"op": "add", "path": "/spec/list/-", "value": {"name": "x"}},
            {"op": "remove", "path": "/spec/b"}, {"op": "add", "path": "/spec/c", "value": 1}]);
        let found: Vec<_> = patched(&patch, &now).into_iter().map(|field| (field.path, field.holds)).collect();
        assert_eq!(
            found,
            [("spec.a".into(), true), ("spec.list.-".into(), true), ("spec.b".into(), true), ("spec.c".into(), false)]
        );
    }
}
