//! A Pod's status, as its kubelet reports it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::controllers::control::Control;
use super::super::object;
use super::images;
use super::play::containers;
use super::runtime::{ContainerRuntime, PodRuntime, Run, Stage};

/// The status that follows from what the Pod's containers do.
pub(super) fn of(control: &Control, pod: &Value, runtime: &PodRuntime) -> Value {
    let now = control.now;
    let own = |container: &Value| runtime.containers.get(object::text(container, "/name"));
    let mut unready = Vec::new();
    let mut statuses = Vec::new();
    let mut initialized = true;
    let mut init_statuses = Vec::new();
    for container in containers(pod, "initContainers") {
        let Some(own) = own(container) else { continue };
        let sidecar = container["restartPolicy"] == "Always";
        let ended_well = own.run().and_then(|run| run.end.as_ref()).is_some_and(|end| end.code == 0);
        let passed = if sidecar { matches!(own.stage, Stage::Running(_)) } else { ended_well };
        initialized &= passed;
        init_statuses.push(container_status(pod, container, own, initialized, passed));
    }
    let mut phases = Vec::new();
    for container in containers(pod, "containers") {
        let Some(own) = own(container) else { continue };
        let ready = matches!(&own.stage, Stage::Running(run) if run.is_ready(now));
        if !ready {
            unready.push(object::text(container, "/name").to_owned());
        }
        phases.push(own);
        statuses.push(container_status(pod, container, own, initialized, ready));
    }
    let mut ephemeral_statuses = Vec::new();
    for container in containers(pod, "ephemeralContainers") {
        let none = ContainerRuntime::default();
        let mut status = container_status(pod, container, own(container).unwrap_or(&none), true, false);
        if let Some(status) = status.as_object_mut() {
            // It is never ready, and nobody waits for it.
            status.shift_remove("started");
        }
        ephemeral_statuses.push(status);
    }
    let phase = phase(pod, &phases);
    let finished = matches!(phase, "Succeeded" | "Failed");
    let networked = !runtime.ip.is_empty() && !finished;
    // What others tell of the Pod stays.
    let mut conditions: Vec<Value> = object::list(&pod["status"], "/conditions")
        .iter()
        .filter(|condition| !OWN_CONDITIONS.contains(&object::text(condition, "/type")))
        .cloned()
        .collect();
    let mut add = |kind: &str, truth: bool, reason: &str, message: &str| {
        conditions.push(condition(pod, now, kind, truth, reason, message));
    };
    add("PodReadyToStartContainers", networked, "", "");
    if initialized {
        add("Initialized", true, if phase == "Succeeded" { "PodCompleted" } else { "" }, "");
    } else {
        let names: Vec<&str> = containers(pod, "initContainers")
            .filter(|container| {
                own(container)
                    .is_none_or(|own| own.run().and_then(|run| run.end.as_ref()).is_none_or(|end| end.code != 0))
            })
            .map(|container| object::text(container, "/name"))
            .collect();
        let message = format!("containers with incomplete status: [{}]", names.join(" "));
        add("Initialized", false, "ContainersNotInitialized", &message);
    }
    let (ready, reason, message) = if phase == "Succeeded" {
        (false, "PodCompleted", String::new())
    } else if phase == "Failed" {
        (false, "PodFailed", String::new())
    } else if unready.is_empty() && networked {
        (true, "", String::new())
    } else {
        (false, "ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" ")))
    };
    match closed_gates(pod).filter(|_| ready) {
        Some(closed) => add("Ready", false, "ReadinessGatesNotReady", &closed),
        None => add("Ready", ready, reason, &message),
    }
    add("ContainersReady", ready, reason, &message);
    let scheduled = object::condition(&pod["status"], "PodScheduled")
        .cloned()
        .unwrap_or_else(|| condition(pod, now, "PodScheduled", true, "", ""));
    conditions.push(scheduled);
    let mut status =
        json!({"observedGeneration": pod["metadata"]["generation"], "phase": phase, "conditions": conditions});
    let node = object::text(pod, "/spec/nodeName");
    if let Some(address) = super::node_address(control, node) {
        status["hostIP"] = address.clone().into();
        status["hostIPs"] = json!([{"ip": address}]);
    }
    if !runtime.ip.is_empty() {
        status["podIP"] = runtime.ip.clone().into();
        status["podIPs"] = json!([{"ip": runtime.ip}]);
    }
    if let Some(started) = runtime.started {
        status["startTime"] = object::written(started).into();
    }
    if !init_statuses.is_empty() {
        status["initContainerStatuses"] = init_statuses.into();
    }
    status["containerStatuses"] = statuses.into();
    if !ephemeral_statuses.is_empty() {
        status["ephemeralContainerStatuses"] = ephemeral_statuses.into();
    }
    status["qosClass"] = quality(pod).into();
    status
}

/// The conditions of a Pod that the kubelet tells, with the scheduler's that it takes over.
const OWN_CONDITIONS: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

/// What is said of the conditions that a Pod's readiness waits for, as far as they are not true.
fn closed_gates(pod: &Value) -> Option<String> {
    let told = |gate: &Value| {
        let kind = object::text(gate, "/conditionType");
        match object::condition(&pod["status"], kind) {
            None => Some(format!("corresponding condition of pod readiness gate \"{kind}\" does not exist.")),
            Some(found) if found["status"] != "True" => Some(format!(
                "the status of pod readiness gate \"{kind}\" is not \"True\", but {}",
                object::text(found, "/status")
            )),
            Some(_) => None,
        }
    };
    let closed: Vec<String> = object::list(pod, "/spec/readinessGates").iter().filter_map(told).collect();
    (!closed.is_empty()).then(|| closed.join(", "))
}

fn condition(pod: &Value, now: Timestamp, kind: &str, truth: bool, reason: &str, message: &str) -> Value {
    let truth = if truth { "True" } else { "False" };
    let before = object::condition(&pod["status"], kind).filter(|before| before["status"] == truth);
    let since =
        before.map_or_else(|| object::written(now), |before| object::text(before, "/lastTransitionTime").into());
    let mut condition = json!({
        "type": kind, "observedGeneration": pod["metadata"]["generation"], "status": truth,
        "lastProbeTime": null, "lastTransitionTime": since,
    });
    if !reason.is_empty() {
        condition["reason"] = reason.into();
    }
    if !message.is_empty() {
        condition["message"] = message.into();
    }
    condition
}

fn phase(pod: &Value, all: &[&ContainerRuntime]) -> &'static str {
    let never_started = |own: &&ContainerRuntime| own.run().is_none() && own.last.is_none();
    if all.is_empty() || all.iter().any(never_started) {
        return "Pending";
    }
    let ends = |own: &&ContainerRuntime| match &own.stage {
        Stage::Ended { run, restart_at: None, .. } => run.end.as_ref().map(|end| end.code),
        _ => None,
    };
    let codes: Vec<Option<i64>> = all.iter().map(ends).collect();
    if codes.iter().all(Option::is_some)
        && (object::text(pod, "/spec/restartPolicy") != "Always" || object::is_deleting(pod))
    {
        return if codes.iter().all(|code| *code == Some(0)) { "Succeeded" } else { "Failed" };
    }
    "Running"
}

fn container_status(pod: &Value, container: &Value, own: &ContainerRuntime, initialized: bool, ready: bool) -> Value {
    let name = object::text(container, "/name");
    let image = object::text(container, "/image");
    let waiting = |reason: &str, message: String| {
        let mut inner = json!({"reason": reason});
        if !message.is_empty() {
            inner["message"] = message.into();
        }
        json!({"waiting": inner})
    };
    let plain = if initialized { "ContainerCreating" } else { "PodInitializing" };
    // Between two runs of a container the last one is what there is to show.
    let between = own.last.as_ref().filter(|_| own.run().is_none());
    let (state, last, id) = match &own.stage {
        Stage::PullFailed { message, waiting: false, .. } => (waiting("ErrImagePull", message.clone()), None, None),
        Stage::PullFailed { message, .. } => {
            let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {message}");
            (waiting("ImagePullBackOff", message), None, None)
        }
        Stage::ConfigError(message) => (waiting("CreateContainerConfigError", message.clone()), None, None),
        Stage::Running(run) => {
            (json!({"running": {"startedAt": object::written(run.started)}}), own.last.as_ref(), Some(run))
        }
        Stage::Ended { run, waiting: Some(seconds), .. } => {
            let message = format!(
                "back-off {} restarting failed container={name} pod={}_{}({})",
                go_seconds(*seconds),
                object::name(pod),
                object::namespace(pod),
                object::uid(pod)
            );
            (waiting("CrashLoopBackOff", message), Some(run), Some(run))
        }
        Stage::Ended { run, .. } => (json!({"terminated": terminated(run)}), own.last.as_ref(), Some(run)),
        Stage::Waiting | Stage::Pulling { .. } | Stage::Creating { .. } => match between {
            Some(run) => (json!({"terminated": terminated(run)}), None, Some(run)),
            None => (waiting(plain, String::new()), None, None),
        },
    };
    let started = matches!(own.stage, Stage::Running(_));
    let restarts = if between.is_some() { own.restarts.saturating_sub(1) } else { own.restarts };
    let mut status = json!({
        "name": name, "state": state,
        "lastState": last.map_or_else(|| json!({}), |run| json!({"terminated": terminated(run)})),
        "ready": ready, "restartCount": restarts,
        "image": if own.has_image { images::full_name(image) } else { image.to_owned() },
        "imageID": if own.has_image { images::id(image) } else { String::new() },
    });
    if let Some(run) = id {
        status["containerID"] = run.id.clone().into();
    }
    status["started"] = started.into();
    let requests = &container["resources"];
    if started && requests.as_object().is_some_and(|resources| !resources.is_empty()) {
        if let Some(requests) = requests.get("requests") {
            status["allocatedResources"] = requests.clone();
        }
        status["resources"] = requests.clone();
    }
    let mounts: Vec<Value> = object::list(container, "/volumeMounts")
        .iter()
        .map(|mount| {
            let mut shown = json!({"name": mount["name"], "mountPath": mount["mountPath"]});
            if mount["readOnly"] == true {
                shown["readOnly"] = true.into();
                shown["recursiveReadOnly"] = "Disabled".into();
            }
            shown
        })
        .collect();
    if !mounts.is_empty() {
        status["volumeMounts"] = mounts.into();
    }
    status
}

fn terminated(run: &Run) -> Value {
    let (at, code) = run.end.as_ref().map_or((run.started, 0), |end| (end.at, end.code));
    json!({
        "exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" },
        "startedAt": object::written(run.started), "finishedAt": object::written(at), "containerID": run.id,
    })
}

/// A duration as Go prints it: `40s`, `1m20s`, `5m0s`.
fn go_seconds(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/>
fn quality(pod: &Value) -> &'static str {
    let all = || containers(pod, "containers").chain(containers(pod, "initContainers"));
    let set = |container: &Value, part: &str, resource: &str| container["resources"][part].get(resource).cloned();
    let any = all().any(|container| {
        ["requests", "limits"]
            .iter()
            .any(|part| ["cpu", "memory"].iter().any(|name| set(container, part, name).is_some()))
    });
    if !any {
        return "BestEffort";
    }
    let guaranteed = all().all(|container| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = set(container, "limits", name);
            limit.is_some() && set(container, "requests", name).is_none_or(|request| Some(request) == limit)
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_written_as_go_does() {
        for (seconds, text) in [(10, "10s"), (80, "1m20s"), (300, "5m0s")] {
            assert_eq!(go_seconds(seconds), text);
        }
    }

    #[test]
    fn quality_of_service() {
        let pod = |resources: Value| json!({"spec": {"containers": [{"name": "a", "resources": resources}]}});
        for (resources, class) in [
            (json!({}), "BestEffort"),
            (json!({"requests": {"cpu": "1"}}), "Burstable"),
            (json!({"limits": {"cpu": "1", "memory": "1Gi"}}), "Guaranteed"),
            (json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}), "Burstable"),
        ] {
            assert_eq!(quality(&pod(resources)), class);
        }
    }
}
