//! Where a Pod may be because of what other Pods are there: affinity between Pods, and spreading over a topology.
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity>
//! <https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/>

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::super::super::object::{self, resources};
use super::super::super::store::Object;
use super::super::control::Control;
use super::occupancy::Occupancy;

const REQUIRED: &str = "/requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "/preferredDuringSchedulingIgnoredDuringExecution";

const UNLIKE: &str = "node(s) didn't match pod affinity rules";
const OWN_ANTI: &str = "node(s) didn't match pod anti-affinity rules";
const THEIR_ANTI: &str = "node(s) didn't satisfy existing pods anti-affinity rules";
const UNEVEN: &str = "node(s) didn't match pod topology spread constraints";
const UNPLACED: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

/// Whether a node that refuses a Pod for that reason could take it if others left.
pub(super) fn has_remedy(reason: &str) -> bool {
    [OWN_ANTI, THEIR_ANTI, UNEVEN].contains(&reason)
}

/// Whether Pods of a kind must not come where this one is.
pub(super) fn keeps_others_away(pod: &Value) -> bool {
    !object::list(&pod["spec"]["affinity"]["podAntiAffinity"], REQUIRED).is_empty()
}

/// One term of an affinity.
struct Term<'a> {
    key: &'a str,
    selector: &'a Value,
    /// None: all.
    namespaces: Option<BTreeSet<String>>,
}

impl<'a> Term<'a> {
    fn of(control: &Control, owner: &Value, term: &'a Value) -> Self {
        let mut namespaces: BTreeSet<String> =
            object::list(term, "/namespaces").iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let by_labels = &term["namespaceSelector"];
        let key = object::text(term, "/topologyKey");
        let selector = &term["labelSelector"];
        if by_labels.as_object().is_some_and(serde_json::Map::is_empty) {
            return Self { key, selector, namespaces: None };
        }
        if by_labels.is_object() {
            let all = control.store.list(&resources::NAMESPACES, None);
            let fitting = all.iter().filter(|one| object::selects(by_labels, &one["metadata"]["labels"]));
            namespaces.extend(fitting.map(|one| object::name(one).to_owned()));
        } else if namespaces.is_empty() {
            namespaces.insert(object::namespace(owner).to_owned());
        }
        Self { key, selector, namespaces: Some(namespaces) }
    }

    fn means(&self, pod: &Value) -> bool {
        self.namespaces.as_ref().is_none_or(|names| names.contains(object::namespace(pod)))
            && object::selects(self.selector, &pod["metadata"]["labels"])
    }
}

/// One constraint of a topology.
struct Spread {
    key: String,
    most: i64,
    selector: Value,
    namespace: String,
    /// Whether the Pod itself counts.
    own: i64,
    counts: BTreeMap<String, i64>,
    least: i64,
}

/// What the other Pods mean for the place of one.
pub(super) struct Rules<'a> {
    affinity: Vec<Term<'a>>,
    /// By term of the affinity: where what it means is.
    near: Vec<BTreeSet<String>>,
    /// Whether it may be the first of its group.
    first: bool,
    anti: Vec<Term<'a>>,
    /// Where it must not be: the key of the topology, the value, and why.
    apart: BTreeMap<(String, String), &'static str>,
    spread: Vec<Spread>,
    /// How much it likes places, by key and value.
    liking: BTreeMap<(String, String), i64>,
}

/// The nodes by their names.
pub(super) fn by_name(nodes: &[Object]) -> HashMap<&str, &Value> {
    nodes.iter().map(|node| (object::name(node), &**node)).collect()
}

fn value_of<'a>(node: &'a Value, key: &str) -> Option<&'a str> {
    node["metadata"]["labels"][key].as_str()
}

impl<'a> Rules<'a> {
    /// The rules for a Pod as things are.
    pub(super) fn of(control: &Control, pod: &'a Value, occupancy: &Occupancy, nodes: &[Object]) -> Self {
        let affinity = &pod["spec"]["affinity"];
        let terms = |of: &'a Value| -> Vec<Term<'a>> {
            object::list(of, REQUIRED).iter().map(|term| Term::of(control, pod, term)).collect()
        };
        let mut rules = Self {
            affinity: terms(&affinity["podAffinity"]),
            near: Vec::new(),
            first: false,
            anti: terms(&affinity["podAntiAffinity"]),
            apart: BTreeMap::new(),
            spread: Vec::new(),
            liking: BTreeMap::new(),
        };
        let places = by_name(nodes);
        rules.near = vec![BTreeSet::new(); rules.affinity.len()];
        if !rules.affinity.is_empty() || !rules.anti.is_empty() {
            let mut found = false;
            for (node, other) in occupancy.everywhere() {
                let Some(node) = places.get(node) else { continue };
                if !rules.affinity.is_empty() && rules.affinity.iter().all(|term| term.means(other)) {
                    for (term, near) in rules.affinity.iter().zip(&mut rules.near) {
                        let value = value_of(node, term.key).map(str::to_owned);
                        found |= value.is_some();
                        near.extend(value);
                    }
                }
                for term in rules.anti.iter().filter(|term| term.means(other)) {
                    if let Some(value) = value_of(node, term.key) {
                        rules.apart.insert((term.key.to_owned(), value.to_owned()), OWN_ANTI);
                    }
                }
            }
            // A Pod that its own rule fits may be the first one of its group.
            rules.first = !found && rules.affinity.iter().all(|term| term.means(pod));
        }
        for guard in occupancy.guards() {
            let Some(node) = places.get(object::text(guard, "/spec/nodeName")) else { continue };
            for term in object::list(&guard["spec"]["affinity"]["podAntiAffinity"], REQUIRED) {
                let term = Term::of(control, guard, term);
                if let Some(value) = value_of(node, term.key).filter(|_| term.means(pod)) {
                    rules.apart.entry((term.key.to_owned(), value.to_owned())).or_insert(THEIR_ANTI);
                }
            }
        }
        rules.like(control, pod, occupancy, &places);
        rules.constrain(pod, occupancy, nodes);
        rules
    }

    /// What it would like to be near to, or far from.
    fn like(&mut self, control: &Control, pod: &Value, occupancy: &Occupancy, places: &HashMap<&str, &Value>) {
        let affinity = &pod["spec"]["affinity"];
        for (of, sign) in [("podAffinity", 1), ("podAntiAffinity", -1)] {
            for weighted in object::list(&affinity[of], PREFERRED) {
                let term = Term::of(control, pod, &weighted["podAffinityTerm"]);
                let weight = weighted["weight"].as_i64().unwrap_or(1) * sign;
                for (node, other) in occupancy.everywhere() {
                    let value = places.get(node).and_then(|node| value_of(node, term.key));
                    if let Some(value) = value.filter(|_| term.means(other)) {
                        *self.liking.entry((term.key.to_owned(), value.to_owned())).or_default() += weight;
                    }
                }
            }
        }
    }

    /// Counts for the constraints how many Pods are where.
    fn constrain(&mut self, pod: &Value, occupancy: &Occupancy, nodes: &[Object]) {
        let constraints = object::list(pod, "/spec/topologySpreadConstraints");
        for constraint in constraints {
            let key = object::text(constraint, "/topologyKey").to_owned();
            let mut selector = constraint["labelSelector"].clone();
            for label in object::list(constraint, "/matchLabelKeys").iter().filter_map(Value::as_str) {
                if let Some(value) = pod["metadata"]["labels"][label].as_str() {
                    object::map_at(&mut selector, "matchLabels").insert(label.to_owned(), json!(value));
                }
            }
            let own = i64::from(object::selects(&selector, &pod["metadata"]["labels"]));
            let mut spread = Spread {
                key,
                most: constraint["maxSkew"].as_i64().unwrap_or(1),
                selector,
                namespace: object::namespace(pod).to_owned(),
                own,
                counts: BTreeMap::new(),
                least: 0,
            };
            for node in nodes {
                let Some(value) = value_of(node, &spread.key) else { continue };
                let counts = constraint["nodeAffinityPolicy"] == "Ignore" || super::fits_affinity(pod, node);
                let shut = constraint["nodeTaintsPolicy"] == "Honor" && super::untolerated(pod, node).is_some();
                if counts && !shut {
                    let here = occupancy.pods_on(object::name(node)).filter(|other| spread.means(other)).count();
                    *spread.counts.entry(value.to_owned()).or_default() += i64::try_from(here).unwrap_or(0);
                }
            }
            let few = constraint["minDomains"]
                .as_u64()
                .is_some_and(|wanted| usize::try_from(wanted).is_ok_and(|wanted| spread.counts.len() < wanted));
            spread.least = if few { 0 } else { spread.counts.values().copied().min().unwrap_or(0) };
            if constraint["whenUnsatisfiable"] == "DoNotSchedule" {
                self.spread.push(spread);
            } else {
                for (value, count) in spread.counts {
                    *self.liking.entry((spread.key.clone(), value)).or_default() -= count;
                }
            }
        }
    }

    /// Why the Pod cannot go to a node to which `coming` go before it, in the scheduler's words.
    pub(super) fn refusal(
        &self,
        control: &Control,
        pod: &Value,
        node: &Value,
        coming: &[&Value],
    ) -> Option<&'static str> {
        for spread in &self.spread {
            let Some(value) = value_of(node, &spread.key) else { return Some(UNPLACED) };
            let further = coming.iter().filter(|other| spread.means(other)).count();
            let count = spread.counts.get(value).copied().unwrap_or(0) + i64::try_from(further).unwrap_or(0);
            if count + spread.own - spread.least > spread.most {
                return Some(UNEVEN);
            }
        }
        for (term, near) in self.affinity.iter().zip(&self.near) {
            let Some(value) = value_of(node, term.key) else { return Some(UNLIKE) };
            let beside = || coming.iter().any(|other| self.affinity.iter().all(|term| term.means(other)));
            if !self.first && !near.contains(value) && !beside() {
                return Some(UNLIKE);
            }
        }
        let labels = node["metadata"]["labels"].as_object();
        if !self.apart.is_empty() {
            let kept = labels.into_iter().flatten().find_map(|(key, value)| {
                self.apart.get(&(key.clone(), value.as_str().unwrap_or_default().to_owned())).copied()
            });
            if kept.is_some() {
                return kept;
            }
        }
        if coming.iter().any(|other| self.anti.iter().any(|term| term.means(other))) {
            return Some(OWN_ANTI);
        }
        let refused = coming.iter().any(|other| {
            let terms = object::list(&other["spec"]["affinity"]["podAntiAffinity"], REQUIRED);
            terms.iter().any(|term| Term::of(control, other, term).means(pod))
        });
        refused.then_some(THEIR_ANTI)
    }

    /// How much the Pod would like a node.
    pub(super) fn liking(&self, node: &Value) -> i64 {
        let of = |((key, value), liking): (&(String, String), &i64)| {
            (value_of(node, key) == Some(value.as_str())).then_some(*liking)
        };
        self.liking.iter().filter_map(of).sum()
    }
}

impl Spread {
    fn means(&self, pod: &Value) -> bool {
        object::namespace(pod) == self.namespace
            && !object::is_deleting(pod)
            && object::selects(&self.selector, &pod["metadata"]["labels"])
    }
}
