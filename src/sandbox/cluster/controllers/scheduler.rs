//! The scheduler: gives each Pod a node that fits it, or says why none does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use super::volumes::{self, Claims};

/// Of a node that a Pod's volume cannot be used on.
const ASTRAY: &str = "node(s) didn't match PersistentVolume's node affinity";

/// The labels of a node that its Pods get.
const TOPOLOGY: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

const COMPONENT: &str = "default-scheduler";
const KIND: (&str, &str) = ("v1", "Pod");

/// Assigns a Pod to a node. Answers whether it is assigned now.
pub fn reconcile(control: &Control, pod: &Value) -> bool {
    if object::is_deleting(pod) || !object::list(pod, "/spec/schedulingGates").is_empty() {
        return false;
    }
    let nodes = control.store.list(&resources::NODES, None);
    let (volumes, waiting) = match volumes::claims_for(control, pod) {
        Claims::Bound(volumes) => (volumes, Vec::new()),
        Claims::Waiting(claims) => (Vec::new(), claims),
        Claims::Unfit(reason) => {
            refuse(control, pod, nodes.len(), reason, 0);
            return false;
        }
    };
    let everywhere = control.store.list(&resources::PODS, None);
    let running = running(&everywhere);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<(i64, &Object)> = None;
    for node in &nodes {
        let here: Vec<&Value> = running
            .iter()
            .filter(|other| object::text(other, "/spec/nodeName") == object::name(node))
            .map(|other| &***other)
            .collect();
        let astray = || volumes.iter().any(|volume| !volumes::reaches(volume, node)).then(|| ASTRAY.to_owned());
        match unfit(pod, node, &here, &running, &nodes).or_else(astray) {
            Some(reason) => *reasons.entry(reason).or_default() += 1,
            None => {
                let score = preference(pod, node) - load(node, &here);
                if best.is_none_or(|(known, _)| score > known) {
                    best = Some((score, node));
                }
            }
        }
    }
    let Some((_, node)) = best else {
        let list: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        // Evicting others changes nothing for a node that does not fit.
        let full = reasons.iter().filter(|(reason, _)| reason.starts_with("Insufficient")).map(|(_, n)| n).sum();
        refuse(control, pod, nodes.len(), list.join(", "), full);
        return false;
    };
    if !waiting.is_empty() {
        // Its volumes are made where it is to run; it goes there once they are.
        volumes::select_node(control, &waiting, object::name(node));
        return false;
    }
    bind(control, pod, node, COMPONENT);
    true
}

/// Those of the Pods that take room on a node.
fn running(pods: &[Object]) -> Vec<&Object> {
    let placed = |pod: &&Object| {
        !object::text(pod, "/spec/nodeName").is_empty()
            && !matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed")
    };
    pods.iter().filter(placed).collect()
}

/// Gives a Pod its node.
pub fn bind(control: &Control, pod: &Value, node: &Value, component: &str) {
    let bound = control.update(&Key::of(&resources::PODS, pod), |pod| {
        pod["spec"]["nodeName"] = object::name(node).into();
        // Pods learn their node's place since 1.35.
        let told: &[&str] = if control.seed.is_at_least(35) { &TOPOLOGY } else { &[] };
        for label in told {
            if let Some(value) = node["metadata"]["labels"][*label].as_str()
                && pod["metadata"]["labels"].get(*label).is_none()
            {
                object::set_meta(pod, "labels", label, value);
            }
        }
        // Binding is no change of the spec that a generation counts.
        if let Some(generation) = object::number(pod, "/metadata/generation") {
            pod["metadata"]["generation"] = (generation - 1).into();
        }
        let status = object::map_at(pod, "status");
        status.insert("phase".into(), "Pending".into());
        status.insert("conditions".into(), json!([scheduled(control, "True", None)]));
    });
    if let Some(bound) = bound {
        let message =
            format!("Successfully assigned {}/{} to {}", object::namespace(pod), object::name(pod), object::name(node));
        control.event(component, &bound, KIND, "Scheduled", &message);
    }
}

/// Whether Pods could all go to other nodes than the one that they are on.
pub fn fit_elsewhere(control: &Control, pods: &[Object], from: &str) -> bool {
    let nodes = control.store.list(&resources::NODES, None);
    let everywhere = control.store.list(&resources::PODS, None);
    let running = running(&everywhere);
    let mut placed: Vec<(&str, &Object)> = Vec::new();
    for pod in pods {
        let volumes = match volumes::claims_for(control, pod) {
            Claims::Bound(volumes) => volumes,
            _ => return false,
        };
        let fits = |node: &&Object| {
            let name = object::name(node);
            let there = running.iter().copied().filter(|other| object::text(other, "/spec/nodeName") == name);
            let coming = placed.iter().filter(|(on, _)| *on == name).map(|(_, pod)| *pod);
            let here: Vec<&Value> = there.chain(coming).map(|other| &**other).collect();
            name != from
                && object::has_condition(node, "Ready")
                && volumes.iter().all(|volume| volumes::reaches(volume, node))
                && unfit(pod, node, &here, &running, &nodes).is_none()
        };
        let Some(node) = nodes.iter().find(fits) else { return false };
        placed.push((object::name(node), pod));
    }
    true
}

fn scheduled(control: &Control, truth: &str, message: Option<&str>) -> Value {
    let mut condition = json!({
        "type": "PodScheduled", "observedGeneration": 1, "status": truth,
        "lastProbeTime": null, "lastTransitionTime": object::written(control.now),
    });
    if let Some(message) = message {
        condition["reason"] = "Unschedulable".into();
        condition["message"] = message.into();
    }
    condition
}

/// Says why a Pod goes nowhere. Of the nodes, so many would have room if others left.
fn refuse(control: &Control, pod: &Value, nodes: usize, reasons: String, full: usize) {
    let message = if nodes == 0 {
        "no nodes available to schedule pods".to_owned()
    } else {
        let helpless = nodes - full.min(nodes);
        let mut preemption = Vec::new();
        if full > 0 {
            // Nobody here has a lower priority.
            preemption.push(format!("{full} No preemption victims found for incoming pod"));
        }
        if helpless > 0 {
            preemption.push(format!("{helpless} Preemption is not helpful for scheduling"));
        }
        format!(
            "0/{nodes} nodes are available: {reasons}. no new claims to deallocate, preemption: 0/{nodes} nodes are available: {}.",
            preemption.join(", ")
        )
    };
    let current = object::condition(&pod["status"], "PodScheduled");
    if current.is_some_and(|current| current["message"] == message.as_str()) {
        return;
    }
    let condition = scheduled(control, "False", Some(&message));
    control.update(&Key::of(&resources::PODS, pod), |pod| {
        let status = object::map_at(pod, "status");
        status.insert("phase".into(), "Pending".into());
        status.insert("conditions".into(), json!([condition]));
    });
    control.warning(COMPONENT, pod, KIND, "FailedScheduling", &message);
}

/// Why a Pod cannot go to a node, in the scheduler's words.
fn unfit(pod: &Value, node: &Value, here: &[&Value], everywhere: &[&Object], nodes: &[Object]) -> Option<String> {
    if !fits_affinity(pod, node) {
        return Some("node(s) didn't match Pod's node affinity/selector".into());
    }
    let tolerations = object::list(pod, "/spec/tolerations");
    if node["spec"]["unschedulable"] == true
        && !tolerated(&json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}), tolerations)
    {
        return Some("node(s) were unschedulable".into());
    }
    for taint in object::list(node, "/spec/taints") {
        let hard = matches!(object::text(taint, "/effect"), "NoSchedule" | "NoExecute");
        if hard && !tolerated(taint, tolerations) {
            let (key, value) = (object::text(taint, "/key"), object::text(taint, "/value"));
            return Some(format!("node(s) had untolerated taint {{{key}: {value}}}"));
        }
    }
    if here.len() as i64 >= quantity(node["status"]["allocatable"]["pods"].as_str().unwrap_or("110")) / 1000 {
        return Some("Too many pods".into());
    }
    for resource in ["cpu", "memory"] {
        let used: i64 = here.iter().map(|other| requested(other, resource)).sum();
        let wanted = requested(pod, resource);
        let allocatable = node["status"]["allocatable"][resource].as_str().map(quantity);
        if wanted > 0 && allocatable.is_some_and(|allocatable| used.saturating_add(wanted) > allocatable) {
            return Some(format!("Insufficient {resource}"));
        }
    }
    let placed = |term: &Value, owner: &Value, other: &Value| {
        let namespaces = object::list(term, "/namespaces");
        let same = if namespaces.is_empty() {
            object::namespace(owner) == object::namespace(other)
        } else {
            namespaces.iter().any(|name| name == object::namespace(other))
        };
        same && object::selects(&term["labelSelector"], &other["metadata"]["labels"])
    };
    let domain = |node: &Value, term: &Value| node["metadata"]["labels"][object::text(term, "/topologyKey")].clone();
    let domain_of = |pod: &Value, term: &Value| {
        let name = object::text(pod, "/spec/nodeName");
        nodes.iter().find(|node| object::name(node) == name).map_or(Value::Null, |node| domain(node, term))
    };
    const REQUIRED: &str = "/requiredDuringSchedulingIgnoredDuringExecution";
    let affinity = &pod["spec"]["affinity"];
    for term in object::list(&affinity["podAffinity"], REQUIRED) {
        let there = domain(node, term);
        let mut others = everywhere.iter().filter(|other| placed(term, pod, other)).peekable();
        // A Pod that its own rule fits may be the first one of its group.
        let first = others.peek().is_none() && placed(term, pod, pod);
        if there.is_null() || !first && !others.any(|other| domain_of(other, term) == there) {
            return Some("node(s) didn't match pod affinity rules".into());
        }
    }
    for term in object::list(&affinity["podAntiAffinity"], REQUIRED) {
        let there = domain(node, term);
        if !there.is_null()
            && everywhere.iter().any(|other| placed(term, pod, other) && domain_of(other, term) == there)
        {
            return Some("node(s) didn't match pod anti-affinity rules".into());
        }
    }
    for other in everywhere {
        for term in object::list(&other["spec"]["affinity"]["podAntiAffinity"], REQUIRED) {
            let there = domain(node, term);
            if !there.is_null() && placed(term, other, pod) && domain_of(other, term) == there {
                return Some("node(s) didn't satisfy existing pods anti-affinity rules".into());
            }
        }
    }
    None
}

/// Whether a node fits a Pod's node selector and required node affinity.
pub fn fits_affinity(pod: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    if let Some(selector) = pod["spec"]["nodeSelector"].as_object()
        && !selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    {
        return false;
    }
    let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    if required.is_null() {
        return true;
    }
    object::list(required, "/nodeSelectorTerms").iter().any(|term| fits_term(term, node))
}

pub(super) fn fits_term(term: &Value, node: &Value) -> bool {
    let fields = json!({"metadata.name": object::name(node)});
    let (expressions, by_field) = (object::list(term, "/matchExpressions"), object::list(term, "/matchFields"));
    (!expressions.is_empty() || !by_field.is_empty())
        && expressions.iter().all(|expression| object::fits(expression, &node["metadata"]["labels"]))
        && by_field.iter().all(|expression| object::fits(expression, &fields))
}

/// Whether a taint is tolerated.
pub fn tolerated(taint: &Value, tolerations: &[Value]) -> bool {
    tolerations.iter().any(|toleration| {
        let field = |name: &str| toleration[name].as_str().unwrap_or_default();
        (field("effect").is_empty() || toleration["effect"] == taint["effect"])
            && (field("key").is_empty() && field("operator") == "Exists" || toleration["key"] == taint["key"])
            && (field("operator") == "Exists" || field("value") == taint["value"].as_str().unwrap_or_default())
    })
}

/// How much a Pod would like a node.
fn preference(pod: &Value, node: &Value) -> i64 {
    let preferred = &pod["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
    let weights = preferred.as_array().map_or(&[][..], Vec::as_slice);
    let fitting = weights.iter().filter(|weighted| fits_term(&weighted["preference"], node));
    fitting.filter_map(|weighted| weighted["weight"].as_i64()).sum::<i64>() * 100
}

/// How full a node is, in thousandths.
fn load(node: &Value, here: &[&Value]) -> i64 {
    let part = |resource: &str| {
        let used: i64 = here.iter().map(|other| requested(other, resource)).sum();
        let all = node["status"]["allocatable"][resource].as_str().map_or(0, quantity);
        if all > 0 { used.saturating_mul(1000) / all } else { 0 }
    };
    (part("cpu") + part("memory")) / 2 + here.len() as i64
}

/// What a Pod requests of a resource, in thousandths of its unit.
pub fn requested(pod: &Value, resource: &str) -> i64 {
    object::list(pod, "/spec/containers")
        .iter()
        .filter_map(|container| {
            let resources = &container["resources"];
            let amount = resources["requests"].get(resource).or_else(|| resources["limits"].get(resource))?;
            Some(amount.as_str().map_or_else(|| amount.as_i64().unwrap_or(0) * 1000, quantity))
        })
        .sum()
}

/// A quantity (`250m`, `1Gi`, `2`) in thousandths. What is none counts as nothing.
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>
pub fn quantity(text: &str) -> i64 {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().unwrap_or(0.0);
    let factor = match &text[digits..] {
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0_f64.powi(4),
        _ => 1.0,
    };
    #[expect(clippy::cast_possible_truncation, reason = "saturates, which is what a too large quantity should do")]
    let thousandths = (number * factor * 1000.0).round() as i64;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, thousandths) in [("250m", 250), ("2", 2000), ("1.5Gi", 1_610_612_736_000), ("1k", 1_000_000)] {
            assert_eq!(quantity(text), thousandths);
        }
    }

    #[test]
    fn taints_are_tolerated_by_key_value_and_effect() {
        let taint = json!({"key": "a", "value": "1", "effect": "NoSchedule"});
        for (toleration, fits) in [
            (json!({"operator": "Exists"}), true),
            (json!({"key": "a", "operator": "Exists"}), true),
            (json!({"key": "a", "value": "1", "effect": "NoSchedule"}), true),
            (json!({"key": "a", "value": "2"}), false),
            (json!({"key": "b", "operator": "Exists"}), false),
            (json!({"key": "a", "operator": "Exists", "effect": "NoExecute"}), false),
        ] {
            assert_eq!(tolerated(&taint, std::slice::from_ref(&toleration)), fits, "{toleration}");
        }
    }
}
