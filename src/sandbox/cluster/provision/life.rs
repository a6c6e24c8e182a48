//! The life of a machine in the cluster: its node registers, becomes ready with its network, is drained and goes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::controllers::control::Control;
use super::super::object::{self, resources};
use super::super::store::{Key, Object};
use super::{Machine, Provisioned, Stage, is_networked, node_key, pools};

const KIND: (&str, &str) = ("v1", "Node");
const KUBELET: &str = "kubelet";
const CONTROLLER: &str = "node-controller";

/// How often an eviction that a budget stands against is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How long EKS tries: then the Pods that are left go with their machine.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);
/// How long a drained machine takes to stop.
const STOP: Duration = Duration::from_secs(15);

/// The taints of a node that is not ready.
const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Brings all machines to the present. Answers when something is due by itself.
pub(super) fn advance(control: &Control, state: &mut Provisioned) -> Option<Timestamp> {
    let mut next: Option<Timestamp> = None;
    let names: Vec<String> = state.machines.keys().cloned().collect();
    for name in names {
        let Some(machine) = state.machines.get_mut(&name) else { continue };
        if matches!(machine.stage, Stage::Joining | Stage::Working | Stage::Draining { .. })
            && control.store.get(&node_key(&name)).is_none()
        {
            // Somebody took the node away; nobody registers it again.
            state.machines.remove(&name);
            continue;
        }
        let due = step(control, &name, machine);
        if let Stage::Stopping { until } = machine.stage
            && until <= control.now
        {
            state.machines.remove(&name);
            continue;
        }
        next = next.into_iter().chain(due).min();
    }
    next
}

/// Brings one machine to the present. Answers when something is due by itself.
fn step(control: &Control, name: &str, machine: &mut Machine) -> Option<Timestamp> {
    loop {
        match machine.stage {
            Stage::Booting { until } if control.now < until => return Some(until),
            Stage::Booting { .. } => {
                register(control, machine);
                machine.stage = Stage::Joining;
            }
            Stage::Joining if machine.networked || is_networked(control, name) => {
                ready(control, name);
                machine.stage = Stage::Working;
            }
            Stage::Joining | Stage::Working => return None,
            Stage::Draining { since } => {
                let left = evict(control, name);
                if left > 0 && control.now.duration_since(since) < PATIENCE {
                    return Some(object::after(control.now, RETRY));
                }
                machine.stage = Stage::Stopping { until: object::after(control.now, STOP) };
            }
            Stage::Stopping { until } if control.now < until => return Some(until),
            Stage::Stopping { .. } => {
                remove(control, name);
                return None;
            }
        }
    }
}

/// Begins to drain a machine's node: nothing more is placed on it.
pub(super) fn leave(control: &Control, machine: &mut Machine, name: &str) {
    if matches!(machine.stage, Stage::Booting { .. }) {
        machine.stage = Stage::Stopping { until: control.now };
        return;
    }
    machine.stage = Stage::Draining { since: control.now };
    // Node pools say it by a taint of their own.
    let pooled = machine.claim.is_some();
    let key = if pooled { pools::DISRUPTED } else { "node.kubernetes.io/unschedulable" };
    let taint = json!({"key": key, "effect": "NoSchedule", "timeAdded": object::written(control.now)});
    let cordoned = control.update(&node_key(name), |node| {
        let mut taints = object::list(node, "/spec/taints").to_vec();
        if !taints.iter().any(|known| known["key"] == taint["key"]) {
            taints.push(taint);
        }
        let spec = object::map_at(node, "spec");
        if !pooled {
            spec.insert("unschedulable".into(), true.into());
        }
        spec.insert("taints".into(), taints.into());
    });
    if let Some(node) = cordoned.filter(|_| !pooled) {
        let message = format!("Node {name} status is now: NodeNotSchedulable");
        control.event(KUBELET, &node, KIND, "NodeNotSchedulable", &message);
    }
}

fn conditions(control: &Control, ready: bool) -> Value {
    let now = object::written(control.now);
    let of = |kind: &str, truth: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": truth, "lastHeartbeatTime": now, "lastTransitionTime": now,
            "reason": reason, "message": message})
    };
    let last = if ready {
        of("Ready", "True", "KubeletReady", "kubelet is posting ready status")
    } else {
        of(
            "Ready",
            "False",
            "KubeletNotReady",
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
        )
    };
    json!([
        of("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        of("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        of("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        last,
    ])
}

fn register(control: &Control, machine: &Machine) {
    let mut node = machine.node.clone();
    let name = object::name(&node).to_owned();
    node["status"]["conditions"] = conditions(control, false);
    let mut taints = object::list(&node, "/spec/taints").to_vec();
    for effect in ["NoSchedule", "NoExecute"] {
        taints.push(json!({"key": NOT_READY, "effect": effect}));
    }
    node["spec"]["taints"] = taints.into();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": object::written_micro(control.now)},
    });
    match control.create(&resources::NODES, node) {
        Ok(made) => {
            control.event(KUBELET, &made, KIND, "Starting", "Starting kubelet.");
            let message = format!("Node {name} event: Registered Node {name} in Controller");
            control.event(CONTROLLER, &made, KIND, "RegisteredNode", &message);
            // One that was left behind by a node of that name serves as well.
            let _ = control.create(&resources::LEASES, lease);
        }
        Err(error) => tracing::warn!(%error, name, "a node cannot register"),
    }
}

fn ready(control: &Control, name: &str) {
    let made = control.update(&node_key(name), |node| {
        node["status"]["conditions"] = conditions(control, true);
        let mut taints = object::list(node, "/spec/taints").to_vec();
        taints.retain(|taint| taint["key"] != NOT_READY);
        let spec = object::map_at(node, "spec");
        if taints.is_empty() {
            spec.shift_remove("taints");
        } else {
            spec.insert("taints".into(), taints.into());
        }
    });
    if let Some(node) = made {
        control.event(KUBELET, &node, KIND, "NodeReady", &format!("Node {name} status is now: NodeReady"));
    }
}

/// Those Pods of a node that drain evicts: not those of DaemonSets, which the node brings.
pub(super) fn evictable<'a>(pods: impl Iterator<Item = &'a Object>) -> Vec<Object> {
    let by_daemon_set = |pod: &Object| object::controller(pod).is_some_and(|owner| owner["kind"] == "DaemonSet");
    let finished = |pod: &Object| matches!(object::text(pod, "/status/phase"), "Succeeded" | "Failed");
    pods.filter(|pod| !by_daemon_set(pod) && !finished(pod)).cloned().collect()
}

/// Evicts the Pods of a node as budgets allow it. Answers how many are still there.
fn evict(control: &Control, name: &str) -> usize {
    let all = control.store.list(&resources::PODS, None);
    let pods = evictable(all.iter().filter(|pod| object::text(pod, "/spec/nodeName") == name));
    for pod in pods.iter().filter(|pod| !object::is_deleting(pod)) {
        if control.server.may_evict(pod, false).is_ok() {
            let key = Key::of(&resources::PODS, pod);
            let why = "Eviction API: evicting";
            control.update(&key, |pod| object::set_disrupted(pod, control.now, "EvictionByEvictionAPI", why));
            control.delete(&key);
        }
    }
    pods.len()
}

/// Takes a stopped machine's node away, and what is left on it.
fn remove(control: &Control, name: &str) {
    let key = node_key(name);
    if let Some(node) = control.store.get(&key) {
        let message = format!("Deleting node {name} because it does not exist in the cloud provider");
        control.event("cloud-node-lifecycle-controller", &node, KIND, "DeletingNode", &message);
        let message = format!("Node {name} event: Removing Node {name} from Controller");
        control.event(CONTROLLER, &node, KIND, "RemovingNode", &message);
    }
    for pod in control.store.list(&resources::PODS, None) {
        if object::text(&pod, "/spec/nodeName") == name {
            // Nobody is there who would end it. It may be gone already.
            let _ = control.store.remove(&Key::of(&resources::PODS, &pod));
        }
    }
    for key in [key, Key::namespaced(&resources::LEASES, "kube-node-lease", name)] {
        // Somebody may have been faster.
        let _ = control.store.remove(&key);
    }
}
