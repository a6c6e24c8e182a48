//! What is on which node. It follows the changes of Pods, so that placing one Pod does not look at all others.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::super::super::object::{self, resources};
use super::super::super::store::Object;
use super::super::control::Control;
use super::rules;

/// The Pods that take room, by their nodes.
#[derive(Debug, Clone, Default)]
pub struct Occupancy {
    /// By the names of nodes.
    nodes: HashMap<String, Seats>,
    /// Where a Pod is, by its uid.
    places: HashMap<String, String>,
    /// Pods that keep others away, by their uids.
    guards: BTreeMap<String, Object>,
    /// Pods for which room was made, with the names of their nodes, by their uids.
    nominated: BTreeMap<String, (String, Object)>,
}

/// What is on one node.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats {
    /// By uid.
    pods: BTreeMap<String, (Object, Amounts)>,
    /// The sum of what they request.
    used: Amounts,
}

/// Amounts in thousandths by the names of resources.
pub(super) type Amounts = BTreeMap<String, i64>;

impl Occupancy {
    /// The present one, of all Pods that there are.
    pub fn of(control: &Control) -> Self {
        let mut all = Self::default();
        for pod in control.store.list(&resources::PODS, None) {
            all.note(&pod);
        }
        all
    }

    /// Notes a Pod as it is now.
    pub fn note(&mut self, pod: &Object) {
        let uid = object::uid(pod);
        let node = object::text(pod, "/spec/nodeName");
        let finished = matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed");
        if node.is_empty() || finished {
            self.forget(uid);
            let nominated = object::text(pod, "/status/nominatedNodeName");
            if !nominated.is_empty() && !finished && !object::is_deleting(pod) {
                self.nominated.insert(uid.to_owned(), (nominated.to_owned(), pod.clone()));
            }
            return;
        }
        self.nominated.remove(uid);
        if self.places.get(uid).is_some_and(|known| known != node) {
            self.forget(uid);
        }
        if !self.places.contains_key(uid) {
            self.places.insert(uid.to_owned(), node.to_owned());
        }
        if rules::keeps_others_away(pod) {
            self.guards.insert(uid.to_owned(), pod.clone());
        } else {
            self.guards.remove(uid);
        }
        if !self.nodes.contains_key(node) {
            self.nodes.insert(node.to_owned(), Seats::default());
        }
        if let Some(seats) = self.nodes.get_mut(node) {
            seats.add(pod);
        }
    }

    /// Forgets the Pod of that uid.
    pub fn forget(&mut self, uid: &str) {
        self.guards.remove(uid);
        self.nominated.remove(uid);
        let Some(node) = self.places.remove(uid) else { return };
        let Some(seats) = self.nodes.get_mut(&node) else { return };
        seats.remove(uid);
        if seats.pods.is_empty() {
            self.nodes.remove(&node);
        }
    }

    /// What is on a node, if anything is.
    pub(super) fn on(&self, node: &str) -> Option<&Seats> {
        self.nodes.get(node)
    }

    /// The Pods on a node.
    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Object> {
        self.on(node).into_iter().flat_map(Seats::pods)
    }

    /// All Pods, each with the name of its node.
    pub(super) fn everywhere(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.nodes.iter().flat_map(|(node, seats)| seats.pods().map(|pod| (node.as_str(), pod)))
    }

    /// The Pods that keep others away.
    pub(super) fn guards(&self) -> impl Iterator<Item = &Object> {
        self.guards.values()
    }

    /// The Pods of at least that priority that are to come to a node, but for that one.
    pub(super) fn coming<'a>(&'a self, node: &'a str, pod: &'a Value) -> impl Iterator<Item = &'a Object> {
        let all = self.nominated.values().filter(move |(on, _)| on == node).map(|(_, other)| other);
        all.filter(move |other| object::uid(other) != object::uid(pod) && priority(other) >= priority(pod))
    }
}

impl Seats {
    fn add(&mut self, pod: &Object) {
        let uid = object::uid(pod);
        if let Some((known, amounts)) = self.pods.get_mut(uid) {
            // Most changes are of the status, and change no amounts.
            if known["spec"]["containers"] == pod["spec"]["containers"] {
                *known = pod.clone();
                return;
            }
            for (resource, amount) in std::mem::take(amounts) {
                *self.used.entry(resource).or_default() -= amount;
            }
        }
        let amounts = super::requests(pod);
        for (resource, amount) in &amounts {
            *self.used.entry(resource.clone()).or_default() += amount;
        }
        self.pods.insert(uid.to_owned(), (pod.clone(), amounts));
    }

    fn remove(&mut self, uid: &str) {
        let Some((_, amounts)) = self.pods.remove(uid) else { return };
        for (resource, amount) in amounts {
            *self.used.entry(resource).or_default() -= amount;
        }
    }

    /// The Pods.
    pub(super) fn pods(&self) -> impl Iterator<Item = &Object> {
        self.pods.values().map(|(pod, _)| pod)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.pods.len()
    }

    /// What they request of a resource together, in thousandths.
    pub(super) fn used(&self, resource: &str) -> i64 {
        self.used.get(resource).copied().unwrap_or(0)
    }
}

/// `spec.priority`.
pub(super) fn priority(pod: &Value) -> i64 {
    object::number(pod, "/spec/priority").unwrap_or(0)
}
