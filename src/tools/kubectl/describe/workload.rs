//! Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs and CronJobs.

use jiff::Timestamp;
use serde_json::Value;

use super::writer::{Writer, date, items, number, plain, text, truth};
use super::{controller, template};
use crate::tools::kubectl::age;
use crate::tools::kubectl::print::json::sorted;

/// Describes a Deployment; `sets` are its ReplicaSets.
pub fn deployment(w: &mut Writer, value: &Value, sets: &[Value]) {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.line(0, format!("CreationTimestamp:\t{}", date(&metadata["creationTimestamp"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("Selector:\t{}", template::selector(&spec["selector"])));
    w.line(
        0,
        format!(
            "Replicas:\t{} desired | {} updated | {} total | {} available | {} unavailable",
            number(&spec["replicas"]),
            number(&status["updatedReplicas"]),
            number(&status["replicas"]),
            number(&status["availableReplicas"]),
            number(&status["unavailableReplicas"])
        ),
    );
    w.line(0, format!("StrategyType:\t{}", text(&spec["strategy"]["type"])));
    w.line(0, format!("MinReadySeconds:\t{}", number(&spec["minReadySeconds"])));
    let rolling = &spec["strategy"]["rollingUpdate"];
    if rolling.is_object() {
        let (unavailable, surge) = (plain(&rolling["maxUnavailable"]), plain(&rolling["maxSurge"]));
        w.line(0, format!("RollingUpdateStrategy:\t{unavailable} max unavailable, {surge} max surge"));
    }
    template::describe(w, &spec["template"]);
    if items(&status["conditions"]).next().is_some() {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus\tReason");
        w.line(1, "----\t------\t------");
        for condition in items(&status["conditions"]) {
            w.line(
                1,
                format!(
                    "{} \t{}\t{}",
                    text(&condition["type"]),
                    text(&condition["status"]),
                    text(&condition["reason"])
                ),
            );
        }
    }
    let new = newest(spec, sets);
    let is_new = |set: &&Value| new.is_some_and(|new| new["metadata"]["uid"] == set["metadata"]["uid"]);
    let described = |sets: Vec<&Value>| -> String {
        let sets: Vec<String> = sets
            .into_iter()
            .map(|set| {
                format!(
                    "{} ({}/{} replicas created)",
                    text(&set["metadata"]["name"]),
                    number(&set["status"]["replicas"]),
                    number(&set["spec"]["replicas"])
                )
            })
            .collect();
        if sets.is_empty() { "<none>".into() } else { sets.join(", ") }
    };
    w.line(0, format!("OldReplicaSets:\t{}", described(sets.iter().filter(|set| !is_new(set)).collect())));
    w.line(0, format!("NewReplicaSet:\t{}", described(sets.iter().filter(is_new).collect())));
}

/// The oldest ReplicaSet whose template is the Deployment's.
fn newest<'a>(spec: &Value, sets: &'a [Value]) -> Option<&'a Value> {
    let plain = |template: &Value| {
        let mut template = template.clone();
        if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
            labels.remove("pod-template-hash");
        }
        sorted(&template)
    };
    let wanted = plain(&spec["template"]);
    sets.iter()
        .filter(|set| plain(&set["spec"]["template"]) == wanted)
        .min_by_key(|set| text(&set["metadata"]["creationTimestamp"]).to_owned())
}

/// Describes a workload that counts its Pods.
pub fn with_pods(w: &mut Writer, kind: &str, value: &Value, pods: &[Value]) {
    let phases = |phase: &str| pods.iter().filter(|pod| pod["status"]["phase"] == phase).count();
    let counts = format!(
        "{} Running / {} Waiting / {} Succeeded / {} Failed",
        phases("Running"),
        phases("Pending"),
        phases("Succeeded"),
        phases("Failed")
    );
    match kind {
        "ReplicaSet" => replica_set(w, value, &counts),
        "StatefulSet" => stateful_set(w, value, &counts),
        "DaemonSet" => daemon_set(w, value, &counts),
        _ => job(w, value),
    }
}

fn replica_set(w: &mut Writer, value: &Value, counts: &str) {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.line(0, format!("Selector:\t{}", template::selector(&spec["selector"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    if let Some(controller) = controller(value) {
        w.line(0, format!("Controlled By:\t{controller}"));
    }
    w.line(0, format!("Replicas:\t{} current / {} desired", number(&status["replicas"]), number(&spec["replicas"])));
    w.line(0, format!("Pods Status:\t{counts}"));
    template::describe(w, &spec["template"]);
    conditions(w, status);
}

fn conditions(w: &mut Writer, status: &Value) {
    if items(&status["conditions"]).next().is_some() {
        w.line(0, "Conditions:");
        w.line(1, "Type\tStatus\tReason");
        w.line(1, "----\t------\t------");
        for condition in items(&status["conditions"]) {
            let part = |key: &str| text(&condition[key]);
            w.line(1, format!("{} \t{}\t{}", part("type"), part("status"), part("reason")));
        }
    }
}

fn stateful_set(w: &mut Writer, value: &Value, counts: &str) {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.line(0, format!("CreationTimestamp:\t{}", date(&metadata["creationTimestamp"])));
    w.line(0, format!("Selector:\t{}", template::selector(&spec["selector"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("Replicas:\t{} desired | {} total", number(&spec["replicas"]), number(&status["replicas"])));
    w.line(0, format!("Update Strategy:\t{}", text(&spec["updateStrategy"]["type"])));
    let rolling = &spec["updateStrategy"]["rollingUpdate"];
    if rolling.is_object() {
        if let Some(partition) = rolling["partition"].as_i64() {
            w.line(1, format!("Partition:\t{partition}"));
        }
        if !rolling["maxUnavailable"].is_null() {
            w.line(1, format!("MaxUnavailable:\t{}", plain(&rolling["maxUnavailable"])));
        }
    }
    w.line(0, format!("Pods Status:\t{counts}"));
    template::describe(w, &spec["template"]);
    let claims = &spec["volumeClaimTemplates"];
    if items(claims).next().is_none() {
        w.line(0, "Volume Claims:\t<none>");
        return;
    }
    w.line(0, "Volume Claims:");
    for claim in items(claims) {
        w.line(1, format!("Name:\t{}", text(&claim["metadata"]["name"])));
        w.line(1, format!("StorageClass:\t{}", text(&claim["spec"]["storageClassName"])));
        w.labels_indented("  ", "Labels", &claim["metadata"]["labels"]);
        w.annotations("  Annotations", &claim["metadata"]["annotations"]);
        let capacity = plain(&claim["spec"]["resources"]["requests"]["storage"]);
        w.line(1, format!("Capacity:\t{}", if capacity.is_empty() { "<default>" } else { &capacity }));
        let modes: Vec<&str> = items(&claim["spec"]["accessModes"]).map(text).collect();
        w.line(1, format!("Access Modes:\t[{}]", modes.join(" ")));
    }
}

fn daemon_set(w: &mut Writer, value: &Value, counts: &str) {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.line(0, format!("Selector:\t{}", template::selector(&spec["selector"])));
    w.line(0, format!("Node-Selector:\t{}", pairs(&spec["template"]["spec"]["nodeSelector"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    for (title, key) in [
        ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
        ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
        ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
        ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
        ("Number of Nodes Misscheduled", "numberMisscheduled"),
    ] {
        w.line(0, format!("{title}: {}", number(&status[key])));
    }
    w.line(0, format!("Pods Status:\t{counts}"));
    template::describe(w, &spec["template"]);
}

/// Labels on one line, `<none>` for none.
pub fn pairs(labels: &Value) -> String {
    crate::tools::kubectl::print::table::labels(labels)
}

fn job(w: &mut Writer, value: &Value) {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    if spec["selector"].is_object() {
        w.line(0, format!("Selector:\t{}", template::selector(&spec["selector"])));
    } else {
        w.line(0, "Selector:\t<unset>");
    }
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    if let Some(controller) = controller(value) {
        w.line(0, format!("Controlled By:\t{controller}"));
    }
    let or_unset = |key: &str| spec[key].as_i64().map_or("<unset>".to_owned(), |count| count.to_string());
    w.line(0, format!("Parallelism:\t{}", or_unset("parallelism")));
    w.line(0, format!("Completions:\t{}", or_unset("completions")));
    if let Some(mode) = spec["completionMode"].as_str() {
        w.line(0, format!("Completion Mode:\t{mode}"));
    }
    if let Some(suspend) = spec["suspend"].as_bool() {
        w.line(0, format!("Suspend:\t{suspend}"));
    }
    if let Some(limit) = spec["backoffLimit"].as_i64() {
        w.line(0, format!("Backoff Limit:\t{limit}"));
    }
    if let Some(ttl) = spec["ttlSecondsAfterFinished"].as_i64() {
        w.line(0, format!("TTL Seconds After Finished:\t{ttl}"));
    }
    if !status["startTime"].is_null() {
        w.line(0, format!("Start Time:\t{}", date(&status["startTime"])));
    }
    if !status["completionTime"].is_null() {
        w.line(0, format!("Completed At:\t{}", date(&status["completionTime"])));
    }
    let time = |key: &str| status[key].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    if let (Some(begin), Some(end)) = (time("startTime"), time("completionTime")) {
        w.line(0, format!("Duration:\t{}", age::human(end.as_second() - begin.as_second())));
    }
    if let Some(limit) = spec["activeDeadlineSeconds"].as_i64() {
        w.line(0, format!("Active Deadline Seconds:\t{limit}s"));
    }
    let counts = format!(
        "{} / {} Succeeded / {} Failed",
        match status["ready"].as_i64() {
            Some(ready) => format!("{} Active ({ready} Ready)", number(&status["active"])),
            None => format!("{} Active", number(&status["active"])),
        },
        number(&status["succeeded"]),
        number(&status["failed"])
    );
    w.line(0, format!("Pods Statuses:\t{counts}"));
    if spec["completionMode"] == "Indexed" {
        let done = match text(&status["completedIndexes"]) {
            "" => "<none>",
            indexes => indexes,
        };
        w.line(0, format!("Completed Indexes:\t{done}"));
    }
    template::describe(w, &spec["template"]);
}

/// Describes a CronJob.
pub fn cron_job(w: &mut Writer, value: &Value) {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    w.line(0, format!("Name:\t{}", text(&metadata["name"])));
    w.line(0, format!("Namespace:\t{}", text(&metadata["namespace"])));
    w.labels("Labels", &metadata["labels"]);
    w.annotations("Annotations", &metadata["annotations"]);
    w.line(0, format!("Schedule:\t{}", text(&spec["schedule"])));
    w.line(0, format!("Concurrency Policy:\t{}", text(&spec["concurrencyPolicy"])));
    w.line(0, format!("Suspend:\t{}", truth(&spec["suspend"])));
    let or_unset = |value: &Value| value.as_i64().map_or("<unset>".to_owned(), |count| count.to_string());
    w.line(0, format!("Successful Job History Limit:\t{}", or_unset(&spec["successfulJobsHistoryLimit"])));
    w.line(0, format!("Failed Job History Limit:\t{}", or_unset(&spec["failedJobsHistoryLimit"])));
    let deadline = spec["startingDeadlineSeconds"].as_i64().map_or("<unset>".to_owned(), |limit| format!("{limit}s"));
    w.line(0, format!("Starting Deadline Seconds:\t{deadline}"));
    let job = &spec["jobTemplate"]["spec"];
    if job["selector"].is_object() {
        w.line(0, format!("Selector:\t{}", template::selector(&job["selector"])));
    } else {
        w.line(0, "Selector:\t<unset>");
    }
    w.line(0, format!("Parallelism:\t{}", or_unset(&job["parallelism"])));
    w.line(0, format!("Completions:\t{}", or_unset(&job["completions"])));
    if let Some(limit) = job["activeDeadlineSeconds"].as_i64() {
        w.line(0, format!("Active Deadline Seconds:\t{limit}s"));
    }
    template::describe(w, &job["template"]);
    if status["lastScheduleTime"].is_null() {
        w.line(0, "Last Schedule Time:\t<unset>");
    } else {
        w.line(0, format!("Last Schedule Time:\t{}", date(&status["lastScheduleTime"])));
    }
    let active: Vec<&str> = items(&status["active"]).map(|job| text(&job["name"])).collect();
    w.line(0, format!("Active Jobs:\t{}", if active.is_empty() { "<none>".to_owned() } else { active.join(", ") }));
}
