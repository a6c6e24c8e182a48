//! The machines that a pool may start, and which Pods have room on one.

use serde_json::{Map, Value, json};

use super::super::super::controllers::control::Control;
use super::super::super::controllers::scheduler::{self, Vacancy, Wish};
use super::super::super::object::{self, resources};
use super::super::super::store::Object;
use super::super::node;
use super::{CAPACITY, DISK, POOL, ZONE};
use crate::sandbox::hardware::Offer;

/// A machine that a pool may start.
pub(super) struct Candidate {
    pub offer: Offer,
    /// The labels that its node would have.
    pub labels: Map<String, Value>,
    /// Its node, as far as Pods are concerned.
    pub node: Value,
    pub zone: String,
    pub price: f64,
}

/// Whether EKS itself runs the machines of a pool.
pub(super) fn is_auto_mode(template: &Value) -> bool {
    template["spec"]["nodeClassRef"]["group"] == "eks.amazonaws.com"
}

/// The machines that a pool's requirements leave.
pub(super) fn candidates(control: &Control, pool: &Value) -> Vec<Candidate> {
    let template = &pool["spec"]["template"];
    let requirements = object::list(template, "/spec/requirements");
    let own = template["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for offer in Offer::all() {
        for (capacity, part) in [("on-demand", 1.0), ("spot", 0.35)] {
            for (zone, _) in node::zones(control) {
                let mut labels = labels(&offer);
                labels.extend(own.clone());
                labels.insert(CAPACITY.into(), capacity.into());
                labels.insert(ZONE.into(), zone.clone().into());
                labels.insert(POOL.into(), object::name(pool).into());
                if is_auto_mode(template) {
                    labels.insert("eks.amazonaws.com/compute-type".into(), "auto".into());
                }
                let all = Value::Object(labels.clone());
                if requirements.iter().all(|requirement| object::fits(requirement, &all)) {
                    let (_, allocatable) = node::amounts(offer.hardware, DISK);
                    let node = json!({"metadata": {"name": "", "labels": all}, "spec": {"taints": template["spec"]["taints"]},
                        "status": {"allocatable": allocatable}});
                    found.push(Candidate { offer: offer.clone(), labels, node, zone, price: offer.price * part });
                }
            }
        }
    }
    found
}

/// The labels that tell an instance type, in the words of Auto Mode and of Karpenter itself.
fn labels(offer: &Offer) -> Map<String, Value> {
    let arch = if offer.hardware.arm { "arm64" } else { "amd64" };
    let mut labels = Map::new();
    for (key, value) in
        [("kubernetes.io/arch", arch), ("kubernetes.io/os", "linux"), ("node.kubernetes.io/instance-type", &offer.name)]
    {
        labels.insert(key.into(), value.into());
    }
    let memory = format!("{:.0}", offer.hardware.memory * 1024.0);
    for (key, value) in [
        ("category", offer.class.clone()),
        ("generation", offer.generation.clone()),
        ("family", offer.family.clone()),
        ("size", offer.size.clone()),
        ("cpu", offer.hardware.cpu.to_string()),
        ("memory", memory),
    ] {
        for prefix in ["eks.amazonaws.com", "karpenter.k8s.aws"] {
            labels.insert(format!("{prefix}/instance-{key}"), value.clone().into());
        }
    }
    labels
}

/// The numbers of the Pods that a machine would have room for together.
pub(super) fn fitting(control: &Control, candidate: &Candidate, daemons: &[Value], waiting: &[Wish]) -> Vec<usize> {
    let mut machine = Vacancy::new(&candidate.node);
    // What runs on every node takes its part first.
    for daemon in daemons {
        if scheduler::fits_affinity(daemon, &candidate.node) && !machine.takes(daemon) {
            return Vec::new();
        }
    }
    let mut taken = Vec::new();
    for (at, wish) in waiting.iter().enumerate() {
        if wish.suits(control, &machine) && machine.takes(wish.pod) {
            taken.push(at);
        }
    }
    taken
}

/// The Pods of the DaemonSets as they would come to a machine.
pub(super) fn daemons(control: &Control) -> Vec<Value> {
    let sets = control.store.list(&resources::DAEMON_SETS, None);
    let daemon = |set: &Object| json!({"metadata": set["spec"]["template"]["metadata"], "spec": set["spec"]["template"]["spec"]});
    sets.iter().map(daemon).collect()
}

/// Processors and memory of a machine, in thousandths.
pub(super) fn size(offer: &Offer) -> [i64; 2] {
    let bytes = i64::try_from(offer.hardware.capacity_memory()).unwrap_or(0).saturating_mul(1024);
    [i64::from(offer.hardware.cpu) * 1000, bytes.saturating_mul(1000)]
}

pub(super) fn is_within(offer: &Offer, left: [Option<i64>; 2]) -> bool {
    left.iter().zip(size(offer)).all(|(left, size)| left.is_none_or(|left| size <= left))
}
