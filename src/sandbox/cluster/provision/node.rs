//! Machines and the nodes that they register.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::cloud::NodeGroup;
use super::super::controllers::control::Control;
use super::super::kubelet::Nodes;
use super::super::object;
use super::super::seed::{Network, NodeSeed};
use super::{GROUP, Machine, Stage};
use crate::sandbox::hardware::Hardware;

/// From the start of a machine until its kubelet registers.
const BOOT: Duration = Duration::from_secs(40);

/// The label that all nodes of a cluster have in common which the cloud's controller has seen.
const SEEN: &str = "k8s.io/cloud-provider-aws";

/// What a disk's format takes of it, in KiB.
const FORMAT: u64 = 12_308;

/// Where machines go when the scenario's nodes do not say it: the networks of three zones.
const NETWORKS: [(&str, u32); 3] = [("a", 0x0a2a_6000), ("b", 0x0a2a_7000), ("c", 0x0a2a_8000)];

/// The zones that a cluster's machines are in, each with the network of its subnet.
pub(super) fn zones(control: &Control) -> Vec<(String, Network)> {
    let mut zones: Vec<(String, Network)> = Vec::new();
    for node in &control.seed.nodes {
        if !zones.iter().any(|(zone, _)| *zone == node.zone) {
            zones.push((node.zone.clone(), node.pod_network));
        }
    }
    for (zone, network) in &control.seed.zones {
        if !zones.iter().any(|(known, _)| known == zone) {
            zones.push((zone.clone(), *network));
        }
    }
    if zones.is_empty() {
        let region = &control.seed.region;
        zones.extend(NETWORKS.map(|(letter, first)| (format!("{region}{letter}"), Network { first, size: 4096 })));
    }
    zones
}

/// Starts a machine of a node group, in the zone that has fewest: `places` are the zones of those that there are. None when there is no
/// such instance type, which the account has made sure of.
pub(super) fn start(
    control: &Control,
    nodes: &mut Nodes,
    started: &mut u64,
    group: &NodeGroup,
    places: &[&str],
) -> Option<(String, Machine)> {
    let instance_type = group.instance_types.first()?;
    let hardware = Hardware::of(instance_type)?;
    let mut zones = zones(control);
    zones.truncate(group.subnets.max(1));
    let (zone, network) =
        zones.into_iter().min_by_key(|(zone, _)| places.iter().filter(|place| *place == zone).count())?;
    *started += 1;
    let token = object::digest(&[&control.seed.name, &group.name, &started.to_string()]);
    let address: Ipv4Addr = nodes.free_address(network, &token).parse().ok()?;
    let region = &control.seed.region;
    let name = format!("ip-{}.{region}.compute.internal", address.to_string().replace('.', "-"));
    let arch = if hardware.arm { "arm64" } else { "amd64" };
    let mut labels: BTreeMap<String, String> = [
        ("beta.kubernetes.io/arch", arch),
        ("kubernetes.io/arch", arch),
        ("eks.amazonaws.com/capacityType", group.capacity_type.as_str()),
        (GROUP, group.name.as_str()),
        ("eks.amazonaws.com/sourceLaunchTemplateId", &format!("lt-0{}", &object::digest(&[&group.name])[..16])),
        ("eks.amazonaws.com/sourceLaunchTemplateVersion", "1"),
        ("eks.amazonaws.com/nodegroup-image", &format!("ami-0{}", &object::digest(&[&group.image_type])[..16])),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    labels.extend(control.seed.nodes.iter().find_map(|node| Some((SEEN.to_owned(), node.labels.get(SEEN)?.clone()))));
    labels.extend(group.labels.clone());
    let disk = (group.disk * 1024 * 1024).saturating_sub(FORMAT);
    let (capacity, allocatable) = amounts(hardware, disk);
    let seed = NodeSeed {
        name: name.clone(),
        address,
        pod_network: network,
        labels,
        zone,
        instance_type: instance_type.clone(),
        instance_id: format!("i-0{}", &token[..16]),
        capacity,
        allocatable,
        taints: group.taints.clone(),
        usage: None,
        info: info(control, group, arch),
    };
    let machine = Machine {
        group: Some(group.name.clone()),
        pod: None,
        claim: None,
        networked: false,
        node: node_object(control, &seed),
        network: Some(network),
        stage: Stage::Booting { until: object::after(control.now, BOOT) },
        outdated: false,
    };
    Some((name, machine))
}

type Amounts = BTreeMap<String, String>;

/// What a machine with a disk of so many KiB has, and what of it Pods may use.
pub(super) fn amounts(hardware: Hardware, disk: u64) -> (Amounts, Amounts) {
    let written = |cpu: String, memory: u64, disk: String| -> Amounts {
        let pods = hardware.pods.to_string();
        [
            ("cpu", cpu),
            ("ephemeral-storage", disk),
            ("hugepages-1Gi", "0".to_owned()),
            ("hugepages-2Mi", "0".to_owned()),
            ("memory", format!("{memory}Ki")),
            ("pods", pods),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    };
    // A tenth of the disk, and a GiB, are the system's.
    let usable = (disk * 1024 / 10 * 9).saturating_sub(1024 * 1024 * 1024);
    (
        written(hardware.cpu.to_string(), hardware.capacity_memory(), format!("{disk}Ki")),
        written(format!("{}m", hardware.allocatable_cpu()), hardware.allocatable_memory(), usable.to_string()),
    )
}

/// What a node of the group tells of its system: as the cluster's other nodes of that system do.
fn info(control: &Control, group: &NodeGroup, arch: &str) -> BTreeMap<String, String> {
    let system = if group.image_type.starts_with("BOTTLEROCKET") { "Bottlerocket" } else { "Amazon Linux" };
    let mut info = control
        .seed
        .nodes
        .iter()
        .map(|node| &node.info)
        .find(|info| info.get("osImage").is_some_and(|image| image.starts_with(system)))
        .cloned()
        .unwrap_or_default();
    let default = if system == "Bottlerocket" { "Bottlerocket (Base)" } else { "Amazon Linux 2023" };
    info.entry("osImage".into()).or_insert_with(|| default.to_owned());
    info.insert("architecture".into(), arch.to_owned());
    if let Some(kernel) = info.get_mut("kernelVersion") {
        *kernel = kernel.replace("x86_64", if arch == "arm64" { "aarch64" } else { "x86_64" });
    }
    info
}

/// The Node object of a machine.
pub(in crate::sandbox::cluster) fn node_object(control: &Control, node: &NodeSeed) -> Value {
    let seed = &control.seed;
    let now = object::written(control.now);
    let mut labels = json!({
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": node.name,
        "beta.kubernetes.io/instance-type": node.instance_type, "node.kubernetes.io/instance-type": node.instance_type,
        "failure-domain.beta.kubernetes.io/region": seed.region, "failure-domain.beta.kubernetes.io/zone": node.zone,
        "topology.kubernetes.io/region": seed.region, "topology.kubernetes.io/zone": node.zone,
    });
    for (key, value) in &node.labels {
        labels[key] = value.clone().into();
    }
    let allocatable = if node.allocatable.is_empty() { &node.capacity } else { &node.allocatable };
    let condition = |kind: &str, truth: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": truth, "lastHeartbeatTime": now, "lastTransitionTime": now,
            "reason": reason, "message": message})
    };
    let id = object::digest(&[&node.instance_id]);
    let mut info = json!({
        "machineID": &id[..32], "systemUUID": format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..32]),
        "bootID": format!("{}-{}-{}-{}-{}", &id[32..40], &id[40..44], &id[44..48], &id[48..52], &id[52..64]),
        "kernelVersion": "6.12.40", "osImage": "Bottlerocket", "containerRuntimeVersion": "containerd://2.1.4",
        "kubeletVersion": seed.version, "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64",
    });
    for (key, value) in &node.info {
        info[key] = value.clone().into();
    }
    let mut spec = json!({"providerID": format!("aws:///{}/{}", node.zone, node.instance_id)});
    if !node.taints.is_empty() {
        spec["taints"] = node.taints.clone().into();
    }
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": node.name, "labels": labels, "annotations": {
            "node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        }},
        "spec": spec,
        "status": {
            "capacity": node.capacity, "allocatable": allocatable,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "addresses": [
                {"type": "InternalIP", "address": node.address.to_string()},
                {"type": "InternalDNS", "address": node.name}, {"type": "Hostname", "address": node.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": info,
        },
    })
}
