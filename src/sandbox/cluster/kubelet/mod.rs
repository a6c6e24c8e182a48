//! The kubelets and container runtimes of all nodes: they play the Pods' containers as the scenario's table of behaviours
//! says. What a container does follows from its environment, its service account and the account's answers.

pub mod answers;
mod conditions;
pub mod environment;
mod images;
mod inside;
mod play;
mod probes;
mod runtime;
mod status;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::controllers::control::Control;
use super::object::{self, resources};
use super::provision::Provisioned;
use super::seed::{Behaviour, Match, Network, Seed, fits_pattern};
use super::store::Key;
pub use runtime::{ContainerRuntime, PodRuntime, Run, Stage};
pub use usage::usage;

pub(crate) const COMPONENT: &str = "kubelet";
pub(crate) const KIND: (&str, &str) = ("v1", "Pod");

/// What the nodes know besides the store: which images they have, which addresses are taken, what each container did.
/// It is part of a snapshot.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Nodes {
    /// Pods by uid.
    #[serde(serialize_with = "write_pods", deserialize_with = "read_pods")]
    pods: BTreeMap<String, Arc<PodRuntime>>,
    /// Images that are there, by node.
    images: BTreeSet<(String, String)>,
    /// Pods' addresses.
    addresses: BTreeSet<String>,
    /// What containers wrote.
    #[serde(default)]
    disks: inside::Disks,
    /// What the account brought.
    #[serde(default)]
    pub(super) provisioned: Provisioned,
}

fn write_pods<S: Serializer>(pods: &BTreeMap<String, Arc<PodRuntime>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pods.iter().map(|(uid, pod)| (uid, &**pod)))
}

fn read_pods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Arc<PodRuntime>>, D::Error> {
    let pods = BTreeMap::<String, PodRuntime>::deserialize(deserializer)?;
    Ok(pods.into_iter().map(|(uid, pod)| (uid, Arc::new(pod))).collect())
}

/// What came of a look at a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// When something is due by itself.
    pub next: Option<Timestamp>,
    /// Whether it waits for an object that is not there.
    pub stuck: bool,
}

impl Nodes {
    /// The nodes at the start, with the images that they have then.
    pub fn of(seed: &Seed) -> Self {
        let images =
            seed.nodes.iter().flat_map(|node| seed.images.iter().map(|image| (node.name.clone(), image.clone())));
        Self { images: images.collect(), ..Self::default() }
    }

    /// What a Pod's containers did.
    pub fn pod(&self, uid: &str) -> Option<&Arc<PodRuntime>> {
        self.pods.get(uid)
    }

    /// Puts another course of a container's present run in its place.
    pub(super) fn change_run(&mut self, uid: &str, container: &str, run: Run) {
        if let Some(pod) = self.pods.get_mut(uid)
            && let Some(own) = Arc::make_mut(pod).containers.get_mut(container)
        {
            own.stage = Stage::Running(run);
        }
    }

    /// Forgets a Pod that is gone.
    pub fn forget(&mut self, uid: &str) {
        if let Some(gone) = self.pods.remove(uid) {
            self.addresses.remove(&gone.ip);
        }
        self.disks.forget(uid);
    }

    /// Plays a Pod up to the present and writes its status.
    pub fn sync(&mut self, control: &Control, pod: &Value) -> Outcome {
        let uid = object::uid(pod).to_owned();
        let mut runtime = self.pods.get(&uid).map(|known| (**known).clone()).unwrap_or_default();
        if runtime.started.is_none() {
            runtime.begin(control, pod);
        }
        let gone = play::advance(self, control, pod, &mut runtime);
        if gone {
            self.forget(&uid);
            let key = Key::of(&resources::PODS, pod);
            if object::list(pod, "/metadata/finalizers").is_empty() {
                // It may be gone already by force.
                let _ = control.store.remove(&key);
            } else {
                control.set_status(&resources::PODS, pod, status::of(control, pod, &runtime));
            }
            return Outcome { next: None, stuck: false };
        }
        control.set_status(&resources::PODS, pod, status::of(control, pod, &runtime));
        let next = runtime.next(control.now);
        let outcome = Outcome { next, stuck: runtime.is_stuck() };
        self.pods.insert(uid, Arc::new(runtime));
        outcome
    }

    /// A free address on a node.
    fn address(&mut self, control: &Control, node: &str, uid: &str) -> String {
        let own = || Some(control.seed.nodes.iter().find(|seed| seed.name == node)?.pod_network);
        match self.provisioned.network(node).or_else(own) {
            Some(network) => self.free_address(network, uid),
            None => String::new(),
        }
    }

    /// A free address of a network, the same for the same token as long as it is free.
    pub(super) fn free_address(&mut self, network: Network, token: &str) -> String {
        let digest = object::digest(&[token]);
        let start = u32::from_str_radix(&digest[..7], 16).unwrap_or(0);
        let usable = network.size - 4;
        let mut address = String::new();
        for step in 0..usable {
            let offset = 2 + (start.wrapping_add(step)) % usable;
            address = std::net::Ipv4Addr::from(network.first + offset).to_string();
            if self.addresses.insert(address.clone()) {
                break;
            }
        }
        address
    }
}

/// The address of a node, as its Node object tells it.
fn node_address(control: &Control, name: &str) -> Option<String> {
    let node = control.store.get(&Key::cluster(&resources::NODES, name))?;
    let address = object::list(&node, "/status/addresses").iter().find(|one| one["type"] == "InternalIP")?;
    address["address"].as_str().map(str::to_owned)
}

/// The row of the table that a container behaves by, if there is one.
pub fn behaviour<'a>(control: &'a Control, pod: &Value, container: &Value) -> Option<&'a Behaviour> {
    control.seed.containers.iter().find(|row| applies(&row.applies, pod, container))
}

fn applies(wanted: &Match, pod: &Value, container: &Value) -> bool {
    let fits =
        |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| fits_pattern(pattern, text));
    let owner = object::controller(pod).map_or("", |owner| object::text(owner, "/kind"));
    fits(&wanted.image, object::text(container, "/image"))
        && fits(&wanted.container, object::text(container, "/name"))
        && fits(&wanted.namespace, object::namespace(pod))
        && fits(&wanted.owner, owner)
        && wanted.labels.iter().all(|(key, pattern)| {
            pod["metadata"]["labels"][key.as_str()].as_str().is_some_and(|value| fits_pattern(pattern, value))
        })
}
