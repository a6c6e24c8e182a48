//! Resource quotas and limit ranges.

use super::*;

fn pod(name: &str, resources: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "default"}, "spec": {
        "containers": [{"name": "app", "image": "web:1", "resources": resources}]}})
}

fn quota(hard: Value) -> Value {
    json!({"metadata": {"name": "team", "namespace": "default"}, "spec": {"hard": hard}})
}

fn range(limits: Value) -> Value {
    json!({"metadata": {"name": "sizes", "namespace": "default"}, "spec": {"limits": limits}})
}

fn refused(world: &World, resource: &GroupResource, object: Value) -> String {
    let error = world.controllers.control.create(resource, object).unwrap_err();
    assert_eq!((error.code, error.reason), (403, "Forbidden"));
    error.to_string()
}

#[test]
fn a_quota_counts_and_refuses() {
    let mut world = World::new();
    let hard = json!({"requests.cpu": "1", "limits.memory": "1Gi", "pods": "3", "count/deployments.apps": "1"});
    world.create(&resources::RESOURCE_QUOTAS, quota(hard));
    let used = |world: &World| world.get(&resources::RESOURCE_QUOTAS, "team")["status"]["used"].clone();
    let counts = |cpu: &str, memory: &str, pods: &str, deployments: &str| json!({"requests.cpu": cpu, "limits.memory": memory, "pods": pods, "count/deployments.apps": deployments});
    assert_eq!(used(&world), counts("0", "0", "0", "0"));
    let sized = |cpu: &str| json!({"requests": {"cpu": cpu}, "limits": {"memory": "256Mi"}});
    world.create(&resources::PODS, pod("one", sized("600m")));
    assert_eq!(used(&world), counts("600m", "256Mi", "1", "0"));
    assert_eq!(
        refused(&world, &resources::PODS, pod("two", sized("500m"))),
        "pods \"two\" is forbidden: exceeded quota: team, requested: requests.cpu=500m, used: requests.cpu=600m, \
         limited: requests.cpu=1"
    );
    assert_eq!(
        refused(&world, &resources::PODS, pod("silent", json!({}))),
        "pods \"silent\" is forbidden: failed quota: team: must specify limits.memory for: app; requests.cpu for: app"
    );
    // What a controller makes is refused too, and told.
    let mut web = deployment("web:1", 2);
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = sized("300m");
    world.create(&resources::DEPLOYMENTS, web.clone());
    world.wait(5);
    assert_eq!(used(&world), counts("900m", "512Mi", "2", "1"));
    let set = world.list(&resources::REPLICA_SETS)[0].clone();
    let events = world.events(object::name(&set));
    let why = "exceeded quota: team, requested: requests.cpu=300m, used: requests.cpu=900m, limited: requests.cpu=1";
    assert!(
        events.iter().any(|event| event.starts_with("FailedCreate Error creating: pods \"web-") && event.contains(why))
    );
    assert_eq!(condition(&set, "ReplicaFailure"), ("True".into(), "FailedCreate".into()));
    web["metadata"]["name"] = "more".into();
    assert!(refused(&world, &resources::DEPLOYMENTS, web).ends_with("limited: count/deployments.apps=1"));
    // Room is there again when a Pod is gone.
    world.delete(&resources::PODS, "one");
    world.wait(30);
    assert_eq!(used(&world), counts("600m", "512Mi", "2", "1"));
}

#[test]
fn scopes_choose_which_pods_count() {
    let mut world = World::new();
    let mut quota = quota(json!({"pods": "1"}));
    quota["spec"]["scopes"] = json!(["BestEffort"]);
    world.create(&resources::RESOURCE_QUOTAS, quota);
    world.create(&resources::PODS, pod("modest", json!({})));
    world.create(&resources::PODS, pod("sized", json!({"requests": {"cpu": "10m"}})));
    assert!(
        refused(&world, &resources::PODS, pod("another", json!({})))
            .contains("exceeded quota: team, requested: pods=1")
    );
}

#[test]
fn a_limit_range_gives_and_refuses() {
    let mut world = World::new();
    let limits = json!([{"type": "Container", "default": {"memory": "512Mi"}, "defaultRequest": {"cpu": "100m"},
        "max": {"memory": "1Gi"}, "min": {"memory": "100Mi"}, "maxLimitRequestRatio": {"memory": "4"}}]);
    let made = world.create(&resources::LIMIT_RANGES, range(limits));
    let limit = &made["spec"]["limits"][0];
    assert_eq!(limit["default"], json!({"memory": "512Mi"}));
    assert_eq!(limit["defaultRequest"], json!({"cpu": "100m", "memory": "512Mi"}));
    let made = world.create(&resources::PODS, pod("plain", json!({})));
    let container = &made["spec"]["containers"][0];
    assert_eq!(container["resources"]["limits"], json!({"memory": "512Mi"}));
    assert_eq!(container["resources"]["requests"], json!({"cpu": "100m", "memory": "512Mi"}));
    assert_eq!(
        object::annotation(&made, "kubernetes.io/limit-ranger"),
        "LimitRanger plugin set: cpu, memory request for container app; memory limit for container app"
    );
    let refused = |name: &str, requests: &str, limits: &str| {
        let sizes = json!({"requests": {"memory": requests}, "limits": {"memory": limits}});
        refused(&world, &resources::PODS, pod(name, sizes))
    };
    assert_eq!(
        refused("large", "800Mi", "1536Mi"),
        "pods \"large\" is forbidden: maximum memory usage per Container is 1Gi, but limit is 1536Mi"
    );
    assert_eq!(
        refused("small", "50Mi", "100Mi"),
        "pods \"small\" is forbidden: minimum memory usage per Container is 100Mi, but request is 50Mi"
    );
    assert_eq!(
        refused("wide", "100Mi", "600Mi"),
        "pods \"wide\" is forbidden: memory max limit to request ratio per Container is 4, but provided ratio is 6.000000"
    );
}

#[test]
fn claims_have_limits_and_quotas_too() {
    let mut world = World::new();
    world.create(
        &resources::LIMIT_RANGES,
        range(json!([{"type": "PersistentVolumeClaim", "max": {"storage": "2Gi"}, "min": {"storage": "1Gi"}}])),
    );
    world.create(&resources::RESOURCE_QUOTAS, quota(json!({"requests.storage": "3Gi", "persistentvolumeclaims": "5"})));
    let claim = |name: &str, size: &str| {
        json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}}}})
    };
    assert_eq!(
        refused(&world, &resources::CLAIMS, claim("large", "5Gi")),
        "persistentvolumeclaims \"large\" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but \
         request is 5Gi"
    );
    world.create(&resources::CLAIMS, claim("one", "2Gi"));
    assert_eq!(
        refused(&world, &resources::CLAIMS, claim("two", "2Gi")),
        "persistentvolumeclaims \"two\" is forbidden: exceeded quota: team, requested: requests.storage=2Gi, used: \
         requests.storage=2Gi, limited: requests.storage=3Gi"
    );
}

#[test]
fn what_a_change_needs_more_counts() {
    let mut world = World::new();
    let hard = json!({"requests.storage": "3Gi", "services.nodeports": "1", "services": "2"});
    world.create(&resources::RESOURCE_QUOTAS, quota(hard));
    let service = |kind: &str, ports: &[u16]| {
        let ports: Vec<Value> = ports.iter().map(|port| json!({"name": format!("p{port}"), "port": port})).collect();
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
            "spec": {"type": kind, "selector": {"app": "web"}, "ports": ports}})
    };
    world.create(&resources::SERVICES, service("ClusterIP", &[80, 81]));
    let apply = |world: &World, object: Value| world.controllers.control.server.apply(&resources::SERVICES, object);
    let refused = apply(&world, service("NodePort", &[80, 81])).unwrap_err();
    assert_eq!(
        (refused.code, refused.to_string().as_str()),
        (
            403,
            "services \"web\" is forbidden: exceeded quota: team, requested: services.nodeports=2, used: \
               services.nodeports=0, limited: services.nodeports=1"
        )
    );
    // What needs no more is changed, however much there is.
    apply(&world, service("ClusterIP", &[80, 81, 82])).unwrap();
}
