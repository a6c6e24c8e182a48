//! The fields that the server fills in, so that an object says all that it means.

mod pod;
mod workload;

use serde_json::{Map, Value, json};

pub use pod::{pod, pod_spec};

use super::kinds::Kind;

/// An object's entries. A null becomes an empty object; of anything else that is no object, which validation refuses,
/// what is set is lost.
pub fn entries(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(entries) = value else { unreachable!("it was made an object just above") };
    entries
}

/// Sets a field that is absent or null.
pub fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    let slot = &mut object[field];
    if slot.is_null() {
        *slot = value.into();
    }
}

/// The items of a list, to be changed.
pub fn each(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Fills in what does not depend on anything but the object. Applying it again changes nothing.
pub fn apply(kind: &Kind, object: &mut Value) {
    if kind.schema.is_none() || !object.is_object() {
        return;
    }
    drop_nulls(object);
    match (kind.group.as_ref(), kind.plural.as_ref()) {
        ("", "pods") => pod(object),
        ("", "podtemplates") => pod_spec(&mut object["template"]["spec"]),
        ("", "replicationcontrollers") => workload::replication_controller(object),
        ("apps", "deployments") => workload::deployment(object),
        ("apps", "replicasets") => workload::replica_set(object),
        ("apps", "statefulsets") => workload::stateful_set(object),
        ("apps", "daemonsets") => workload::daemon_set(object),
        ("batch", "jobs") => workload::job(&mut object["spec"]),
        ("batch", "cronjobs") => workload::cron_job(object),
        ("", "services") => service(object),
        ("", "namespaces") => {
            let name = object["metadata"]["name"].clone();
            entries(&mut object["metadata"]["labels"]).insert("kubernetes.io/metadata.name".into(), name);
        }
        ("", "secrets") => secret(object),
        ("", "endpoints") => {
            for subset in each(object.get_mut("subsets")) {
                for port in each(subset.get_mut("ports")) {
                    set(port, "protocol", "TCP");
                }
            }
        }
        ("discovery.k8s.io", "endpointslices") => {
            for port in each(object.get_mut("ports")) {
                set(port, "name", "");
                set(port, "protocol", "TCP");
            }
        }
        ("", "limitranges") => super::limits::complete_range(object),
        ("", "persistentvolumeclaims") => set(&mut object["spec"], "volumeMode", "Filesystem"),
        ("", "persistentvolumes") => {
            set(&mut object["spec"], "persistentVolumeReclaimPolicy", "Retain");
            set(&mut object["spec"], "volumeMode", "Filesystem");
        }
        ("storage.k8s.io", "storageclasses") => {
            set(object, "reclaimPolicy", "Delete");
            set(object, "volumeBindingMode", "Immediate");
        }
        ("networking.k8s.io", "networkpolicies") => network_policy(object),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => role_binding(object),
        ("autoscaling", "horizontalpodautoscalers") => autoscaler(object),
        ("scheduling.k8s.io", "priorityclasses") => set(object, "preemptionPolicy", "PreemptLowerPriority"),
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition(object),
        _ => {}
    }
}

/// Takes out fields that are null: for the server they are not there.
pub fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.retain(|_, value| !value.is_null());
            entries.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn service(object: &mut Value) {
    let spec = &mut object["spec"];
    set(spec, "sessionAffinity", "None");
    set(spec, "type", "ClusterIP");
    if spec["sessionAffinity"] == "ClientIP" {
        set(&mut spec["sessionAffinityConfig"]["clientIP"], "timeoutSeconds", 10800);
    }
    let of = spec["type"].as_str().unwrap_or_default().to_owned();
    for port in each(spec.get_mut("ports")) {
        set(port, "protocol", "TCP");
        let same = port["port"].clone();
        if port["targetPort"] == 0 || port["targetPort"] == "" {
            port["targetPort"] = Value::Null;
        }
        set(port, "targetPort", same);
    }
    if of != "ExternalName" {
        set(spec, "internalTrafficPolicy", "Cluster");
        set(spec, "ipFamilies", json!(["IPv4"]));
        set(spec, "ipFamilyPolicy", "SingleStack");
    }
    if matches!(of.as_str(), "NodePort" | "LoadBalancer") {
        set(spec, "externalTrafficPolicy", "Cluster");
    }
    if of == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true);
    }
    set(object, "status", json!({"loadBalancer": {}}));
}

fn secret(object: &mut Value) {
    set(object, "type", "Opaque");
    // Plain texts are for writing only: they become data.
    let Some(Value::Object(texts)) = entries(object).shift_remove("stringData") else { return };
    let data = entries(&mut object["data"]);
    for (key, text) in texts {
        let text = text.as_str().unwrap_or_default();
        data.insert(key, base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text).into());
    }
}

fn network_policy(object: &mut Value) {
    let spec = &mut object["spec"];
    for direction in ["ingress", "egress"] {
        for rule in each(spec.get_mut(direction)) {
            for port in each(rule.get_mut("ports")) {
                set(port, "protocol", "TCP");
            }
        }
    }
    if spec["policyTypes"].is_null() {
        let egress = spec["egress"].as_array().is_some_and(|rules| !rules.is_empty());
        spec["policyTypes"] = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
}

fn role_binding(object: &mut Value) {
    set(&mut object["roleRef"], "apiGroup", "rbac.authorization.k8s.io");
    for subject in each(object.get_mut("subjects")) {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            set(subject, "apiGroup", "rbac.authorization.k8s.io");
        }
    }
}

fn autoscaler(object: &mut Value) {
    let spec = &mut object["spec"];
    set(spec, "minReplicas", 1);
    let cpu = json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}});
    set(spec, "metrics", json!([{"type": "Resource", "resource": cpu}]));
    let behavior = &mut spec["behavior"];
    if !behavior.is_object() {
        entries(spec).shift_remove("behavior");
        return;
    }
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let up = &mut behavior["scaleUp"];
    set(up, "stabilizationWindowSeconds", 0);
    set(up, "selectPolicy", "Max");
    set(up, "policies", json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, percent]));
    let down = &mut behavior["scaleDown"];
    set(down, "selectPolicy", "Max");
    set(down, "policies", json!([percent]));
}

fn definition(object: &mut Value) {
    let spec = &mut object["spec"];
    set(spec, "conversion", json!({"strategy": "None"}));
    let kind = spec["names"]["kind"].as_str().unwrap_or_default().to_owned();
    set(&mut spec["names"], "singular", kind.to_lowercase());
    set(&mut spec["names"], "listKind", format!("{kind}List"));
}
