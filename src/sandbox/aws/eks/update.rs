//! Updates: what is changed takes its time, and an update tells how far it is.

use serde_json::{Map, Value, json};

use super::associations::epoch;
use super::store::{Cluster, Thing, members};
use super::{Ask, Eks, in_use, no_cluster, not_found};
use crate::sandbox::aws::wire::{self, Refusal};

/// A change that is begun.
pub(super) struct Change {
    /// The update's type.
    pub kind: &'static str,
    pub params: Vec<(&'static str, Value)>,
    /// What is other when it is done.
    pub members: Map<String, Value>,
    pub seconds: u64,
}

impl Cluster {
    /// Begins an update of the cluster, or of its part of that kind and name.
    pub(super) fn begin_update(
        &mut self,
        cluster: &str,
        part: Option<(&str, &str)>,
        change: Change,
        ask: &Ask<'_>,
    ) -> Result<Value, Refusal> {
        let of = part.map_or(("", cluster), |(kind, name)| (kind, name));
        let token = ask.token();
        let of_this =
            |update: &&Thing| update.of.as_ref().is_some_and(|(kind, name)| (kind.as_str(), name.as_str()) == of);
        let updates = self.part("updates");
        // The same call once more, as a retry makes it.
        if let Some(same) = updates.values().filter(of_this).find(|update| token.is_some() && update.token == token) {
            return Ok(json!({ "update": same.body }));
        }
        if let Some(other) = updates.values().filter(of_this).find(|update| update.status() == "InProgress") {
            let what = if part.is_some() { of.1 } else { cluster };
            let message = format!(
                "Cannot {} because {} {what} currently has update {} in progress",
                change.kind,
                noun(of.0),
                other.text("id")
            );
            return Err(in_use(message));
        }
        let changed = match part {
            None => &mut self.whole,
            Some((kind, name)) => self
                .part(kind)
                .get_mut(name)
                .ok_or_else(|| not_found(format!("No {} found for name: {name}.", noun(kind))))?,
        };
        if changed.body.contains_key("status") && changed.status() != "ACTIVE" {
            let name = if part.is_some() { of.1 } else { cluster };
            let noun = noun(of.0);
            return Err(in_use(format!("The {noun} {name} cannot be updated: it is not currently in ACTIVE state")));
        }
        let mut done = change.members;
        done.insert("status".into(), json!("ACTIVE"));
        changed.becomes("UPDATING", ask.now, change.seconds, done);
        Ok(self.note_update(of, change.kind, change.params, change.seconds, ask))
    }

    /// Notes an update in progress.
    pub(super) fn note_update(
        &mut self,
        of: (&str, &str),
        kind: &str,
        params: Vec<(&'static str, Value)>,
        seconds: u64,
        ask: &Ask<'_>,
    ) -> Value {
        let id = wire::uuid();
        let params: Vec<Value> = params
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| json!({"type": name, "value": value.as_str().map_or_else(|| value.to_string(), str::to_owned)}))
            .collect();
        let body = json!({"id": id, "type": kind, "params": params, "createdAt": epoch(ask.now), "errors": []});
        let mut update = Thing::new(body, ask.token());
        update.of = Some((of.0.to_owned(), of.1.to_owned()));
        update.becomes("InProgress", ask.now, seconds, members([("status", json!("Successful"))]));
        let shown = json!({ "update": update.body });
        self.part("updates").insert(id, update);
        shown
    }
}

/// The word for a kind of part in messages.
pub(super) fn noun(kind: &str) -> &'static str {
    match kind {
        "node-groups" => "node group",
        "addons" => "addon",
        "fargate-profiles" => "Fargate Profile",
        "identity-provider-configs" => "identity provider config",
        _ => "cluster",
    }
}

impl Eks {
    /// The updates of a cluster or of one of its parts: one by its id, or the list of ids.
    pub(super) fn updates(&self, name: &str, rest: &[&str], ask: &Ask<'_>) -> Result<Value, Refusal> {
        let mut clusters = self.lock();
        let cluster = clusters.get_mut(name).ok_or_else(|| no_cluster(name))?;
        let group = ask.parameter("nodegroupName").map(|name| ("node-groups", name));
        let of = group.or_else(|| ask.parameter("addonName").map(|name| ("addons", name)));
        if let Some((kind, part)) = of
            && !cluster.part(kind).contains_key(part)
        {
            return Err(missing(kind, name, part));
        }
        let of = of.unwrap_or(("", name));
        let mut updates: Vec<&Thing> = cluster
            .part("updates")
            .values()
            .filter(|update| update.of.as_ref().is_some_and(|(kind, name)| (kind.as_str(), name.as_str()) == of))
            .collect();
        match rest {
            [] => {
                // The newest first.
                let made = |thing: &Thing| thing.body.get("createdAt").and_then(Value::as_f64).unwrap_or_default();
                updates.sort_by(|a, b| made(b).total_cmp(&made(a)).then_with(|| a.text("id").cmp(b.text("id"))));
                ask.page("updateIds", updates.into_iter().map(|update| json!(update.text("id"))).collect())
            }
            [id] => updates
                .into_iter()
                .find(|update| update.text("id") == *id)
                .map(|update| json!({ "update": update.body }))
                .ok_or_else(|| not_found(format!("No update found for ID: {id}"))),
            _ => Err(super::absent("GET", &["clusters", name, "updates"])),
        }
    }
}

/// The refusal of a part that is not there.
pub(super) fn missing(kind: &str, cluster: &str, name: &str) -> Refusal {
    not_found(match kind {
        "node-groups" => format!("No node group found for name: {name}."),
        "addons" => format!("No addon: {name} found in cluster: {cluster}"),
        "fargate-profiles" => format!("No Fargate Profile found with name: {name}."),
        "access-entries" => {
            "The specified principalArn could not be found. You can view your available access entries \
                             with 'list-access-entries'."
                .to_owned()
        }
        _ => "Identity provider config is not associated with cluster".to_owned(),
    })
}
