//! The DaemonSet controller: one Pod on each node that fits.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/>

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use super::{pods, revisions, scheduler};

const COMPONENT: &str = "daemonset-controller";
const KIND: (&str, &str) = ("apps/v1", "DaemonSet");
/// The conditions of a node that a daemon's Pod does not mind.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// Brings a DaemonSet closer to what it should be. Answers when to look again without being told of a change.
pub(super) fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let set = control.store.get(key)?;
    let reference = object::controller_reference(KIND.0, KIND.1, &set);
    let claimed = control.claim(&resources::PODS, &set, &reference);
    let hash = revisions::sync(control, &set, KIND, 10).hash;
    let mut by_node: BTreeMap<String, Vec<Object>> = BTreeMap::new();
    for pod in claimed {
        by_node.entry(target(&pod)).or_default().push(pod);
    }
    let tolerations: Vec<Value> = object::list(&set, "/spec/template/spec/tolerations")
        .iter()
        .cloned()
        .chain(TOLERATED.iter().map(|(key, effect)| json!({"key": key, "operator": "Exists", "effect": effect})))
        .collect();
    let template = json!({"spec": set["spec"]["template"]["spec"]});
    let fits = |node: &Object| {
        scheduler::fits_affinity(&template, node)
            && object::list(node, "/spec/taints").iter().all(|taint| {
                object::text(taint, "/effect") == "PreferNoSchedule" || scheduler::tolerated(taint, &tolerations)
            })
    };
    let nodes = control.store.list(&resources::NODES, None);
    let wanted: Vec<&Object> = nodes.iter().filter(|node| fits(node)).collect();
    let min_ready = object::number(&set, "/spec/minReadySeconds").unwrap_or(0);
    let is_available = |pod: &Object| {
        object::available_at(pod, min_ready).is_some_and(|at| at <= control.now) && object::is_active(pod)
    };
    if !object::is_deleting(&set) {
        for node in &wanted {
            let here = by_node.entry(object::name(node).to_owned()).or_default();
            for finished in here.iter().filter(|pod| object::text(pod, "/status/phase") == "Failed") {
                control.delete(&Key::of(&resources::PODS, finished));
            }
            if here.is_empty() {
                here.extend(create(control, &set, object::name(node), &hash, &tolerations));
            }
        }
        for (node, pods) in &by_node {
            if !wanted.iter().any(|wanted| object::name(wanted) == node) {
                for pod in pods.iter().filter(|pod| !object::is_deleting(pod)) {
                    delete(control, &set, pod);
                }
            }
        }
        if object::text(&set, "/spec/updateStrategy/type") != "OnDelete" {
            roll(control, &set, &by_node, &wanted, &hash, &is_available);
        }
    }
    let scheduled: Vec<&Object> = wanted
        .iter()
        .filter_map(|node| by_node.get(object::name(node))?.iter().find(|pod| object::is_active(pod)))
        .collect();
    let count = |test: &dyn Fn(&Object) -> bool| scheduled.iter().filter(|pod| test(pod)).count();
    let available = count(&is_available);
    let updated = count(&|pod| revision_of(pod) == hash);
    let misscheduled = by_node
        .iter()
        .filter(|(node, pods)| !pods.is_empty() && !wanted.iter().any(|wanted| object::name(wanted) == *node))
        .count();
    let mut status = json!({
        "currentNumberScheduled": scheduled.len(), "numberMisscheduled": misscheduled,
        "desiredNumberScheduled": wanted.len(), "numberReady": count(&|pod| object::has_condition(pod, "Ready")),
        "observedGeneration": set["metadata"]["generation"],
    });
    for (field, number) in [
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", wanted.len() - available),
    ] {
        if number > 0 {
            status[field] = number.into();
        }
    }
    control.set_status(&resources::DAEMON_SETS, &set, status);
    let later = scheduled.iter().filter_map(|pod| object::available_at(pod, min_ready));
    later.filter(|at| *at > control.now).min()
}

/// The node that a Pod is for.
fn target(pod: &Value) -> String {
    let assigned = object::text(pod, "/spec/nodeName");
    if !assigned.is_empty() {
        return assigned.to_owned();
    }
    let path = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0\
                /matchFields/0/values/0";
    object::text(pod, path).to_owned()
}

fn revision_of(pod: &Value) -> &str {
    pod["metadata"]["labels"][revisions::HASH].as_str().unwrap_or_default()
}

/// Replaces Pods of old revisions, as many at a time as may be unavailable.
fn roll(
    control: &Control,
    set: &Value,
    by_node: &BTreeMap<String, Vec<Object>>,
    wanted: &[&Object],
    hash: &str,
    is_available: &dyn Fn(&Object) -> bool,
) {
    let limit = match &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] {
        Value::Number(number) => number.as_u64().unwrap_or(1) as usize,
        Value::String(text) => {
            let percent: usize = text.trim_end_matches('%').parse().unwrap_or(0);
            (percent * wanted.len()).div_ceil(100)
        }
        _ => 1,
    }
    .max(1);
    let pods = || wanted.iter().filter_map(|node| by_node.get(object::name(node))).flatten();
    let mut unavailable = wanted
        .iter()
        .filter(|node| !by_node.get(object::name(node)).is_some_and(|pods| pods.iter().any(is_available)))
        .count();
    let outdated = || pods().filter(|pod| revision_of(pod) != hash && object::is_active(pod));
    for pod in outdated().filter(|pod| !is_available(pod)) {
        delete(control, set, pod);
    }
    for pod in outdated().filter(|pod| is_available(pod)) {
        if unavailable >= limit {
            break;
        }
        unavailable += 1;
        delete(control, set, pod);
    }
}

fn create(control: &Control, set: &Object, node: &str, hash: &str, tolerations: &[Value]) -> Option<Object> {
    let generation = set["metadata"]["generation"].as_i64().unwrap_or(1).to_string();
    let adjust = |pod: &mut Value| {
        object::set_meta(pod, "labels", revisions::HASH, hash);
        object::set_meta(pod, "labels", "pod-template-generation", &generation);
        pod["spec"]["tolerations"] = tolerations.to_vec().into();
        pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!({
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}],
        });
    };
    match pods::create(control, set, KIND, Some(&adjust)) {
        Ok(pod) => {
            let message = format!("Created pod: {}", object::name(&pod));
            control.event(COMPONENT, set, KIND, "SuccessfulCreate", &message);
            Some(pod)
        }
        Err(error) => {
            control.warning(COMPONENT, set, KIND, "FailedCreate", &format!("Error creating: {error}"));
            None
        }
    }
}

fn delete(control: &Control, set: &Value, pod: &Value) {
    control.delete(&Key::of(&resources::PODS, pod));
    let message = format!("Deleted pod: {}", object::name(pod));
    control.event(COMPONENT, set, KIND, "SuccessfulDelete", &message);
}
