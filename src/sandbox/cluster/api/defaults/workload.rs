//! What makes Pods.

use serde_json::{Value, json};

use super::{each, pod_spec, set};

fn template(object: &mut Value) {
    pod_spec(&mut object["spec"]["template"]["spec"]);
}

/// A Deployment.
pub fn deployment(object: &mut Value) {
    let spec = &mut object["spec"];
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "progressDeadlineSeconds", 600);
    set(&mut spec["strategy"], "type", "RollingUpdate");
    if spec["strategy"]["type"] == "RollingUpdate" {
        let rolling = &mut spec["strategy"]["rollingUpdate"];
        set(rolling, "maxUnavailable", "25%");
        set(rolling, "maxSurge", "25%");
    }
    template(object);
}

/// A ReplicaSet.
pub fn replica_set(object: &mut Value) {
    set(&mut object["spec"], "replicas", 1);
    template(object);
}

/// A ReplicationController: selector and labels are the template's.
pub fn replication_controller(object: &mut Value) {
    let labels = object["spec"]["template"]["metadata"]["labels"].clone();
    set(&mut object["spec"], "replicas", 1);
    set(&mut object["spec"], "selector", labels.clone());
    set(&mut object["metadata"], "labels", labels);
    template(object);
}

/// A StatefulSet.
pub fn stateful_set(object: &mut Value) {
    let spec = &mut object["spec"];
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set(spec, "podManagementPolicy", "OrderedReady");
    set(spec, "serviceName", "");
    set(&mut spec["updateStrategy"], "type", "RollingUpdate");
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        set(&mut spec["updateStrategy"]["rollingUpdate"], "partition", 0);
    }
    let keep = &mut spec["persistentVolumeClaimRetentionPolicy"];
    set(keep, "whenDeleted", "Retain");
    set(keep, "whenScaled", "Retain");
    for claim in each(spec.get_mut("volumeClaimTemplates")) {
        set(claim, "apiVersion", "v1");
        set(claim, "kind", "PersistentVolumeClaim");
        set(&mut claim["spec"], "volumeMode", "Filesystem");
        set(claim, "status", json!({"phase": "Pending"}));
    }
    template(object);
}

/// A DaemonSet.
pub fn daemon_set(object: &mut Value) {
    let spec = &mut object["spec"];
    set(spec, "revisionHistoryLimit", 10);
    set(&mut spec["updateStrategy"], "type", "RollingUpdate");
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        let rolling = &mut spec["updateStrategy"]["rollingUpdate"];
        set(rolling, "maxSurge", 0);
        set(rolling, "maxUnavailable", 1);
    }
    template(object);
}

/// The spec of a Job, or of a CronJob's template.
pub fn job(spec: &mut Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        spec["completions"] = 1.into();
        spec["parallelism"] = 1.into();
    }
    set(spec, "parallelism", 1);
    set(spec, "backoffLimit", 6);
    set(spec, "completionMode", "NonIndexed");
    set(spec, "suspend", false);
    set(spec, "manualSelector", false);
    let replacement = if spec["podFailurePolicy"].is_object() { "Failed" } else { "TerminatingOrFailed" };
    set(spec, "podReplacementPolicy", replacement);
    pod_spec(&mut spec["template"]["spec"]);
}

/// A CronJob. Its template's Job spec gets only a template's defaults, not a Job's.
pub fn cron_job(object: &mut Value) {
    let spec = &mut object["spec"];
    set(spec, "concurrencyPolicy", "Allow");
    set(spec, "suspend", false);
    set(spec, "successfulJobsHistoryLimit", 3);
    set(spec, "failedJobsHistoryLimit", 1);
    pod_spec(&mut spec["jobTemplate"]["spec"]["template"]["spec"]);
}
