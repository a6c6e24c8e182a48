//! What the account gives the cluster: the nodes of its managed node groups, the machines of Fargate and of node pools, the objects of its
//! add-ons. The account says what should be there, or what Pods wait for; this brings it about, and takes the time that machines take.

mod addons;
mod fargate;
mod groups;
mod life;
mod node;
mod pools;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use fargate::{SCHEDULER, admit as admit_to_fargate};
pub(super) use node::node_object;

use super::controllers::control::Control;
use super::controllers::scheduler::Occupancy;
use super::kubelet::Nodes;
use super::object::{self, resources};
use super::seed::Network;
use super::store::Key;

/// Which managed node group a node is of.
pub(super) const GROUP: &str = "eks.amazonaws.com/nodegroup";

/// The label of the Pods that bring the network to a node, and its value.
const NETWORK_AGENT: (&str, &str) = ("k8s-app", "aws-node");

/// What was brought so far. It is part of a snapshot.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Provisioned {
    /// Machines by the names of their nodes: those that were started since the cluster began, and those that are leaving.
    machines: BTreeMap<String, Machine>,
    /// The groups as they were when their nodes were last looked at; none before the first look.
    groups: Option<BTreeMap<String, groups::Settings>>,
    /// The add-ons whose objects are there; none before the first look.
    addons: Option<BTreeMap<String, addons::Applied>>,
    /// How many machines were started.
    started: u64,
    /// When machines are chosen for the Pods that wait for room.
    #[serde(default)]
    batch: Option<Timestamp>,
    /// Whether the nodes that the cluster began with have their claims.
    #[serde(default)]
    adopted: bool,
}

/// A machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Machine {
    /// Its node group, if it is of one.
    group: Option<String>,
    /// The uid of the Pod that it is for, where it is one of Fargate.
    pod: Option<String>,
    /// The claim that it is for, where it is one of a node pool.
    #[serde(default)]
    claim: Option<pools::Claim>,
    /// Whether it brings its network; else an agent has to.
    #[serde(default)]
    networked: bool,
    /// Its node as it will register.
    node: Value,
    /// The network that its Pods' addresses are from; that of the scenario's node when absent.
    network: Option<Network>,
    stage: Stage,
    /// Whether another one is to take its place.
    #[serde(default)]
    outdated: bool,
}

/// How far a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// It starts, and registers its node then.
    Booting { until: Timestamp },
    /// Its node is there and waits for its network.
    Joining,
    /// Its node is ready.
    Working,
    /// Its Pods are evicted.
    Draining { since: Timestamp },
    /// It stops; its node goes then.
    Stopping { until: Timestamp },
}

impl Stage {
    fn is_leaving(self) -> bool {
        matches!(self, Self::Draining { .. } | Self::Stopping { .. })
    }
}

impl Provisioned {
    /// The network that a node's Pods get their addresses from.
    pub fn network(&self, node: &str) -> Option<Network> {
        self.machines.get(node)?.network
    }

    /// Whether a change of a Pod or node may be what a machine waits for.
    pub fn is_busy(&self) -> bool {
        let watched = |machine: &Machine| machine.pod.is_some() || machine.claim.is_some() && machine.network.is_some();
        self.machines.values().any(|machine| machine.stage != Stage::Working || watched(machine))
    }
}

/// Brings the cluster closer to what the account says. Answers when to look again without being told of a change.
pub fn reconcile(control: &Control, nodes: &mut Nodes, occupancy: &Occupancy) -> Option<Timestamp> {
    let wanted = control.cloud.provision(&control.seed.name);
    let mut state = std::mem::take(&mut nodes.provisioned);
    addons::reconcile(control, &mut state, &wanted.addons);
    groups::reconcile(control, nodes, &mut state, &wanted.groups);
    fargate::start(control, nodes, &mut state);
    let next = life::advance(control, &mut state);
    fargate::bind(control, &state);
    let pools = pools::reconcile(control, nodes, &mut state, occupancy);
    // Machines that pools started or stopped just now are looked at in time too.
    let under_way = state.machines.values().filter_map(|machine| match machine.stage {
        Stage::Booting { until } | Stage::Stopping { until } => Some(until),
        _ => None,
    });
    let next = next.into_iter().chain(pools).chain(under_way).min();
    nodes.provisioned = state;
    next
}

/// Whether a change of a Pod may mean that a machine is needed.
pub fn concerns(pod: &Value) -> bool {
    pod["spec"]["schedulerName"] == SCHEDULER || pools::waits(pod)
}

/// The nodes that are there.
fn node_key(name: &str) -> Key {
    Key::cluster(&resources::NODES, name)
}

fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["labels"][key].as_str().unwrap_or_default()
}

/// Whether the network works on a node: the agent that sets it up runs there.
fn is_networked(control: &Control, node: &str) -> bool {
    control.store.list(&resources::PODS, None).iter().any(|pod| {
        object::text(pod, "/spec/nodeName") == node
            && label(pod, NETWORK_AGENT.0) == NETWORK_AGENT.1
            && object::has_condition(pod, "Ready")
    })
}
