//! The sandbox's cluster under load, at `--speed 1000`: 200 Deployments of 5 Pods until all are ready, a list of 5,000 Pods, and
//! 100 watchers that each get 10,000 events. Run with `cargo bench --bench cluster`; the peak of the process's memory is printed
//! after each on Linux.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::{BodyExt as _, Empty};
use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::cluster::object::{self, resources};
use lectern::sandbox::cluster::{CloudIdentity, Cluster, Seed};
use serde_json::{Value, json};
use tower::Service as _;

const DEPLOYMENTS: usize = 200;
const REPLICAS: usize = 5;
const PODS: usize = 5_000;
const WATCHERS: usize = 100;
const EVENTS: usize = 10_000;

/// An account in which nothing is associated.
struct Bare;

impl CloudIdentity for Bare {
    fn association(&self, _: &str, _: &str, _: &str) -> Option<String> {
        None
    }

    fn allowed(&self, _: &str, _: &str, _: &str, _: &str, _: &str) -> Result<(), String> {
        Err("no".into())
    }

    fn account(&self) -> String {
        "111122223333".into()
    }
}

fn main() {
    for (name, run) in [
        ("200 Deployments of 5 Pods become ready", deployments as fn() -> Duration),
        ("a list of 5,000 Pods", list),
        ("100 watchers, 10,000 events", watchers),
    ] {
        let took = run();
        println!("{name}: {:.2} s, peak memory {}", took.as_secs_f64(), peak());
    }
}

/// The most memory that the process had (`VmHWM`).
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kilobytes.map_or_else(|| "not known here".into(), |number| format!("{} MiB", number / 1024))
}

/// A cluster of twenty nodes that have room for everything.
fn in_cluster<F: Future<Output = Duration>>(run: impl FnOnce(Cluster, Clock) -> F) -> Duration {
    let nodes: Vec<Value> = (0..20)
        .map(|number| {
            json!({"name": format!("node-{number}"), "address": format!("10.1.0.{}", number + 1),
                "pod_network": format!("10.{}.0.0/16", number + 2), "zone": "eu-west-1a", "instance_type": "large",
                "instance_id": format!("i-{number}"), "capacity": {"cpu": "64", "memory": "256Gi", "pods": "500"}})
        })
        .collect();
    let seed: Seed =
        serde_json::from_value(json!({"name": "load", "region": "eu-west-1", "running_for": "0s", "nodes": nodes}))
            .expect("a seed");
    let clock = Clock::accelerated(1000.0);
    session_runtime(&clock).expect("a runtime").block_on(async {
        let cluster = Cluster::start(&seed, Arc::new(Bare), &clock).await.expect("a cluster");
        run(cluster, clock.clone()).await
    })
}

fn deployment(number: usize) -> Value {
    json!({"metadata": {"name": format!("web-{number}"), "namespace": "default"}, "spec": {"replicas": REPLICAS,
        "selector": {"matchLabels": {"app": format!("web-{number}")}},
        "template": {"metadata": {"labels": {"app": format!("web-{number}")}},
            "spec": {"containers": [{"name": "web", "image": "web:1",
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]}}}})
}

fn deployments() -> Duration {
    in_cluster(async |cluster, clock| {
        let began = Instant::now();
        for number in 0..DEPLOYMENTS {
            cluster.server().create(&resources::DEPLOYMENTS, deployment(number)).expect("made");
        }
        loop {
            clock.sleep(Duration::from_secs(1)).await;
            let all = cluster.store().list(&resources::DEPLOYMENTS, None);
            let ready: i64 = all.iter().filter_map(|one| object::number(one, "/status/readyReplicas")).sum();
            if ready == i64::try_from(DEPLOYMENTS * REPLICAS).expect("a number") {
                return began.elapsed();
            }
        }
    })
}

fn pod(number: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("pod-{number}"), "namespace": "default",
        "labels": {"app": "web"}}, "spec": {"schedulingGates": [{"name": "held"}],
        "containers": [{"name": "web", "image": "web:1"}]}})
}

fn list() -> Duration {
    in_cluster(async |cluster, _| {
        for number in 0..PODS {
            cluster.store().create(&resources::PODS, pod(number)).expect("made");
        }
        let began = Instant::now();
        let request = Request::get("/api/v1/pods").body(Empty::new()).expect("a request");
        let answer = cluster.server().client_service().call(request).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let took = began.elapsed();
        let listed: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(PODS));
        took
    })
}

fn watchers() -> Duration {
    in_cluster(async |cluster, _| {
        let map = |number: usize| json!({"metadata": {"name": format!("map-{number}"), "namespace": "default"}, "data": {"a": "b"}});
        let revision = cluster.store().revision();
        let mut followed = tokio::task::JoinSet::new();
        for _ in 0..WATCHERS {
            let path = format!("/api/v1/namespaces/default/configmaps?watch=true&resourceVersion={revision}");
            let request = Request::get(path).body(Empty::new()).expect("a request");
            let mut body = cluster.server().client_service().call(request).await.expect("an answer").into_body();
            followed.spawn(async move {
                let mut lines = 0;
                while lines < EVENTS {
                    let frame = body.frame().await.expect("more to come").expect("no error");
                    let bytes = frame.into_data().unwrap_or_default();
                    lines += bytes.iter().filter(|byte| **byte == b'\n').count();
                }
            });
        }
        let began = Instant::now();
        for number in 0..EVENTS {
            cluster.store().create(&resources::CONFIG_MAPS, map(number)).expect("made");
            if number % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        while let Some(ended) = followed.join_next().await {
            ended.expect("no watcher panics");
        }
        began.elapsed()
    })
}
