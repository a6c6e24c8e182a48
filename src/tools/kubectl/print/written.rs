//! What a manifest looks like after it went through kubectl's own types: fields that Go writes even when they are empty.

use serde_json::{Value, json};

/// The same for an object, or for a list of them whose items don't say what they are.
pub fn with_all_fields(object: &Value) -> Value {
    let mut object = object.clone();
    let kind = object["kind"].as_str().unwrap_or_default().trim_end_matches("List").to_owned();
    match object.get_mut("items").and_then(Value::as_array_mut) {
        None => as_go_writes_it(&mut object),
        Some(items) => {
            for item in items {
                let named = item.get("kind").is_some();
                if !named && let Some(item) = item.as_object_mut() {
                    item.insert("kind".into(), kind.as_str().into());
                }
                as_go_writes_it(item);
                if !named && let Some(item) = item.as_object_mut() {
                    item.shift_remove("kind");
                }
            }
        }
    }
    object
}

/// Adds the fields that Go's types always write. Kinds that kubectl has no type for stay as they are.
pub fn as_go_writes_it(value: &mut Value) {
    let kind = value["kind"].as_str().unwrap_or_default().to_owned();
    let fill = |value: &mut Value, field: &str, empty: Value| {
        if let Some(map) = value.as_object_mut() {
            map.entry(field).or_insert(empty);
        }
    };
    let known = [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
        "Job",
        "CronJob",
        "Pod",
        "Service",
        "RoleBinding",
        "ClusterRoleBinding",
        "HorizontalPodAutoscaler",
    ];
    if !known.contains(&kind.as_str()) {
        return;
    }
    let at = |value: &mut Value, place: &str, field: &str, empty: Value| {
        if let Some(part) = value.pointer_mut(place) {
            fill(part, field, empty);
        }
    };
    at(value, "/metadata", "creationTimestamp", Value::Null);
    match kind.as_str() {
        "Pod" => {
            if let Some(spec) = value.pointer_mut("/spec") {
                containers(spec);
            }
            fill(value, "status", json!({}));
        }
        "Service" => {
            let ports = value.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten() {
                fill(port, "targetPort", json!(0));
            }
            fill(value, "status", json!({}));
            at(value, "/status", "loadBalancer", json!({}));
        }
        "CronJob" => {
            at(value, "/spec/jobTemplate", "metadata", json!({}));
            at(value, "/spec/jobTemplate/metadata", "creationTimestamp", Value::Null);
            template(value.pointer_mut("/spec/jobTemplate/spec/template"));
            fill(value, "status", json!({}));
        }
        "RoleBinding" | "ClusterRoleBinding" => {}
        "HorizontalPodAutoscaler" => at(value, "/status", "currentMetrics", Value::Null),
        kind => {
            template(value.pointer_mut("/spec/template"));
            let (strategy, status) = match kind {
                "Deployment" => (Some("strategy"), json!({})),
                "StatefulSet" => (Some("updateStrategy"), json!({"availableReplicas": 0, "replicas": 0})),
                "DaemonSet" => (
                    Some("updateStrategy"),
                    json!({"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0,
                        "numberReady": 0}),
                ),
                "Job" => (None, json!({})),
                _ => (None, json!({"replicas": 0})),
            };
            if let Some(field) = strategy {
                at(value, "/spec", field, json!({}));
            }
            if kind == "StatefulSet" {
                at(value, "/spec", "serviceName", json!(""));
            }
            fill(value, "status", status);
        }
    }
}

fn template(template: Option<&mut Value>) {
    let Some(template) = template.and_then(Value::as_object_mut) else { return };
    let metadata = template.entry("metadata").or_insert(json!({}));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.entry("creationTimestamp").or_insert(Value::Null);
    }
    if let Some(spec) = template.get_mut("spec") {
        containers(spec);
    }
}

fn containers(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        let all = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in all.into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                container.entry("resources").or_insert(json!({}));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_fields_are_written() {
        let mut value = json!({"kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}});
        as_go_writes_it(&mut value);
        let template = json!({"metadata": {"creationTimestamp": null},
            "spec": {"containers": [{"name": "c", "resources": {}}]}});
        assert_eq!(value["spec"], json!({"strategy": {}, "template": template}));
        assert_eq!((&value["status"], &value["metadata"]["creationTimestamp"]), (&json!({}), &Value::Null));
        let mut odd = json!({"kind": "Pod", "spec": "none"});
        as_go_writes_it(&mut odd);
        assert_eq!(odd["spec"], "none");
    }
}
