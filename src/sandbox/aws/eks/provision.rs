//! What a cluster is told of its node groups, add-ons and Fargate profiles. A change is told when it is begun: that it takes effect is what
//! its time is for.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::Eks;
use super::store::Thing;
use crate::sandbox::cluster::{Addon, FargateProfile, NodeGroup, Provision};

impl Eks {
    /// What a cluster has.
    pub fn provision(&self, cluster: &str) -> Provision {
        let clusters = self.lock();
        let Some(cluster) = clusters.get(cluster) else { return Provision::default() };
        let all = |kind: &str| cluster.parts.get(kind).into_iter().flatten();
        Provision {
            groups: all("node-groups").map(|(name, thing)| group(name, thing)).collect(),
            addons: all("addons").map(|(name, thing)| addon(name, thing)).collect(),
            profiles: all("fargate-profiles")
                .filter(|(_, thing)| thing.status() == "ACTIVE")
                .map(|(name, thing)| profile(name, thing))
                .collect(),
        }
    }

    /// A number that changes when what clusters have may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Says that it may have.
    pub(super) fn note_change(&self) {
        self.changed.send_modify(|number| *number += 1);
    }
}

fn text(thing: &Thing, member: &str) -> String {
    thing.coming(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn group(name: &str, thing: &Thing) -> NodeGroup {
    let list = |member: &str| thing.coming(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let desired = thing.coming("scalingConfig").and_then(|sizes| sizes["desiredSize"].as_u64()).unwrap_or(0);
    let gone = matches!(thing.status(), "DELETING" | "CREATE_FAILED");
    NodeGroup {
        name: name.to_owned(),
        desired: if gone { 0 } else { usize::try_from(desired).unwrap_or(0) },
        instance_types: list("instanceTypes").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        capacity_type: text(thing, "capacityType"),
        image_type: text(thing, "amiType"),
        disk: thing.coming("diskSize").and_then(Value::as_u64).unwrap_or(20),
        subnets: list("subnets").len(),
        labels: texts(thing.coming("labels")),
        taints: list("taints").iter().map(taint).collect(),
        generation: thing.generation,
    }
}

/// A taint as Kubernetes writes it.
fn taint(taint: &Value) -> Value {
    let effect = match taint["effect"].as_str() {
        Some("NO_EXECUTE") => "NoExecute",
        Some("PREFER_NO_SCHEDULE") => "PreferNoSchedule",
        _ => "NoSchedule",
    };
    let mut written = json!({"key": taint["key"], "effect": effect});
    if let Some(value) = taint["value"].as_str().filter(|value| !value.is_empty()) {
        written["value"] = value.into();
    }
    written
}

fn addon(name: &str, thing: &Thing) -> Addon {
    Addon {
        name: name.to_owned(),
        version: text(thing, "addonVersion"),
        configuration: text(thing, "configurationValues"),
        role: text(thing, "serviceAccountRoleArn"),
        going: thing.status() == "DELETING",
        preserved: thing.preserved,
    }
}

fn profile(name: &str, thing: &Thing) -> FargateProfile {
    let selectors = thing.body.get("selectors").and_then(Value::as_array).cloned().unwrap_or_default();
    let selector = |selector: &Value| {
        let namespace = selector["namespace"].as_str().unwrap_or_default().to_owned();
        (namespace, texts(selector.get("labels")))
    };
    FargateProfile { name: name.to_owned(), selectors: selectors.iter().map(selector).collect() }
}
