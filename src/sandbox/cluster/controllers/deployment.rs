//! The Deployment controller: one ReplicaSet for each template, and the rolling from one to the next.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/>

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::control::Control;

const COMPONENT: &str = "deployment-controller";
const KIND: (&str, &str) = ("apps/v1", "Deployment");
const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";
const HASH: &str = "pod-template-hash";
/// Annotations of the Deployment that its ReplicaSets do not get.
const NOT_COPIED: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
];

/// How many Pods a rollout may have too many and too few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    surge: i64,
    unavailable: i64,
}

/// A number or a percentage of `of`.
fn share(value: &Value, of: i64, up: bool) -> i64 {
    match value {
        Value::Number(number) => number.as_i64().unwrap_or(0),
        Value::String(text) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let product = percent.saturating_mul(of);
            if up { product.div_euclid(100) + i64::from(product.rem_euclid(100) > 0) } else { product.div_euclid(100) }
        }
        _ => 0,
    }
}

impl Bounds {
    fn of(deployment: &Value, replicas: i64) -> Self {
        let strategy = &deployment["spec"]["strategy"];
        if object::text(strategy, "/type") == "Recreate" {
            return Self { surge: 0, unavailable: 0 };
        }
        let default = json!("25%");
        let rolling = |field: &str| strategy["rollingUpdate"].get(field).unwrap_or(&default).clone();
        let surge = share(&rolling("maxSurge"), replicas, true);
        let mut unavailable = share(&rolling("maxUnavailable"), replicas, false).min(replicas);
        // Both zero would never go on.
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self { surge, unavailable }
    }
}

/// A ReplicaSet's numbers.
fn spec_replicas(set: &Value) -> i64 {
    object::number(set, "/spec/replicas").unwrap_or(1)
}

fn status_number(set: &Value, field: &str) -> i64 {
    set["status"][field].as_i64().unwrap_or(0)
}

fn total(sets: &[Object], number: impl Fn(&Value) -> i64) -> i64 {
    sets.iter().map(|set| number(set)).sum()
}

/// The template without the label that tells ReplicaSets apart.
fn comparable(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.shift_remove(HASH);
    }
    if let Some(meta) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.shift_remove("creationTimestamp");
    }
    object::canonical(&template)
}

fn revision(set: &Value) -> i64 {
    object::annotation(set, REVISION).parse().unwrap_or(0)
}

struct Rollout<'a> {
    control: &'a Control,
    deployment: Object,
    replicas: i64,
    bounds: Bounds,
    /// All ReplicaSets, oldest first, the new one included.
    sets: Vec<Object>,
    /// Its name, once it is there.
    new: Option<String>,
}

/// Brings a Deployment closer to what it should be. Answers when to look again without being told of a change.
pub fn reconcile(control: &Control, key: &Key) -> Option<Timestamp> {
    let deployment = control.store.get(key)?;
    let reference = object::controller_reference(KIND.0, KIND.1, &deployment);
    let mut sets = control.claim(&resources::REPLICA_SETS, &deployment, &reference);
    sets.sort_by(|a, b| {
        let age = |set: &Value| object::text(set, "/metadata/creationTimestamp").to_owned();
        (age(a), object::name(a)).cmp(&(age(b), object::name(b)))
    });
    let replicas = object::number(&deployment, "/spec/replicas").unwrap_or(1);
    let template = comparable(&deployment["spec"]["template"]);
    let new = sets.iter().find(|set| comparable(&set["spec"]["template"]) == template);
    let new = new.map(|set| object::name(set).to_owned());
    let bounds = Bounds::of(&deployment, replicas);
    let mut rollout = Rollout { control, deployment, replicas, bounds, sets, new };
    if !object::is_deleting(&rollout.deployment) {
        rollout.advance(&reference);
    }
    rollout.write_status()
}

impl Rollout<'_> {
    fn paused(&self) -> bool {
        self.deployment["spec"]["paused"] == true
    }

    fn is_new(&self, set: &Value) -> bool {
        self.new.as_deref() == Some(object::name(set))
    }

    fn new_set(&self) -> Option<Object> {
        self.sets.iter().find(|set| self.is_new(set)).cloned()
    }

    fn old_sets(&self) -> Vec<Object> {
        self.sets.iter().filter(|set| !self.is_new(set)).cloned().collect()
    }

    fn advance(&mut self, reference: &Value) {
        let scaling = self.sets.iter().any(|set| {
            let desired: Option<i64> = object::annotation(set, DESIRED).parse().ok();
            spec_replicas(set) > 0 && desired.is_some_and(|desired| desired != self.replicas)
        });
        if self.paused() || scaling {
            self.number_new_set();
            self.scale();
            if self.paused() {
                self.clean_up();
            }
            return;
        }
        if object::text(&self.deployment, "/spec/strategy/type") == "Recreate" {
            self.recreate(reference);
        } else {
            self.roll(reference);
        }
        if self.is_complete(&self.counted()) {
            self.clean_up();
        }
    }

    /// Gives the new ReplicaSet, when there is one, the next revision.
    fn number_new_set(&mut self) {
        let Some(new) = self.new_set() else { return };
        let highest_old = self.old_sets().iter().map(|set| revision(set)).max().unwrap_or(0);
        let mut number = revision(&new);
        if number <= highest_old {
            number = highest_old + 1;
        }
        let annotations = self.copied_annotations(number);
        self.change_set(&new, |set| {
            for (key, value) in &annotations {
                object::set_meta(set, "annotations", key, value);
            }
        });
        self.annotate_deployment(number);
        if self.progressing_condition().is_none() && self.has_deadline() {
            let message = format!("Found new replica set \"{}\"", object::name(&new));
            self.set_progressing("True", "FoundNewReplicaSet", &message);
        }
    }

    fn copied_annotations(&self, number: i64) -> Vec<(String, String)> {
        let own = self.deployment["metadata"]["annotations"].as_object();
        let mut all: Vec<(String, String)> = own
            .into_iter()
            .flatten()
            .filter(|(key, _)| !NOT_COPIED.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect();
        all.push((REVISION.into(), number.to_string()));
        all
    }

    fn annotate_deployment(&mut self, number: i64) {
        let number = number.to_string();
        if object::annotation(&self.deployment, REVISION) != number {
            let key = Key::of(&resources::DEPLOYMENTS, &self.deployment);
            let changed = self.control.update(&key, |deployment| {
                object::set_meta(deployment, "annotations", REVISION, &number);
            });
            self.deployment = changed.unwrap_or_else(|| self.deployment.clone());
        }
    }

    /// The new ReplicaSet, made when it is not there.
    fn ensure_new_set(&mut self, reference: &Value) {
        if self.new.is_some() {
            self.number_new_set();
            return;
        }
        let highest = self.sets.iter().map(|set| revision(set)).max().unwrap_or(0);
        let template = &self.deployment["spec"]["template"];
        let collisions = object::number(&self.deployment, "/status/collisionCount").unwrap_or(0);
        let hash = object::short_hash(&json!([comparable(template), collisions]));
        let mut template = template.clone();
        object::set_meta(&mut template, "labels", HASH, &hash);
        let mut selector = self.deployment["spec"]["selector"].clone();
        object::map_at(&mut selector, "matchLabels").insert(HASH.into(), hash.clone().into());
        let live = total(&self.sets, spec_replicas);
        let room = (self.replicas + self.bounds.surge - live).max(0);
        let wanted = if self.sets.is_empty() { self.replicas } else { room.min(self.replicas) };
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": format!("{}-{hash}", object::name(&self.deployment)),
                "namespace": object::namespace(&self.deployment),
                "labels": template["metadata"]["labels"],
                "ownerReferences": [reference],
            },
            "spec": {"replicas": wanted, "selector": selector, "template": template},
        });
        if let Some(seconds) = object::number(&self.deployment, "/spec/minReadySeconds").filter(|seconds| *seconds > 0)
        {
            set["spec"]["minReadySeconds"] = seconds.into();
        }
        for (key, value) in self.copied_annotations(highest + 1) {
            object::set_meta(&mut set, "annotations", &key, &value);
        }
        self.size_annotations(&mut set);
        match self.control.create(&resources::REPLICA_SETS, set) {
            Ok(made) => {
                let name = object::name(&made).to_owned();
                if wanted > 0 {
                    self.say(&format!("Scaled up replica set {name} from 0 to {wanted}"));
                }
                self.new = Some(name.clone());
                self.sets.push(made);
                self.annotate_deployment(highest + 1);
                if self.has_deadline() {
                    let message = format!("Created new replica set \"{name}\"");
                    self.set_progressing("True", "NewReplicaSetCreated", &message);
                }
            }
            Err(status) if status.reason == "AlreadyExists" => {
                // Another template has the same hash: the next one is salted with the count.
                let key = Key::of(&resources::DEPLOYMENTS, &self.deployment);
                self.control
                    .update(&key, |deployment| deployment["status"]["collisionCount"] = (collisions + 1).into());
            }
            Err(status) => {
                let message = status.message;
                self.set_progressing("False", "ReplicaSetCreateError", &message);
                self.control.warning(COMPONENT, &self.deployment, KIND, "ReplicaSetCreateError", &message);
            }
        }
    }

    fn size_annotations(&self, set: &mut Value) {
        object::set_meta(set, "annotations", DESIRED, &self.replicas.to_string());
        object::set_meta(set, "annotations", MAXIMUM, &(self.replicas + self.bounds.surge).to_string());
    }

    fn say(&self, message: &str) {
        self.control.event(COMPONENT, &self.deployment, KIND, "ScalingReplicaSet", message);
    }

    fn change_set(&mut self, set: &Value, change: impl FnOnce(&mut Value)) {
        if let Some(changed) = self.control.update(&Key::of(&resources::REPLICA_SETS, set), change)
            && let Some(slot) = self.sets.iter_mut().find(|known| object::uid(known) == object::uid(&changed))
        {
            *slot = changed;
        }
    }

    /// Sets a ReplicaSet's size and says so.
    fn resize(&mut self, set: &Value, to: i64) {
        let from = spec_replicas(set);
        let (desired, maximum) = (self.replicas.to_string(), (self.replicas + self.bounds.surge).to_string());
        self.change_set(set, |set| {
            set["spec"]["replicas"] = to.into();
            object::set_meta(set, "annotations", DESIRED, &desired);
            object::set_meta(set, "annotations", MAXIMUM, &maximum);
        });
        if from != to {
            let way = if to > from { "up" } else { "down" };
            self.say(&format!("Scaled {way} replica set {} from {from} to {to}", object::name(set)));
        }
    }

    /// The Deployment's size changed: its ReplicaSets share the change.
    fn scale(&mut self) {
        let active: Vec<Object> = self.sets.iter().filter(|set| spec_replicas(set) > 0).cloned().collect();
        let latest = self.new_set().or_else(|| self.sets.last().cloned());
        let only = match active.as_slice() {
            [] => latest,
            [one] => Some(one.clone()),
            _ => None,
        };
        if let Some(only) = only {
            return self.resize(&only, self.replicas);
        }
        if let Some(new) = self.new_set()
            && spec_replicas(&new) == self.replicas
            && status_number(&new, "availableReplicas") == self.replicas
        {
            for old in self.old_sets().iter().filter(|set| spec_replicas(set) > 0) {
                self.resize(old, 0);
            }
            return;
        }
        // In proportion to what each had, the largest taking what is left over.
        let present = total(&self.sets, spec_replicas);
        let allowed = if self.replicas > 0 { self.replicas + self.bounds.surge } else { 0 };
        let mut to_add = allowed - present;
        let growing = to_add > 0;
        let mut sorted = active;
        sorted.sort_by_key(|set| std::cmp::Reverse(spec_replicas(set)));
        if growing {
            sorted.sort_by_key(|set| (std::cmp::Reverse(spec_replicas(set)), std::cmp::Reverse(revision(set))));
        }
        let mut sizes: Vec<i64> = Vec::new();
        for set in &sorted {
            let before: i64 = object::annotation(set, MAXIMUM).parse().unwrap_or(present).max(1);
            let size = spec_replicas(set);
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "numbers of Pods are small"
            )]
            let fraction = ((size * allowed) as f64 / before as f64).round() as i64 - size;
            let part = if growing { fraction.clamp(0, to_add) } else { fraction.clamp(to_add.min(0), 0) };
            to_add -= part;
            sizes.push((size + part).max(0));
        }
        if let Some(first) = sizes.first_mut() {
            *first = (*first + to_add).max(0);
        }
        for (set, size) in sorted.iter().zip(sizes) {
            self.resize(set, size);
        }
    }

    fn roll(&mut self, reference: &Value) {
        self.ensure_new_set(reference);
        let Some(new) = self.new_set() else { return };
        if self.grow_new(&new) {
            return;
        }
        self.shrink_old();
    }

    /// Lets the new ReplicaSet grow as far as the surge allows.
    fn grow_new(&mut self, new: &Object) -> bool {
        let size = spec_replicas(new);
        if size == self.replicas {
            self.change_sizes(new);
            return false;
        }
        if size > self.replicas {
            self.resize(new, self.replicas);
            return true;
        }
        let room = self.replicas + self.bounds.surge - total(&self.sets, spec_replicas);
        if room <= 0 {
            self.change_sizes(new);
            return false;
        }
        self.resize(new, size + room.min(self.replicas - size));
        true
    }

    fn change_sizes(&mut self, set: &Object) {
        let (desired, maximum) = (self.replicas.to_string(), (self.replicas + self.bounds.surge).to_string());
        self.change_set(set, |set| {
            object::set_meta(set, "annotations", DESIRED, &desired);
            object::set_meta(set, "annotations", MAXIMUM, &maximum);
        });
    }

    /// Lets the old ReplicaSets shrink as far as availability allows: what is not healthy first.
    fn shrink_old(&mut self) {
        let old: Vec<Object> = self.old_sets().into_iter().filter(|set| spec_replicas(set) > 0).collect();
        if old.is_empty() {
            return;
        }
        let minimum = self.replicas - self.bounds.unavailable;
        let new_unavailable =
            self.new_set().map_or(0, |new| spec_replicas(&new) - status_number(&new, "availableReplicas"));
        let mut left = total(&self.sets, spec_replicas) - minimum - new_unavailable;
        if left <= 0 {
            return;
        }
        for set in &old {
            let size = spec_replicas(set);
            let broken = (size - status_number(set, "availableReplicas")).clamp(0, left);
            if broken > 0 {
                left -= broken;
                self.resize(set, size - broken);
            }
        }
        let available = total(&self.sets, |set| status_number(set, "availableReplicas"));
        let mut spare = available - minimum;
        for set in self.old_sets().iter().filter(|set| spec_replicas(set) > 0) {
            if spare <= 0 {
                break;
            }
            let less = spec_replicas(set).min(spare);
            spare -= less;
            self.resize(set, spec_replicas(set) - less);
        }
    }

    fn recreate(&mut self, reference: &Value) {
        if self.new.is_some() {
            self.number_new_set();
        }
        let mut shrunk = false;
        for set in self.old_sets().iter().filter(|set| spec_replicas(set) > 0) {
            self.resize(set, 0);
            shrunk = true;
        }
        let old = self.old_sets();
        let running = |set: &Object| {
            let pods = self.control.controlled(&resources::PODS, set);
            pods.iter().any(|pod| !matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed"))
        };
        if shrunk || old.iter().any(running) {
            return;
        }
        self.ensure_new_set(reference);
        if let Some(new) = self.new_set() {
            self.resize(&new, self.replicas);
        }
    }

    /// Forgets the oldest revisions beyond `revisionHistoryLimit`.
    fn clean_up(&mut self) {
        let limit = object::number(&self.deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
        let mut old: Vec<Object> = self.old_sets().into_iter().filter(|set| !object::is_deleting(set)).collect();
        old.sort_by_key(|set| revision(set));
        let excess = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        for set in old.iter().take(excess) {
            if spec_replicas(set) == 0 && status_number(set, "replicas") == 0 {
                self.control.delete(&Key::of(&resources::REPLICA_SETS, set));
                self.sets.retain(|known| object::uid(known) != object::uid(set));
            }
        }
    }

    fn has_deadline(&self) -> bool {
        let deadline = object::number(&self.deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
        deadline != i64::from(i32::MAX)
    }

    fn progressing_condition(&self) -> Option<&Value> {
        object::condition(&self.deployment["status"], "Progressing")
    }

    fn set_progressing(&mut self, truth: &str, reason: &str, message: &str) {
        let mut condition = self.deployment_condition("Progressing", truth, reason, message);
        condition["lastUpdateTime"] = object::written(self.control.now).into();
        let key = Key::of(&resources::DEPLOYMENTS, &self.deployment);
        let changed = self.control.update(&key, |deployment| {
            let status = object::map_at(deployment, "status");
            let conditions = status.entry("conditions").or_insert_with(|| json!([]));
            replace_condition(conditions, condition);
        });
        self.deployment = changed.unwrap_or_else(|| self.deployment.clone());
    }

    fn deployment_condition(&self, kind: &str, truth: &str, reason: &str, message: &str) -> Value {
        let status = &self.deployment["status"];
        let now = object::written(self.control.now);
        if let Some(before) = object::condition(status, kind)
            && before["status"] == truth
            && before["reason"] == reason
        {
            return before.clone();
        }
        let made = self.control.condition(status, kind, truth, reason, message);
        json!({
            "type": kind, "status": truth, "lastUpdateTime": now, "lastTransitionTime": made["lastTransitionTime"],
            "reason": reason, "message": message,
        })
    }

    /// The status but for its conditions.
    fn counted(&self) -> Value {
        let available = total(&self.sets, |set| status_number(set, "availableReplicas"));
        let all = total(&self.sets, spec_replicas);
        let new = self.new_set();
        let mut status = json!({"observedGeneration": self.deployment["metadata"]["generation"]});
        let mut set = |field: &str, number: i64| {
            if number > 0 {
                status[field] = number.into();
            }
        };
        set("replicas", total(&self.sets, |set| status_number(set, "replicas")));
        set("updatedReplicas", new.as_deref().map_or(0, |new| status_number(new, "replicas")));
        set("readyReplicas", total(&self.sets, |set| status_number(set, "readyReplicas")));
        set("availableReplicas", available);
        set("unavailableReplicas", (all - available).max(0));
        status["terminatingReplicas"] = total(&self.sets, |set| status_number(set, "terminatingReplicas")).into();
        if let Some(count) = self.deployment["status"].get("collisionCount") {
            status["collisionCount"] = count.clone();
        }
        status
    }

    fn is_complete(&self, status: &Value) -> bool {
        let number = |field: &str| status[field].as_i64().unwrap_or(0);
        number("updatedReplicas") == self.replicas
            && number("replicas") == self.replicas
            && number("availableReplicas") == self.replicas
    }

    fn write_status(&mut self) -> Option<Timestamp> {
        let mut status = self.counted();
        let before = self.deployment["status"].clone();
        let number = |status: &Value, field: &str| status[field].as_i64().unwrap_or(0);
        let mut conditions = object::list(&before, "/conditions").to_vec().into();
        let enough = number(&status, "availableReplicas") >= self.replicas - self.bounds.unavailable;
        let available = if enough {
            let message = "Deployment has minimum availability.";
            self.deployment_condition("Available", "True", "MinimumReplicasAvailable", message)
        } else {
            let message = "Deployment does not have minimum availability.";
            self.deployment_condition("Available", "False", "MinimumReplicasUnavailable", message)
        };
        replace_condition(&mut conditions, available);
        let now = self.control.now;
        let deadline = object::number(&self.deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
        let mut next = None;
        if !self.has_deadline() {
            remove_condition(&mut conditions, "Progressing");
        } else if self.paused() {
            // Time that passes while it is paused does not count: the condition says so and starts anew on resuming.
            if self.progressing_condition().is_none_or(|current| current["reason"] != "DeploymentPaused") {
                let paused =
                    self.deployment_condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
                replace_condition(&mut conditions, paused);
            }
        } else {
            let current = self.progressing_condition().cloned();
            let reason = current.as_ref().map(|current| object::text(current, "/reason").to_owned());
            let complete_before = number(&status, "replicas") == number(&status, "updatedReplicas")
                && reason.as_deref() == Some("NewReplicaSetAvailable");
            let about = match &self.new {
                Some(name) => format!("ReplicaSet \"{name}\""),
                None => format!("Deployment \"{}\"", object::name(&self.deployment)),
            };
            if reason.as_deref() == Some("DeploymentPaused") {
                let resumed =
                    self.deployment_condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed");
                replace_condition(&mut conditions, resumed);
            } else if !complete_before {
                let progressed = number(&status, "updatedReplicas") > number(&before, "updatedReplicas")
                    || number(&status, "replicas") - number(&status, "updatedReplicas")
                        < number(&before, "replicas") - number(&before, "updatedReplicas")
                    || number(&status, "readyReplicas") > number(&before, "readyReplicas")
                    || number(&status, "availableReplicas") > number(&before, "availableReplicas");
                if self.is_complete(&status) {
                    let message = format!("{about} has successfully progressed.");
                    let done = self.deployment_condition("Progressing", "True", "NewReplicaSetAvailable", &message);
                    replace_condition(&mut conditions, done);
                } else if progressed {
                    let message = format!("{about} is progressing.");
                    let mut going = self.deployment_condition("Progressing", "True", "ReplicaSetUpdated", &message);
                    going["lastUpdateTime"] = object::written(now).into();
                    replace_condition(&mut conditions, going);
                } else if let Some(current) = &current
                    && reason.as_deref() != Some("ProgressDeadlineExceeded")
                    && let Some(since) = object::time(current, "/lastUpdateTime")
                {
                    let limit = object::after(since, Duration::from_secs(u64::try_from(deadline).unwrap_or(0)));
                    if now >= limit {
                        let message = format!("{about} has timed out progressing.");
                        let late =
                            self.deployment_condition("Progressing", "False", "ProgressDeadlineExceeded", &message);
                        replace_condition(&mut conditions, late);
                    } else {
                        next = Some(limit);
                    }
                }
            }
        }
        // A ReplicaSet's failure to make Pods is the Deployment's.
        let failure = self
            .new_set()
            .into_iter()
            .chain(self.old_sets())
            .find_map(|set| object::condition(&set["status"], "ReplicaFailure").cloned());
        match failure {
            Some(failure) => {
                let condition = self.deployment_condition(
                    "ReplicaFailure",
                    object::text(&failure, "/status"),
                    object::text(&failure, "/reason"),
                    object::text(&failure, "/message"),
                );
                replace_condition(&mut conditions, condition);
            }
            None => remove_condition(&mut conditions, "ReplicaFailure"),
        }
        status["conditions"] = conditions;
        self.control.set_status(&resources::DEPLOYMENTS, &self.deployment, status);
        next
    }
}

/// Puts a condition in place of the one of its type. One that says something else comes last, as the real controllers have it.
pub(super) fn replace_condition(conditions: &mut Value, condition: Value) {
    let Some(conditions) = conditions.as_array_mut() else { return };
    if !conditions.contains(&condition) {
        conditions.retain(|known| known["type"] != condition["type"]);
        conditions.push(condition);
    }
}

/// Takes the condition of a type away.
pub(super) fn remove_condition(conditions: &mut Value, kind: &str) {
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.retain(|known| known["type"] != kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_round_surge_up_and_unavailability_down() {
        let deployment = |surge: Value, unavailable: Value| {
            json!({"spec": {"strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}})
        };
        for (surge, unavailable, replicas, expected) in [
            (json!("25%"), json!("25%"), 1, (1, 0)),
            (json!("25%"), json!("25%"), 10, (3, 2)),
            (json!(0), json!(0), 3, (0, 1)),
            (json!(2), json!("100%"), 3, (2, 3)),
            (json!("0%"), json!("34%"), 3, (0, 1)),
        ] {
            let bounds = Bounds::of(&deployment(surge, unavailable), replicas);
            assert_eq!((bounds.surge, bounds.unavailable), expected);
        }
        assert_eq!(Bounds::of(&json!({"spec": {}}), 4), Bounds { surge: 1, unavailable: 1 });
    }
}
