//! How controllers read and write: the store, with what the API server would add to their writes, at a given moment.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::CloudIdentity;
use super::super::api::{Server, Status};
use super::super::object::{self, resources};
use super::super::seed::Seed;
use super::super::store::{GroupResource, Key, Object, Store, StoreError};

/// How far the controllers' present may lie behind the clock and still be the present.
const PRESENT: Duration = Duration::from_secs(2);

/// So many Events about one object that differ only in their message are written one by one; further ones are combined into one.
/// As client-go's `EventCorrelator`.
const SIMILAR: usize = 9;

/// How long an Event counts as one of the similar ones after the last of them.
const SIMILAR_FOR: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// The cluster as a controller sees it at one moment.
#[derive(Clone)]
pub struct Control {
    /// Who makes objects.
    pub server: Server,
    /// The objects.
    pub store: Store,
    /// What the scenario says.
    pub seed: Arc<Seed>,
    /// The account.
    pub cloud: Arc<dyn CloudIdentity>,
    /// The present. Before the session begins it is a moment of the cluster's past.
    pub now: Timestamp,
}

impl Control {
    /// The object of a namespace.
    pub fn get(&self, resource: &GroupResource, namespace: &str, name: &str) -> Option<Object> {
        self.store.get(&Key::namespaced(resource, namespace, name))
    }

    /// The objects of a namespace that `owner` controls.
    pub fn controlled(&self, resource: &GroupResource, owner: &Value) -> Vec<Object> {
        self.store.controlled(resource, object::namespace(owner), object::uid(owner))
    }

    /// The Pods that `owner` controls. Those that fit its selector and have no controller are adopted first; those that no
    /// longer fit are released.
    pub fn claim(&self, resource: &GroupResource, owner: &Value, reference: &Value) -> Vec<Object> {
        let selector = &owner["spec"]["selector"];
        let mut claimed = Vec::new();
        let namespace = object::namespace(owner);
        let mut candidates = self.store.controlled(resource, namespace, object::uid(owner));
        candidates.extend(self.store.uncontrolled(resource, namespace));
        candidates.sort_by(|a, b| object::name(a).cmp(object::name(b)));
        for found in candidates {
            let fits = || object::selects(selector, &found["metadata"]["labels"]);
            let key = Key::of(resource, &found);
            match object::controller(&found) {
                Some(of) if object::text(of, "/uid") == object::uid(owner) => {
                    if object::is_deleting(&found) || fits() {
                        claimed.push(found);
                    } else if !object::is_deleting(owner) {
                        self.update(&key, |released| {
                            if let Some(owners) =
                                released.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut)
                            {
                                owners.retain(|of| object::text(of, "/uid") != object::uid(owner));
                            }
                        });
                    }
                }
                None if !object::is_deleting(owner)
                    && !object::is_deleting(&found)
                    && fits()
                    && (*resource != resources::PODS || object::is_active(&found)) =>
                {
                    let adopted = self.update(&key, |adopted| {
                        let meta = object::map_at(adopted, "metadata");
                        let owners = meta.entry("ownerReferences").or_insert_with(|| json!([]));
                        if let Some(owners) = owners.as_array_mut() {
                            owners.push(reference.clone());
                        }
                    });
                    claimed.extend(adopted);
                }
                _ => {}
            }
        }
        claimed
    }

    /// Lets the API server make an object: defaulted, admitted, validated.
    ///
    /// # Errors
    /// As the server refuses it.
    pub fn create(&self, resource: &GroupResource, object: Value) -> Result<Object, Status> {
        let made = self.server.create(resource, object)?;
        // What is made in the cluster's past, before the session begins, is as old as that.
        let now = object::written(self.now);
        let elapsed = self.store.clock().now().duration_since(self.now).unsigned_abs();
        if elapsed < PRESENT {
            return Ok(made);
        }
        let dated = self.update(&Key::of(resource, &made), |object| {
            object["metadata"]["creationTimestamp"] = now.into();
        });
        Ok(dated.unwrap_or(made))
    }

    /// Changes an object; a spec that changed gets the next generation. `None` when it is gone.
    pub fn update(&self, key: &Key, change: impl FnOnce(&mut Value)) -> Option<Object> {
        self.store
            .update::<StoreError>(key, None, |object| {
                let before = object.get("spec").cloned();
                change(object);
                if before.is_some()
                    && object.get("spec") != before.as_ref()
                    && let Some(generation) = object::number(object, "/metadata/generation")
                {
                    object["metadata"]["generation"] = (generation + 1).into();
                }
                Ok(())
            })
            .ok()
    }

    /// Replaces the status of an object, unless it is that already.
    pub fn set_status(&self, resource: &GroupResource, object: &Value, status: Value) {
        if object.get("status") != Some(&status) {
            self.update(&Key::of(resource, object), |object| object["status"] = status);
        }
    }

    /// Deletes an object as the API server does: a Pod on a node gets its grace period, what has finalizers is marked,
    /// all else goes at once.
    pub fn delete(&self, key: &Key) {
        let Some(found) = self.store.get(key) else { return };
        if object::is_deleting(&found) {
            return;
        }
        let has_finalizers = !object::list(&found, "/metadata/finalizers").is_empty();
        let grace = if key.resource == resources::PODS && !object::text(&found, "/spec/nodeName").is_empty() {
            object::number(&found, "/spec/terminationGracePeriodSeconds").unwrap_or(30)
        } else {
            0
        };
        if grace == 0 && !has_finalizers {
            // Somebody else may have been faster: then it is gone, which is what was asked for.
            let _ = self.store.remove(key);
            return;
        }
        let seconds = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
        let until = object::written(object::after(self.now, seconds));
        self.update(key, |object| {
            let meta = object::map_at(object, "metadata");
            meta.insert("deletionTimestamp".into(), until.into());
            meta.insert("deletionGracePeriodSeconds".into(), grace.into());
        });
    }

    /// Writes an Event, or counts one more of the same.
    pub fn event(&self, component: &str, about: &Value, kind: (&str, &str), reason: &str, message: &str) {
        let (api_version, about_kind) = kind;
        self.record_event(component, about, (api_version, about_kind), "Normal", reason, message, "");
    }

    /// Writes an Event of type Warning, or counts one more of the same.
    pub fn warning(&self, component: &str, about: &Value, kind: (&str, &str), reason: &str, message: &str) {
        self.record_event(component, about, kind, "Warning", reason, message, "");
    }

    /// Writes an Event, or counts one more of the same. `field` is the part of the object that it is about.
    #[expect(clippy::too_many_arguments, reason = "an Event has that many parts")]
    pub fn record_event(
        &self,
        component: &str,
        about: &Value,
        (api_version, kind): (&str, &str),
        severity: &str,
        reason: &str,
        message: &str,
        field: &str,
    ) {
        let namespace = Some(object::namespace(about)).filter(|of| !of.is_empty()).unwrap_or("default");
        let named = |message: &str| {
            let digest = object::digest(&[object::uid(about), component, severity, reason, message, field]);
            Key::namespaced(&resources::EVENTS, namespace, &format!("{}.18{}", object::name(about), &digest[..14]))
        };
        let mut key = named(message);
        let mut combined = String::new();
        if self.store.get(&key).is_none() && self.too_many_similar(&key, about, component, (severity, reason)) {
            key = named("");
            combined = format!("(combined from similar events): {message}");
        }
        let message = if combined.is_empty() { message } else { &combined };
        let now = object::written(self.now);
        if self.store.get(&key).is_some() {
            self.update(&key, |event| {
                event["count"] = (object::number(event, "/count").unwrap_or(1) + 1).into();
                event["message"] = message.into();
                event["lastTimestamp"] = now.into();
            });
            return;
        }
        let mut involved = json!({
            "kind": kind, "namespace": object::namespace(about), "name": object::name(about), "uid": object::uid(about),
            "apiVersion": api_version, "resourceVersion": object::text(about, "/metadata/resourceVersion"),
        });
        if object::namespace(about).is_empty() {
            involved = json!({
                "kind": kind, "name": object::name(about), "uid": object::uid(about), "apiVersion": api_version,
            });
        }
        if !field.is_empty() {
            involved["fieldPath"] = field.into();
        }
        let mut source = json!({"component": component});
        if component == "kubelet" {
            source["host"] = object::text(about, "/spec/nodeName").into();
        }
        // The scheduler writes by the newer API: a time of its own, no count, no first and last.
        let scheduled = component == "default-scheduler";
        let (first, event_time) = if scheduled {
            (Value::Null, Value::from(object::written_micro(self.now)))
        } else {
            (Value::from(now.clone()), Value::Null)
        };
        let mut event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": key.name, "namespace": namespace, "creationTimestamp": now},
            "involvedObject": involved, "reason": reason, "message": message, "source": source,
            "firstTimestamp": first, "lastTimestamp": first, "type": severity,
            "eventTime": event_time, "reportingComponent": component, "reportingInstance": "",
        });
        if scheduled {
            event["action"] = "Binding".into();
            event["source"] = json!({});
            event["reportingInstance"] = format!("{component}-{}", self.seed.name).into();
        } else {
            event["count"] = 1.into();
            if component == "kubelet" {
                event["reportingInstance"] = object::text(about, "/spec/nodeName").into();
            }
        }
        // Another writer of the same Event at the same moment leaves one of them, which is what counts.
        let _ = self.store.create(&resources::EVENTS, event);
    }

    /// Whether so many Events say the same of the object in other words that one more is combined with others.
    fn too_many_similar(&self, key: &Key, about: &Value, component: &str, (severity, reason): (&str, &str)) -> bool {
        let prefix = format!("{}.18", object::name(about));
        let mut similar = self.store.list_prefixed(&key.resource, key.namespace.as_deref(), &prefix);
        similar.retain(|event| {
            object::text(event, "/involvedObject/uid") == object::uid(about)
                && event["reportingComponent"] == component
                && event["type"] == severity
                && event["reason"] == reason
        });
        let last = similar.iter().filter_map(|event| object::time(event, "/lastTimestamp")).max();
        similar.len() >= SIMILAR && last.is_some_and(|last| self.now.duration_since(last) < SIMILAR_FOR)
    }

    /// A condition as it is to be written: the time of its last transition is kept while its status stays.
    pub fn condition(&self, status: &Value, kind: &str, truth: &str, reason: &str, message: &str) -> Value {
        let now = object::written(self.now);
        let before = object::condition(status, kind).filter(|before| before["status"] == truth);
        let since = before.map_or(now, |before| object::text(before, "/lastTransitionTime").to_owned());
        json!({"type": kind, "status": truth, "lastTransitionTime": since, "reason": reason, "message": message})
    }
}
