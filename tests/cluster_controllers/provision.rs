//! What the account brings: nodes of node groups, machines of Fargate, add-ons.

use lectern::sandbox::cluster::{Addon, FargateProfile, NodeGroup};

use super::*;

fn group(desired: usize) -> NodeGroup {
    NodeGroup {
        name: "workers".into(),
        desired,
        instance_types: vec!["m5.large".into()],
        capacity_type: "ON_DEMAND".into(),
        image_type: "AL2023_x86_64_STANDARD".into(),
        disk: 20,
        subnets: 2,
        labels: [("team".to_owned(), "blue".to_owned())].into(),
        ..NodeGroup::default()
    }
}

fn addon(name: &str) -> Addon {
    Addon { name: name.into(), version: "v1".into(), ..Addon::default() }
}

/// The nodes of the group, sorted by name.
fn workers(world: &World) -> Vec<Object> {
    let mut nodes = world.controllers.control.store.list(&resources::NODES, None);
    nodes.retain(|node| node["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] == "workers");
    nodes
}

fn system(world: &World, resource: &GroupResource, name: &str) -> Option<Object> {
    world.controllers.control.store.get(&Key::namespaced(resource, "kube-system", name))
}

/// A cluster whose nodes get their network.
fn networked() -> World {
    let mut world = World::new();
    world.account.provide(|provision| provision.addons.push(addon("vpc-cni")));
    world.wait(30);
    world
}

#[test]
fn a_node_group_brings_nodes_that_get_ready_with_their_network() {
    let mut world = World::new();
    world.account.provide(|provision| provision.groups.push(group(2)));
    world.wait(0);
    assert!(workers(&world).is_empty() && world.controllers.is_pending(), "machines start");
    world.wait(60);
    let nodes = workers(&world);
    assert_eq!(nodes.len(), 2);
    for node in &nodes {
        assert_eq!(condition(node, "Ready"), ("False".into(), "KubeletNotReady".into()));
        assert!(object::list(node, "/spec/taints").iter().any(|one| one["key"] == "node.kubernetes.io/not-ready"));
        assert_eq!(node["metadata"]["labels"]["node.kubernetes.io/instance-type"], "m5.large");
        assert_eq!(node["metadata"]["labels"]["team"], "blue");
        assert_eq!(node["status"]["allocatable"]["cpu"], "1930m");
    }
    let zone = |node: &Object| node["metadata"]["labels"]["topology.kubernetes.io/zone"].clone();
    assert_ne!(zone(&nodes[0]), zone(&nodes[1]), "they are spread");
    assert!(!world.controllers.is_pending(), "nothing comes by itself");
    world.account.provide(|provision| provision.addons.push(addon("vpc-cni")));
    world.wait(30);
    for node in workers(&world) {
        assert_eq!(condition(&node, "Ready").0, "True");
        assert!(object::list(&node, "/spec/taints").is_empty(), "{node:#}");
        let events = world.events(object::name(&node));
        for reason in ["Starting", "RegisteredNode", "NodeReady"] {
            assert!(events.iter().any(|event| event.starts_with(reason)), "{reason} in {events:?}");
        }
    }
    assert!(!world.controllers.is_pending());
}

#[test]
fn a_node_that_leaves_is_drained() {
    let mut world = networked();
    world.account.provide(|provision| provision.groups.push(group(2)));
    world.wait(90);
    let mut web = deployment("web:1", 2);
    web["spec"]["template"]["spec"]["nodeSelector"] = json!({"team": "blue"});
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(30);
    let places =
        |world: &World| -> Vec<Value> { world.pods().iter().map(|pod| pod["spec"]["nodeName"].clone()).collect() };
    assert_ne!(places(&world)[0], places(&world)[1]);
    // A budget stands against it until another Pod is ready.
    let budget = json!({"metadata": {"name": "web", "namespace": "default"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}});
    world.create(&resources::DISRUPTION_BUDGETS, budget);
    world.account.provide(|provision| provision.groups[0].desired = 1);
    world.wait(60);
    let leaving = workers(&world).into_iter().find(|node| node["spec"]["unschedulable"] == true).unwrap();
    assert_eq!(world.pods().len(), 2, "the budget is kept");
    assert!(world.controllers.is_pending());
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 3.into());
    world.wait(90);
    assert_eq!(workers(&world).len(), 1);
    assert!(places(&world).iter().all(|place| place != object::name(&leaving)), "{:?}", places(&world));
    assert!(!world.controllers.is_pending());
    // With the group goes the rest; its Pods have nowhere to go.
    world.account.provide(|provision| provision.groups.clear());
    world.delete(&resources::DISRUPTION_BUDGETS, "web");
    world.wait(90);
    assert!(workers(&world).is_empty());
    assert!(world.pods().iter().all(|pod| pod["status"]["phase"] == "Pending"));
    let left = world.controllers.control.store.list(&resources::PODS, Some("kube-system"));
    assert_eq!(left.len(), 2, "the daemons of the other nodes: {left:?}");
}

#[test]
fn labels_and_taints_of_a_group_reach_its_nodes() {
    let mut world = networked();
    world.account.provide(|provision| provision.groups.push(group(1)));
    world.wait(90);
    let mut web = deployment("web:1", 1);
    web["spec"]["template"]["spec"]["nodeSelector"] = json!({"team": "blue"});
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(30);
    world.account.provide(|provision| {
        let group = &mut provision.groups[0];
        group.labels = [("tier".to_owned(), "front".to_owned())].into();
        group.taints = vec![json!({"key": "frontend", "value": "true", "effect": "NoExecute"})];
    });
    world.wait(0);
    let node = workers(&world).remove(0);
    let labels = &node["metadata"]["labels"];
    assert!(labels["tier"] == "front" && labels["team"].is_null(), "{labels}");
    assert_eq!(node["spec"]["taints"][0]["key"], "frontend");
    // What does not tolerate it has to leave.
    world.wait(5);
    assert!(world.pods().iter().all(|pod| pod["status"]["phase"] == "Pending"), "{:#?}", world.pods());
    world.account.provide(|provision| provision.groups[0].taints.clear());
    world.wait(0);
    assert!(object::list(&workers(&world)[0], "/spec/taints").is_empty());
}

#[test]
fn new_software_replaces_nodes_one_after_the_other() {
    let mut world = networked();
    world.account.provide(|provision| provision.groups.push(group(2)));
    world.wait(90);
    let names =
        |world: &World| -> Vec<String> { workers(world).iter().map(|node| object::name(node).to_owned()).collect() };
    let old = names(&world);
    world.account.provide(|provision| provision.groups[0].generation += 1);
    world.wait(20);
    let mut most = 0;
    for _ in 0..60 {
        world.wait(10);
        let ready = workers(&world).iter().filter(|node| condition(node, "Ready").0 == "True").count();
        assert!(ready >= 2, "there are always as many as wanted");
        most = most.max(workers(&world).len());
    }
    let new = names(&world);
    assert!(new.len() == 2 && new.iter().all(|name| !old.contains(name)), "{old:?} {new:?}");
    assert_eq!(most, 3);
    assert!(!world.controllers.is_pending());
}

#[test]
fn an_add_on_brings_its_objects_and_takes_them_away() {
    let mut world = World::new();
    world.account.provide(|provision| {
        let configuration = r#"{"replicaCount": 1}"#.to_owned();
        provision.addons = vec![addon("eks-pod-identity-agent"), Addon { configuration, ..addon("coredns") }];
    });
    world.wait(60);
    let agents = system(&world, &resources::DAEMON_SETS, "eks-pod-identity-agent").unwrap();
    assert_eq!(agents["status"]["numberReady"], 2);
    let dns = system(&world, &resources::DEPLOYMENTS, "coredns").unwrap();
    assert_eq!((&dns["spec"]["replicas"], &dns["status"]["readyReplicas"]), (&json!(1), &json!(1)));
    assert!(system(&world, &resources::SERVICES, "kube-dns").is_some());
    // Another version is rolled out.
    world.account.provide(|provision| provision.addons[1].version = "v2".into());
    world.wait(60);
    let dns = system(&world, &resources::DEPLOYMENTS, "coredns").unwrap();
    assert!(object::text(&dns, "/spec/template/spec/containers/0/image").ends_with("coredns:v2"));
    assert_eq!(dns["metadata"]["generation"], 2);
    assert_eq!(numbers(&dns), [1, 1, 1, 1]);
    world.account.provide(|provision| {
        provision.addons[0].going = true;
        (provision.addons[1].going, provision.addons[1].preserved) = (true, true);
    });
    world.wait(30);
    world.account.provide(|provision| provision.addons.clear());
    world.wait(30);
    assert!(system(&world, &resources::DAEMON_SETS, "eks-pod-identity-agent").is_none());
    assert!(system(&world, &resources::DEPLOYMENTS, "coredns").is_some(), "it was to stay");
}

#[test]
fn pods_of_a_fargate_profile_get_machines_of_their_own() {
    let mut world = World::new();
    world.account.provide(|provision| {
        let selectors = vec![("default".to_owned(), [("app".to_owned(), "web".to_owned())].into())];
        provision.profiles = vec![FargateProfile { name: "web".into(), selectors }];
    });
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 2));
    assert!(world.pods().iter().all(|pod| pod["spec"]["schedulerName"] == "fargate-scheduler"));
    world.wait(20);
    assert!(world.pods().iter().all(|pod| pod["spec"]["nodeName"].is_null()));
    assert!(world.controllers.is_pending());
    world.wait(60);
    let mut nodes = Vec::new();
    for pod in world.pods() {
        let node = object::text(&pod, "/spec/nodeName").to_owned();
        assert!(node.starts_with("fargate-ip-10-0-"), "{node}");
        assert!(object::has_condition(&pod, "Ready"), "{pod:#}");
        assert_eq!(object::annotation(&pod, "CapacityProvisioned"), "0.25vCPU 0.5GB");
        assert_eq!(pod["metadata"]["labels"]["eks.amazonaws.com/fargate-profile"], "web");
        let events = world.events(object::name(&pod));
        for wanted in ["LoggingDisabled Disabled logging because aws-logging", "Scheduled Successfully assigned"] {
            assert!(events.iter().any(|event| event.starts_with(wanted)), "{events:?}");
        }
        let found = world.controllers.control.store.get(&Key::cluster(&resources::NODES, &node)).unwrap();
        assert_eq!(found["metadata"]["labels"]["eks.amazonaws.com/compute-type"], "fargate");
        assert_eq!(condition(&found, "Ready").0, "True");
        nodes.push(node);
    }
    assert_ne!(nodes[0], nodes[1]);
    // The machines go with their Pods; others stay where they are.
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 0.into());
    world.wait(60);
    assert_eq!(world.controllers.control.store.list(&resources::NODES, None).len(), 2);
    world.create(
        &resources::PODS,
        json!({"metadata": {"name": "other", "namespace": "default"}, "spec": {
        "containers": [{"name": "app", "image": "web:1"}]}}),
    );
    world.wait(10);
    assert!(!object::text(&world.get(&resources::PODS, "other"), "/spec/nodeName").starts_with("fargate"));
}

const POOLS: GroupResource = GroupResource::of("karpenter.sh", "nodepools");
const CLAIMS: GroupResource = GroupResource::of("karpenter.sh", "nodeclaims");

/// A cluster with a node pool of small machines without the network of an agent.
fn pooled(limits: Value) -> World {
    let mut world = World::new();
    for (kind, plural) in [("NodePool", "nodepools"), ("NodeClaim", "nodeclaims")] {
        let definition = json!({
            "metadata": {"name": format!("{plural}.karpenter.sh")},
            "spec": {"group": "karpenter.sh", "scope": "Cluster",
                "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
                "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
        });
        world.create(&GroupResource::of("apiextensions.k8s.io", "customresourcedefinitions"), definition);
    }
    let pool = json!({"metadata": {"name": "general"}, "spec": {
        "limits": limits,
        "disruption": {"consolidateAfter": "30s", "consolidationPolicy": "WhenEmptyOrUnderutilized"},
        "template": {"metadata": {"labels": {"type": "pool"}}, "spec": {
            "nodeClassRef": {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"},
            "requirements": [
                {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
                {"key": "eks.amazonaws.com/instance-category", "operator": "In", "values": ["c", "m", "r"]},
                {"key": "eks.amazonaws.com/instance-generation", "operator": "Gt", "values": ["4"]},
                {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}}}});
    world.create(&POOLS, pool);
    world
}

fn inflate(replicas: u32) -> Value {
    let mut inflate = deployment("web:1", replicas);
    inflate["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "1Gi"}});
    inflate
}

fn of_pool(world: &World) -> Vec<Object> {
    let mut nodes = world.controllers.control.store.list(&resources::NODES, None);
    nodes.retain(|node| node["metadata"]["labels"]["karpenter.sh/nodepool"] == "general");
    nodes
}

#[test]
fn pods_without_room_get_machines_of_a_node_pool() {
    let mut world = pooled(Value::Null);
    // The two nodes have room for four each.
    world.create(&resources::DEPLOYMENTS, inflate(6));
    world.wait(60);
    assert!(of_pool(&world).is_empty());
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 13.into());
    world.wait(60);
    let nodes = of_pool(&world);
    assert_eq!(nodes.len(), 1, "one machine for all of them");
    let labels = &nodes[0]["metadata"]["labels"];
    assert_eq!(labels["node.kubernetes.io/instance-type"], "m5a.large", "the cheapest one with room for five");
    assert_eq!(labels["type"], "pool");
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web")), [13, 13, 13, 13]);
    let claim = world.controllers.control.store.list(&CLAIMS, None).remove(0);
    assert_eq!(claim["status"]["nodeName"], object::name(&nodes[0]));
    assert_eq!(condition(&claim, "Ready").0, "True");
    let events = world.events(object::name(&claim));
    for kind in ["Launched", "Registered", "Initialized", "Ready"] {
        let wanted = format!("{kind} Status condition transitioned, Type: {kind}, Status: Unknown -> True");
        assert!(events.iter().any(|event| event.starts_with(&wanted)), "{events:?}");
    }
    // What is not needed goes after its time.
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 2.into());
    world.wait(20);
    assert_eq!(of_pool(&world).len(), 1);
    world.wait(120);
    let claims = world.controllers.control.store.list(&CLAIMS, None);
    assert!(
        of_pool(&world).is_empty(),
        "{:#?} {:#?} {:?}",
        of_pool(&world),
        world.pods(),
        world.controllers.next_due()
    );
    assert!(claims.is_empty(), "{claims:#?}");
    let events = world.events(object::name(&claim));
    assert!(events.iter().any(|event| event.starts_with("DisruptionTerminating Disrupting NodeClaim: ")), "{events:?}");
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web")), [2, 2, 2, 2]);
    assert!(!world.controllers.is_pending());
}

#[test]
fn a_node_pool_keeps_to_its_limits_and_requirements() {
    let mut world = pooled(json!({"cpu": "3"}));
    world.create(&resources::DEPLOYMENTS, inflate(24));
    world.wait(120);
    let machines: i64 =
        of_pool(&world).iter().filter_map(|node| node["status"]["capacity"]["cpu"].as_str()?.parse::<i64>().ok()).sum();
    assert_eq!(machines, 2, "another one would be too much");
    assert!(world.pods().iter().any(|pod| pod["status"]["phase"] == "Pending"));
    // Nobody has what this one asks for.
    let mut other = pooled(Value::Null);
    let mut web = inflate(1);
    web["spec"]["template"]["spec"]["nodeSelector"] = json!({"kubernetes.io/arch": "arm64"});
    other.create(&resources::DEPLOYMENTS, web);
    other.wait(60);
    assert!(of_pool(&other).is_empty() && other.pods()[0]["status"]["phase"] == "Pending");
}

/// How many machines were started in all: each has a claim, and Events about it.
fn machines_started(world: &World) -> usize {
    let events = world.list(&resources::EVENTS);
    let launched = events.iter().filter(|event| event["reason"] == "Launched");
    launched
        .filter_map(|event| event["involvedObject"]["name"].as_str())
        .collect::<std::collections::BTreeSet<_>>()
        .len()
}

#[test]
fn a_pod_that_no_machine_has_room_for_starts_none() {
    let mut world = pooled(Value::Null);
    let mut web = inflate(2);
    web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] = "100000Gi".into();
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(3600);
    assert_eq!(machines_started(&world), 0);
    assert!(!world.controllers.is_pending(), "nothing comes by itself");
    // Neither does one that has to be near Pods that are nowhere.
    let mut lonely = inflate(1);
    lonely["metadata"]["name"] = "lonely".into();
    lonely["spec"]["template"]["spec"]["affinity"] = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": {"matchLabels": {"app": "nobody"}}, "topologyKey": "kubernetes.io/hostname"}]}});
    world.create(&resources::DEPLOYMENTS, lonely);
    world.wait(3600);
    assert_eq!(machines_started(&world), 0);
}

#[test]
fn a_pod_that_does_not_land_on_its_machine_gets_no_other() {
    let mut world = pooled(Value::Null);
    // Nobody takes the startup taint away.
    let key = Key::cluster(&POOLS, "general");
    let taint = json!([{"key": "example.com/starting", "effect": "NoSchedule"}]);
    world.controllers.control.update(&key, |pool| pool["spec"]["template"]["spec"]["startupTaints"] = taint);
    world.create(&resources::DEPLOYMENTS, inflate(13));
    world.wait(7200);
    assert_eq!((machines_started(&world), of_pool(&world).len()), (1, 1));
    assert!(world.pods().iter().any(|pod| pod["status"]["phase"] == "Pending"));
    assert!(!world.controllers.is_pending(), "nothing comes by itself");
    // When nobody waits for it any more it goes.
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 2.into());
    world.wait(300);
    assert_eq!((machines_started(&world), of_pool(&world).len()), (1, 0));
}

#[test]
fn many_pods_without_room_get_their_machines_in_time() {
    let mut world = pooled(json!({"cpu": "40", "memory": "1000Gi"}));
    let mut web = inflate(60);
    // Each has to be alone.
    web["spec"]["template"]["spec"]["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}]}});
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(120);
    // Two nodes of their own, and twenty machines of two processors.
    let running = world.pods().iter().filter(|pod| pod["status"]["phase"] == "Running").count();
    assert_eq!((of_pool(&world).len(), running), (20, 22));
    let zones: std::collections::BTreeMap<String, usize> =
        of_pool(&world).iter().fold(Default::default(), |mut zones, node| {
            *zones.entry(node["metadata"]["labels"]["topology.kubernetes.io/zone"].to_string()).or_default() += 1;
            zones
        });
    assert_eq!(zones.values().copied().collect::<Vec<_>>(), [10, 10], "they are spread");
}

#[test]
fn a_pod_whose_machine_others_have_filled_gets_another() {
    let mut world = pooled(Value::Null);
    let alone = |name: &str, memory: &str, team: &str| {
        json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"nodeSelector": {"type": team}, "containers": [
            {"name": "app", "image": "web:1", "resources": {"requests": {"memory": memory}}}]}})
    };
    world.create(&resources::PODS, alone("patient", "2500Mi", "pool"));
    world.wait(2);
    // Somebody places another one there by hand before the machine is there.
    let claim = world.controllers.control.store.list(&CLAIMS, None).remove(0);
    let machine = object::text(&claim, "/status/providerID").rsplit('/').next().unwrap().to_owned();
    let mut taker = alone("taker", "2500Mi", "pool");
    taker["spec"]["nodeName"] = machine.as_str().into();
    world.create(&resources::PODS, taker);
    world.wait(120);
    let patient = world.get(&resources::PODS, "patient");
    assert_eq!(patient["status"]["phase"], "Running", "{patient:#}");
    assert_ne!(patient["spec"]["nodeName"], machine);
    assert_eq!(machines_started(&world), 2);
}
