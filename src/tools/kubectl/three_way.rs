//! The patch of a client-side apply: what the last applied, the new and the present configuration make together.
//!
//! Fields of the new configuration that differ from the present are set; fields of the last one that the new one lacks
//! are removed; all others stay as they are. Lists with a merge key are merged element by element, as Kubernetes'
//! strategic merge patch has it; the keys are those of the built-in types.

use serde_json::{Map, Value, json};

/// The patch for a built-in kind, as a strategic merge patch.
pub fn strategic(kind: &str, last: &Value, new: &Value, now: &Value) -> Value {
    let changes = set(Some(kind), now, new);
    let removals = removed(Some(kind), last, new);
    merge(Some(kind), changes, removals)
}

/// The patch for any other kind, as a JSON merge patch: lists are replaced whole.
pub fn plain(last: &Value, new: &Value, now: &Value) -> Value {
    merge(None, set(None, now, new), removed(None, last, new))
}

/// The key that tells the elements of a list apart; `None` for lists that are replaced whole.
pub fn merge_key(kind: Option<&str>, field: &str) -> Option<&'static str> {
    let kind = kind?;
    Some(match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "webhooks" => "name",
        "secrets" if kind == "ServiceAccount" => "name",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "ports" if kind == "Service" => "port",
        "ports" if kind != "NetworkPolicy" && kind != "Endpoints" && kind != "EndpointSlice" => "containerPort",
        "hostAliases" => "ip",
        "topologySpreadConstraints" => "topologyKey",
        "ownerReferences" => "uid",
        "conditions" => "type",
        _ => return None,
    })
}

/// Fields whose parts exclude each other: those that the new configuration lacks go.
fn retains_keys(kind: Option<&str>, field: &str) -> bool {
    kind.is_some() && matches!(field, "strategy" | "volumes")
}

fn empty() -> Value {
    Value::Object(Map::new())
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

/// What has to be set in `now` for it to hold `new`.
fn set(kind: Option<&str>, now: &Value, new: &Value) -> Value {
    let mut patch = Map::new();
    for (field, wanted) in new.as_object().into_iter().flatten() {
        let Some(present) = now.get(field) else {
            if !wanted.is_null() {
                patch.insert(field.clone(), wanted.clone());
            }
            continue;
        };
        match (present, wanted) {
            (Value::Object(_), Value::Object(map)) => {
                let mut inner = set(kind, present, wanted);
                if !is_empty(&inner) {
                    if retains_keys(kind, field) {
                        inner["$retainKeys"] = map.keys().cloned().collect();
                    }
                    patch.insert(field.clone(), inner);
                }
            }
            (Value::Array(present), Value::Array(wanted)) => {
                let Some(key) = merge_key(kind, field) else {
                    if present != wanted {
                        patch.insert(field.clone(), Value::from(wanted.clone()));
                    }
                    continue;
                };
                let mut elements = Vec::new();
                for element in wanted {
                    match present.iter().find(|other| other[key] == element[key]) {
                        None => elements.push(element.clone()),
                        Some(other) => {
                            let mut inner = set(kind, other, element);
                            if !is_empty(&inner) {
                                inner[key] = element[key].clone();
                                if retains_keys(kind, field) {
                                    inner["$retainKeys"] =
                                        element.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect();
                                }
                                elements.push(inner);
                            }
                        }
                    }
                }
                if !elements.is_empty() {
                    patch.insert(format!("$setElementOrder/{field}"), order(wanted, key));
                    patch.insert(field.clone(), Value::from(elements));
                }
            }
            (present, wanted) if present != wanted => {
                patch.insert(field.clone(), wanted.clone());
            }
            _ => {}
        }
    }
    Value::Object(patch)
}

fn order(wanted: &[Value], key: &str) -> Value {
    wanted.iter().map(|element| json!({ key: element[key] })).collect()
}

/// What has to be removed since `last` held it and `new` does not.
fn removed(kind: Option<&str>, last: &Value, new: &Value) -> Value {
    let mut patch = Map::new();
    for (field, before) in last.as_object().into_iter().flatten() {
        let Some(wanted) = new.get(field) else {
            patch.insert(field.clone(), Value::Null);
            continue;
        };
        match (before, wanted) {
            (Value::Object(_), Value::Object(_)) => {
                let inner = removed(kind, before, wanted);
                if !is_empty(&inner) {
                    patch.insert(field.clone(), inner);
                }
            }
            (Value::Array(before), Value::Array(wanted)) => {
                let Some(key) = merge_key(kind, field) else { continue };
                let mut elements = Vec::new();
                for element in before {
                    match wanted.iter().find(|other| other[key] == element[key]) {
                        None => elements.push(json!({"$patch": "delete", key: element[key]})),
                        Some(other) => {
                            let mut inner = removed(kind, element, other);
                            if !is_empty(&inner) {
                                inner[key] = element[key].clone();
                                elements.push(inner);
                            }
                        }
                    }
                }
                if !elements.is_empty() {
                    patch.insert(format!("$setElementOrder/{field}"), order(wanted, key));
                    patch.insert(field.clone(), Value::from(elements));
                }
            }
            _ => {}
        }
    }
    Value::Object(patch)
}

/// Two patches as one.
fn merge(kind: Option<&str>, mut a: Value, b: Value) -> Value {
    let Value::Object(b) = b else { return a };
    let Some(into) = a.as_object_mut() else { return a };
    for (field, value) in b {
        match (into.get_mut(&field), value) {
            (Some(present @ Value::Object(_)), value @ Value::Object(_)) => {
                *present = merge(kind, std::mem::replace(present, empty()), value);
            }
            (Some(Value::Array(present)), Value::Array(more)) if !field.starts_with('$') => {
                let key = merge_key(kind, &field).unwrap_or_default();
                for element in more {
                    match present.iter_mut().find(|other| other[key] == element[key]) {
                        Some(other) => *other = merge(kind, other.take(), element),
                        None => present.push(element),
                    }
                }
            }
            (Some(_), _) => {}
            (None, value) => {
                into.insert(field, value);
            }
        }
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_needs_no_patch() {
        let new = json!({"spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}}});
        let mut now = new.clone();
        now["spec"]["template"]["spec"]["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
        now["status"] = json!({});
        assert_eq!(strategic("Deployment", &new, &new, &now), json!({}));
    }

    #[test]
    fn changes_additions_and_removals() {
        let last = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"containers": [
            {"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]}, {"name": "gone"}]}});
        let new = json!({"metadata": {"labels": {"a": "1"}}, "spec": {"containers": [{"name": "a", "image": "y"}]}});
        let now = json!({"metadata": {"labels": {"a": "1", "b": "2", "own": "3"}}, "spec": {"containers": [
            {"name": "a", "image": "x", "env": [{"name": "E", "value": "1"}]}, {"name": "gone"}]}});
        assert_eq!(
            strategic("Pod", &last, &new, &now),
            json!({"metadata": {"labels": {"b": null}}, "spec": {
                "$setElementOrder/containers": [{"name": "a"}],
                "containers": [{"image": "y", "name": "a", "env": null}, {"$patch": "delete", "name": "gone"}]}})
        );
        assert_eq!(
            plain(&json!({"a": [1], "b": 1}), &json!({"a": [2]}), &json!({"a": [1], "b": 1, "c": 1})),
            json!({"a": [2], "b": null})
        );
    }
}
