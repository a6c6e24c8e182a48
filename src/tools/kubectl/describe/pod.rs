//! Pods.

use serde_json::Value;

use super::container::{containers, resources, tolerations};
use super::controller;
use super::template::spread;
use super::volumes::volumes;
use super::writer::{Writer, date, items, number, text};
use crate::tools::kubectl::age;

/// Describes a Pod up to its events.
pub fn describe(w: &mut Writer, pod: &Value) {
    let (metadata, spec, status) = (&pod["metadata"], &pod["spec"], &pod["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    if let Some(priority) = spec["priority"].as_i64() {
        w.line(0, format!("Priority:\t{priority}"));
    }
    for (title, key) in [
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    ] {
        if !text(&spec[key]).is_empty() {
            w.line(0, format!("{title}:\t{}", text(&spec[key])));
        }
    }
    match text(&spec["nodeName"]) {
        "" => w.line(0, "Node:\t<none>"),
        node => w.line(0, format!("Node:\t{node}/{}", text(&status["hostIP"]))),
    }
    if !status["startTime"].is_null() {
        w.line(0, format!("Start Time:\t{}", date(&status["startTime"])));
    }
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    let phase = text(&status["phase"]);
    if let Some(deleted) = metadata["deletionTimestamp"].as_str()
        && !matches!(phase, "Failed" | "Succeeded")
    {
        let lasts = age::since(Some(deleted), w.now);
        w.line(0, format!("Status:\tTerminating (lasts {lasts})"));
        w.line(0, format!("Termination Grace Period:\t{}s", number(&metadata["deletionGracePeriodSeconds"])));
    } else {
        w.line(0, format!("Status:\t{phase}"));
    }
    for (title, key) in [("Reason", "reason"), ("Message", "message")] {
        if !text(&status[key]).is_empty() {
            w.line(0, format!("{title}:\t{}", text(&status[key])));
        }
    }
    let seccomp = &spec["securityContext"]["seccompProfile"];
    if seccomp.is_object() {
        w.line(0, format!("SeccompProfile:\t{}", text(&seccomp["type"])));
        if seccomp["type"] == "Localhost" {
            w.line(0, format!("LocalhostProfile:\t{}", text(&seccomp["localhostProfile"])));
        }
    }
    w.line(0, format!("IP:\t{}", text(&status["podIP"])));
    let mut addresses = items(&status["podIPs"]).peekable();
    if addresses.peek().is_none() {
        w.line(0, "IPs:\t<none>");
    } else {
        w.line(0, "IPs:");
        addresses.for_each(|address| w.line(1, format!("IP:\t{}", text(&address["ip"]))));
    }
    if let Some(controller) = controller(pod) {
        w.line(0, format!("Controlled By:\t{controller}"));
    }
    if !text(&status["nominatedNodeName"]).is_empty() {
        w.line(0, format!("NominatedNodeName:\t{}", text(&status["nominatedNodeName"])));
    }
    if spec["resources"].is_object() {
        w.line(0, "Resources:");
        resources(w, &spec["resources"], 1);
    }
    for (title, key, statuses, always) in [
        ("Init Containers", "initContainers", "initContainerStatuses", false),
        ("Containers", "containers", "containerStatuses", true),
        ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses", false),
    ] {
        if always || items(&spec[key]).next().is_some() {
            containers(w, title, &spec[key], &status[statuses], pod, "");
        }
    }
    let conditions = || items(&status["conditions"]);
    if items(&spec["readinessGates"]).next().is_some() {
        w.line(0, "Readiness Gates:");
        w.line(1, "Type\tStatus");
        for gate in items(&spec["readinessGates"]) {
            let state = conditions().find(|condition| condition["type"] == gate["conditionType"]);
            let state = state.map_or("<none>", |condition| text(&condition["status"]));
            w.line(1, format!("{} \t{state} ", text(&gate["conditionType"])));
        }
    }
    if conditions().next().is_some() {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus");
        for condition in conditions() {
            w.line(1, format!("{} \t{} ", text(&condition["type"]), text(&condition["status"])));
        }
    }
    volumes(w, &spec["volumes"], "");
    w.line(0, format!("QoS Class:\t{}", quality(pod)));
    w.labels("Node-Selectors", &spec["nodeSelector"]);
    tolerations(w, "", "Tolerations", &spec["tolerations"]);
    spread(w, &spec["topologySpreadConstraints"], "");
}

/// The quality of service: the server's word, else by the containers' requests and limits.
fn quality(pod: &Value) -> &str {
    if let Some(class) = pod["status"]["qosClass"].as_str() {
        return class;
    }
    let all = || items(&pod["spec"]["initContainers"]).chain(items(&pod["spec"]["containers"]));
    let amount = |container: &Value, kind: &str, resource: &str| container["resources"][kind][resource].clone();
    let each = ["cpu", "memory"];
    if all().all(|c| each.iter().all(|r| amount(c, "limits", r).is_null() && amount(c, "requests", r).is_null())) {
        return "BestEffort";
    }
    let guaranteed = all().all(|c| {
        each.iter().all(|r| {
            let (limit, request) = (amount(c, "limits", r), amount(c, "requests", r));
            !limit.is_null() && (request.is_null() || request == limit)
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}
