//! Reading Kubernetes objects that are kept as JSON: names, owners, labels, selectors, conditions, times.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::store::{GroupResource, Key};

/// The resources that controllers know.
pub mod resources {
    use super::GroupResource;

    macro_rules! resources {
        ($($name:ident = $group:literal, $resource:literal;)*) => {
            $(#[doc = concat!("`", $resource, "`")] pub const $name: GroupResource = GroupResource::of($group, $resource);)*
        };
    }
    resources! {
        CONFIG_MAPS = "", "configmaps";
        ENDPOINTS = "", "endpoints";
        EVENTS = "", "events";
        NAMESPACES = "", "namespaces";
        NODES = "", "nodes";
        PODS = "", "pods";
        SECRETS = "", "secrets";
        SERVICE_ACCOUNTS = "", "serviceaccounts";
        SERVICES = "", "services";
        DEPLOYMENTS = "apps", "deployments";
        REPLICA_SETS = "apps", "replicasets";
        STATEFUL_SETS = "apps", "statefulsets";
        DAEMON_SETS = "apps", "daemonsets";
        CONTROLLER_REVISIONS = "apps", "controllerrevisions";
        JOBS = "batch", "jobs";
        CRON_JOBS = "batch", "cronjobs";
        AUTOSCALERS = "autoscaling", "horizontalpodautoscalers";
        DISRUPTION_BUDGETS = "policy", "poddisruptionbudgets";
        RESOURCE_QUOTAS = "", "resourcequotas";
        LIMIT_RANGES = "", "limitranges";
        VOLUMES = "", "persistentvolumes";
        CLAIMS = "", "persistentvolumeclaims";
        STORAGE_CLASSES = "storage.k8s.io", "storageclasses";
        CSI_DRIVERS = "storage.k8s.io", "csidrivers";
        API_SERVICES = "apiregistration.k8s.io", "apiservices";
        INGRESSES = "networking.k8s.io", "ingresses";
        NETWORK_POLICIES = "networking.k8s.io", "networkpolicies";
        INGRESS_CLASSES = "networking.k8s.io", "ingressclasses";
        ENDPOINT_SLICES = "discovery.k8s.io", "endpointslices";
        LEASES = "coordination.k8s.io", "leases";
        CLUSTER_ROLES = "rbac.authorization.k8s.io", "clusterroles";
    }
}

/// The resource of a kind that controllers own others by, or that a scenario's manifests may hold: `apps/v1`,
/// `Deployment`. The plural is the kind's in lower case with the English ending, as Kubernetes' own kinds have it.
pub fn resource_of(api_version: &str, kind: &str) -> GroupResource {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let lower = kind.to_lowercase();
    let plural = if lower == "endpoints" {
        lower
    } else if let Some(stem) = lower.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
        format!("{stem}ies")
    } else if lower.ends_with(['s', 'x']) || lower.ends_with("ch") {
        format!("{lower}es")
    } else {
        format!("{lower}s")
    };
    GroupResource { group: group.to_owned().into(), resource: plural.into() }
}

/// What stands at a path of fields and places in lists, such as `/spec/containers/0/image`. It is a JSON pointer without escapes:
/// undoing those would copy every field's name, for each of the many times that controllers look.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').skip(1).try_fold(object, |value, field| match value {
        Value::Array(items) => items.get(field.parse::<usize>().ok()?),
        value => value.get(field),
    })
}

/// The text at a path of fields; empty when there is none.
pub fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a path of fields.
pub fn number(object: &Value, path: &str) -> Option<i64> {
    at(object, path).and_then(Value::as_i64)
}

/// The list at a path of fields; empty when there is none.
pub fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    at(object, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `metadata.name`.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`; empty for objects of the whole cluster.
pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Whether the object is being deleted.
pub fn is_deleting(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

/// The owner reference that has `controller: true`.
pub fn controller(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true)
}

/// Whether `owner` controls `object`.
pub fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    controller(object).is_some_and(|reference| text(reference, "/uid") == uid(owner))
}

/// An owner reference to a controller.
pub fn controller_reference(api_version: &str, kind: &str, owner: &Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// Where an owner is, seen from an object that refers to it.
pub fn owner_key(object: &Value, reference: &Value) -> Key {
    let resource = resource_of(text(reference, "/apiVersion"), text(reference, "/kind"));
    let namespaced = resource != resources::NODES && resource != resources::NAMESPACES;
    Key {
        resource,
        namespace: Some(namespace(object)).filter(|of| namespaced && !of.is_empty()).map(str::to_owned),
        name: text(reference, "/name").to_owned(),
    }
}

/// Whether labels fit a `LabelSelector`. An absent selector fits nothing, an empty one everything.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let Some(selector) = selector.as_object() else { return false };
    let wanted = selector.get("matchLabels").and_then(Value::as_object);
    if wanted.is_some_and(|wanted| !wanted.iter().all(|(key, value)| labels.get(key) == Some(value))) {
        return false;
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    expressions.iter().all(|expression| fits(expression, labels))
}

/// Whether labels fit one requirement of a selector, a node selector included.
pub fn fits(expression: &Value, labels: &Value) -> bool {
    let actual = labels.get(text(expression, "/key")).and_then(Value::as_str);
    let listed = || actual.is_some_and(|actual| list(expression, "/values").iter().any(|value| value == actual));
    let compared = |than: fn(&i64, &i64) -> bool| {
        let wanted = list(expression, "/values").first().and_then(Value::as_str).and_then(|text| text.parse().ok());
        actual.and_then(|actual| actual.parse().ok()).zip(wanted).is_some_and(|(actual, wanted)| than(&actual, &wanted))
    };
    match text(expression, "/operator") {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => actual.is_some(),
        "DoesNotExist" => actual.is_none(),
        "Gt" => compared(i64::gt),
        "Lt" => compared(i64::lt),
        _ => false,
    }
}

/// Whether labels fit a plain map, as a Service's selector is. An empty one fits nothing.
pub fn selects_by_map(selector: &Value, labels: &Value) -> bool {
    selector
        .as_object()
        .is_some_and(|wanted| !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
}

/// A time as metadata holds it.
pub fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time with microseconds, as Events and leases hold it.
pub fn written_micro(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The time at a path of fields.
pub fn time(object: &Value, path: &str) -> Option<Timestamp> {
    at(object, path).and_then(Value::as_str).and_then(|text| text.parse().ok())
}

/// A moment that lies `span` after `time`.
pub fn after(time: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// The condition of a type in `status.conditions`.
pub fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    list(status, "/conditions").iter().find(|condition| condition["type"] == kind)
}

/// Notes in a Pod's conditions that it is about to end because of something outside of it.
/// <https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions>
pub fn set_disrupted(pod: &mut Value, now: Timestamp, reason: &str, message: &str) {
    const KIND: &str = "DisruptionTarget";
    let mut conditions = list(pod, "/status/conditions").to_vec();
    conditions.retain(|known| known["type"] != KIND);
    conditions.push(json!({
        "type": KIND, "status": "True", "reason": reason, "message": message,
        "lastProbeTime": null, "lastTransitionTime": written(now),
    }));
    map_at(pod, "status").insert("conditions".into(), conditions.into());
}

/// Whether a Pod's condition is True.
pub fn has_condition(object: &Value, kind: &str) -> bool {
    condition(&object["status"], kind).is_some_and(|condition| condition["status"] == "True")
}

/// Whether a Pod counts for its controller: it is neither finished nor being deleted.
pub fn is_active(pod: &Value) -> bool {
    !is_deleting(pod) && !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// When a Pod that is ready becomes available, having been ready for `min_ready` seconds; `None` while it is not ready.
pub fn available_at(pod: &Value, min_ready: i64) -> Option<Timestamp> {
    let ready = condition(&pod["status"], "Ready").filter(|ready| ready["status"] == "True")?;
    let since = time(ready, "/lastTransitionTime")?;
    Some(after(since, Duration::from_secs(u64::try_from(min_ready).unwrap_or(0))))
}

/// Hexadecimal digits that follow from `parts`.
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A short name that follows from `value`, in the letters of generated names: what `pod-template-hash` looks like.
pub fn short_hash(value: &Value) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    // A number of 32 bits in decimal, each digit replaced: Kubernetes encodes its FNV hash so.
    let digest = Sha256::digest(canonical(value).to_string().as_bytes());
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    number.to_string().bytes().map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()])).collect()
}

/// The value with sorted keys and without what is empty: two spellings of the same thing become equal.
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let mut sorted = Map::new();
            for key in keys {
                let inner = canonical(&map[key]);
                if !inner.is_null() {
                    sorted.insert(key.clone(), inner);
                }
            }
            Value::Object(sorted)
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

/// The object at a key of a JSON object, made when it is not there.
pub fn map_at<'a>(object: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let inner = &mut object[field];
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    match inner {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

/// Sets `metadata.annotations` or `metadata.labels`.
pub fn set_meta(object: &mut Value, field: &str, key: &str, value: &str) {
    let meta = map_at(object, "metadata");
    let inner = meta.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    inner[key] = value.into();
}

/// The annotation of that name; empty when there is none.
pub fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["annotations"][key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_are_kubernetes_own() {
        for (version, kind, group, plural) in [
            ("v1", "Pod", "", "pods"),
            ("v1", "Endpoints", "", "endpoints"),
            ("networking.k8s.io/v1", "Ingress", "networking.k8s.io", "ingresses"),
            ("networking.k8s.io/v1", "NetworkPolicy", "networking.k8s.io", "networkpolicies"),
            ("networking.k8s.io/v1", "IngressClass", "networking.k8s.io", "ingressclasses"),
            ("apps/v1", "Deployment", "apps", "deployments"),
        ] {
            let found = resource_of(version, kind);
            assert_eq!((&*found.group, &*found.resource), (group, plural));
        }
    }

    #[test]
    fn selectors() {
        let labels = json!({"app": "web", "tier": "3"});
        for (selector, fits) in [
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "db"}}), false),
            (json!({}), true),
            (Value::Null, false),
            (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "web"]}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}), false),
            (json!({"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["web"]}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), false),
            (json!({"matchExpressions": [{"key": "tier", "operator": "Gt", "values": ["2"]}]}), true),
        ] {
            assert_eq!(selects(&selector, &labels), fits, "{selector}");
        }
    }

    #[test]
    fn the_hash_knows_no_order_and_its_letters_are_safe() {
        let hash = short_hash(&json!({"a": 1, "b": {"c": null, "d": 2}}));
        assert_eq!(hash, short_hash(&json!({"b": {"d": 2}, "a": 1})));
        assert_ne!(hash, short_hash(&json!({"a": 2})));
        assert!(hash.chars().all(|letter| "bcdfghjklmnpqrstvwxz2456789".contains(letter)), "{hash}");
    }
}
