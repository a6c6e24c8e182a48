//! Nodes.

use serde_json::Value;

use super::writer::{Writer, date, entries, items, or_none, plain, text};
use crate::tools::kubectl::age;
use crate::tools::kubectl::quantity;

/// Describes a Node up to its events; `pods` run there.
pub fn describe(w: &mut Writer, node: &Value, lease: &Value, pods: &[Value]) {
    let (metadata, spec, status) = (&node["metadata"], &node["spec"], &node["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    let mut roles: Vec<&str> = entries(&metadata["labels"])
        .into_iter()
        .filter_map(|(key, value)| match key.as_str() {
            "kubernetes.io/role" => Some(text(value)),
            key => key.strip_prefix("node-role.kubernetes.io/"),
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    w.line(0, format!("Roles:\t{}", or_none(&roles.join(","))));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("CreationTimestamp:\t{}", date(&metadata["creationTimestamp"])));
    let mut taints: Vec<&serde_json::Value> = items(&spec["taints"]).collect();
    taints.sort_by_key(|taint| (text(&taint["effect"]), text(&taint["key"])));
    let mut taints: Vec<String> = taints
        .into_iter()
        .map(|taint| {
            let value = match text(&taint["value"]) {
                "" => String::new(),
                value => format!("={value}"),
            };
            format!("{}{value}:{}", text(&taint["key"]), text(&taint["effect"]))
        })
        .collect();
    if taints.is_empty() {
        taints.push("<none>".into());
    }
    w.column("Taints:\t", "\t", &taints);
    w.line(0, format!("Unschedulable:\t{}", spec["unschedulable"] == true));
    let holder = &lease["spec"];
    w.line(0, "Lease:");
    if holder.is_object() {
        let moment = |key: &str| if holder[key].is_null() { "<unset>".to_owned() } else { date(&holder[key]) };
        w.line(1, format!("HolderIdentity:\t{}", holder["holderIdentity"].as_str().unwrap_or("<unset>")));
        w.line(1, format!("AcquireTime:\t{}", moment("acquireTime")));
        w.line(1, format!("RenewTime:\t{}", moment("renewTime")));
    } else {
        w.line(1, "HolderIdentity:\t<unset>");
        w.line(1, "AcquireTime:\t<unset>");
        w.line(1, "RenewTime:\t<unset>");
    }
    w.conditions(&status["conditions"], "LastHeartbeatTime", "lastHeartbeatTime");
    w.line(0, "Addresses:");
    for address in items(&status["addresses"]) {
        w.line(1, format!("{}:\t{}", text(&address["type"]), text(&address["address"])));
    }
    for (title, key) in [("Capacity", "capacity"), ("Allocatable", "allocatable")] {
        if entries(&status[key]).is_empty() {
            continue;
        }
        w.line(0, format!("{title}:"));
        for (resource, amount) in entries(&status[key]) {
            w.line(1, format!("{resource}:\t{}", plain(amount)));
        }
    }
    let info = &status["nodeInfo"];
    w.line(0, "System Info:");
    for (title, key) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ] {
        w.line(1, format!("{title}:\t{}", text(&info[key])));
    }
    if !text(&spec["podCIDR"]).is_empty() {
        w.line(0, format!("PodCIDR:\t{}", text(&spec["podCIDR"])));
    }
    let ranges: Vec<&str> = items(&spec["podCIDRs"]).map(text).collect();
    if !ranges.is_empty() {
        w.line(0, format!("PodCIDRs:\t{}", ranges.join(",")));
    }
    if !text(&spec["providerID"]).is_empty() {
        w.line(0, format!("ProviderID:\t{}", text(&spec["providerID"])));
    }
    used(w, status, pods);
}

fn used(w: &mut Writer, status: &Value, pods: &[Value]) {
    let allocatable =
        if entries(&status["allocatable"]).is_empty() { &status["capacity"] } else { &status["allocatable"] };
    let share = |amount: i64, resource: &str| {
        let whole = if resource == "cpu" {
            quantity::milli(&plain(&allocatable[resource]))
        } else {
            quantity::whole(&plain(&allocatable[resource]))
        };
        let text = if resource == "cpu" { quantity::from_milli(amount) } else { quantity::from_bytes(amount) };
        let percent = if whole == 0 { 0 } else { (amount as f64 / whole as f64 * 100.0) as i64 };
        format!("{text} ({percent}%)")
    };
    w.line(0, format!("Non-terminated Pods:\t({} in total)", pods.len()));
    w.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    w.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    for pod in pods {
        let amount = |kind: &str, resource: &str| share(of_pod(pod, kind, resource), resource);
        let age = age::since(pod["metadata"]["creationTimestamp"].as_str(), w.now);
        w.line(
            1,
            format!(
                "{}\t{}\t\t{}\t{}\t{}\t{}\t{age}",
                text(&pod["metadata"]["namespace"]),
                text(&pod["metadata"]["name"]),
                amount("requests", "cpu"),
                amount("limits", "cpu"),
                amount("requests", "memory"),
                amount("limits", "memory"),
            ),
        );
    }
    w.line(0, "Allocated resources:");
    w.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
    w.line(1, "Resource\tRequests\tLimits");
    w.line(1, "--------\t--------\t------");
    let total = |kind: &str, resource: &str| pods.iter().map(|pod| of_pod(pod, kind, resource)).sum::<i64>();
    for resource in ["cpu", "memory", "ephemeral-storage"] {
        let (requests, limits) = (total("requests", resource), total("limits", resource));
        w.line(1, format!("{resource}\t{}\t{}", share(requests, resource), share(limits, resource)));
    }
    for (resource, _) in entries(allocatable) {
        let huge = resource.starts_with("hugepages-");
        if huge {
            let (requests, limits) = (total("requests", resource), total("limits", resource));
            w.line(1, format!("{resource}\t{}\t{}", share(requests, resource), share(limits, resource)));
        } else if !matches!(resource.as_str(), "cpu" | "memory" | "ephemeral-storage" | "pods") {
            w.line(1, format!("{resource}\t{}\t{}", total("requests", resource), total("limits", resource)));
        }
    }
}

/// What a Pod asks for: its containers together, or its greediest init container, and its overhead.
fn of_pod(pod: &Value, kind: &str, resource: &str) -> i64 {
    let amount = |value: &Value| {
        let text = plain(value);
        if resource == "cpu" { quantity::milli(&text) } else { quantity::whole(&text) }
    };
    let of = |container: &Value| amount(&container["resources"][kind][resource]);
    let spec = &pod["spec"];
    let sidecars: i64 =
        items(&spec["initContainers"]).filter(|container| container["restartPolicy"] == "Always").map(of).sum();
    let together: i64 = items(&spec["containers"]).map(of).sum::<i64>() + sidecars;
    let first = items(&spec["initContainers"]).map(of).max().unwrap_or(0);
    let overhead = if kind == "requests" { amount(&spec["overhead"][resource]) } else { 0 };
    together.max(first) + overhead
}
