//! Where Pods go: topology, other Pods, priorities, what nodes have.

use std::collections::BTreeMap;

use super::*;

/// How many of the Pods of an app are on each node.
fn places(world: &World, app: &str) -> BTreeMap<String, usize> {
    let mut places = BTreeMap::new();
    for pod in world.pods() {
        let node = object::text(&pod, "/spec/nodeName");
        if pod["metadata"]["labels"]["app"] == app && !node.is_empty() {
            *places.entry(node.to_owned()).or_default() += 1;
        }
    }
    places
}

fn of(places: &BTreeMap<String, usize>) -> Vec<(&str, usize)> {
    places.iter().map(|(node, count)| (node.as_str(), *count)).collect()
}

fn why(world: &World, name: &str) -> String {
    let pod = world.get(&resources::PODS, name);
    let condition = object::condition(&pod["status"], "PodScheduled").cloned().unwrap_or_default();
    object::text(&condition, "/message").to_owned()
}

fn pod(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    if spec["containers"].is_null() {
        spec["containers"] = json!([{"name": "app", "image": "web:1"}]);
    }
    json!({"metadata": {"name": name, "namespace": "default", "labels": {"app": name}}, "spec": spec})
}

fn requests(resources: Value) -> Value {
    json!([{"name": "app", "image": "web:1", "resources": {"requests": resources}}])
}

#[test]
fn pods_are_spread_over_a_topology() {
    let mut world = World::new();
    // One node is nearly full: without a constraint all would go to the other.
    world.create(
        &resources::PODS,
        pod("heavy", json!({"nodeName": "a", "containers": requests(json!({"cpu": "1900m"}))})),
    );
    let mut web = deployment("web:1", 4);
    let constraint = json!([{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]);
    web["spec"]["template"]["spec"]["topologySpreadConstraints"] = constraint.clone();
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(30);
    assert_eq!(of(&places(&world, "web")), [("a", 2), ("b", 2)]);
    // A zone that has no room leaves one more for the other, and no further.
    let mut large = deployment("web:1", 3);
    large["metadata"]["name"] = "large".into();
    large["spec"]["selector"] = json!({"matchLabels": {"app": "large"}});
    large["spec"]["template"]["metadata"]["labels"] = json!({"app": "large"});
    let spec = &mut large["spec"]["template"]["spec"];
    spec["topologySpreadConstraints"] = constraint;
    spec["topologySpreadConstraints"][0]["labelSelector"] = json!({"matchLabels": {"app": "large"}});
    spec["containers"][0]["resources"] = json!({"requests": {"cpu": "200m"}});
    world.create(&resources::DEPLOYMENTS, large);
    world.wait(30);
    assert_eq!(of(&places(&world, "large")), [("b", 1)]);
    let waiting = world.pods().into_iter().find(|pod| pod["spec"]["nodeName"].is_null()).unwrap();
    assert_eq!(
        why(&world, object::name(&waiting)),
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints. \
         no new claims to deallocate, preemption: 0/2 nodes are available: \
         2 No preemption victims found for incoming pod."
    );
}

#[test]
fn pods_keep_away_from_others_and_stay_near_them() {
    let mut world = World::new();
    let term = |app: &str, key: &str| json!([{"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}]);
    let anti = |app: &str| json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term(app, "kubernetes.io/hostname")}});
    world.create(&resources::PODS, pod("loner", json!({"nodeName": "a", "affinity": anti("crowd")})));
    for name in ["first", "second"] {
        let mut crowd = pod(name, json!({}));
        crowd["metadata"]["labels"]["app"] = "crowd".into();
        world.create(&resources::PODS, crowd);
    }
    assert_eq!(of(&places(&world, "crowd")), [("b", 2)]);
    let near = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term("crowd", "topology.kubernetes.io/zone")}});
    world.create(&resources::PODS, pod("friend", json!({"affinity": near})));
    assert_eq!(of(&places(&world, "friend")), [("b", 1)]);
    let mut late = pod("late", json!({"nodeSelector": {"kubernetes.io/hostname": "a"}}));
    late["metadata"]["labels"]["app"] = "crowd".into();
    world.create(&resources::PODS, late);
    assert_eq!(
        why(&world, "late"),
        "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) didn't satisfy existing pods \
         anti-affinity rules. no new claims to deallocate, preemption: 0/2 nodes are available: 1 No preemption victims found \
         for incoming pod, 1 Preemption is not helpful for scheduling."
    );
    world.delete(&resources::PODS, "loner");
    world.wait(60);
    assert_eq!(of(&places(&world, "crowd")), [("a", 1), ("b", 2)]);
}

#[test]
fn pods_of_a_lower_priority_make_room() {
    let mut world = World::new();
    let classes = GroupResource::of("scheduling.k8s.io", "priorityclasses");
    for (name, value) in [("low", -1), ("high", 1000)] {
        world.create(&classes, json!({"metadata": {"name": name}, "value": value}));
    }
    let of_class =
        |class: &str, cpu: &str| json!({"priorityClassName": class, "containers": requests(json!({"cpu": cpu}))});
    for (name, node) in [("one", "a"), ("two", "b"), ("three", "b")] {
        let mut spec = of_class("low", "900m");
        spec["nodeName"] = node.into();
        world.create(&resources::PODS, pod(name, spec));
    }
    world.wait(10);
    // An equal one has to wait.
    world.create(&resources::PODS, pod("equal", of_class("low", "1500m")));
    assert!(
        why(&world, "equal").ends_with("2 No preemption victims found for incoming pod."),
        "{}",
        why(&world, "equal")
    );
    world.create(
        &resources::PODS,
        pod(
            "never",
            json!({"preemptionPolicy": "Never", "priorityClassName": "high",
        "containers": requests(json!({"cpu": "1500m"}))}),
        ),
    );
    assert!(why(&world, "never").ends_with("preemption: not eligible due to preemptionPolicy=Never."));
    world.delete(&resources::PODS, "equal");
    world.delete(&resources::PODS, "never");
    // The node where fewest have to leave.
    world.create(&resources::PODS, pod("urgent", of_class("high", "1500m")));
    let urgent = world.get(&resources::PODS, "urgent");
    assert_eq!(urgent["status"]["nominatedNodeName"], "a");
    assert_eq!(why(&world, "urgent"), "0/2 nodes are available: 2 Insufficient cpu.");
    let leaving = world.get(&resources::PODS, "one");
    assert!(object::is_deleting(&leaving));
    assert_eq!(condition(&leaving, "DisruptionTarget"), ("True".into(), "PreemptionByScheduler".into()));
    let event = format!("Preempted Preempted by pod {} on node a (1)", object::uid(&urgent));
    assert!(world.events("one").contains(&event), "{:?}", world.events("one"));
    // Nobody of no more importance takes what was made free.
    world.create(&resources::PODS, pod("sneaky", of_class("low", "1500m")));
    world.wait(60);
    assert_eq!(world.get(&resources::PODS, "urgent")["spec"]["nodeName"], "a");
    assert!(world.get(&resources::PODS, "sneaky")["spec"]["nodeName"].is_null());
    assert!(["two", "three"].iter().all(|name| !object::is_deleting(&world.get(&resources::PODS, name))));
}

#[test]
fn what_nodes_have_counts() {
    let mut world = World::new();
    let plugin = json!({"containers": requests(json!({"nvidia.com/gpu": "1"}))});
    world.create(&resources::PODS, pod("gpu", plugin));
    assert!(
        why(&world, "gpu").starts_with("0/2 nodes are available: 2 Insufficient nvidia.com/gpu."),
        "{}",
        why(&world, "gpu")
    );
    world.create(&resources::PODS, pod("both", json!({"containers": requests(json!({"cpu": "9", "memory": "9Gi"}))})));
    assert_eq!(
        why(&world, "both"),
        "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory. no new claims to deallocate, \
         preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    );
    // What runs before the containers has to have room too.
    let mut first = json!({"containers": requests(json!({"cpu": "100m"}))});
    first["initContainers"] = requests(json!({"cpu": "3"}));
    first["initContainers"][0]["name"] = "first".into();
    world.create(&resources::PODS, pod("first", first));
    assert!(why(&world, "first").contains("2 Insufficient cpu"), "{}", why(&world, "first"));
    // A port of the node is had by one.
    for name in ["p", "q", "r"] {
        let ports = json!([{"name": "app", "image": "web:1", "ports": [{"containerPort": 80, "hostPort": 8080}]}]);
        world.create(&resources::PODS, pod(name, json!({"containers": ports})));
    }
    assert!(
        why(&world, "r")
            .starts_with("0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.")
    );
    let key = Key::cluster(&resources::NODES, "b");
    world.controllers.control.update(&key, |node| node["status"]["allocatable"] = json!({"nvidia.com/gpu": "1"}));
    world.wait(10);
    assert_eq!(world.get(&resources::PODS, "gpu")["spec"]["nodeName"], "b");
}
