//! What EKS keeps: clusters and their parts, each as the API shows it, and what becomes of them in time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::associations::epoch;

/// The clusters by their names.
pub(in super::super) type Clusters = BTreeMap<String, Cluster>;

/// A cluster and its parts: by the word that paths have for their kind, then by their names.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in super::super) struct Cluster {
    pub whole: Thing,
    pub parts: BTreeMap<String, BTreeMap<String, Thing>>,
}

/// One thing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in super::super) struct Thing {
    /// As the API shows it.
    pub body: Map<String, Value>,
    /// What becomes of it.
    #[serde(default)]
    pub due: Option<Due>,
    /// The idempotency token of the call that made it.
    #[serde(default)]
    pub token: Option<String>,
    /// Of an update: what it changes, as kind and name; no kind is the cluster itself.
    #[serde(default)]
    pub of: Option<(String, String)>,
    /// Of an access entry: its access policies by their ARNs.
    #[serde(default)]
    pub policies: BTreeMap<String, Value>,
    /// Of an add-on that goes: whether what it made stays.
    #[serde(default)]
    pub preserved: bool,
    /// Of a node group: how often its nodes' software was replaced.
    #[serde(default)]
    pub generation: u64,
}

/// A change that comes by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Due {
    at: Timestamp,
    becomes: Becomes,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Becomes {
    Gone,
    /// These members are replaced.
    With(Map<String, Value>),
}

impl Thing {
    pub fn new(body: Value, token: Option<String>) -> Self {
        let body = match body {
            // What a call left out is absent.
            Value::Object(map) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            _ => Map::new(),
        };
        Self { body, token, ..Self::default() }
    }

    pub fn text(&self, member: &str) -> &str {
        self.body.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn status(&self) -> &str {
        self.text("status")
    }

    /// From now on `status`; after `seconds` these members are others.
    pub fn becomes(&mut self, status: &str, now: Timestamp, seconds: u64, members: Map<String, Value>) {
        self.body.insert("status".into(), json!(status));
        self.due = Some(Due { at: later(now, seconds), becomes: Becomes::With(members) });
    }

    /// From now on being deleted, and gone after `seconds`.
    pub fn goes(&mut self, now: Timestamp, seconds: u64) {
        self.body.insert("status".into(), json!("DELETING"));
        self.due = Some(Due { at: later(now, seconds), becomes: Becomes::Gone });
    }

    /// A member as it will be once what is due has happened.
    pub fn coming(&self, member: &str) -> Option<&Value> {
        let coming = match &self.due {
            Some(Due { becomes: Becomes::With(members), .. }) => members.get(member),
            _ => None,
        };
        coming.or_else(|| self.body.get(member))
    }

    /// Lets `change` at the tags.
    pub fn with_tags<T>(&mut self, change: impl FnOnce(&mut Map<String, Value>) -> T) -> T {
        let mut tags = match self.body.get_mut("tags").map(Value::take) {
            Some(Value::Object(tags)) => tags,
            _ => Map::new(),
        };
        let out = change(&mut tags);
        self.body.insert("tags".into(), Value::Object(tags));
        out
    }

    /// Lets what is due happen; `false` when it is gone.
    fn settle(&mut self, now: Timestamp) -> bool {
        let Some(due) = self.due.take_if(|due| due.at <= now) else { return true };
        match due.becomes {
            Becomes::Gone => false,
            Becomes::With(members) => {
                if self.body.contains_key("modifiedAt") {
                    self.body.insert("modifiedAt".into(), epoch(due.at));
                }
                self.body.extend(members);
                true
            }
        }
    }
}

impl Cluster {
    /// The parts of a kind.
    pub fn part(&mut self, kind: &str) -> &mut BTreeMap<String, Thing> {
        self.parts.entry(kind.to_owned()).or_default()
    }

    /// The number of parts of a kind.
    pub fn count(&self, kind: &str) -> usize {
        self.parts.get(kind).map_or(0, BTreeMap::len)
    }
}

/// Lets all that is due by `now` happen.
pub(super) fn settle(clusters: &mut Clusters, now: Timestamp) {
    clusters.retain(|_, cluster| {
        for part in cluster.parts.values_mut() {
            part.retain(|_, thing| thing.settle(now));
        }
        cluster.whole.settle(now)
    });
}

fn later(now: Timestamp, seconds: u64) -> Timestamp {
    now.saturating_add(Duration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// An object of these members.
pub(super) fn members<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_happens_at_its_time() {
        let now: Timestamp = "2026-03-04T05:06:07Z".parse().unwrap();
        let mut clusters = Clusters::from([("c".to_owned(), Cluster::default())]);
        let cluster = clusters.get_mut("c").unwrap();
        let mut group = Thing::new(json!({"name": "g", "absent": null, "modifiedAt": 1}), None);
        group.becomes("CREATING", now, 10, members([("status", json!("ACTIVE"))]));
        cluster.part("node-groups").insert("g".into(), group);
        let mut addon = Thing::new(json!({}), None);
        addon.goes(now, 5);
        cluster.part("addons").insert("a".into(), addon);
        for (seconds, status, addons) in [(0, "CREATING", 1), (5, "CREATING", 0), (10, "ACTIVE", 0)] {
            settle(&mut clusters, later(now, seconds));
            let cluster = clusters.get_mut("c").unwrap();
            let group = &cluster.part("node-groups")["g"];
            assert_eq!(group.status(), status, "{seconds}");
            assert!(!group.body.contains_key("absent"));
            assert_eq!(cluster.count("addons"), addons, "{seconds}");
        }
        assert_eq!(clusters["c"].parts["node-groups"]["g"].body["modifiedAt"], epoch(later(now, 10)));
    }
}
