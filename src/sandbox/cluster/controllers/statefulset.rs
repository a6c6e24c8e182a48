//! The StatefulSet controller: Pods with names that stay, one after the other.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/>

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;
use super::{pods, revisions};

const COMPONENT: &str = "statefulset-controller";
const KIND: (&str, &str) = ("apps/v1", "StatefulSet");
/// How soon to try again what the server refused.
const RETRY: Duration = Duration::from_secs(10);

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
    let refused = !object::is_deleting(&set)
        && advance(control, &set, &mut by_ordinal, wanted, &current, &update, &healthy).is_err();
    let next = write_status(control, &set, &by_ordinal, wanted, &current, &update, min_ready);
    let retry = refused.then(|| object::after(control.now, RETRY));
    next.into_iter().chain(retry).min()
}

fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    object::name(pod).strip_prefix(object::name(set))?.strip_prefix('-')?.parse().ok()
}

fn revision_of(pod: &Value) -> &str {
    pod["metadata"]["labels"][revisions::HASH].as_str().unwrap_or_default()
}

/// The server refused what was to be made.
struct Refused;

fn advance(
    control: &Control,
    set: &Object,
    pods: &mut BTreeMap<i64, Object>,
    wanted: i64,
    current: &str,
    update: &str,
    healthy: &dyn Fn(&Object) -> bool,
) -> Result<(), Refused> {
    let parallel = object::text(set, "/spec/podManagementPolicy") == "Parallel";
    let partition = object::number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    for ordinal in 0..wanted {
        match pods.get(&ordinal) {
            None => {
                let revision = if ordinal < partition && current != update { current } else { update };
                pods.insert(ordinal, create(control, set, ordinal, revision)?);
                if !parallel {
                    return Ok(());
                }
            }
            Some(pod) if matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed") => {
                delete(control, set, pod);
                if !parallel {
                    return Ok(());
                }
            }
            // The next one comes when this one is there.
            Some(pod) if !healthy(pod) && !parallel => {
                if object::is_deleting(pod) || revision_of(pod) == update {
                    return Ok(());
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
                return Ok(());
            }
            continue;
        }
        delete(control, set, pod);
        if set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Delete" {
            // They stay until the Pod no longer uses them.
            for template in object::list(set, "/spec/volumeClaimTemplates") {
                let name = claim_name(template, object::name(pod));
                control.delete(&Key::namespaced(&resources::CLAIMS, object::namespace(set), &name));
            }
        }
        if !parallel {
            return Ok(());
        }
    }
    if object::text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return Ok(());
    }
    let outdated: Vec<Object> = pods.range(partition..wanted).rev().map(|(_, pod)| pod.clone()).collect();
    for pod in &outdated {
        if revision_of(pod) != update && !object::is_deleting(pod) {
            delete(control, set, pod);
            return Ok(());
        }
        if !healthy(pod) {
            return Ok(());
        }
    }
    Ok(())
}

fn create(control: &Control, set: &Object, ordinal: i64, revision: &str) -> Result<Object, Refused> {
    let name = format!("{}-{ordinal}", object::name(set));
    let adjust = |pod: &mut Value| {
        let meta = object::map_at(pod, "metadata");
        meta.shift_remove("generateName");
        meta.insert("name".into(), name.clone().into());
        object::set_meta(pod, "labels", "apps.kubernetes.io/pod-index", &ordinal.to_string());
        object::set_meta(pod, "labels", revisions::HASH, revision);
        object::set_meta(pod, "labels", "statefulset.kubernetes.io/pod-name", &name);
        pod["spec"]["hostname"] = name.clone().into();
        let templates = object::list(set, "/spec/volumeClaimTemplates");
        if !templates.is_empty() {
            let mut volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
            // A claim takes the place of a volume of the same name.
            volumes.retain(|volume| !templates.iter().any(|one| one["metadata"]["name"] == volume["name"]));
            let of_claims = templates.iter().map(|template| {
                let claim = claim_name(template, &name);
                json!({"name": object::name(template), "persistentVolumeClaim": {"claimName": claim}})
            });
            pod["spec"]["volumes"] = of_claims.chain(volumes).collect();
        }
        if let Some(service) = set["spec"]["serviceName"].as_str().filter(|service| !service.is_empty()) {
            pod["spec"]["subdomain"] = service.into();
        }
    };
    if !claims(control, set, &name) {
        return Err(Refused);
    }
    let verb = |outcome: &str| format!("create Pod {name} in StatefulSet {} {outcome}", object::name(set));
    match pods::create(control, set, KIND, Some(&adjust)) {
        Ok(pod) => {
            let message = verb("successful").replacen("create", "Create", 1);
            control.event(COMPONENT, set, KIND, "SuccessfulCreate", &message);
            Ok(pod)
        }
        Err(error) => {
            control.warning(COMPONENT, set, KIND, "FailedCreate", &verb(&format!("failed error: {error}")));
            Err(Refused)
        }
    }
}

fn claim_name(template: &Value, pod: &str) -> String {
    format!("{}-{pod}", object::name(template))
}

/// Makes the claims of a Pod that are not there yet. Answers whether all are.
fn claims(control: &Control, set: &Object, pod: &str) -> bool {
    for template in object::list(set, "/spec/volumeClaimTemplates") {
        let name = claim_name(template, pod);
        if control.get(&resources::CLAIMS, object::namespace(set), &name).is_some() {
            continue;
        }
        let mut claim = json!({"metadata": template["metadata"], "spec": template["spec"]});
        claim["metadata"]["name"] = name.clone().into();
        claim["metadata"]["namespace"] = object::namespace(set).into();
        for (key, value) in set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten() {
            object::set_meta(&mut claim, "labels", key, value.as_str().unwrap_or_default());
        }
        if set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete" {
            let mut owner = object::controller_reference(KIND.0, KIND.1, set);
            owner["blockOwnerDeletion"] = true.into();
            claim["metadata"]["ownerReferences"] = json!([owner]);
        }
        let of = format!("Claim {name} Pod {pod} in StatefulSet {}", object::name(set));
        if let Err(error) = control.create(&resources::CLAIMS, claim) {
            control.warning(COMPONENT, set, KIND, "FailedCreate", &format!("create {of} failed error: {error}"));
            return false;
        }
        control.event(COMPONENT, set, KIND, "SuccessfulCreate", &format!("create {of} success"));
    }
    true
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
