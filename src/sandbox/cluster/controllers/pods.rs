//! What all controllers that make Pods have in common.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::api::Status;
use super::super::object::{self, resources};
use super::super::store::Object;
use super::control::Control;

/// Makes a Pod of an owner's template, with a generated name, or with the name and further changes of `adjust`.
///
/// # Errors
/// As the server refuses it.
pub fn create(
    control: &Control,
    owner: &Value,
    kind: (&str, &str),
    adjust: Option<&dyn Fn(&mut Value)>,
) -> Result<Object, Status> {
    let template = &owner["spec"]["template"];
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": format!("{}-", object::name(owner)),
            "namespace": object::namespace(owner),
        },
        "spec": template["spec"],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(inner) = template["metadata"].get(field).filter(|inner| !inner.is_null()) {
            pod["metadata"][field] = inner.clone();
        }
    }
    pod["metadata"]["ownerReferences"] = json!([object::controller_reference(kind.0, kind.1, owner)]);
    if let Some(adjust) = adjust {
        adjust(&mut pod);
    }
    control.create(&resources::PODS, pod)
}

/// How many Pods are available, and when the next one will be.
pub fn available(pods: &[Object], min_ready: i64, now: Timestamp) -> (usize, Option<Timestamp>) {
    let times: Vec<Timestamp> = pods.iter().filter_map(|pod| object::available_at(pod, min_ready)).collect();
    let available = times.iter().filter(|time| **time <= now).count();
    (available, times.into_iter().filter(|time| *time > now).min())
}

/// The order in which surplus Pods go: unassigned, pending, not ready, with many restarts, young ones first.
pub fn deletion_rank(pod: &Object) -> (bool, u8, bool, std::cmp::Reverse<i64>, std::cmp::Reverse<String>, String) {
    let phase = match object::text(pod, "/status/phase") {
        "" | "Pending" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let restarts = object::list(pod, "/status/containerStatuses")
        .iter()
        .filter_map(|status| status["restartCount"].as_i64())
        .max()
        .unwrap_or(0);
    (
        !object::text(pod, "/spec/nodeName").is_empty(),
        phase,
        object::has_condition(pod, "Ready"),
        std::cmp::Reverse(restarts),
        std::cmp::Reverse(object::text(pod, "/metadata/creationTimestamp").to_owned()),
        object::name(pod).to_owned(),
    )
}
