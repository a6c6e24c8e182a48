//! Making room: Pods of a lower priority leave a node for one that fits nowhere else.
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/>

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;

use super::super::super::object::{self, resources};
use super::super::super::store::{Key, Object};
use super::super::control::Control;
use super::occupancy::{Occupancy, priority};
use super::rules::Rules;
use super::{COMPONENT, KIND, unfit};

/// What leaving costs: the highest priority of those who leave, the sum of their priorities, how many they are.
type Cost = (i64, i64, usize);

/// What came of the attempt.
pub(super) enum Outcome {
    /// Room is made on that node.
    Nominated(String),
    /// Why not, in the scheduler's words.
    Refused(String),
    /// Room is made already: those that have to leave are on their way.
    Waiting,
}

/// Looks for Pods that would have to leave one of the `full` nodes; the others would not fit if all did.
pub(super) fn preempt(
    control: &Control,
    pod: &Value,
    occupancy: &Occupancy,
    nodes: &[Object],
    full: &[&Object],
) -> Outcome {
    if pod["spec"]["preemptionPolicy"] == "Never" {
        return Outcome::Refused("not eligible due to preemptionPolicy=Never.".into());
    }
    let chosen = object::text(pod, "/status/nominatedNodeName");
    let leaves = |other: &Object| object::is_deleting(other) && priority(other) < priority(pod);
    if !chosen.is_empty() && occupancy.pods_on(chosen).any(leaves) {
        return Outcome::Waiting;
    }
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<(Cost, &Object, Vec<Object>)> = None;
    for node in full {
        match victims(control, pod, occupancy, nodes, node) {
            Ok(victims) => {
                let highest = victims.iter().map(|victim| priority(victim)).max().unwrap_or(i64::MIN);
                // All are above nothing, so that fewer of a negative priority are less.
                let sum = victims.iter().map(|victim| priority(victim) + (1 << 31)).fold(0, i64::saturating_add);
                let cost = (highest, sum, victims.len());
                if best.as_ref().is_none_or(|(known, ..)| cost < *known) {
                    best = Some((cost, node, victims));
                }
            }
            Err(reason) => *reasons.entry(reason).or_default() += 1,
        }
    }
    let Some((_, node, victims)) = best else {
        let helpless = nodes.len() - full.len();
        if helpless > 0 {
            reasons.insert("Preemption is not helpful for scheduling".into(), helpless);
        }
        let count = nodes.len();
        return Outcome::Refused(format!("0/{count} nodes are available: {}.", super::histogram(&reasons)));
    };
    let name = object::name(node);
    for victim in &victims {
        evict(control, pod, victim, name);
    }
    Outcome::Nominated(name.to_owned())
}

/// The Pods that would have to leave a node, as few as need be.
fn victims(
    control: &Control,
    pod: &Value,
    occupancy: &Occupancy,
    nodes: &[Object],
    node: &Object,
) -> Result<Vec<Object>, String> {
    let name = object::name(node);
    let mut lower: Vec<Object> =
        occupancy.pods_on(name).filter(|other| priority(other) < priority(pod)).cloned().collect();
    if lower.is_empty() {
        return Err("No preemption victims found for incoming pod".into());
    }
    let mut without = occupancy.clone();
    for other in &lower {
        without.forget(object::uid(other));
    }
    let fits = |occupancy: &Occupancy| {
        let rules = Rules::of(control, pod, occupancy, nodes);
        unfit(control, pod, node, occupancy, &rules, &[])
    };
    if let Err(refusal) = fits(&without) {
        return Err(refusal.reasons.join(", "));
    }
    // Those that matter most are spared first; of the same priority those that run longer.
    lower.sort_by_key(|other| (Reverse(priority(other)), object::text(other, "/status/startTime").to_owned()));
    let mut victims = Vec::new();
    for other in lower {
        without.note(&other);
        if fits(&without).is_err() {
            without.forget(object::uid(&other));
            victims.push(other);
        }
    }
    Ok(victims)
}

fn evict(control: &Control, pod: &Value, victim: &Object, node: &str) {
    if object::is_deleting(victim) {
        return;
    }
    let key = Key::of(&resources::PODS, victim);
    let message = format!("{COMPONENT}: preempting to accommodate a higher priority pod");
    control.update(&key, |victim| object::set_disrupted(victim, control.now, "PreemptionByScheduler", &message));
    let message = format!("Preempted by pod {} on node {node}", object::uid(pod));
    control.event(COMPONENT, victim, KIND, "Preempted", &message);
    control.delete(&key);
}
