//! Pods and what makes them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::show::{age, age_of, containers, count, human, items, joined, labels, name, number, plain, selector, text};
use super::{Column, Printer, Row};

const CONTAINERS: [Column; 2] = [("Containers", "string", 1), ("Images", "string", 1)];

pub fn printer(group: &str, plural: &str) -> Option<Printer> {
    const NAME: Column = ("Name", "string", 0);
    const AGE: Column = ("Age", "string", 0);
    const SELECTOR: Column = ("Selector", "string", 1);
    Some(match (group, plural) {
        ("", "pods") => Printer {
            columns: &[
                NAME,
                ("Ready", "string", 0),
                ("Status", "string", 0),
                ("Restarts", "string", 0),
                AGE,
                ("IP", "string", 1),
                ("Node", "string", 1),
                ("Nominated Node", "string", 1),
                ("Readiness Gates", "string", 1),
            ],
            row: pod,
        },
        ("apps", "deployments") => Printer {
            columns: &[
                NAME,
                ("Ready", "string", 0),
                ("Up-to-date", "integer", 0),
                ("Available", "integer", 0),
                AGE,
                CONTAINERS[0],
                CONTAINERS[1],
                SELECTOR,
            ],
            row: deployment,
        },
        ("apps", "replicasets") | ("", "replicationcontrollers") => Printer {
            columns: &[
                NAME,
                ("Desired", "integer", 0),
                ("Current", "integer", 0),
                ("Ready", "integer", 0),
                AGE,
                CONTAINERS[0],
                CONTAINERS[1],
                SELECTOR,
            ],
            row: replica_set,
        },
        ("apps", "statefulsets") => {
            Printer { columns: &[NAME, ("Ready", "string", 0), AGE, CONTAINERS[0], CONTAINERS[1]], row: stateful_set }
        }
        ("apps", "daemonsets") => Printer {
            columns: &[
                NAME,
                ("Desired", "integer", 0),
                ("Current", "integer", 0),
                ("Ready", "integer", 0),
                ("Up-to-date", "integer", 0),
                ("Available", "integer", 0),
                ("Node Selector", "string", 0),
                AGE,
                CONTAINERS[0],
                CONTAINERS[1],
                SELECTOR,
            ],
            row: daemon_set,
        },
        ("apps", "controllerrevisions") => Printer {
            columns: &[NAME, ("Controller", "string", 0), ("Revision", "integer", 0), AGE],
            row: controller_revision,
        },
        ("batch", "jobs") => Printer {
            columns: &[
                NAME,
                ("Status", "string", 0),
                ("Completions", "string", 0),
                ("Duration", "string", 0),
                AGE,
                CONTAINERS[0],
                CONTAINERS[1],
                SELECTOR,
            ],
            row: job,
        },
        ("batch", "cronjobs") => Printer {
            columns: &[
                NAME,
                ("Schedule", "string", 0),
                ("Timezone", "string", 0),
                ("Suspend", "boolean", 0),
                ("Active", "integer", 0),
                ("Last Schedule", "string", 0),
                AGE,
                CONTAINERS[0],
                CONTAINERS[1],
                SELECTOR,
            ],
            row: cron_job,
        },
        ("", "podtemplates") => Printer {
            columns: &[NAME, ("Containers", "string", 0), ("Images", "string", 0), ("Pod Labels", "string", 0)],
            row: |object, _| {
                let [names, images] = containers(&object["template"]["spec"]);
                vec![name(object), names, images, labels(&object["template"]["metadata"]["labels"]).into()].into()
            },
        },
        _ => return None,
    })
}

/// Whether an init container goes on beside the others: it is restarted always.
fn is_sidecar(pod: &Value, container: &Value) -> bool {
    items(&pod["spec"]["initContainers"])
        .any(|one| one["name"] == container["name"] && one["restartPolicy"] == "Always")
}

fn pod(pod: &Value, now: Timestamp) -> Row {
    let status = &pod["status"];
    let mut total = count(&pod["spec"]["containers"]);
    let mut ready = 0;
    let mut restarts = 0;
    let mut restarted: Option<Timestamp> = None;
    let mut sidecar_restarts = 0;
    let mut sidecar_restarted: Option<Timestamp> = None;
    let finished_before =
        |one: &Value| -> Option<Timestamp> { one["lastState"]["terminated"]["finishedAt"].as_str()?.parse().ok() };
    let phase = plain(&status["phase"]);
    let mut reason = Some(plain(&status["reason"])).filter(|reason| !reason.is_empty()).unwrap_or(phase.clone());
    if items(&status["conditions"]).any(|one| one["type"] == "PodScheduled" && one["reason"] == "SchedulingGated") {
        reason = "SchedulingGated".into();
    }
    let ended = |prefix: &str, terminated: &Value| match terminated["reason"].as_str().unwrap_or_default() {
        "" if number(&terminated["signal"]) != 0 => format!("{prefix}Signal:{}", number(&terminated["signal"])),
        "" => format!("{prefix}ExitCode:{}", number(&terminated["exitCode"])),
        reason => format!("{prefix}{reason}"),
    };
    let init_count = count(&pod["spec"]["initContainers"]);
    total += items(&pod["spec"]["initContainers"]).filter(|one| is_sidecar(pod, one)).count();
    let mut initializing = false;
    for (at, one) in items(&status["initContainerStatuses"]).enumerate() {
        restarts += number(&one["restartCount"]);
        restarted = restarted.max(finished_before(one));
        if is_sidecar(pod, one) {
            sidecar_restarts += number(&one["restartCount"]);
            sidecar_restarted = sidecar_restarted.max(finished_before(one));
        }
        let state = &one["state"];
        let waiting = state["waiting"]["reason"].as_str().unwrap_or_default();
        if state["terminated"].is_object() && number(&state["terminated"]["exitCode"]) == 0 {
            continue;
        }
        if is_sidecar(pod, one) && one["started"] == true {
            if one["ready"] == true {
                ready += 1;
            }
            continue;
        }
        reason = if state["terminated"].is_object() {
            ended("Init:", &state["terminated"])
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}")
        } else {
            format!("Init:{at}/{init_count}")
        };
        initializing = true;
        break;
    }
    let initialized = items(&status["conditions"]).any(|one| one["type"] == "Initialized" && one["status"] == "True");
    if !initializing || initialized {
        restarts = sidecar_restarts;
        restarted = sidecar_restarted;
        let mut running = false;
        for one in items(&status["containerStatuses"]).rev() {
            restarts += number(&one["restartCount"]);
            restarted = restarted.max(finished_before(one));
            let state = &one["state"];
            match state["waiting"]["reason"].as_str() {
                Some(waiting) if !waiting.is_empty() => reason = waiting.into(),
                _ if state["terminated"].is_object() => reason = ended("", &state["terminated"]),
                _ if one["ready"] == true && state["running"].is_object() => {
                    running = true;
                    ready += 1;
                }
                _ => {}
            }
        }
        if reason == "Completed" && running {
            let is_ready = items(&status["conditions"]).any(|one| one["type"] == "Ready" && one["status"] == "True");
            reason = if is_ready { "Running" } else { "NotReady" }.into();
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        if status["reason"] == "NodeLost" {
            reason = "Unknown".into();
        } else if phase != "Failed" && phase != "Succeeded" {
            reason = "Terminating".into();
        }
    }
    let restarts = match restarted {
        Some(then) if restarts != 0 => format!("{restarts} ({} ago)", human(now.duration_since(then))),
        _ => restarts.to_string(),
    };
    let gates = if count(&pod["spec"]["readinessGates"]) == 0 {
        super::show::NONE.to_owned()
    } else {
        let met = items(&pod["spec"]["readinessGates"]).filter(|gate| {
            items(&status["conditions"]).any(|one| one["type"] == gate["conditionType"] && one["status"] == "True")
        });
        format!("{}/{}", met.count(), count(&pod["spec"]["readinessGates"]))
    };
    let conditions = match phase.as_str() {
        "Succeeded" => Some(json!([{
            "type": "Completed", "status": "True", "reason": "Succeeded",
            "message": "The pod has completed successfully.",
        }])),
        "Failed" => {
            Some(json!([{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}]))
        }
        _ => None,
    };
    let ip = items(&status["podIPs"]).next().map_or(&status["podIP"], |first| &first["ip"]);
    let cells = vec![
        name(pod),
        format!("{ready}/{total}").into(),
        reason.into(),
        restarts.into(),
        age(pod, now),
        text(ip),
        text(&pod["spec"]["nodeName"]),
        text(&status["nominatedNodeName"]),
        gates.into(),
    ];
    Row { cells, conditions }
}

fn deployment(object: &Value, now: Timestamp) -> Row {
    let status = &object["status"];
    let [names, images] = containers(&object["spec"]["template"]["spec"]);
    vec![
        name(object),
        format!("{}/{}", number(&status["readyReplicas"]), number(&object["spec"]["replicas"])).into(),
        number(&status["updatedReplicas"]).into(),
        number(&status["availableReplicas"]).into(),
        age(object, now),
        names,
        images,
        selector(&object["spec"]["selector"]).into(),
    ]
    .into()
}

fn replica_set(object: &Value, now: Timestamp) -> Row {
    let status = &object["status"];
    let [names, images] = containers(&object["spec"]["template"]["spec"]);
    let chosen = if object["kind"] == "ReplicationController" {
        labels(&object["spec"]["selector"])
    } else {
        selector(&object["spec"]["selector"])
    };
    vec![
        name(object),
        number(&object["spec"]["replicas"]).into(),
        number(&status["replicas"]).into(),
        number(&status["readyReplicas"]).into(),
        age(object, now),
        names,
        images,
        chosen.into(),
    ]
    .into()
}

fn stateful_set(object: &Value, now: Timestamp) -> Row {
    let [names, images] = containers(&object["spec"]["template"]["spec"]);
    let ready = number(&object["status"]["readyReplicas"]);
    vec![
        name(object),
        format!("{ready}/{}", number(&object["spec"]["replicas"])).into(),
        age(object, now),
        names,
        images,
    ]
    .into()
}

fn daemon_set(object: &Value, now: Timestamp) -> Row {
    let status = &object["status"];
    let [names, images] = containers(&object["spec"]["template"]["spec"]);
    vec![
        name(object),
        number(&status["desiredNumberScheduled"]).into(),
        number(&status["currentNumberScheduled"]).into(),
        number(&status["numberReady"]).into(),
        number(&status["updatedNumberScheduled"]).into(),
        number(&status["numberAvailable"]).into(),
        labels(&object["spec"]["template"]["spec"]["nodeSelector"]).into(),
        age(object, now),
        names,
        images,
        selector(&object["spec"]["selector"]).into(),
    ]
    .into()
}

fn controller_revision(object: &Value, now: Timestamp) -> Row {
    let owner = items(&object["metadata"]["ownerReferences"]).find(|one| one["controller"] == true);
    let controller = owner.map_or_else(
        || super::show::NONE.to_owned(),
        |owner| {
            // Kubernetes writes kind and group in lower case with a dot between.
            let group = plain(&owner["apiVersion"]);
            let group = group.split_once('/').map_or("", |(group, _)| group);
            let kind = plain(&owner["kind"]).to_lowercase();
            let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
            format!("{kind}/{}", plain(&owner["name"]))
        },
    );
    vec![name(object), controller.into(), number(&object["revision"]).into(), age(object, now)].into()
}

fn job(object: &Value, now: Timestamp) -> Row {
    let (spec, status) = (&object["spec"], &object["status"]);
    let succeeded = number(&status["succeeded"]);
    let completions = match (spec["completions"].as_i64(), spec["parallelism"].as_i64().unwrap_or(0)) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, parallelism) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let time = |field: &str| -> Option<Timestamp> { status[field].as_str()?.parse().ok() };
    let duration = match (time("startTime"), time("completionTime")) {
        (None, _) => String::new(),
        (Some(start), Some(end)) => human(end.duration_since(start)),
        (Some(start), None) => human(now.duration_since(start)),
    };
    let holds = |kind: &str| items(&status["conditions"]).any(|one| one["type"] == kind && one["status"] == "True");
    let state = if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if object["metadata"]["deletionTimestamp"].is_string() {
        "Terminating"
    } else if holds("Suspended") {
        "Suspended"
    } else if holds("FailureTarget") {
        "FailureTarget"
    } else if holds("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let [names, images] = containers(&spec["template"]["spec"]);
    vec![
        name(object),
        state.into(),
        completions.into(),
        duration.into(),
        age(object, now),
        names,
        images,
        selector(&spec["selector"]).into(),
    ]
    .into()
}

fn cron_job(object: &Value, now: Timestamp) -> Row {
    let spec = &object["spec"];
    let last = match &object["status"]["lastScheduleTime"] {
        Value::Null => super::show::NONE.into(),
        time => age_of(time, now),
    };
    let suspend = match spec["suspend"].as_bool() {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    let template = &spec["jobTemplate"]["spec"];
    let [names, images] = containers(&template["template"]["spec"]);
    vec![
        name(object),
        spec["schedule"].clone(),
        text(&spec["timeZone"]),
        suspend.into(),
        count(&object["status"]["active"]).into(),
        last,
        age(object, now),
        names,
        images,
        joined(std::iter::once(selector(&template["selector"]))).into(),
    ]
    .into()
}
