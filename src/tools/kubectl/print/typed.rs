//! Fields in the order of Go's types: commands that hold an object in one of Kubernetes' own types print its JSON so.
//!
//! That order is mostly the one of the numbers that fields have in protobuf; [`OTHERWISE`] has the types where later fields
//! stand among earlier ones.

use serde_json::{Map, Value};

use crate::sandbox::cluster::api::schema::Type;
use crate::sandbox::cluster::api::wire::field_order;

/// The types whose fields are not in the order of their numbers: those fields that stand elsewhere, each with the one that it
/// stands behind (`^` for the beginning).
const OTHERWISE: &[(&str, &[(&str, &str)])] = &[
    (
        "core.v1.PodSpec",
        &[
            ("initContainers", "volumes"),
            ("ephemeralContainers", "containers"),
            ("automountServiceAccountToken", "serviceAccount"),
            ("shareProcessNamespace", "hostIPC"),
        ],
    ),
    ("core.v1.Container", CONTAINER),
    ("core.v1.EphemeralContainer", CONTAINER),
    (
        "core.v1.ServiceSpec",
        &[("clusterIPs", "clusterIP"), ("ipFamilies", "sessionAffinityConfig"), ("ipFamilyPolicy", "ipFamilies")],
    ),
    ("core.v1.ServicePort", &[("appProtocol", "protocol")]),
    ("core.v1.ConfigMap", &[("immutable", "metadata")]),
    ("core.v1.Secret", &[("immutable", "metadata"), ("stringData", "data")]),
    (
        "core.v1.PodStatus",
        &[
            ("observedGeneration", "^"),
            ("nominatedNodeName", "reason"),
            ("hostIPs", "hostIP"),
            ("podIPs", "podIP"),
            ("initContainerStatuses", "startTime"),
        ],
    ),
    ("core.v1.PodCondition", &[("observedGeneration", "type")]),
    ("core.v1.NodeSpec", &[("podCIDRs", "podCIDR"), ("externalID", "configSource")]),
    ("core.v1.VolumeMount", &[("recursiveReadOnly", "readOnly")]),
    ("core.v1.SecurityContext", &[("windowsOptions", "seLinuxOptions"), ("runAsGroup", "runAsUser")]),
    (
        "core.v1.PodSecurityContext",
        &[
            ("windowsOptions", "seLinuxOptions"),
            ("runAsGroup", "runAsUser"),
            ("supplementalGroupsPolicy", "supplementalGroups"),
        ],
    ),
    ("core.v1.PersistentVolumeClaimSpec", &[("selector", "accessModes")]),
    (
        "apps.v1.DeploymentStatus",
        &[("readyReplicas", "updatedReplicas"), ("terminatingReplicas", "unavailableReplicas")],
    ),
    ("apps.v1.DeploymentCondition", &[("lastUpdateTime", "status"), ("lastTransitionTime", "lastUpdateTime")]),
    ("apps.v1.ReplicaSetSpec", &[("minReadySeconds", "replicas")]),
    (
        "apps.v1.ReplicaSetStatus",
        &[
            ("readyReplicas", "fullyLabeledReplicas"),
            ("availableReplicas", "readyReplicas"),
            ("terminatingReplicas", "availableReplicas"),
        ],
    ),
    (
        "batch.v1.JobSpec",
        &[
            ("podFailurePolicy", "activeDeadlineSeconds"),
            ("successPolicy", "podFailurePolicy"),
            ("backoffLimit", "successPolicy"),
            ("backoffLimitPerIndex", "backoffLimit"),
            ("maxFailedIndexes", "backoffLimitPerIndex"),
        ],
    ),
    ("batch.v1.JobStatus", &[("terminating", "failed"), ("failedIndexes", "completedIndexes")]),
    ("batch.v1.CronJobSpec", &[("timeZone", "schedule")]),
    ("networking.v1.IngressSpec", &[("ingressClassName", "^")]),
    ("networking.v1.IngressBackend", &[("service", "^")]),
    ("networking.v1.HTTPIngressPath", &[("pathType", "path")]),
    ("meta.v1.OwnerReference", &[("apiVersion", "^")]),
    (
        "certificates.v1.CertificateSigningRequestSpec",
        &[("signerName", "request"), ("expirationSeconds", "signerName"), ("usages", "expirationSeconds")],
    ),
    ("authentication.v1.TokenRequestSpec", &[("expirationSeconds", "audiences")]),
];

/// Both kinds of containers.
const CONTAINER: &[(&str, &str)] = &[
    ("envFrom", "ports"),
    ("resizePolicy", "resources"),
    ("restartPolicy", "resizePolicy"),
    ("volumeDevices", "volumeMounts"),
    ("startupProbe", "readinessProbe"),
    ("terminationMessagePolicy", "terminationMessagePath"),
];

/// An object, or a list of them, with its fields in the order of its type; as it is where there is no such type.
pub fn in_go_order(object: &Value) -> Value {
    let kind = object["kind"].as_str().unwrap_or_default();
    let (group, version) =
        object["apiVersion"].as_str().map_or(("", ""), |text| text.split_once('/').unwrap_or(("", text)));
    let group = group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
    if let Some(items) = object["items"].as_array() {
        let of = Type::find(&format!("{group}.{version}.{}", kind.trim_end_matches("List")));
        let items = items.iter().map(|item| match of {
            Some(of) => ordered(item, of),
            None => in_go_order(item),
        });
        let mut list = first(object, &["kind", "apiVersion", "metadata"]);
        list.insert("items".into(), items.collect());
        return Value::Object(list);
    }
    match Type::find(&format!("{group}.{version}.{kind}")) {
        Some(of) => ordered(object, of),
        None => object.clone(),
    }
}

/// Those of an object's fields that are named, in this order.
fn first(object: &Value, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), object.get(*name)?.clone()))).collect()
}

/// A value of a type. The keys of maps are sorted, as Go prints them.
fn ordered(value: &Value, of: Type) -> Value {
    match value {
        Value::Array(items) => match of.item() {
            Some(of) => items.iter().map(|item| ordered(item, of)).collect(),
            None => value.clone(),
        },
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            let names = order(of);
            let place = |name: &str| names.iter().position(|known| *known == name).unwrap_or(names.len());
            entries.sort_by(|(a, _), (b, _)| (place(a), a).cmp(&(place(b), b)));
            let entries = entries.into_iter().map(|(name, value)| {
                (
                    name.clone(),
                    of.field(name).map_or_else(|| super::json::sorted(value), |field| ordered(value, field.of)),
                )
            });
            Value::Object(entries.collect())
        }
        plain => plain.clone(),
    }
}

/// The fields of a type in Go's order.
fn order(of: Type) -> Vec<&'static str> {
    let mut names = field_order(of);
    let elsewhere = OTHERWISE.iter().find(|(name, _)| *name == of.name()).map_or(&[][..], |(_, moved)| moved);
    for (name, behind) in elsewhere {
        let Some(from) = names.iter().position(|known| known == name) else { continue };
        let name = names.remove(from);
        let to = names.iter().position(|known| known == behind).map_or(0, |at| at + 1);
        names.insert(to, name);
    }
    // Of an object of its own, what it is comes first.
    if !names.is_empty() && !names.contains(&"kind") {
        names.splice(0..0, ["kind", "apiVersion"]);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_where_go_has_them() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"b": "1", "a": "2"}, "name": "x"},
            "spec": {"restartPolicy": "Never", "initContainers": [], "containers": [
                {"image": "i", "env": [{"value": "v", "name": "n"}], "envFrom": [], "name": "c"}]}});
        assert_eq!(
            in_go_order(&pod).to_string(),
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x","labels":{"a":"2","b":"1"}},"spec":{"initContainers":[],"containers":[{"name":"c","image":"i","envFrom":[],"env":[{"name":"n","value":"v"}]}],"restartPolicy":"Never"}}"#
        );
        let list = json!({"apiVersion": "v1", "items": [{"data": {}, "metadata": {}}], "kind": "ConfigMapList", "metadata": {}});
        assert_eq!(
            in_go_order(&list).to_string(),
            r#"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{},"items":[{"metadata":{},"data":{}}]}"#
        );
        let own = json!({"apiVersion": "a.example/v1", "kind": "Own", "b": 1, "a": 2});
        assert_eq!(in_go_order(&own), own);
    }

    #[test]
    fn what_stands_elsewhere_is_a_field() {
        for (name, moved) in OTHERWISE {
            let of = Type::find(name).unwrap_or_else(|| panic!("{name}"));
            let names = order(of);
            for (field, behind) in *moved {
                assert!(
                    names.contains(field) && (*behind == "^" || names.contains(behind)),
                    "{name}: {field} {behind}"
                );
            }
        }
    }
}
