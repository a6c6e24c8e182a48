//! Kinds that are served in more than one version. The store holds one of them; requests and answers are converted.
//!
//! - `autoscaling/v1` autoscalers are kept as `autoscaling/v2`. What v1 has no field for is in annotations, as in a real
//!   server.
//! - `events.k8s.io/v1` Events are the core group's, under other names.
//! - Versions of a custom resource differ in nothing but their name (`conversion.strategy: None`).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::defaults::entries;
use super::kinds::{self, Kind};
use super::{Server, Status};

/// Annotations that hold what `autoscaling/v1` has no fields for.
const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

/// The fields of an Event by their names in the core group and in `events.k8s.io`.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("message", "note"),
    ("involvedObject", "regarding"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

impl Server {
    /// The kind in the version that the store holds.
    ///
    /// # Errors
    /// 404 when its definition has just gone.
    pub(super) fn stored_kind(&self, kind: &Kind) -> Result<Kind, Status> {
        if kind.schema.is_none() {
            return Ok(kind.clone());
        }
        kinds::of_resource(self.store(), &kind.resource()).ok_or_else(Status::no_resource)
    }
}

fn is_old_autoscaler(kind: &Kind) -> bool {
    kind.group == "autoscaling" && kind.version == "v1"
}

/// A stored object in the version of a request.
pub fn shown<'a>(kind: &Kind, object: &'a Value) -> Cow<'a, Value> {
    if object["apiVersion"] == kind.api_version() {
        return Cow::Borrowed(object);
    }
    let mut shown = object.clone();
    if kind.group == "events.k8s.io" {
        rename(&mut shown, EVENT_FIELDS);
    } else if is_old_autoscaler(kind) {
        old_autoscaler(&mut shown);
    }
    shown["apiVersion"] = kind.api_version().into();
    Cow::Owned(shown)
}

/// An object of a request in the version that the store holds.
pub fn stored(kind: &Kind, mut object: Value) -> Value {
    if kind.group == "events.k8s.io" {
        rename(&mut object, EVENT_FIELDS.map(|(core, new)| (new, core)));
        object["apiVersion"] = "v1".into();
    } else if is_old_autoscaler(kind) {
        new_autoscaler(&mut object);
        object["apiVersion"] = "autoscaling/v2".into();
    }
    object
}

fn rename<const N: usize>(object: &mut Value, names: [(&str, &str); N]) {
    let fields = entries(object);
    for (from, to) in names {
        if let Some(value) = fields.shift_remove(from) {
            fields.insert(to.into(), value);
        }
    }
}

/// Whether a metric is the one that v1 has a field for.
fn is_plain(metric: &Value) -> bool {
    metric["type"] == "Resource"
        && metric["resource"]["name"] == "cpu"
        && metric["resource"]["target"]["averageUtilization"].is_i64()
}

fn old_autoscaler(object: &mut Value) {
    let mut notes = Map::new();
    if let Some(metrics) = entries(&mut object["spec"]).shift_remove("metrics") {
        let (plain, others): (Vec<_>, Vec<_>) =
            metrics.as_array().cloned().unwrap_or_default().into_iter().partition(is_plain);
        if let Some(first) = plain.first() {
            object["spec"]["targetCPUUtilizationPercentage"] =
                first["resource"]["target"]["averageUtilization"].clone();
        }
        let others: Vec<Value> = others.into_iter().chain(plain.into_iter().skip(1)).map(old_metric).collect();
        if !others.is_empty() {
            notes.insert(METRICS.into(), Value::from(others).to_string().into());
        }
    }
    if let Some(behavior) = entries(&mut object["spec"]).shift_remove("behavior") {
        notes.insert(BEHAVIOR.into(), behavior.to_string().into());
    }
    if object["status"].is_object() {
        let status = entries(&mut object["status"]);
        if let Some(conditions) = status.shift_remove("conditions") {
            notes.insert(CONDITIONS.into(), conditions.to_string().into());
        }
        let current = status.shift_remove("currentMetrics").unwrap_or_default();
        let cpu = current.as_array().into_iter().flatten().find(|metric| metric["resource"]["name"] == "cpu");
        if let Some(percent) = cpu.map(|metric| &metric["resource"]["current"]["averageUtilization"])
            && percent.is_i64()
        {
            status.insert("currentCPUUtilizationPercentage".into(), percent.clone());
        }
        status.entry("currentReplicas").or_insert_with(|| 0.into());
    }
    if !notes.is_empty() {
        entries(&mut object["metadata"]["annotations"]).extend(notes);
    }
}

/// A metric of a resource with its target as v1's annotation has it; others have the same form in both.
fn old_metric(mut metric: Value) -> Value {
    if metric["type"] == "Resource" {
        let target = entries(&mut metric["resource"]).shift_remove("target").unwrap_or_default();
        for (new, old) in [("averageUtilization", "targetAverageUtilization"), ("averageValue", "targetAverageValue")] {
            if !target[new].is_null() {
                metric["resource"][old] = target[new].clone();
            }
        }
    }
    metric
}

fn new_metric(mut metric: Value) -> Value {
    if metric["type"] == "Resource" && metric["resource"]["target"].is_null() {
        let resource = entries(&mut metric["resource"]);
        let utilization = resource.shift_remove("targetAverageUtilization");
        let value = resource.shift_remove("targetAverageValue");
        let target = match (utilization, value) {
            (Some(percent), _) => json!({"type": "Utilization", "averageUtilization": percent}),
            (None, value) => json!({"type": "AverageValue", "averageValue": value}),
        };
        resource.insert("target".into(), target);
    }
    metric
}

fn new_autoscaler(object: &mut Value) {
    let annotations = object["metadata"]["annotations"].as_object_mut();
    let note = |name: &str| -> Option<Value> {
        let text = annotations.as_deref()?.get(name)?.as_str()?.to_owned();
        serde_json::from_str(&text).ok()
    };
    let (metrics, behavior, conditions) = (note(METRICS), note(BEHAVIOR), note(CONDITIONS));
    if let Some(annotations) = annotations {
        for name in [METRICS, BEHAVIOR, CONDITIONS] {
            annotations.shift_remove(name);
        }
        if annotations.is_empty() {
            entries(&mut object["metadata"]).shift_remove("annotations");
        }
    }
    let mut all: Vec<Value> = Vec::new();
    if object["spec"].is_object() {
        if let Some(percent) = entries(&mut object["spec"]).shift_remove("targetCPUUtilizationPercentage") {
            let target = json!({"type": "Utilization", "averageUtilization": percent});
            all.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
        }
        all.extend(metrics.as_ref().and_then(Value::as_array).cloned().unwrap_or_default().into_iter().map(new_metric));
        if !all.is_empty() {
            object["spec"]["metrics"] = all.into();
        }
        if let Some(behavior) = behavior {
            object["spec"]["behavior"] = behavior;
        }
    }
    if object["status"].is_object() {
        let status = entries(&mut object["status"]);
        if let Some(percent) = status.shift_remove("currentCPUUtilizationPercentage") {
            let current = json!({"averageUtilization": percent});
            let metric = json!({"type": "Resource", "resource": {"name": "cpu", "current": current}});
            status.insert("currentMetrics".into(), json!([metric]));
        }
        if let Some(conditions) = conditions {
            status.insert("conditions".into(), conditions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(group: &str, version: &str) -> Kind {
        let fits = |kind: &&Kind| kind.group == group && kind.version == version && kind.stored;
        kinds::BUILT_IN.iter().find(fits).unwrap().clone()
    }

    #[test]
    fn an_old_autoscaler_is_kept_in_the_new_version() {
        let old = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "annotations": {"mine": "yes",
                METRICS: r#"[{"type":"Resource","resource":{"name":"memory","targetAverageUtilization":50}}]"#}},
            "spec": {"maxReplicas": 4, "targetCPUUtilizationPercentage": 80}});
        let new = stored(&kind("autoscaling", "v1"), old.clone());
        let utilization = |name: &str, percent: i32| {
            json!({"type": "Resource", "resource": {"name": name,
            "target": {"type": "Utilization", "averageUtilization": percent}}})
        };
        assert_eq!(new["apiVersion"], "autoscaling/v2");
        assert_eq!(new["spec"]["metrics"], json!([utilization("cpu", 80), utilization("memory", 50)]));
        assert_eq!(new["metadata"]["annotations"], json!({"mine": "yes"}));
        assert_eq!(*shown(&kind("autoscaling", "v1"), &new), old);
        assert_eq!(*shown(&kind("autoscaling", "v2"), &new), new);
    }

    #[test]
    fn an_event_has_other_names_in_its_own_group() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"}, "message": "m", "count": 2,
            "involvedObject": {"name": "p"}, "reason": "R"});
        let of = kind("events.k8s.io", "v1");
        let new = shown(&of, &core).into_owned();
        assert_eq!(
            (&new["note"], &new["regarding"]["name"], &new["deprecatedCount"]),
            (&"m".into(), &"p".into(), &2.into())
        );
        assert_eq!(new.get("message"), None);
        assert_eq!(stored(&of, new), core);
        assert_eq!(of.resource().to_string(), "events");
    }
}
