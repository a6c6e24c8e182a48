//! Pods and their templates.

use serde_json::Value;

use super::super::kinds::NameRule;
use super::super::quantity::Quantity;
use super::super::status::Cause;
use super::{filled, items, names};

/// A spec of a Pod or template whose restart policy is one of `restart`.
pub fn spec(spec: &Value, path: &str, restart: &[&str], causes: &mut Vec<Cause>) {
    let mut volumes: Vec<&str> = Vec::new();
    for (at, volume) in items(&spec["volumes"]).enumerate() {
        let field = format!("{path}.volumes[{at}].name");
        let name = volume["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        for message in names::check(NameRule::Label, name) {
            causes.push(Cause::invalid(field.clone(), &name.into(), &message));
        }
        if volumes.contains(&name) {
            causes.push(Cause::duplicate(field, &name.into()));
        }
        volumes.push(name);
    }
    if !filled(&spec["containers"]) {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let mut known: Vec<&str> = Vec::new();
    for list in ["containers", "initContainers"] {
        for (at, one) in items(&spec[list]).enumerate() {
            container(one, &format!("{path}.{list}[{at}]"), &volumes, &mut known, causes);
        }
    }
    if let Some(policy) = spec["restartPolicy"].as_str()
        && !restart.contains(&policy)
    {
        // Jobs say that a policy must be given, even for the default that was filled in.
        if restart == ["OnFailure", "Never"] {
            let field = format!("{path}.restartPolicy");
            causes.push(if policy == "Always" {
                Cause::unsupported(field, &spec["restartPolicy"], restart)
            } else {
                Cause::required(field, "valid values: \"OnFailure\", \"Never\"")
            });
        } else {
            causes.push(Cause::unsupported(format!("{path}.restartPolicy"), &spec["restartPolicy"], restart));
        }
    }
    let policies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    if filled(&spec["dnsPolicy"]) && !policies.iter().any(|one| spec["dnsPolicy"] == *one) {
        causes.push(Cause::unsupported(format!("{path}.dnsPolicy"), &spec["dnsPolicy"], &policies));
    }
    if let Some(seconds) = spec["terminationGracePeriodSeconds"].as_i64().filter(|seconds| *seconds < 0) {
        let field = format!("{path}.terminationGracePeriodSeconds");
        causes.push(Cause::invalid(field, &seconds.into(), "must be greater than or equal to 0"));
    }
    if let Some(account) = spec["serviceAccountName"].as_str().filter(|name| !name.is_empty()) {
        for message in names::check(NameRule::Subdomain, account) {
            causes.push(Cause::invalid(format!("{path}.serviceAccountName"), &account.into(), &message));
        }
    }
}

fn container<'a>(
    container: &'a Value,
    path: &str,
    volumes: &[&str],
    known: &mut Vec<&'a str>,
    causes: &mut Vec<Cause>,
) {
    let name = container["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        causes.push(Cause::required(format!("{path}.name"), ""));
    } else {
        for message in names::check(NameRule::Label, name) {
            causes.push(Cause::invalid(format!("{path}.name"), &name.into(), &message));
        }
        if known.contains(&name) {
            causes.push(Cause::duplicate(format!("{path}.name"), &name.into()));
        }
        known.push(name);
    }
    match container["image"].as_str().unwrap_or_default() {
        "" => causes.push(Cause::required(format!("{path}.image"), "")),
        image if image.trim() != image => {
            let message = "must not have leading or trailing whitespace";
            causes.push(Cause::invalid(format!("{path}.image"), &image.into(), message));
        }
        _ => {}
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    if filled(&container["imagePullPolicy"]) && !policies.iter().any(|one| container["imagePullPolicy"] == *one) {
        causes.push(Cause::unsupported(format!("{path}.imagePullPolicy"), &container["imagePullPolicy"], &policies));
    }
    for (at, one) in items(&container["ports"]).enumerate() {
        port(&one["containerPort"], &format!("{path}.ports[{at}].containerPort"), causes);
        let protocols = ["SCTP", "TCP", "UDP"];
        if filled(&one["protocol"]) && !protocols.iter().any(|known| one["protocol"] == *known) {
            causes.push(Cause::unsupported(format!("{path}.ports[{at}].protocol"), &one["protocol"], &protocols));
        }
    }
    for (at, one) in items(&container["env"]).enumerate() {
        if !filled(&one["name"]) {
            causes.push(Cause::required(format!("{path}.env[{at}].name"), ""));
        }
        if filled(&one["value"]) && filled(&one["valueFrom"]) {
            let message = "may not be specified when `value` is not empty";
            causes.push(Cause::invalid(format!("{path}.env[{at}].valueFrom"), &"".into(), message));
        }
    }
    let mut paths: Vec<&str> = Vec::new();
    for (at, one) in items(&container["volumeMounts"]).enumerate() {
        let field = format!("{path}.volumeMounts[{at}]");
        match one["name"].as_str().unwrap_or_default() {
            "" => causes.push(Cause::required(format!("{field}.name"), "")),
            name if !volumes.contains(&name) => {
                let message = format!("Not found: {name:?}");
                causes.push(Cause { reason: "FieldValueNotFound", field: format!("{field}.name"), message });
            }
            _ => {}
        }
        match one["mountPath"].as_str().unwrap_or_default() {
            "" => causes.push(Cause::required(format!("{field}.mountPath"), "")),
            place if paths.contains(&place) => {
                causes.push(Cause::invalid(format!("{field}.mountPath"), &place.into(), "must be unique"));
            }
            place => paths.push(place),
        }
    }
    resources(&container["resources"], &format!("{path}.resources"), causes);
}

/// A port's number.
pub fn port(port: &Value, path: &str, causes: &mut Vec<Cause>) {
    match port.as_i64() {
        None => causes.push(Cause::required(path, "")),
        Some(0) => causes.push(Cause::required(path, "")),
        Some(number) if !(1..=65535).contains(&number) => {
            causes.push(Cause::invalid(path, port, "must be between 1 and 65535, inclusive"));
        }
        Some(_) => {}
    }
}

/// An amount such as `250m`, `1Gi`; `None` for what is none, which decoding has refused already.
fn quantity(value: &Value) -> Option<Quantity> {
    value.as_str()?.parse().ok()
}

fn resources(resources: &Value, path: &str, causes: &mut Vec<Cause>) {
    for list in ["limits", "requests"] {
        for (name, amount) in resources[list].as_object().into_iter().flatten() {
            let field = format!("{path}.{list}[{name}]");
            let Some(number) = quantity(amount) else { continue };
            if number.is_negative() {
                causes.push(Cause::invalid(field, amount, "must be greater than or equal to 0"));
                continue;
            }
            let limit = &resources["limits"][name.as_str()];
            if list == "requests" && quantity(limit).is_some_and(|limit| number > limit) {
                let limit = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
                let message = format!("must be less than or equal to {name} limit of {limit}");
                causes.push(Cause::invalid(format!("{path}.requests"), amount, &message));
            }
        }
    }
}

/// Of a Pod only images, a few times and added tolerations may change.
pub fn update(old: &Value, new: &Value, causes: &mut Vec<Cause>) {
    let without = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        for field in ["activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates"] {
            spec[field] = Value::Null;
        }
        for list in ["containers", "initContainers"] {
            for one in spec[list].as_array_mut().into_iter().flatten() {
                one["image"] = Value::Null;
            }
        }
        spec
    };
    let (before, after) = (without(old), without(new));
    if before != after {
        let message = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", message));
    }
}
