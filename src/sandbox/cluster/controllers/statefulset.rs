//! The StatefulSet controller: Pods with names that stay, one after the other.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/>

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use super::{pods, revisions};

const COMPONENT: &str = "statefulset-controller";
const KIND: (&str, &str) = ("apps/v1", "StatefulSet");

/// Brings a StatefulSet closer to what it should be. Answers when to look again without being told of a change.
pub(super) fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let set = control.store.get(key)?;
    let reference = object::controller_reference(KIND.0, KIND.1, &set);
    let claimed = control.claim(&resources::PODS, &set, &reference);
    let history = revisions::sync(control, &set, KIND, 10);
    let update = history.update.clone();
    let current = match object::text(&set, "/status/currentRevision") {
        "" => update.clone(),
        known => known.to_owned(),
    };
    let wanted = object::number(&set, "/spec/replicas").unwrap_or(1);
    let mut by_ordinal: BTreeMap<i64, Object> = BTreeMap::new();
    for pod in &claimed {
        if let Some(ordinal) = ordinal(&set, pod) {
            by_ordinal.insert(ordinal, pod.clone());
        }
    }
    let min_ready = object::number(&set, "/spec/minReadySeconds").unwrap_or(0);
    let healthy = |pod: &Object| {
        !object::is_deleting(pod) && object::available_at(pod, min_ready).is_some_and(|at| at <= control.now)
    };
    if !object::is_deleting(&set) {
        advance(control, &set, &mut by_ordinal, wanted, &current, &update, &healthy);
    }
    write_status(control, &set, &by_ordinal, wanted, &current, &update, min_ready)
}

fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    object::name(pod).strip_prefix(object::name(set))?.strip_prefix('-')?.parse().ok()
}

fn revision_of(pod: &Value) -> &str {
    pod["metadata"]["labels"][revisions::HASH].as_str().unwrap_or_default()
}

fn advance(
    control: &Control,
    set: &Object,
    pods: &mut BTreeMap<i64, Object>,
    wanted: i64,
    current: &str,
    update: &str,
    healthy: &dyn Fn(&Object) -> bool,
) {
    let parallel = object::text(set, "/spec/podManagementPolicy") == "Parallel";
    let partition = object::number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    for ordinal in 0..wanted {
        match pods.get(&ordinal) {
            None => {
                let revision = if ordinal < partition && current != update { current } else { update };
                if let Some(pod) = create(control, set, ordinal, revision) {
                    pods.insert(ordinal, pod);
                }
                if !parallel {
                    return;
                }
            }
            Some(pod) if matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed") => {
                delete(control, set, pod);
                if !parallel {
                    return;
                }
            }
            // The next one comes when this one is there.
            Some(pod) if !healthy(pod) && !parallel => {
                if object::is_deleting(pod) || revision_of(pod) == update {
                    return;
                }
                // A broken Pod of an old revision is replaced without waiting for it.
                break;
            }
            Some(_) => {}
        }
    }
    let surplus: Vec<Object> = pods.range(wanted..).rev().map(|(_, pod)| pod.clone()).collect();
    for pod in &surplus {
        if object::is_deleting(pod) {
            if !parallel {
                return;
            }
            continue;
        }
        delete(control, set, pod);
        if !parallel {
            return;
        }
    }
    if object::text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let outdated: Vec<Object> = pods.range(partition..wanted).rev().map(|(_, pod)| pod.clone()).collect();
    for pod in &outdated {
        if revision_of(pod) != update && !object::is_deleting(pod) {
            return delete(control, set, pod);
        }
        if !healthy(pod) {
            return;
        }
    }
}

fn create(control: &Control, set: &Object, ordinal: i64, revision: &str) -> Option<Object> {
    let name = format!("{}-{ordinal}", object::name(set));
    let adjust = |pod: &mut Value| {
        let meta = object::map_at(pod, "metadata");
        meta.shift_remove("generateName");
        meta.insert("name".into(), name.clone().into());
        object::set_meta(pod, "labels", "apps.kubernetes.io/pod-index", &ordinal.to_string());
        object::set_meta(pod, "labels", revisions::HASH, revision);
        object::set_meta(pod, "labels", "statefulset.kubernetes.io/pod-name", &name);
        pod["spec"]["hostname"] = name.clone().into();
        if let Some(service) = set["spec"]["serviceName"].as_str().filter(|service| !service.is_empty()) {
            pod["spec"]["subdomain"] = service.into();
        }
    };
    let verb = |outcome: &str| format!("create Pod {name} in StatefulSet {} {outcome}", object::name(set));
    match pods::create(control, set, KIND, Some(&adjust)) {
        Ok(pod) => {
            let message = verb("successful").replacen("create", "Create", 1);
            control.event(COMPONENT, set, KIND, "SuccessfulCreate", &message);
            Some(pod)
        }
        Err(error) => {
            control.warning(COMPONENT, set, KIND, "FailedCreate", &verb(&format!("failed error: {error}")));
            None
        }
    }
}

fn delete(control: &Control, set: &Object, pod: &Value) {
    control.delete(&Key::of(&resources::PODS, pod));
    let message = format!("Delete Pod {} in StatefulSet {} successful", object::name(pod), object::name(set));
    control.event(COMPONENT, set, KIND, "SuccessfulDelete", &message);
}

fn write_status(
    control: &Control,
    set: &Object,
    pods: &BTreeMap<i64, Object>,
    wanted: i64,
    current: &str,
    update: &str,
    min_ready: i64,
) -> Option<Timestamp> {
    let live: Vec<Object> = pods.values().cloned().collect();
    let ready = live.iter().filter(|pod| object::has_condition(pod, "Ready")).count();
    let (available, next) = pods::available(&live, min_ready, control.now);
    let of =
        |revision: &str| live.iter().filter(|pod| !object::is_deleting(pod) && revision_of(pod) == revision).count();
    let updated = of(update);
    let all = usize::try_from(wanted).unwrap_or(0);
    // When every Pod is of the new revision and ready, it is the current one.
    let done = updated == all && live.len() == all && ready == all;
    let current = if done { update } else { current };
    let mut status = json!({
        "observedGeneration": set["metadata"]["generation"], "replicas": live.len(),
    });
    for (field, number) in [("readyReplicas", ready), ("currentReplicas", of(current)), ("updatedReplicas", updated)] {
        if number > 0 {
            status[field] = number.into();
        }
    }
    status["currentRevision"] = current.into();
    status["updateRevision"] = update.into();
    status["collisionCount"] = 0.into();
    status["availableReplicas"] = available.into();
    control.set_status(&resources::STATEFUL_SETS, set, status);
    next
}
