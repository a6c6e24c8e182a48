//! Columns and cells as a real control plane printed them.

use super::super::kinds::BUILT_IN;
use super::*;

fn now() -> Timestamp {
    "2026-11-23T20:20:00Z".parse().unwrap()
}

/// Prints objects as kubectl does: the columns in capitals, the wide ones when asked.
fn printed(group: &str, plural: &str, object: Value, wide: bool) -> Vec<String> {
    let kind = BUILT_IN.iter().find(|kind| kind.plural == plural && kind.group == group).unwrap();
    let table = render(kind, [&object], Include::None, now(), true);
    let columns = table["columnDefinitions"].as_array().unwrap();
    let shown: Vec<usize> = (0..columns.len()).filter(|at| wide || columns[*at]["priority"] == 0).collect();
    let line = |cells: Vec<String>| cells.join(" | ");
    let header = shown.iter().map(|at| columns[*at]["name"].as_str().unwrap().to_uppercase()).collect();
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(cells.len(), columns.len(), "{plural}");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    vec![line(header), line(shown.iter().map(|at| text(&cells[*at])).collect())]
}

fn made(age_seconds: i64) -> String {
    (now() - jiff::SignedDuration::from_secs(age_seconds)).to_string()
}

#[test]
fn every_kind_has_as_many_cells_as_columns() {
    for kind in BUILT_IN {
        let object = json!({"metadata": {"name": "x"}});
        let table = render(kind, [&object], Include::None, now(), true);
        let columns = table["columnDefinitions"].as_array().unwrap().len();
        assert_eq!(table["rows"][0]["cells"].as_array().unwrap().len(), columns, "{}", kind.kind);
    }
}

#[test]
fn pods() {
    let container = |state: Value, ready: bool, restarts: i64| {
        json!({"name": "carts", "ready": ready, "restartCount": restarts, "state": state,
            "lastState": if restarts > 0 { json!({"terminated": {"exitCode": 1, "finishedAt": made(15)}}) } else { json!({}) }})
    };
    let pod = |phase: &str, container: Value| {
        json!({
            "metadata": {"name": "carts-845b7bb7b6-qrc9s", "creationTimestamp": made(22)},
            "spec": {"nodeName": "ip-10-42-110-27.us-west-2.compute.internal", "containers": [{"name": "carts"}]},
            "status": {"phase": phase, "podIP": "10.42.1.3", "containerStatuses": [container]},
        })
    };
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    assert_eq!(
        printed("", "pods", pod("Running", container(waiting, false, 3)), true),
        [
            "NAME | READY | STATUS | RESTARTS | AGE | IP | NODE | NOMINATED NODE | READINESS GATES",
            "carts-845b7bb7b6-qrc9s | 0/1 | CrashLoopBackOff | 3 (15s ago) | 22s | 10.42.1.3 | ip-10-42-110-27.us-west-2.compute.internal | <none> | <none>",
        ]
    );
    let running = json!({"running": {"startedAt": made(20)}});
    let status = |pod: Value| printed("", "pods", pod, false)[1].clone();
    assert_eq!(
        status(pod("Running", container(running.clone(), true, 0))),
        "carts-845b7bb7b6-qrc9s | 1/1 | Running | 0 | 22s"
    );
    let mut leaving = pod("Running", container(running, true, 0));
    leaving["metadata"]["deletionTimestamp"] = made(0).into();
    assert_eq!(status(leaving), "carts-845b7bb7b6-qrc9s | 1/1 | Terminating | 0 | 22s");
    let done = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
    assert_eq!(
        status(pod("Succeeded", container(done, false, 0))),
        "carts-845b7bb7b6-qrc9s | 0/1 | Completed | 0 | 22s"
    );
    let mut starting = pod("Pending", container(json!({"waiting": {"reason": "PodInitializing"}}), false, 0));
    starting["spec"]["initContainers"] = json!([{"name": "a"}, {"name": "b"}]);
    starting["status"]["initContainerStatuses"] = json!([
        {"name": "a", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}},
        {"name": "b", "restartCount": 0, "state": {"running": {}}},
    ]);
    assert_eq!(status(starting), "carts-845b7bb7b6-qrc9s | 0/1 | Init:1/2 | 0 | 22s");
}

#[test]
fn workloads() {
    let template = json!({"spec": {"containers": [{"name": "fluentd", "image": "aws-for-fluent-bit:stable"}]}});
    let object = |spec: Value, status: Value| {
        let mut object =
            json!({"metadata": {"name": "web", "creationTimestamp": made(123)}, "spec": spec, "status": status});
        object["spec"]["template"] = template.clone();
        object
    };
    assert_eq!(
        printed(
            "apps",
            "deployments",
            object(json!({"replicas": 5}), json!({"readyReplicas": 3, "updatedReplicas": 5, "availableReplicas": 3})),
            false
        ),
        ["NAME | READY | UP-TO-DATE | AVAILABLE | AGE", "web | 3/5 | 5 | 3 | 2m3s"]
    );
    assert_eq!(
        printed("apps", "replicasets", object(json!({"replicas": 1}), json!({"replicas": 1})), false),
        ["NAME | DESIRED | CURRENT | READY | AGE", "web | 1 | 1 | 0 | 2m3s"]
    );
    assert_eq!(
        printed("apps", "statefulsets", object(json!({"replicas": 1}), json!({})), false),
        ["NAME | READY | AGE", "web | 0/1 | 2m3s"]
    );
    let set = object(
        json!({"selector": {"matchLabels": {"app": "log-collector"}}}),
        json!({"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberReady": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}),
    );
    assert_eq!(
        printed("apps", "daemonsets", set, true),
        [
            "NAME | DESIRED | CURRENT | READY | UP-TO-DATE | AVAILABLE | NODE SELECTOR | AGE | CONTAINERS | IMAGES | SELECTOR",
            "web | 3 | 3 | 3 | 3 | 3 | <none> | 2m3s | fluentd | aws-for-fluent-bit:stable | app=log-collector",
        ]
    );
    let job = object(
        json!({"completions": 1, "parallelism": 1}),
        json!({"succeeded": 1, "startTime": made(20), "completionTime": made(12), "conditions": [{"type": "Complete", "status": "True"}]}),
    );
    assert_eq!(
        printed("batch", "jobs", job, false),
        ["NAME | STATUS | COMPLETIONS | DURATION | AGE", "web | Complete | 1/1 | 8s | 2m3s"]
    );
    let cron = json!({"metadata": {"name": "catalog-cleanup", "creationTimestamp": made(2)},
        "spec": {"schedule": "*/1 * * * *", "timeZone": "UTC", "suspend": false, "jobTemplate": {"spec": {"template": template}}}});
    assert_eq!(
        printed("batch", "cronjobs", cron, false),
        [
            "NAME | SCHEDULE | TIMEZONE | SUSPEND | ACTIVE | LAST SCHEDULE | AGE",
            "catalog-cleanup | */1 * * * * | UTC | False | 0 | <none> | 2s",
        ]
    );
}

#[test]
fn services_and_endpoints() {
    let meta = json!({"name": "catalog", "creationTimestamp": made(4)});
    let service = json!({"metadata": meta, "spec": {"type": "ClusterIP", "clusterIP": "172.20.97.236", "ports": [{"port": 80, "protocol": "TCP"}], "selector": {"b": "2", "a": "1"}}});
    assert_eq!(
        printed("", "services", service, true),
        [
            "NAME | TYPE | CLUSTER-IP | EXTERNAL-IP | PORT(S) | AGE | SELECTOR",
            "catalog | ClusterIP | 172.20.97.236 | <none> | 80/TCP | 4s | a=1,b=2",
        ]
    );
    let balanced = json!({"metadata": meta, "spec": {"type": "LoadBalancer", "clusterIP": "172.20.0.9", "ports": [{"port": 80, "nodePort": 30123, "protocol": "TCP"}]}});
    assert_eq!(
        printed("", "services", balanced, false)[1],
        "catalog | LoadBalancer | 172.20.0.9 | <pending> | 80:30123/TCP | 4s"
    );
    let endpoints = json!({"metadata": meta, "subsets": [{"addresses": [{"ip": "10.42.0.2"}, {"ip": "1"}, {"ip": "2"}, {"ip": "3"}], "ports": [{"port": 8080}]}]});
    assert_eq!(
        printed("", "endpoints", endpoints, false)[1],
        "catalog | 10.42.0.2:8080,1:8080,2:8080 + 1 more... | 4s"
    );
}

#[test]
fn nodes_and_events() {
    let node = json!({
        "metadata": {"name": "n", "creationTimestamp": made(20)},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.42.100.20"}],
            "nodeInfo": {"kubeletVersion": "v1.36.2", "osImage": "Amazon Linux 2023.7.20250609", "kernelVersion": "6.1.134-152.225.amzn2023.x86_64", "architecture": "amd64", "containerRuntimeVersion": "containerd://1.7.27"},
        },
    });
    assert_eq!(
        printed("", "nodes", node, true),
        [
            "NAME | STATUS | ROLES | AGE | VERSION | INTERNAL-IP | EXTERNAL-IP | OS-IMAGE | KERNEL-VERSION | CONTAINER-RUNTIME",
            "n | Ready | <none> | 20s | v1.36.2 | 10.42.100.20 | <none> | Amazon Linux 2023.7.20250609 | 6.1.134-152.225.amzn2023.x86_64 (amd64) | containerd://1.7.27",
        ]
    );
    let event = json!({
        "metadata": {"name": "e"}, "type": "Warning", "reason": "UnexpectedJob", "message": "Saw a job",
        "involvedObject": {"kind": "CronJob", "name": "catalog-cleanup"}, "lastTimestamp": made(1), "firstTimestamp": made(1), "count": 1,
    });
    assert_eq!(
        printed("", "events", event, false),
        [
            "LAST SEEN | TYPE | REASON | OBJECT | MESSAGE",
            "1s | Warning | UnexpectedJob | cronjob/catalog-cleanup | Saw a job"
        ]
    );
}

#[test]
fn the_rest() {
    let simple = |of: Value| {
        let mut object = of;
        object["metadata"] = json!({"name": "x", "creationTimestamp": made(73)});
        object
    };
    for (plural, object, expected) in [
        ("configmaps", simple(json!({"data": {"a": "", "b": ""}})), ["NAME | DATA | AGE", "x | 2 | 73s"]),
        (
            "secrets",
            simple(json!({"type": "Opaque", "data": {"a": ""}})),
            ["NAME | TYPE | DATA | AGE", "x | Opaque | 1 | 73s"],
        ),
        ("namespaces", simple(json!({"status": {"phase": "Active"}})), ["NAME | STATUS | AGE", "x | Active | 73s"]),
        ("serviceaccounts", simple(json!({})), ["NAME | SECRETS | AGE", "x | 0 | 73s"]),
    ] {
        assert_eq!(printed("", plural, object, false), expected);
    }
    let ingress = simple(
        json!({"spec": {"ingressClassName": "alb", "rules": [{}]}, "status": {"loadBalancer": {"ingress": [{"hostname": "k8s-ui.elb.amazonaws.com"}]}}}),
    );
    assert_eq!(
        printed("networking.k8s.io", "ingresses", ingress, false),
        ["NAME | CLASS | HOSTS | ADDRESS | PORTS | AGE", "x | alb | * | k8s-ui.elb.amazonaws.com | 80 | 73s"]
    );
}
