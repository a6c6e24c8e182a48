//! The scheduler: gives each Pod a node that fits it, or says why none does.

mod occupancy;
mod preemption;
mod rules;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use super::volumes;
pub use occupancy::Occupancy;
use occupancy::{Amounts, Seats};
use preemption::Outcome;
use rules::Rules;

/// Of a node that a Pod's volume cannot be used on.
const ASTRAY: &str = "node(s) didn't match PersistentVolume's node affinity";

/// The labels of a node that its Pods get.
const TOPOLOGY: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

const COMPONENT: &str = "default-scheduler";
const KIND: (&str, &str) = ("v1", "Pod");

/// How much what a Pod prefers counts against how full nodes are.
const LIKING: i64 = 100;

/// Assigns a Pod to a node. Answers whether it is assigned now.
pub fn reconcile(control: &Control, pod: &Value, occupancy: &Occupancy) -> bool {
    if object::is_deleting(pod) || !object::list(pod, "/spec/schedulingGates").is_empty() {
        return false;
    }
    let nodes = control.store.list(&resources::NODES, None);
    let claims = match volumes::claims_for(control, pod) {
        Ok(claims) => claims,
        Err(reason) => {
            let helpless = || Outcome::Refused(helpless(nodes.len()));
            refuse(control, pod, nodes.len(), &reason, helpless);
            return false;
        }
    };
    let rules = Rules::of(control, pod, occupancy, &nodes);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut full: Vec<&Object> = Vec::new();
    let mut best: Option<(i64, &Object)> = None;
    for node in &nodes {
        let Err(refusal) = unfit(control, pod, node, occupancy, &rules, &claims.bound) else {
            let liking = preference(pod, node) + rules.liking(node);
            let score = liking * LIKING - load(node, occupancy.on(object::name(node)));
            if best.is_none_or(|(known, _)| score > known) {
                best = Some((score, node));
            }
            continue;
        };
        if refusal.remedy {
            full.push(node);
        }
        for reason in refusal.reasons {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let Some((_, node)) = best else {
        let room = || preemption::preempt(control, pod, occupancy, &nodes, &full);
        refuse(control, pod, nodes.len(), &histogram(&reasons), room);
        return false;
    };
    if !claims.waiting.is_empty() {
        // Its volumes are made where it is to run; it goes there once they are.
        volumes::select_node(control, &claims.waiting, object::name(node));
        return false;
    }
    bind(control, pod, node, COMPONENT);
    true
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
pub fn fit_elsewhere(control: &Control, pods: &[Object], from: &str, occupancy: &Occupancy) -> bool {
    let nodes = control.store.list(&resources::NODES, None);
    let mut moved = occupancy.clone();
    for pod in pods {
        let Ok(claims) = volumes::claims_for(control, pod) else { return false };
        if !claims.waiting.is_empty() {
            return false;
        }
        moved.forget(object::uid(pod));
        let rules = Rules::of(control, pod, &moved, &nodes);
        let fits = |node: &&Object| {
            object::name(node) != from
                && object::has_condition(node, "Ready")
                && unfit(control, pod, node, &moved, &rules, &claims.bound).is_ok()
        };
        let Some(node) = nodes.iter().find(fits) else { return false };
        let mut there = (**pod).clone();
        there["spec"]["nodeName"] = object::name(node).into();
        moved.note(&there.into());
    }
    true
}

/// A machine that is not there yet, and what would come to it.
pub struct Vacancy<'a> {
    /// The node that it would have, with its labels, taints and allocatable amounts.
    pub node: &'a Value,
    /// The Pods that come to it.
    pub coming: Vec<&'a Value>,
    used: Amounts,
}

impl<'a> Vacancy<'a> {
    /// An empty machine.
    pub fn new(node: &'a Value) -> Self {
        Self { node, coming: Vec::new(), used: Amounts::new() }
    }

    /// Takes a Pod up if it has room.
    pub fn takes(&mut self, pod: &'a Value) -> bool {
        let wanted = requests(pod);
        let allocatable = &self.node["status"]["allocatable"];
        let room = wanted.iter().all(|(resource, amount)| {
            let used = self.used.get(resource).copied().unwrap_or(0);
            *amount <= 0 || used.saturating_add(*amount) <= allocatable[resource].as_str().map_or(0, quantity)
        });
        let few = (self.coming.len() as i64) < most_pods(self.node);
        if room && few {
            for (resource, amount) in wanted {
                *self.used.entry(resource).or_default() += amount;
            }
            self.coming.push(pod);
        }
        room && few
    }
}

/// What is known of a Pod that waits for a machine.
pub struct Wish<'a> {
    /// The Pod.
    pub pod: &'a Value,
    rules: Rules<'a>,
    bound: Vec<Object>,
}

impl<'a> Wish<'a> {
    /// None when no machine would help.
    pub fn of(control: &Control, pod: &'a Value, occupancy: &Occupancy, nodes: &[Object]) -> Option<Self> {
        let claims = volumes::claims_for(control, pod).ok()?;
        Some(Self { pod, rules: Rules::of(control, pod, occupancy, nodes), bound: claims.bound })
    }

    /// Whether the Pod may go to a machine that is not there yet, leaving aside how much room it has.
    pub fn suits(&self, control: &Control, machine: &Vacancy) -> bool {
        untolerated(self.pod, machine.node).is_none()
            && fits_affinity(self.pod, machine.node)
            && self.bound.iter().all(|volume| volumes::reaches(volume, machine.node))
            && self.rules.refusal(control, self.pod, machine.node, &machine.coming).is_none()
    }
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

/// What is said of so many nodes that eviction would not help with.
fn helpless(nodes: usize) -> String {
    format!("0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling.")
}

/// Reasons with their numbers, in the scheduler's order.
fn histogram(reasons: &BTreeMap<String, usize>) -> String {
    let mut list: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    list.sort();
    list.join(", ")
}

/// Says why a Pod goes nowhere, and tries to make room.
fn refuse(control: &Control, pod: &Value, nodes: usize, reasons: &str, room: impl FnOnce() -> Outcome) {
    let told = format!("0/{nodes} nodes are available: {reasons}.");
    let mut nominated = None;
    let message = if nodes == 0 {
        "no nodes available to schedule pods".to_owned()
    } else {
        match room() {
            Outcome::Waiting => return,
            Outcome::Nominated(node) => {
                nominated = Some(node);
                told
            }
            Outcome::Refused(why) => format!("{told} no new claims to deallocate, preemption: {why}"),
        }
    };
    let current = object::condition(&pod["status"], "PodScheduled");
    if nominated.is_none() && current.is_some_and(|current| current["message"] == message.as_str()) {
        return;
    }
    let condition = scheduled(control, "False", Some(&message));
    control.update(&Key::of(&resources::PODS, pod), |pod| {
        let status = object::map_at(pod, "status");
        status.insert("phase".into(), "Pending".into());
        status.insert("conditions".into(), json!([condition]));
        if let Some(node) = nominated {
            status.insert("nominatedNodeName".into(), node.into());
        }
    });
    control.warning(COMPONENT, pod, KIND, "FailedScheduling", &message);
}

const TOO_MANY: &str = "Too many pods";
const PORTS: &str = "node(s) didn't have free ports for the requested pod ports";

/// The taint of a node that keeps a Pod from it.
fn untolerated<'a>(pod: &Value, node: &'a Value) -> Option<&'a Value> {
    let tolerations = object::list(pod, "/spec/tolerations");
    object::list(node, "/spec/taints").iter().find(|taint| {
        matches!(object::text(taint, "/effect"), "NoSchedule" | "NoExecute") && !tolerated(taint, tolerations)
    })
}

/// Why a Pod cannot go to a node.
#[derive(Debug)]
struct Refusal {
    /// In the scheduler's words.
    reasons: Vec<String>,
    /// Whether it might if others left.
    remedy: bool,
}

impl Refusal {
    /// A reason that stays whoever leaves.
    fn lasting(reason: &str) -> Self {
        Self { reasons: vec![reason.to_owned()], remedy: false }
    }
}

/// Why a Pod cannot go to a node, in the scheduler's words and the order of its plugins.
fn unfit(
    control: &Control,
    pod: &Value,
    node: &Value,
    occupancy: &Occupancy,
    rules: &Rules,
    volumes: &[Object],
) -> Result<(), Refusal> {
    let name = object::name(node);
    let cordon = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if node["spec"]["unschedulable"] == true && !tolerated(&cordon, object::list(pod, "/spec/tolerations")) {
        return Err(Refusal::lasting("node(s) were unschedulable"));
    }
    if let Some(taint) = untolerated(pod, node) {
        let (key, value) = (object::text(taint, "/key"), object::text(taint, "/value"));
        return Err(Refusal::lasting(&format!("node(s) had untolerated taint {{{key}: {value}}}")));
    }
    if !fits_affinity(pod, node) {
        return Err(Refusal::lasting("node(s) didn't match Pod's node affinity/selector"));
    }
    let ports = host_ports(pod);
    if !ports.is_empty() && occupancy.pods_on(name).any(|other| host_ports(other).iter().any(|of| ports.contains(of))) {
        return Err(Refusal { reasons: vec![PORTS.into()], remedy: true });
    }
    room(pod, node, occupancy)?;
    if volumes.iter().any(|volume| !volumes::reaches(volume, node)) {
        return Err(Refusal::lasting(ASTRAY));
    }
    match rules.refusal(control, pod, node, &[]) {
        None => Ok(()),
        Some(reason) => Err(Refusal { reasons: vec![reason.to_owned()], remedy: rules::has_remedy(reason) }),
    }
}

/// Whether a node has what a Pod requests besides what is on it.
pub fn has_room(pod: &Value, node: &Value, occupancy: &Occupancy) -> bool {
    room(pod, node, occupancy).is_ok()
}

/// The ports of the node itself that a Pod takes, each with its protocol.
fn host_ports(pod: &Value) -> Vec<(i64, &str)> {
    let containers = object::list(pod, "/spec/containers").iter();
    containers
        .flat_map(|container| object::list(container, "/ports"))
        .filter_map(|port| {
            let protocol = Some(object::text(port, "/protocol")).filter(|named| !named.is_empty());
            Some((port["hostPort"].as_i64().filter(|port| *port > 0)?, protocol.unwrap_or("TCP")))
        })
        .collect()
}

/// Whether a node has what a Pod requests.
fn room(pod: &Value, node: &Value, occupancy: &Occupancy) -> Result<(), Refusal> {
    let name = object::name(node);
    let seats = occupancy.on(name);
    let mut used: Amounts = Amounts::new();
    let mut count = seats.map_or(0, Seats::count);
    for other in occupancy.coming(name, pod) {
        count += 1;
        for (resource, amount) in requests(other) {
            *used.entry(resource).or_default() += amount;
        }
    }
    let (mut reasons, mut remedy) = (Vec::new(), true);
    if count as i64 >= most_pods(node) {
        reasons.push(TOO_MANY.to_owned());
    }
    for (resource, wanted) in requests(pod) {
        let used = used.get(&resource).copied().unwrap_or(0) + seats.map_or(0, |seats| seats.used(&resource));
        let allocatable = node["status"]["allocatable"][&resource].as_str().map(quantity);
        // A node that says nothing of these has enough; what only some nodes have is not there unless they say so.
        let plenty = matches!(&*resource, "cpu" | "memory" | "ephemeral-storage").then_some(i64::MAX);
        let allocatable = allocatable.or(plenty).unwrap_or(0);
        if wanted > 0 && used.saturating_add(wanted) > allocatable {
            // More than an empty node has: nobody's leaving helps.
            remedy &= wanted <= allocatable;
            reasons.push(format!("Insufficient {resource}"));
        }
    }
    if reasons.is_empty() { Ok(()) } else { Err(Refusal { reasons, remedy }) }
}

/// How many Pods a node may have.
fn most_pods(node: &Value) -> i64 {
    quantity(node["status"]["allocatable"]["pods"].as_str().unwrap_or("110")) / 1000
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

/// How much a Pod would like a node for its labels.
fn preference(pod: &Value, node: &Value) -> i64 {
    let preferred = &pod["spec"]["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
    let weights = preferred.as_array().map_or(&[][..], Vec::as_slice);
    let fitting = weights.iter().filter(|weighted| fits_term(&weighted["preference"], node));
    fitting.filter_map(|weighted| weighted["weight"].as_i64()).sum()
}

/// How full a node is, in thousandths.
fn load(node: &Value, seats: Option<&Seats>) -> i64 {
    let Some(seats) = seats else { return 0 };
    let part = |resource: &str| {
        let all = node["status"]["allocatable"][resource].as_str().map_or(0, quantity);
        if all > 0 { seats.used(resource).saturating_mul(1000) / all } else { 0 }
    };
    (part("cpu") + part("memory")) / 2 + seats.count() as i64
}

/// What a Pod requests of a resource, in thousandths of its unit.
pub fn requested(pod: &Value, resource: &str) -> i64 {
    requests(pod).remove(resource).unwrap_or(0)
}

/// What a Pod requests, in thousandths of the units: its containers together, or the greediest of those that run before them; and what its
/// runtime takes besides.
/// <https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers>
fn requests(pod: &Value) -> Amounts {
    let of = |container: &Value| -> Amounts {
        let resources = &container["resources"];
        // Where only a limit is given it is the request.
        let given = [&resources["limits"], &resources["requests"]];
        let all = given.into_iter().filter_map(Value::as_object).flatten();
        all.map(|(resource, amount)| (resource.clone(), amount_of(amount))).collect()
    };
    let add = |to: &mut Amounts, more: Amounts| {
        for (resource, amount) in more {
            let sum = to.entry(resource).or_default();
            *sum = sum.saturating_add(amount);
        }
    };
    let mut together = Amounts::new();
    for container in object::list(pod, "/spec/containers") {
        add(&mut together, of(container));
    }
    let (mut beside, mut most) = (Amounts::new(), Amounts::new());
    for container in object::list(pod, "/spec/initContainers") {
        let own = of(container);
        if container["restartPolicy"] == "Always" {
            add(&mut beside, own.clone());
            add(&mut together, own);
        } else {
            let mut then = beside.clone();
            add(&mut then, own);
            for (resource, amount) in then {
                let known = most.entry(resource).or_default();
                *known = amount.max(*known);
            }
        }
    }
    for (resource, amount) in most {
        let sum = together.entry(resource).or_default();
        *sum = amount.max(*sum);
    }
    if let Some(overhead) = pod["spec"]["overhead"].as_object() {
        let more = overhead.iter().map(|(resource, amount)| (resource.clone(), amount_of(amount)));
        add(&mut together, more.collect());
    }
    together
}

/// An amount as JSON holds it, in thousandths.
fn amount_of(amount: &Value) -> i64 {
    amount.as_str().map_or_else(|| amount.as_i64().unwrap_or(0).saturating_mul(1000), quantity)
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
