//! Fargate: each Pod that a profile is for gets a machine of its own, of the size that it asks for.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::super::cloud::FargateProfile;
use super::super::controllers::control::Control;
use super::super::controllers::scheduler;
use super::super::fits_pattern;
use super::super::kubelet::Nodes;
use super::super::object::{self, resources};
use super::super::seed::NodeSeed;
use super::super::store::Object;
use super::{Machine, Provisioned, Stage, node, node_key};
use crate::sandbox::hardware::Hardware;

/// Who places the Pods of Fargate.
pub(in super::super) const SCHEDULER: &str = "fargate-scheduler";

const KIND: (&str, &str) = ("v1", "Pod");
const PROFILE: &str = "eks.amazonaws.com/fargate-profile";
const COMPUTE: &str = "eks.amazonaws.com/compute-type";

/// How long a machine of Fargate takes.
const BOOT: Duration = Duration::from_secs(45);

/// What the kubelet and its like take of a machine's memory, in MiB.
const OVERHEAD: i64 = 256;

/// KiB of a machine's disk.
const DISK: u64 = 20 * 1024 * 1024;

/// The sizes that there are: thousandths of processors, then MiB of memory: the least, the most, and the step between them.
/// <https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html>
const SIZES: [(i64, i64, i64, i64); 7] = [
    (250, 512, 2048, 512),
    (500, 1024, 4096, 1024),
    (1000, 2048, 8192, 1024),
    (2000, 4096, 16_384, 1024),
    (4000, 8192, 30_720, 1024),
    (8000, 16_384, 61_440, 4096),
    (16_000, 32_768, 122_880, 8192),
];

/// Gives a new Pod to Fargate if a profile is for it: the one that it names, or the first by name.
pub(in super::super) fn admit(profiles: &[FargateProfile], pod: &mut Value) {
    let daemon = object::controller(pod).is_some_and(|owner| owner["kind"] == "DaemonSet");
    if daemon || !object::text(pod, "/spec/nodeName").is_empty() {
        return;
    }
    let labels = &pod["metadata"]["labels"];
    let fits = |profile: &&FargateProfile| {
        let named = labels[PROFILE].as_str().is_none_or(|named| named == profile.name);
        named
            && profile.selectors.iter().any(|(namespace, wanted)| {
                fits_pattern(namespace, object::namespace(pod))
                    && wanted
                        .iter()
                        .all(|(key, value)| labels[key.as_str()].as_str().is_some_and(|has| fits_pattern(value, has)))
            })
    };
    let Some(profile) = profiles.iter().find(fits) else { return };
    object::set_meta(pod, "labels", PROFILE, &profile.name);
    let spec = object::map_at(pod, "spec");
    spec.insert("schedulerName".into(), SCHEDULER.into());
    spec.insert("priorityClassName".into(), "system-node-critical".into());
    spec.insert("priority".into(), 2_000_001_000.into());
}

/// Starts machines for the Pods that have none, and lets those go whose Pod is gone.
pub(super) fn start(control: &Control, nodes: &mut Nodes, state: &mut Provisioned) {
    let mut pods = control.store.list(&resources::PODS, None);
    pods.retain(|pod| object::text(pod, "/spec/schedulerName") == SCHEDULER);
    for machine in state.machines.values_mut() {
        let Some(uid) = &machine.pod else { continue };
        if !machine.stage.is_leaving() && !pods.iter().any(|pod| object::uid(pod) == uid) {
            machine.stage = Stage::Stopping { until: control.now };
        }
    }
    for pod in pods.iter().filter(|pod| is_waiting(pod)) {
        if state.machines.values().any(|machine| machine.pod.as_deref() == Some(object::uid(pod))) {
            continue;
        }
        match machine(control, nodes, state, pod) {
            Some((name, machine)) => drop(state.machines.insert(name, machine)),
            None => {
                let message = "Pod provisioning failed: the resources that the Pod asks for exceed what Fargate has";
                control.warning(SCHEDULER, pod, KIND, "FailedScheduling", message);
            }
        }
    }
}

fn is_waiting(pod: &Value) -> bool {
    object::text(pod, "/spec/nodeName").is_empty() && !object::is_deleting(pod)
}

/// Places the Pods whose machines are there.
pub(super) fn bind(control: &Control, state: &Provisioned) {
    for (name, machine) in state.machines.iter().filter(|(_, machine)| machine.stage == Stage::Working) {
        let Some(uid) = &machine.pod else { continue };
        let pods = control.store.list(&resources::PODS, None);
        let waiting = pods.iter().find(|pod| object::uid(pod) == uid && is_waiting(pod));
        let (Some(pod), Some(node)) = (waiting, control.store.get(&node_key(name))) else { continue };
        place(control, pod, &node);
    }
}

fn place(control: &Control, pod: &Object, node: &Object) {
    let logging = "aws-logging configmap was not found. configmap \"aws-logging\" not found";
    let logs = control.get(&resources::CONFIG_MAPS, "aws-observability", "aws-logging").is_some();
    if !logs {
        let message = format!("Disabled logging because {logging}");
        control.warning(SCHEDULER, pod, KIND, "LoggingDisabled", &message);
    }
    let told = control.update(&super::super::store::Key::of(&resources::PODS, pod), |pod| {
        if let Some((cpu, memory)) = size(pod) {
            object::set_meta(pod, "annotations", "CapacityProvisioned", &written(cpu, memory));
        }
        let logging = if logs { "LoggingEnabled" } else { "LoggingDisabled: LOGGING_CONFIGMAP_NOT_FOUND" };
        object::set_meta(pod, "annotations", "Logging", logging);
    });
    if let Some(pod) = told {
        scheduler::bind(control, &pod, node, SCHEDULER);
    }
}

/// The size of machine that a Pod needs: thousandths of processors and MiB of memory. None when no machine is as large.
fn size(pod: &Value) -> Option<(i64, i64)> {
    let cpu = scheduler::requested(pod, "cpu");
    let memory = scheduler::requested(pod, "memory") / 1000 / (1024 * 1024) + OVERHEAD;
    SIZES.iter().filter(|(most, ..)| cpu <= *most).find_map(|&(processors, least, most, step)| {
        let needed = least + ((memory - least).max(0) + step - 1) / step * step;
        (needed <= most).then_some((processors, needed))
    })
}

/// A size as the Pod's annotation tells it: `0.25vCPU 0.5GB`.
fn written(cpu: i64, memory: i64) -> String {
    let part = |whole: i64, of: i64| {
        let text = format!("{}.{:03}", whole / of, whole % of * 1000 / of);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    format!("{}vCPU {}GB", part(cpu, 1000), part(memory, 1024))
}

fn machine(control: &Control, nodes: &mut Nodes, state: &mut Provisioned, pod: &Value) -> Option<(String, Machine)> {
    let (cpu, memory) = size(pod)?;
    state.started += 1;
    let zones = node::zones(control);
    let number = usize::try_from(state.started).unwrap_or(0) % zones.len().max(1);
    let (zone, network) = zones.into_iter().nth(number)?;
    let token = object::digest(&[&control.seed.name, object::uid(pod), "fargate"]);
    let address: Ipv4Addr = nodes.free_address(network, &token).parse().ok()?;
    let host = format!("ip-{}.{}.compute.internal", address.to_string().replace('.', "-"), control.seed.region);
    // Its hardware is at least that of the smallest machine that Fargate runs on.
    let gibibytes = i32::try_from(memory / 1024 + 1).unwrap_or(4).max(4);
    let processors = u32::try_from((cpu + 999) / 1000).unwrap_or(2).max(2);
    let hardware = Hardware { cpu: processors, memory: f64::from(gibibytes), pods: 1, arm: false };
    let (capacity, _) = node::amounts(hardware, DISK);
    let seed = NodeSeed {
        name: format!("fargate-{host}"),
        address,
        pod_network: network,
        labels: BTreeMap::from([(COMPUTE.to_owned(), "fargate".to_owned())]),
        zone: zone.clone(),
        instance_type: String::new(),
        instance_id: format!("{}-{}", &token[..10], &token[10..42]),
        allocatable: BTreeMap::new(),
        capacity,
        taints: vec![json!({"key": COMPUTE, "value": "fargate", "effect": "NoSchedule"})],
        usage: None,
        info: BTreeMap::from([("osImage".to_owned(), "Amazon Linux 2".to_owned())]),
    };
    let mut object = node::node_object(control, &seed);
    let labels = object::map_at(&mut object["metadata"], "labels");
    labels.retain(|key, _| !key.ends_with("/instance-type"));
    labels.insert("kubernetes.io/hostname".into(), host.into());
    let machine = Machine {
        group: None,
        pod: Some(object::uid(pod).to_owned()),
        claim: None,
        networked: true,
        node: object,
        network: Some(network),
        stage: Stage::Booting { until: object::after(control.now, BOOT) },
        outdated: false,
    };
    Some((seed.name, machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_up_to_what_there_is() {
        let pod = |cpu: &str, memory: &str| json!({"spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]}});
        for (cpu, memory, told) in [
            ("0", "0", "0.25vCPU 0.5GB"),
            ("250m", "256Mi", "0.25vCPU 0.5GB"),
            ("250m", "257Mi", "0.25vCPU 1GB"),
            ("1", "2.5G", "1vCPU 3GB"),
            ("100m", "3Gi", "0.5vCPU 4GB"),
            ("3", "1Gi", "4vCPU 8GB"),
        ] {
            let (processors, mebibytes) = size(&pod(cpu, memory)).unwrap();
            assert_eq!(written(processors, mebibytes), told, "{cpu} {memory}");
        }
        assert!(size(&pod("17", "1Gi")).is_none() && size(&pod("1", "200Gi")).is_none());
    }

    #[test]
    fn profiles_are_for_namespaces_and_labels() {
        let selectors = vec![("check*".to_owned(), BTreeMap::from([("fargate".to_owned(), "yes".to_owned())]))];
        let profiles = [FargateProfile { name: "p".into(), selectors }];
        let admitted = |namespace: &str, labels: Value| {
            let mut pod = json!({"metadata": {"namespace": namespace, "labels": labels}, "spec": {}});
            admit(&profiles, &mut pod);
            pod["spec"]["schedulerName"] == SCHEDULER
        };
        assert!(admitted("checkout", json!({"fargate": "yes"})));
        assert!(!admitted("checkout", json!({"fargate": "no"})) && !admitted("ui", json!({"fargate": "yes"})));
        assert!(!admitted("checkout", json!({"fargate": "yes", PROFILE: "other"})));
    }
}
