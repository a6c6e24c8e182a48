//! Node pools, as Karpenter and EKS Auto Mode have them: Pods for which no node has room get machines of the cheapest fitting type, and
//! machines that are not needed any more go.
//! <https://karpenter.sh/docs/concepts/>

mod offers;

use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::api::kinds;
use super::super::controllers::control::Control;
use super::super::controllers::scheduler::{self, Occupancy, Wish};
use super::super::kubelet::Nodes;
use super::super::object::{self, resources};
use super::super::seed::{NodeSeed, Span};
use super::super::store::{GroupResource, Key, Object};
use super::{Machine, Provisioned, Stage, label, life, node, node_key};
use offers::{Candidate, candidates, daemons, fitting, is_auto_mode, is_within, size};

const POOLS: GroupResource = GroupResource::of("karpenter.sh", "nodepools");
const CLAIMS: GroupResource = GroupResource::of("karpenter.sh", "nodeclaims");
const KIND: (&str, &str) = ("karpenter.sh/v1", "NodeClaim");
const COMPONENT: &str = "karpenter";

/// The label of what is of a pool.
const POOL: &str = "karpenter.sh/nodepool";
const CAPACITY: &str = "karpenter.sh/capacity-type";
const ZONE: &str = "topology.kubernetes.io/zone";
/// The taint of a node that is to go.
pub(super) const DISRUPTED: &str = "karpenter.sh/disrupted";

/// The conditions of a claim, in the order in which they become true.
const CONDITIONS: [&str; 4] = ["Launched", "Registered", "Initialized", "Ready"];

/// How long Pods are gathered before machines are chosen for them.
const BATCH: Duration = Duration::from_secs(1);
/// From the start of a machine until its kubelet registers.
const BOOT: Duration = Duration::from_secs(20);
/// KiB of a machine's disk, where its class says nothing.
const DISK: u64 = 80 * 1024 * 1024;

/// What is known of a machine of a pool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claim {
    /// The name of its NodeClaim.
    name: String,
    /// The name of its pool.
    pool: String,
    /// The uids of the Pods that it was started for.
    pods: Vec<String>,
    /// The Pods on it at the last look, and since when it is those.
    seen: Vec<String>,
    since: Timestamp,
}

/// Whether a Pod waits for room.
pub(super) fn waits(pod: &Value) -> bool {
    object::text(pod, "/spec/nodeName").is_empty()
        && object::condition(&pod["status"], "PodScheduled")
            .is_some_and(|condition| condition["status"] == "False" && condition["reason"] == "Unschedulable")
}

/// Starts machines for the Pods that wait, and lets those go that nobody needs. Answers when to look again.
pub(super) fn reconcile(
    control: &Control,
    nodes: &mut Nodes,
    state: &mut Provisioned,
    occupancy: &Occupancy,
) -> Option<Timestamp> {
    let mut pools = control.store.list(&POOLS, None);
    pools.retain(|pool| !object::is_deleting(pool));
    pools.sort_by_key(|pool| std::cmp::Reverse(object::number(pool, "/spec/weight").unwrap_or(0)));
    adopt(control, state, &pools);
    note_progress(control, state);
    let waiting = waiting(control);
    let mut next = None;
    let homeless = unclaimed(control, &waiting, state, occupancy);
    if homeless.is_empty() || pools.is_empty() {
        state.batch = None;
    } else {
        let due = *state.batch.get_or_insert_with(|| object::after(control.now, BATCH));
        if control.now < due {
            next = Some(due);
        } else {
            state.batch = None;
            let there = control.store.list(&resources::NODES, None);
            let mut wishes: Vec<Wish> =
                homeless.iter().filter_map(|pod| Wish::of(control, pod, occupancy, &there)).collect();
            for pool in &pools {
                provision(control, nodes, state, pool, &mut wishes);
            }
        }
    }
    let quiet = consolidate(control, state, &pools, occupancy, &waiting);
    next.into_iter().chain(quiet).min()
}

/// The Pods that wait for room.
fn waiting(control: &Control) -> Vec<Object> {
    let mut waiting = control.store.list(&resources::PODS, None);
    waiting.retain(|pod| waits(pod) && !object::is_deleting(pod));
    waiting
}

/// Those of the Pods that no machine is for. A Pod gets no other as long as its machine is there and has room for it: one that it does
/// not take would be of no more use. A machine that others have filled, or that leaves, is none of its own.
fn unclaimed(control: &Control, waiting: &[Object], state: &Provisioned, occupancy: &Occupancy) -> Vec<Object> {
    let mut unclaimed: BTreeMap<&str, &Object> = waiting.iter().map(|pod| (object::uid(pod), pod)).collect();
    for (name, machine) in &state.machines {
        let Some(claim) = machine.claim.as_ref().filter(|_| !machine.stage.is_leaving()) else { continue };
        let mut pods = claim.pods.iter().filter(|uid| unclaimed.contains_key(uid.as_str())).peekable();
        if pods.peek().is_none() {
            continue;
        }
        let node = control.store.get(&node_key(name)).filter(|_| machine.stage == Stage::Working);
        let full = |pod: &Object| node.as_ref().is_some_and(|node| !scheduler::has_room(pod, node, occupancy));
        let own: Vec<&str> =
            pods.map(String::as_str).filter(|uid| unclaimed.get(uid).is_some_and(|pod| !full(pod))).collect();
        for uid in own {
            unclaimed.remove(uid);
        }
    }
    waiting.iter().filter(|pod| unclaimed.contains_key(object::uid(pod))).cloned().collect()
}

/// Gives the nodes of pools that the cluster began with their claims.
fn adopt(control: &Control, state: &mut Provisioned, pools: &[Object]) {
    if state.adopted || pools.is_empty() || kinds::of_resource(&control.store, &CLAIMS).is_none() {
        return;
    }
    state.adopted = true;
    for node in control.store.list(&resources::NODES, None) {
        let Some(pool) = pools.iter().find(|pool| object::name(pool) == label(&node, POOL)) else { continue };
        let name = format!("{}-{}", object::name(pool), control.store.suffix(5));
        if claim_object(control, pool, &name, &node, true).is_none() {
            continue;
        }
        let pool = object::name(pool).to_owned();
        let claim = Claim { name, pool, pods: Vec::new(), seen: Vec::new(), since: control.now };
        let machine = Machine {
            group: None,
            pod: None,
            claim: Some(claim),
            networked: true,
            node: Value::Null,
            network: None,
            stage: Stage::Working,
            outdated: false,
        };
        state.machines.insert(object::name(&node).to_owned(), machine);
    }
}

/// Starts machines of a pool for those of the Pods that it can have, and takes these out of the list.
fn provision(control: &Control, nodes: &mut Nodes, state: &mut Provisioned, pool: &Object, waiting: &mut Vec<Wish>) {
    let mut candidates = candidates(control, pool);
    let mut left = left(control, state, pool);
    let daemons = daemons(control);
    let mut places = places(control, state);
    while !waiting.is_empty() {
        // The cheapest machine that has room for all that one of them can have; else the one that has room for most. Of the same price the
        // one in the zone that has fewest.
        let mut best: Option<(&Candidate, Vec<usize>)> = None;
        candidates.retain(|candidate| is_within(&candidate.offer, left));
        for candidate in &candidates {
            let fitting = fitting(control, candidate, &daemons, waiting);
            let crowd = |of: &Candidate| places.get(&of.zone).copied().unwrap_or(0);
            let cost = |of: &Candidate| (of.price, crowd(of));
            let better = match &best {
                None => !fitting.is_empty(),
                Some((known, most)) => {
                    fitting.len() > most.len() || fitting.len() == most.len() && cost(candidate) < cost(known)
                }
            };
            if better {
                best = Some((candidate, fitting));
            }
        }
        let Some((candidate, chosen)) = best else { return };
        let pods: Vec<&Value> = chosen.iter().filter_map(|at| Some(waiting.get(*at)?.pod)).collect();
        let Some((name, machine)) = start(control, nodes, state, pool, candidate, &pods) else { return };
        state.machines.insert(name, machine);
        *places.entry(candidate.zone.clone()).or_default() += 1;
        let used = size(&candidate.offer);
        for (left, used) in left.iter_mut().zip(used) {
            *left = left.map(|left| left - used);
        }
        let mut at = 0;
        let chosen: HashSet<usize> = chosen.into_iter().collect();
        waiting.retain(|_| {
            at += 1;
            !chosen.contains(&(at - 1))
        });
    }
}

/// How many nodes and starting machines are in each zone.
fn places(control: &Control, state: &Provisioned) -> BTreeMap<String, usize> {
    let mut places = BTreeMap::new();
    let nodes = control.store.list(&resources::NODES, None);
    let booting = state.machines.values().filter(|machine| matches!(machine.stage, Stage::Booting { .. }));
    for node in nodes.iter().map(|node| &**node).chain(booting.map(|machine| &machine.node)) {
        *places.entry(label(node, ZONE).to_owned()).or_default() += 1;
    }
    places
}

/// What a pool's limits leave of processors and memory, in thousandths; none where there is no limit.
fn left(control: &Control, state: &Provisioned, pool: &Value) -> [Option<i64>; 2] {
    let limits = ["cpu", "memory"].map(|resource| pool["spec"]["limits"][resource].as_str().map(scheduler::quantity));
    if limits == [None, None] {
        return limits;
    }
    let nodes = control.store.list(&resources::NODES, None);
    let booting = state.machines.values().filter(|machine| matches!(machine.stage, Stage::Booting { .. }));
    let mut own: Vec<&Value> = nodes.iter().map(|node| &**node).chain(booting.map(|machine| &machine.node)).collect();
    own.retain(|node| label(node, POOL) == object::name(pool));
    let used = |resource: &str| -> i64 {
        let amounts = own.iter().filter_map(|node| node["status"]["capacity"][resource].as_str());
        amounts.map(scheduler::quantity).sum()
    };
    [limits[0].map(|limit| limit - used("cpu")), limits[1].map(|limit| limit - used("memory"))]
}

/// Starts a machine of a pool for those Pods.
fn start(
    control: &Control,
    nodes: &mut Nodes,
    state: &mut Provisioned,
    pool: &Object,
    candidate: &Candidate,
    pods: &[&Value],
) -> Option<(String, Machine)> {
    let (_, network) = node::zones(control).into_iter().find(|(zone, _)| *zone == candidate.zone)?;
    state.started += 1;
    let token = object::digest(&[&control.seed.name, object::name(pool), &state.started.to_string()]);
    let address: Ipv4Addr = nodes.free_address(network, &token).parse().ok()?;
    let (name, pool_name) = (format!("i-0{}", &token[..16]), object::name(pool).to_owned());
    let claim = format!("{pool_name}-{}", control.store.suffix(5));
    let (capacity, allocatable) = node::amounts(candidate.offer.hardware, DISK);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let told = |key: &str| !key.starts_with("karpenter.k8s.aws/");
    let mut labels: BTreeMap<String, String> = candidate
        .labels
        .iter()
        .filter(|(key, _)| told(key))
        .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
        .collect();
    labels.insert("beta.kubernetes.io/arch".into(), labels.get("kubernetes.io/arch").cloned().unwrap_or_default());
    let template = &pool["spec"]["template"];
    let mut taints = object::list(template, "/spec/taints").to_vec();
    taints.extend(object::list(template, "/spec/startupTaints").iter().cloned());
    let info = control.seed.nodes.first().map(|node| node.info.clone()).unwrap_or_default();
    let seed = NodeSeed {
        name: name.clone(),
        address,
        pod_network: network,
        labels,
        zone: candidate.zone.clone(),
        instance_type: candidate.offer.name.clone(),
        instance_id: name.clone(),
        capacity,
        allocatable,
        taints,
        usage: None,
        info,
    };
    let node = node::node_object(control, &seed);
    claim_object(control, pool, &claim, &node, false)?;
    for pod in pods {
        let message = format!("Pod should schedule on: nodeclaim/{claim}");
        control.event(COMPONENT, pod, ("v1", "Pod"), "Nominated", &message);
    }
    let machine = Machine {
        group: None,
        pod: None,
        claim: Some(Claim {
            name: claim,
            pool: pool_name,
            pods: pods.iter().map(|pod| object::uid(pod).to_owned()).collect(),
            seen: Vec::new(),
            since: control.now,
        }),
        networked: is_auto_mode(template),
        node,
        network: Some(network),
        stage: Stage::Booting { until: object::after(control.now, BOOT) },
        outdated: false,
    };
    Some((name, machine))
}

/// Makes the NodeClaim of a machine, or of one that has long been `ready`.
fn claim_object(control: &Control, pool: &Object, name: &str, node: &Value, ready: bool) -> Option<Object> {
    let spec = &pool["spec"]["template"]["spec"];
    let mut labels = node["metadata"]["labels"].clone();
    if let Some(labels) = labels.as_object_mut() {
        labels.retain(|key, _| {
            !key.starts_with("beta.") && !key.starts_with("failure-domain.") && !key.ends_with("/hostname")
        });
    }
    let mut owner = object::controller_reference("karpenter.sh/v1", "NodePool", pool);
    if let Some(owner) = owner.as_object_mut() {
        owner.shift_remove("controller");
    }
    let claim = json!({
        "apiVersion": KIND.0, "kind": KIND.1,
        "metadata": {"name": name, "labels": labels, "finalizers": ["karpenter.sh/termination"], "ownerReferences": [owner]},
        "spec": {
            "expireAfter": spec["expireAfter"], "nodeClassRef": spec["nodeClassRef"], "requirements": spec["requirements"],
            "taints": spec["taints"], "terminationGracePeriod": spec["terminationGracePeriod"],
        },
    });
    match control.create(&CLAIMS, without_nulls(claim)) {
        Ok(made) => {
            let image = format!("ami-0{}", &object::digest(&[&control.seed.version])[..16]);
            let mut status = json!({
                "capacity": node["status"]["capacity"], "allocatable": node["status"]["allocatable"],
                "imageID": image, "providerID": node["spec"]["providerID"], "conditions": [],
            });
            if ready {
                let true_of = |kind: &&str| control.condition(&Value::Null, kind, "True", kind, "");
                status["conditions"] = CONDITIONS.iter().map(true_of).collect();
                status["nodeName"] = object::name(node).into();
            }
            control.set_status(&CLAIMS, &made, status);
            if !ready {
                transition(control, name, &CONDITIONS[..1]);
            }
            Some(made)
        }
        Err(error) => {
            tracing::warn!(%error, name, "a node claim cannot be made");
            None
        }
    }
}

fn without_nulls(mut claim: Value) -> Value {
    if let Some(spec) = claim["spec"].as_object_mut() {
        spec.retain(|_, value| !value.is_null());
    }
    claim
}

/// Conditions of a NodeClaim become true.
fn transition(control: &Control, name: &str, kinds: &[&str]) {
    let key = Key::cluster(&CLAIMS, name);
    for kind in kinds {
        let Some(claim) = control.store.get(&key) else { return };
        if object::condition(&claim["status"], kind).is_some_and(|known| known["status"] == "True") {
            continue;
        }
        let condition = control.condition(&claim["status"], kind, "True", kind, "");
        control.update(&key, |claim| {
            let mut conditions = object::list(claim, "/status/conditions").to_vec();
            conditions.retain(|known| known["type"] != *kind);
            conditions.push(condition);
            claim["status"]["conditions"] = conditions.into();
        });
        let message = format!("Status condition transitioned, Type: {kind}, Status: Unknown -> True, Reason: {kind}");
        control.event(COMPONENT, &claim, KIND, kind, &message);
    }
}

/// Brings the NodeClaims to what became of their machines, and the machines of deleted claims to their end.
fn note_progress(control: &Control, state: &mut Provisioned) {
    let mut alive: HashSet<String> = HashSet::new();
    for (name, machine) in &mut state.machines {
        let Some(claim) = &machine.claim else { continue };
        let claim = claim.name.clone();
        let key = Key::cluster(&CLAIMS, &claim);
        alive.insert(claim.clone());
        if control.store.get(&key).is_none_or(|found| object::is_deleting(&found)) && !machine.stage.is_leaving() {
            life::leave(control, machine, name);
            continue;
        }
        match machine.stage {
            Stage::Booting { .. } => {}
            Stage::Joining => transition(control, &claim, &CONDITIONS[..2]),
            _ => {
                let told =
                    control.store.get(&key).is_some_and(|found| object::text(&found, "/status/nodeName") == name);
                if !told {
                    control.update(&key, |claim| claim["status"]["nodeName"] = name.as_str().into());
                }
                transition(control, &claim, &CONDITIONS);
            }
        }
    }
    for claim in control.store.list(&CLAIMS, None) {
        if !alive.contains(object::name(&claim)) {
            // Its machine is gone: nothing holds it any more. It may be gone already.
            let _ = control.store.remove(&Key::of(&CLAIMS, &claim));
        }
    }
}

/// Lets a machine go that has nothing to do, or whose Pods have room elsewhere. One at a time. Answers when another may.
fn consolidate(
    control: &Control,
    state: &mut Provisioned,
    pools: &[Object],
    occupancy: &Occupancy,
    waiting: &[Object],
) -> Option<Timestamp> {
    let waiting: HashSet<&str> = waiting.iter().map(|pod| object::uid(pod)).collect();
    let busy = state.machines.values().any(|machine| machine.claim.is_some() && machine.stage != Stage::Working);
    let mut next: Option<Timestamp> = None;
    let mut chosen: Option<(String, &str)> = None;
    for (name, machine) in &mut state.machines {
        // Those that the cluster began with stay: how many it has is the scenario's to say.
        if machine.network.is_none() {
            continue;
        }
        let (Some(claim), Stage::Working) = (&mut machine.claim, machine.stage) else { continue };
        let pods = life::evictable(occupancy.pods_on(name));
        let mut present: Vec<String> = pods.iter().map(|pod| object::uid(pod).to_owned()).collect();
        present.sort();
        if present != claim.seen {
            (claim.seen, claim.since) = (present, control.now);
        }
        // It was started for a Pod that may still come.
        if claim.pods.iter().any(|uid| waiting.contains(uid.as_str())) {
            continue;
        }
        let Some(pool) = pools.iter().find(|pool| object::name(pool) == claim.pool) else { continue };
        let disruption = &pool["spec"]["disruption"];
        let Ok(after) = disruption["consolidateAfter"].as_str().unwrap_or("0s").parse::<Span>() else { continue };
        let due = object::after(claim.since, after.0);
        if control.now < due {
            next = next.into_iter().chain([due]).min();
            continue;
        }
        let shared = disruption["consolidationPolicy"] != "WhenEmpty";
        let reason = if pods.is_empty() {
            "Empty"
        } else if shared && !busy && chosen.is_none() && scheduler::fit_elsewhere(control, &pods, name, occupancy) {
            "Underutilized"
        } else {
            continue;
        };
        if chosen.is_none() || reason == "Empty" {
            chosen = Some((name.clone(), reason));
        }
    }
    let Some((name, reason)) = chosen.filter(|_| !busy) else { return next };
    let Some(machine) = state.machines.get_mut(&name) else { return next };
    if let Some(claim) = machine.claim.as_ref().and_then(|claim| control.store.get(&Key::cluster(&CLAIMS, &claim.name)))
    {
        control.event(COMPONENT, &claim, KIND, "DisruptionTerminating", &format!("Disrupting NodeClaim: {reason}"));
    }
    if let Some(node) = control.store.get(&node_key(&name)) {
        control.event(COMPONENT, &node, ("v1", "Node"), "DisruptionTerminating", &format!("Disrupting Node: {reason}"));
    }
    life::leave(control, machine, &name);
    next
}
