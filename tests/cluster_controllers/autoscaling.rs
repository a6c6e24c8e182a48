//! Horizontal Pod autoscalers on simulated load, and disruption budgets.

use super::*;

fn busy(replicas: u32) -> Value {
    let mut busy = deployment("busy:1", replicas);
    busy["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "250m", "memory": "256Mi"}});
    busy
}

fn autoscaler(most: u32) -> Value {
    json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1, "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]}})
}

fn measured(world: &mut World) {
    let service = json!({"metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": {"group": "metrics.k8s.io",
        "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100}});
    world.create(&resources::API_SERVICES, service);
}

fn visitors() -> Value {
    json!({"metadata": {"name": "visitors", "namespace": "default"}, "spec": {
        "containers": [{"name": "visitors", "image": "visitors:1"}]}})
}

fn replicas(world: &World) -> i64 {
    world.get(&resources::DEPLOYMENTS, "web")["spec"]["replicas"].as_i64().unwrap()
}

fn percent(world: &World) -> Option<i64> {
    let found = world.get(&resources::AUTOSCALERS, "web");
    object::number(&found, "/status/currentMetrics/0/resource/current/averageUtilization")
}

#[test]
fn replicas_follow_the_load_up_at_once_and_down_after_five_minutes() {
    let mut world = World::new();
    measured(&mut world);
    world.create(&resources::DEPLOYMENTS, busy(1));
    world.wait(60);
    world.create(&resources::AUTOSCALERS, autoscaler(4));
    assert!(world.get(&resources::AUTOSCALERS, "web")["status"]["conditions"].is_null(), "it looks every 15 seconds");
    world.wait(35);
    assert_eq!((replicas(&world), percent(&world)), (1, Some(8)));
    let idle = world.get(&resources::AUTOSCALERS, "web");
    assert_eq!(condition(&idle, "ScalingActive"), ("True".into(), "ValidMetricFound".into()));
    assert_eq!(condition(&idle, "ScalingLimited"), ("False".into(), "DesiredWithinRange".into()));
    assert_eq!(condition(&idle, "AbleToScale"), ("True".into(), "ReadyForNewScale".into()));
    assert!(!world.controllers.is_pending(), "nothing changes by itself");
    // 920m of 250m are 368 %: 4.6 times the target, and not more than four replicas.
    world.create(&resources::PODS, visitors());
    world.wait(30);
    assert_eq!(replicas(&world), 4);
    let events = world.events("web");
    let grew =
        "SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target (1)";
    assert!(events.contains(&grew.to_owned()), "{events:?}");
    let grown = world.get(&resources::AUTOSCALERS, "web");
    assert_eq!(condition(&grown, "ScalingLimited"), ("True".into(), "TooManyReplicas".into()));
    // Shared among four it is 245m each, a little above the target.
    world.wait(60);
    assert_eq!((replicas(&world), percent(&world)), (4, Some(98)));
    world.delete(&resources::PODS, "visitors");
    world.wait(60);
    assert_eq!((replicas(&world), percent(&world)), (4, Some(8)));
    let held = world.get(&resources::AUTOSCALERS, "web");
    assert_eq!(condition(&held, "AbleToScale"), ("True".into(), "ScaleDownStabilized".into()));
    assert!(world.controllers.is_pending(), "it becomes smaller later");
    world.wait(300);
    assert_eq!(replicas(&world), 1);
    let events = world.events("web");
    let shrank = "SuccessfulRescale New size: 1; reason: All metrics below target (1)";
    assert!(events.contains(&shrank.to_owned()), "{events:?}");
    assert_eq!(world.get(&resources::AUTOSCALERS, "web")["status"]["desiredReplicas"], 1);
}

#[test]
fn a_small_difference_changes_nothing() {
    let mut world = World::new();
    measured(&mut world);
    let mut busy = busy(4);
    // 245m of 280m are 87 %, within a tenth of 80 %.
    busy["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "280m".into();
    world.create(&resources::DEPLOYMENTS, busy);
    world.create(&resources::PODS, visitors());
    world.wait(60);
    world.create(&resources::AUTOSCALERS, autoscaler(10));
    world.wait(60);
    assert_eq!((replicas(&world), percent(&world)), (4, Some(87)));
}

#[test]
fn why_there_is_no_number() {
    let mut world = World::new();
    world.create(&resources::AUTOSCALERS, autoscaler(4));
    world.wait(20);
    let alone = world.get(&resources::AUTOSCALERS, "web");
    assert_eq!(condition(&alone, "AbleToScale"), ("False".into(), "FailedGetScale".into()));
    let message = object::condition(&alone["status"], "AbleToScale").unwrap()["message"].clone();
    assert_eq!(
        message,
        "the HPA controller was unable to get the target's current scale: deployments.apps \"web\" not found"
    );
    world.create(&resources::DEPLOYMENTS, deployment("busy:1", 1));
    world.wait(60);
    let why = |world: &World| {
        let found = world.get(&resources::AUTOSCALERS, "web");
        object::condition(&found["status"], "ScalingActive").unwrap()["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        why(&world),
        "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for \
         resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested \
         resource (get pods.metrics.k8s.io)"
    );
    measured(&mut world);
    world.wait(20);
    let pod = object::name(&world.pods()[0]).to_owned();
    let missing = format!("failed to get cpu utilization: missing request for cpu in container web of Pod {pod}");
    assert_eq!(why(&world), format!("the HPA was unable to compute the replica count: {missing}"));
    let events = world.events("web");
    assert!(events.iter().any(|event| event.starts_with(&format!("FailedGetResourceMetric {missing}"))), "{events:?}");
    let whole = format!(
        "FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {missing}"
    );
    assert!(events.iter().any(|event| event.starts_with(&whole)), "{events:?}");
}

#[test]
fn an_average_value_of_memory_and_rules_for_the_pace() {
    let mut world = World::new();
    measured(&mut world);
    world.create(&resources::DEPLOYMENTS, busy(1));
    world.create(&resources::PODS, visitors());
    world.wait(60);
    let mut scaler = autoscaler(10);
    scaler["spec"]["metrics"] = json!([{"type": "Resource", "resource": {"name": "memory",
        "target": {"type": "AverageValue", "averageValue": "100Mi"}}}]);
    scaler["spec"]["behavior"] = json!({"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}});
    world.create(&resources::AUTOSCALERS, scaler);
    world.wait(16);
    // 400Mi ask for four, and one a minute is allowed.
    assert_eq!(replicas(&world), 2);
    let found = world.get(&resources::AUTOSCALERS, "web");
    assert_eq!(found["status"]["currentMetrics"][0]["resource"]["current"]["averageValue"], "419430400");
    assert_eq!(condition(&found, "ScalingLimited"), ("True".into(), "ScaleUpLimit".into()));
    world.wait(30);
    assert_eq!(replicas(&world), 2);
    world.wait(45);
    assert_eq!(replicas(&world), 3);
}

#[test]
fn a_target_without_replicas_is_left_alone_and_bounds_hold_without_metrics() {
    let mut world = World::new();
    measured(&mut world);
    world.create(&resources::DEPLOYMENTS, busy(0));
    world.create(&resources::AUTOSCALERS, autoscaler(2));
    world.wait(40);
    assert_eq!(replicas(&world), 0);
    let off = world.get(&resources::AUTOSCALERS, "web");
    assert_eq!(condition(&off, "ScalingActive"), ("False".into(), "ScalingDisabled".into()));
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 5.into());
    world.wait(20);
    assert_eq!(replicas(&world), 2);
    let events = world.events("web");
    assert!(events.iter().any(|event| event.contains("reason: Current number of replicas above Spec.MaxReplicas")));
}

#[test]
fn a_budget_follows_its_pods() {
    let mut world = World::new();
    let budget = |spec: Value| {
        let mut spec = spec;
        spec["selector"] = json!({"matchLabels": {"app": "web"}});
        json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    };
    let numbers = |world: &World| {
        let found = world.get(&resources::DISRUPTION_BUDGETS, "web");
        ["expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed"]
            .map(|field| found["status"][field].as_i64().unwrap())
    };
    world.create(&resources::DISRUPTION_BUDGETS, budget(json!({"maxUnavailable": "30%"})));
    assert_eq!(numbers(&world), [0, 0, 0, 0]);
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 4));
    assert_eq!(numbers(&world), [4, 2, 0, 0]);
    world.wait(30);
    assert_eq!(numbers(&world), [4, 2, 4, 2]);
    let found = world.get(&resources::DISRUPTION_BUDGETS, "web");
    assert_eq!(condition(&found, "DisruptionAllowed"), ("True".into(), "SufficientPods".into()));
    let one = object::name(&world.pods()[0]).to_owned();
    world.delete(&resources::PODS, &one);
    assert_eq!(numbers(&world), [4, 2, 3, 1]);
    world.change(&resources::DISRUPTION_BUDGETS, "web", |budget| {
        let spec = budget["spec"].as_object_mut().unwrap();
        spec.remove("maxUnavailable");
        spec.insert("minAvailable".into(), 4.into());
    });
    world.wait(60);
    assert_eq!(numbers(&world), [4, 4, 4, 0]);
    let found = world.get(&resources::DISRUPTION_BUDGETS, "web");
    assert_eq!(condition(&found, "DisruptionAllowed"), ("False".into(), "InsufficientPods".into()));
}
