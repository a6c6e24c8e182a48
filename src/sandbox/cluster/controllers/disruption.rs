//! The status of disruption budgets: how many Pods may be evicted.
//! <https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-budgets>

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use super::deployment::replace_condition;

const COMPONENT: &str = "controllermanager";
const KIND: (&str, &str) = ("policy/v1", "PodDisruptionBudget");

/// Says how many Pods a budget's are, and how many of them may go.
pub(super) fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let budget = control.store.get(key)?;
    if object::is_deleting(&budget) {
        return None;
    }
    let mut pods = control.store.list(&resources::PODS, Some(object::namespace(&budget)));
    pods.retain(|pod| object::selects(&budget["spec"]["selector"], &pod["metadata"]["labels"]));
    if pods.is_empty() {
        control.event(COMPONENT, &budget, KIND, "NoPods", "No matching pods found");
    }
    let healthy = pods.iter().filter(|pod| !object::is_deleting(pod) && object::has_condition(pod, "Ready")).count();
    let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
    let (expected, desired) = wanted(control, &budget["spec"], &pods);
    // As long as nobody is to be there, nobody may go.
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    let (truth, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let generation = budget["metadata"]["generation"].clone();
    let mut condition = control.condition(&budget["status"], "DisruptionAllowed", truth, reason, "");
    condition["observedGeneration"] = generation.clone();
    let mut conditions = Value::from(object::list(&budget, "/status/conditions").to_vec());
    replace_condition(&mut conditions, condition);
    let status = json!({
        "conditions": conditions, "currentHealthy": healthy, "desiredHealthy": desired,
        "disruptionsAllowed": allowed, "expectedPods": expected, "observedGeneration": generation,
    });
    control.set_status(&resources::DISRUPTION_BUDGETS, &budget, status);
    None
}

/// How many Pods there should be, and how many of them must stay healthy.
fn wanted(control: &Control, spec: &Value, pods: &[Object]) -> (i64, i64) {
    let (least, most) = (&spec["minAvailable"], &spec["maxUnavailable"]);
    if let Some(least) = least.as_i64() {
        return (i64::try_from(pods.len()).unwrap_or(i64::MAX), least);
    }
    let expected = expected(control, pods);
    if !most.is_null() {
        return (expected, (expected - part(most, expected)).max(0));
    }
    (expected, part(least, expected))
}

/// A number, or a percentage of all, rounded up.
fn part(value: &Value, of: i64) -> i64 {
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')).and_then(|text| text.parse::<i64>().ok());
    match percent {
        Some(percent) => {
            let hundredths = percent.saturating_mul(of);
            hundredths / 100 + i64::from(hundredths % 100 > 0)
        }
        None => value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0),
    }
}

/// How many Pods the owners of these want.
fn expected(control: &Control, pods: &[Object]) -> i64 {
    let mut sizes: BTreeMap<String, i64> = BTreeMap::new();
    for pod in pods {
        let Some(mut owner) = owner(control, pod) else { continue };
        // A ReplicaSet's size may be on its way; its Deployment's is what is wanted.
        if let Some(above) = self::owner(control, &owner) {
            owner = above;
        }
        sizes.insert(object::uid(&owner).to_owned(), object::number(&owner, "/spec/replicas").unwrap_or(1));
    }
    sizes.values().sum()
}

fn owner(control: &Control, of: &Value) -> Option<Object> {
    let reference = object::controller(of)?;
    let found = control.store.get(&object::owner_key(of, reference))?;
    (object::uid(&found) == object::text(reference, "/uid")).then_some(found)
}
