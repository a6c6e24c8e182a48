//! What the server refuses, beyond wrong types: names, labels, missing and contradicting fields, changes of fields that
//! stay as they are. It covers the fields that people set, in the server's words.

mod names;
mod pod;

use serde_json::{Value, json};

use super::kinds::{Kind, NameRule};
use super::quantity::Quantity;
use super::selector::selects;
use super::status::Cause;
use crate::sandbox::cluster::schedule::Schedule;

/// The items of a list.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// What is wrong with an object that is to be created.
pub fn create(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let meta = &object["metadata"];
    match meta["name"].as_str().filter(|name| !name.is_empty()) {
        None => causes.push(Cause::required("metadata.name", "name or generateName is required")),
        Some(name) => {
            for message in names::check(kind.names, name) {
                causes.push(Cause::invalid("metadata.name", &name.into(), &message));
            }
        }
    }
    if kind.plural == "secrets" || kind.plural == "configmaps" {
        data(object, &mut causes);
    }
    object_of(kind, object, &mut causes);
    causes
}

/// What is wrong with a change.
pub fn update(kind: &Kind, old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    fixed(kind, old, new, &mut causes);
    if kind.plural == "secrets" || kind.plural == "configmaps" {
        data(new, &mut causes);
    }
    object_of(kind, new, &mut causes);
    causes
}

/// What holds for an object whenever it is written.
fn object_of(kind: &Kind, object: &Value, causes: &mut Vec<Cause>) {
    labels(&object["metadata"]["labels"], "metadata.labels", causes);
    for (key, _) in object["metadata"]["annotations"].as_object().into_iter().flatten() {
        for message in names::qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", &key.as_str().into(), &message));
        }
    }
    let spec = &object["spec"];
    match (kind.group.as_ref(), kind.plural.as_ref()) {
        ("", "pods") => pod::spec(spec, "spec", &["Always", "OnFailure", "Never"], causes),
        ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets") => workload(kind, spec, causes),
        ("batch", "jobs") => job(spec, "spec", causes),
        ("batch", "cronjobs") => {
            cron_job(object, causes);
            job(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", causes);
        }
        ("", "services") => service(spec, causes),
        ("networking.k8s.io", "ingresses") => ingress(spec, causes),
        ("", "persistentvolumeclaims") => {
            if !filled(&spec["accessModes"]) {
                causes.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
            }
            if !filled(&spec["resources"]["requests"]["storage"]) {
                causes.push(Cause::required("spec.resources[storage]", ""));
            }
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings")
            if !filled(&object["roleRef"]["name"]) =>
        {
            causes.push(Cause::required("roleRef.name", ""));
        }
        ("policy", "poddisruptionbudgets") if filled(&spec["minAvailable"]) && filled(&spec["maxUnavailable"]) => {
            let message = "minAvailable and maxUnavailable cannot be both set";
            causes.push(Cause::invalid("spec", &spec.clone(), message));
        }
        ("autoscaling", "horizontalpodautoscalers") => {
            if spec["maxReplicas"].as_i64().unwrap_or(0) < 1 {
                let value = spec["maxReplicas"].as_i64().unwrap_or(0).into();
                causes.push(Cause::invalid("spec.maxReplicas", &value, "must be greater than 0"));
            } else if spec["maxReplicas"].as_i64() < spec["minReplicas"].as_i64() {
                let message = "must be greater than or equal to `minReplicas`";
                causes.push(Cause::invalid("spec.maxReplicas", &spec["maxReplicas"], message));
            }
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            let wanted = format!(
                "{}.{}",
                spec["names"]["plural"].as_str().unwrap_or_default(),
                spec["group"].as_str().unwrap_or_default()
            );
            if object["metadata"]["name"] != wanted {
                let message = "must be spec.names.plural+\".\"+spec.group";
                causes.push(Cause::invalid("metadata.name", &object["metadata"]["name"], message));
            }
        }
        _ => {}
    }
}

/// What is wrong with labels.
fn labels(labels: &Value, path: &str, causes: &mut Vec<Cause>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        for message in names::qualified(key) {
            causes.push(Cause::invalid(path, &key.as_str().into(), &message));
        }
        for message in names::label_value(value.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid(path, value, &message));
        }
    }
}

fn data(object: &Value, causes: &mut Vec<Cause>) {
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in object[field].as_object().into_iter().flatten() {
            size += key.len() + value.as_str().map_or(0, str::len);
            let fits = !key.is_empty()
                && key.len() <= 253
                && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
            if !fits {
                let message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                causes.push(Cause::invalid(format!("{field}[{key}]"), &key.as_str().into(), message));
            }
        }
    }
    if size > 1024 * 1024 {
        let message = "Too long: may not be more than 1048576 bytes".to_owned();
        let field = if object["kind"] == "Secret" { "data" } else { "" };
        causes.push(Cause { reason: "FieldValueTooLong", field: field.into(), message });
    }
}

fn not_negative(spec: &Value, path: &str, fields: &[&str], causes: &mut Vec<Cause>) {
    for field in fields {
        if spec[*field].as_i64().is_some_and(|number| number < 0) {
            let message = "must be greater than or equal to 0";
            causes.push(Cause::invalid(format!("{path}.{field}"), &spec[*field], message));
        }
    }
}

fn workload(kind: &Kind, spec: &Value, causes: &mut Vec<Cause>) {
    not_negative(
        spec,
        "spec",
        &["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"],
        causes,
    );
    let selector = &spec["selector"];
    let template = &spec["template"];
    let empty = !filled(&selector["matchLabels"]) && !filled(&selector["matchExpressions"]);
    if selector.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if empty {
        let message = match kind.plural.as_ref() {
            "deployments" => "empty selector is invalid for deployment",
            "statefulsets" => "empty selector is invalid for statefulset",
            "daemonsets" => "empty selector is invalid for daemonset",
            _ => "empty selector is invalid for replica set",
        };
        causes.push(Cause::invalid("spec.selector", selector, message));
    }
    labels(&selector["matchLabels"], "spec.selector.matchLabels", causes);
    if selector.is_null() || (!empty && !selects(selector, &template["metadata"]["labels"])) {
        let shown = Some(&template["metadata"]["labels"]).filter(|labels| filled(labels)).cloned().unwrap_or_default();
        let message = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &shown, message));
    }
    labels(&template["metadata"]["labels"], "spec.template.labels", causes);
    let mut pod = template["spec"].clone();
    // Claims that are made for each Pod are volumes of its.
    for claim in items(&spec["volumeClaimTemplates"]) {
        let volume = json!({"name": claim["metadata"]["name"], "emptyDir": {}});
        match &mut pod["volumes"] {
            Value::Array(volumes) if !volumes.iter().any(|one| one["name"] == volume["name"]) => volumes.push(volume),
            Value::Array(_) => {}
            none => *none = json!([volume]),
        }
    }
    pod::spec(&pod, "spec.template.spec", &["Always"], causes);
    if kind.plural == "deployments" {
        strategy(&spec["strategy"], causes);
    }
}

fn strategy(strategy: &Value, causes: &mut Vec<Cause>) {
    match strategy["type"].as_str() {
        Some("Recreate") if !strategy["rollingUpdate"].is_null() => {
            let message = "may not be specified when strategy `type` is 'Recreate'";
            causes.push(Cause::forbidden("spec.strategy.rollingUpdate", message));
        }
        None | Some("Recreate") => {}
        Some("RollingUpdate") => {
            let zero = |value: &Value| *value == 0 || *value == "0%" || *value == "0";
            let rolling = &strategy["rollingUpdate"];
            if zero(&rolling["maxUnavailable"]) && zero(&rolling["maxSurge"]) {
                let message = "may not be 0 when `maxSurge` is 0";
                let value = &rolling["maxUnavailable"];
                causes.push(Cause::invalid("spec.strategy.rollingUpdate.maxUnavailable", value, message));
            }
        }
        Some(_) => {
            let supported = ["Recreate", "RollingUpdate"];
            causes.push(Cause::unsupported("spec.strategy.type", &strategy["type"], &supported));
        }
    }
}

fn cron_job(object: &Value, causes: &mut Vec<Cause>) {
    let spec = &object["spec"];
    let schedule = spec["schedule"].as_str().unwrap_or_default();
    if schedule.is_empty() {
        causes.push(Cause::required("spec.schedule", ""));
    } else {
        if let Err(why) = schedule.parse::<Schedule>() {
            causes.push(Cause::invalid("spec.schedule", &schedule.into(), &why));
        }
        if schedule.contains("TZ") {
            let message = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            causes.push(Cause::invalid("spec.schedule", &schedule.into(), message));
        }
    }
    if let Some(zone) = spec["timeZone"].as_str() {
        let message = if zone.is_empty() {
            Some("timeZone must be nil or non-empty string".to_owned())
        } else if zone.eq_ignore_ascii_case("local") {
            Some("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones".to_owned())
        } else {
            jiff::tz::TimeZone::get(zone).err().map(|_| format!("unknown time zone {zone}"))
        };
        if let Some(message) = message {
            causes.push(Cause::invalid("spec.timeZone", &zone.into(), &message));
        }
    }
    let policies = ["Allow", "Forbid", "Replace"];
    if !policies.iter().any(|one| spec["concurrencyPolicy"] == *one) {
        causes.push(Cause::unsupported("spec.concurrencyPolicy", &spec["concurrencyPolicy"], &policies));
    }
    let limits = ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"];
    not_negative(spec, "spec", &limits, causes);
    // Its Jobs' names are eleven letters longer.
    if let Some(name) = object["metadata"]["name"].as_str().filter(|name| name.len() > 52) {
        causes.push(Cause::invalid("metadata.name", &name.into(), "must be no more than 52 characters"));
    }
}

fn job(spec: &Value, path: &str, causes: &mut Vec<Cause>) {
    let fields = ["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"];
    not_negative(spec, path, &fields, causes);
    pod::spec(&spec["template"]["spec"], &format!("{path}.template.spec"), &["OnFailure", "Never"], causes);
}

fn service(spec: &Value, causes: &mut Vec<Cause>) {
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !kinds.iter().any(|one| spec["type"] == *one) {
        causes.push(Cause::unsupported("spec.type", &spec["type"], &kinds));
    }
    if spec["type"] == "ExternalName" {
        if !filled(&spec["externalName"]) {
            causes.push(Cause::required("spec.externalName", ""));
        }
        return;
    }
    if !filled(&spec["ports"]) && spec["clusterIP"] != "None" {
        causes.push(Cause::required("spec.ports", ""));
    }
    let many = items(&spec["ports"]).count() > 1;
    let mut seen: Vec<(&Value, &Value)> = Vec::new();
    for (at, port) in items(&spec["ports"]).enumerate() {
        let path = format!("spec.ports[{at}]");
        if many && !filled(&port["name"]) {
            causes.push(Cause::required(format!("{path}.name"), ""));
        }
        if let Some(name) = port["name"].as_str().filter(|name| !name.is_empty()) {
            for message in names::check(NameRule::Label, name) {
                causes.push(Cause::invalid(format!("{path}.name"), &name.into(), &message));
            }
        }
        pod::port(&port["port"], &format!("{path}.port"), causes);
        let pair = (&port["port"], &port["protocol"]);
        if seen.contains(&pair) {
            let value = json!({"port": port["port"], "protocol": port["protocol"]});
            causes.push(Cause::duplicate(path, &value));
        }
        seen.push(pair);
    }
    labels(&spec["selector"], "spec.selector", causes);
}

fn ingress(spec: &Value, causes: &mut Vec<Cause>) {
    if !filled(&spec["defaultBackend"]) && !filled(&spec["rules"]) {
        let message = "either `defaultBackend` or `rules` must be specified";
        causes.push(Cause::invalid("spec", &json!({}), message));
    }
    for (at, rule) in items(&spec["rules"]).enumerate() {
        for (place, path) in items(&rule["http"]["paths"]).enumerate() {
            let field = format!("spec.rules[{at}].http.paths[{place}]");
            let kinds = ["Exact", "ImplementationSpecific", "Prefix"];
            match path["pathType"].as_str() {
                None => causes.push(Cause::required(format!("{field}.pathType"), "pathType must be specified")),
                Some(of) if kinds.contains(&of) => {}
                Some(_) => causes.push(Cause::unsupported(format!("{field}.pathType"), &path["pathType"], &kinds)),
            }
            let backend = &path["backend"];
            if filled(&backend["service"]) && !filled(&backend["service"]["name"]) {
                causes.push(Cause::required(format!("{field}.backend.service.name"), ""));
            }
        }
    }
}

/// What may not be changed.
fn fixed(kind: &Kind, old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let mut same = |path: &[&str]| {
        let read = |value| path.iter().fold(value, |value: &Value, name| &value[*name]).clone();
        let (before, after) = (read(old), read(new));
        if before != after {
            causes.push(Cause::invalid(path.join("."), &after, "field is immutable"));
        }
    };
    match (kind.group.as_ref(), kind.plural.as_ref()) {
        ("apps", "deployments" | "replicasets" | "daemonsets") => same(&["spec", "selector"]),
        ("batch", "jobs") => {
            same(&["spec", "completions"]);
            same(&["spec", "selector"]);
            same(&["spec", "template"]);
            same(&["spec", "completionMode"]);
        }
        ("", "secrets") => same(&["type"]),
        ("storage.k8s.io", "storageclasses") => {
            same(&["provisioner"]);
            same(&["parameters"]);
            same(&["volumeBindingMode"]);
        }
        ("apps", "statefulsets") => stateful_set(old, new, causes),
        ("", "pods") => pod::update(old, new, causes),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") if old["roleRef"] != new["roleRef"] => {
            causes.push(Cause::invalid("roleRef", &new["roleRef"], "cannot change roleRef"));
        }
        ("", "persistentvolumeclaims") => {
            let without = |value: &Value| {
                let mut spec = value["spec"].clone();
                for field in ["resources", "volumeName", "volumeAttributesClassName"] {
                    spec[field] = Value::Null;
                }
                spec
            };
            if without(old) != without(new) {
                let message = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
                causes.push(Cause::forbidden("spec", message));
            }
            let amount = |text: &Value| text.as_str().and_then(|text| text.parse::<Quantity>().ok());
            let wanted = amount(&new["spec"]["resources"]["requests"]["storage"]);
            let has = amount(&old["status"]["capacity"]["storage"]);
            if wanted.zip(has).is_some_and(|(wanted, has)| wanted < has) {
                let message = "field can not be less than status.capacity";
                causes.push(Cause::forbidden("spec.resources.requests.storage", message));
            }
        }
        ("", "services") => {
            let (before, after) = (&old["spec"]["clusterIP"], &new["spec"]["clusterIP"]);
            if filled(before)
                && before != after
                && new["spec"]["type"] != "ExternalName"
                && old["spec"]["type"] != "ExternalName"
            {
                let value = json!([after]);
                causes.push(Cause::invalid("spec.clusterIPs[0]", &value, "may not change once set"));
            }
        }
        _ => {}
    }
    if old["immutable"] == true && matches!(kind.plural.as_ref(), "secrets" | "configmaps") {
        for field in ["data", "binaryData"] {
            if old[field] != new[field] {
                causes.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
            }
        }
        if new["immutable"] != true {
            causes.push(Cause::forbidden("immutable", "field is immutable when `immutable` is set"));
        }
    }
}

fn stateful_set(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let without = |value: &Value| {
        let mut spec = value["spec"].clone();
        for field in [
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        ] {
            spec[field] = Value::Null;
        }
        spec
    };
    if without(old) != without(new) {
        let message = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        causes.push(Cause::forbidden("spec", message));
    }
}

#[cfg(test)]
mod tests;
