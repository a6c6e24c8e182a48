//! The ReplicaSet controller: as many Pods of a template as asked for. Pods that are terminating do not count.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use super::deployment::{remove_condition, replace_condition};
use super::pods;

const COMPONENT: &str = "replicaset-controller";
const KIND: (&str, &str) = ("apps/v1", "ReplicaSet");
/// How soon to try again what the server refused.
const RETRY: Duration = Duration::from_secs(10);

/// Brings a ReplicaSet closer to what it should be. Answers when to look again without being told of a change.
pub fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let set = control.store.get(key)?;
    let reference = object::controller_reference(KIND.0, KIND.1, &set);
    let claimed = control.claim(&resources::PODS, &set, &reference);
    let (mut active, others): (Vec<Object>, Vec<Object>) = claimed.into_iter().partition(|pod| object::is_active(pod));
    let terminating = others.iter().filter(|pod| object::is_deleting(pod)).count();
    let wanted = usize::try_from(object::number(&set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    let mut failure = None;
    if !object::is_deleting(&set) {
        if active.len() < wanted {
            for _ in active.len()..wanted {
                match pods::create(control, &set, KIND, None) {
                    Ok(pod) => {
                        let message = format!("Created pod: {}", object::name(&pod));
                        control.event(COMPONENT, &set, KIND, "SuccessfulCreate", &message);
                        active.push(pod);
                    }
                    Err(error) => {
                        let message = format!("Error creating: {error}");
                        control.warning(COMPONENT, &set, KIND, "FailedCreate", &message);
                        failure = Some(("FailedCreate", error.to_string()));
                        break;
                    }
                }
            }
        } else if active.len() > wanted {
            active.sort_by_cached_key(pods::deletion_rank);
            let excess = active.len() - wanted;
            for pod in active.drain(..excess) {
                control.delete(&Key::of(&resources::PODS, &pod));
                let message = format!("Deleted pod: {}", object::name(&pod));
                control.event(COMPONENT, &set, KIND, "SuccessfulDelete", &message);
            }
        }
    }
    let min_ready = object::number(&set, "/spec/minReadySeconds").unwrap_or(0);
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    let labelled = active.iter().filter(|pod| {
        let own = &pod["metadata"]["labels"];
        labels.as_object().is_none_or(|all| all.iter().all(|(key, value)| own.get(key) == Some(value)))
    });
    let ready = active.iter().filter(|pod| object::has_condition(pod, "Ready")).count();
    let (available, next) = pods::available(&active, min_ready, control.now);
    let mut status = json!({"replicas": active.len()});
    for (field, number) in
        [("fullyLabeledReplicas", labelled.count()), ("readyReplicas", ready), ("availableReplicas", available)]
    {
        if number > 0 {
            status[field] = number.into();
        }
    }
    status["terminatingReplicas"] = terminating.into();
    status["observedGeneration"] = set["metadata"]["generation"].clone();
    let mut conditions = Value::from(object::list(&set, "/status/conditions").to_vec());
    let mut again = next;
    match &failure {
        Some((reason, message)) => {
            // The first failure is told until it is over; later ones differ in the name of the Pod.
            if object::condition(&set["status"], "ReplicaFailure").is_none() {
                let condition = control.condition(&set["status"], "ReplicaFailure", "True", reason, message);
                replace_condition(&mut conditions, condition);
            }
            again = Some(object::after(control.now, RETRY));
        }
        None => remove_condition(&mut conditions, "ReplicaFailure"),
    }
    if conditions.as_array().is_some_and(|conditions| !conditions.is_empty()) {
        status["conditions"] = conditions;
    }
    control.set_status(&resources::REPLICA_SETS, &set, status);
    again
}
