//! Claims of storage and their volumes.

use super::*;

const DRIVER: &str = "ebs.csi.aws.com";

fn driver(world: &mut World) {
    world.create(&resources::CSI_DRIVERS, json!({"metadata": {"name": DRIVER}, "spec": {"attachRequired": true}}));
}

fn class(world: &mut World, name: &str, mode: &str, is_default: bool) {
    let mut class = json!({"metadata": {"name": name}, "provisioner": DRIVER, "volumeBindingMode": mode,
        "allowVolumeExpansion": true});
    if is_default {
        object::set_meta(&mut class, "annotations", "storageclass.kubernetes.io/is-default-class", "true");
    }
    world.create(&resources::STORAGE_CLASSES, class);
}

fn claim(name: &str, class: Option<&str>) -> Value {
    let mut claim = json!({"metadata": {"name": name, "namespace": "default"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}}});
    if let Some(class) = class {
        claim["spec"]["storageClassName"] = class.into();
    }
    claim
}

fn user(name: &str, claim: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "default"}, "spec": {
        "containers": [{"name": "app", "image": "web:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]}})
}

fn phase(world: &World, name: &str) -> String {
    object::text(&world.get(&resources::CLAIMS, name), "/status/phase").to_owned()
}

fn volumes(world: &World) -> Vec<Object> {
    world.controllers.control.store.list(&resources::VOLUMES, None)
}

fn scheduling(world: &World, pod: &str) -> String {
    let pod = world.get(&resources::PODS, pod);
    let scheduled = object::condition(&pod["status"], "PodScheduled").cloned().unwrap_or_default();
    object::text(&scheduled, "/message").to_owned()
}

#[test]
fn the_default_class_waits_for_its_consumer() {
    let mut world = World::new();
    driver(&mut world);
    class(&mut world, "gp3", "WaitForFirstConsumer", true);
    let made = world.create(&resources::CLAIMS, claim("data", None));
    assert_eq!(made["spec"]["storageClassName"], "gp3");
    world.wait(30);
    assert_eq!(phase(&world, "data"), "Pending");
    let events = world.events("data");
    assert!(events[0].starts_with("WaitForFirstConsumer waiting for first consumer to be created before binding"));
    world.create(&resources::PODS, user("app", "data"));
    assert_eq!(world.get(&resources::PODS, "app")["spec"]["nodeName"], Value::Null, "its volume comes first");
    world.wait(30);
    assert_eq!(phase(&world, "data"), "Bound");
    let (pod, bound) = (world.get(&resources::PODS, "app"), world.get(&resources::CLAIMS, "data"));
    assert_eq!(pod["status"]["phase"], "Running");
    assert_eq!(object::annotation(&bound, "volume.kubernetes.io/selected-node"), object::text(&pod, "/spec/nodeName"));
    let volume = volumes(&world).remove(0);
    assert_eq!(object::name(&volume), format!("pvc-{}", object::uid(&bound)));
    assert_eq!(bound["spec"]["volumeName"], object::name(&volume));
    assert_eq!(bound["status"]["capacity"]["storage"], "3Gi");
    assert_eq!((&volume["status"]["phase"], &volume["spec"]["claimRef"]["name"]), (&json!("Bound"), &json!("data")));
    assert!(object::text(&volume, "/spec/csi/volumeHandle").starts_with("vol-0"));
    let zone = &volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"][0];
    let node =
        world.controllers.control.store.get(&Key::cluster(&resources::NODES, object::text(&pod, "/spec/nodeName")));
    assert_eq!(*zone, node.unwrap()["metadata"]["labels"]["topology.kubernetes.io/zone"]);
    let told = world.events("data").join("\n");
    for event in [
        "ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com'"
            .to_owned(),
        "Provisioning External provisioner is provisioning volume for claim \"default/data\"".into(),
        format!("ProvisioningSucceeded Successfully provisioned volume {}", object::name(&volume)),
    ] {
        assert!(told.contains(&event), "{event} in {told}");
    }
    let attached =
        format!("SuccessfulAttachVolume AttachVolume.Attach succeeded for volume \"{}\" (1)", object::name(&volume));
    assert!(world.events("app").contains(&attached));
    assert_eq!(world.controllers.next_due(), None);
}

#[test]
fn a_claim_in_use_stays_and_its_volume_goes_with_it() {
    let mut world = World::new();
    driver(&mut world);
    class(&mut world, "now", "Immediate", false);
    world.create(&resources::CLAIMS, claim("data", Some("now")));
    world.create(&resources::PODS, user("app", "data"));
    assert_eq!(
        scheduling(&world, "app"),
        "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. no new claims to deallocate, \
         preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    );
    world.wait(30);
    assert_eq!((phase(&world, "data"), volumes(&world).len()), ("Bound".into(), 1));
    assert_eq!(world.get(&resources::PODS, "app")["status"]["phase"], "Running");
    world.delete(&resources::CLAIMS, "data");
    assert!(object::is_deleting(&world.get(&resources::CLAIMS, "data")), "a Pod uses it");
    world.create(&resources::PODS, user("late", "data"));
    assert!(scheduling(&world, "late").contains("persistentvolumeclaim \"data\" is being deleted"));
    world.delete(&resources::PODS, "late");
    world.delete(&resources::PODS, "app");
    world.wait(30);
    assert!(world.find(&resources::CLAIMS, "data").is_none());
    assert!(volumes(&world).is_empty(), "its class's policy is Delete");
}

#[test]
fn volumes_that_are_there_are_used_and_kept() {
    let mut world = World::new();
    let volume = |name: &str, size: &str| {
        json!({"metadata": {"name": name}, "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"],
            "storageClassName": "", "hostPath": {"path": "/data"}}})
    };
    world.create(&resources::VOLUMES, volume("large", "10Gi"));
    world.create(&resources::VOLUMES, volume("fitting", "4Gi"));
    world.create(&resources::VOLUMES, volume("small", "1Gi"));
    let phases = |world: &World| -> Vec<String> {
        let each = volumes(world);
        each.iter().map(|one| format!("{} {}", object::name(one), object::text(one, "/status/phase"))).collect()
    };
    assert_eq!(phases(&world), ["fitting Available", "large Available", "small Available"]);
    world.create(&resources::CLAIMS, claim("data", Some("")));
    assert_eq!(phases(&world), ["fitting Bound", "large Available", "small Available"]);
    assert_eq!(world.get(&resources::CLAIMS, "data")["status"]["capacity"]["storage"], "4Gi");
    world.delete(&resources::CLAIMS, "data");
    assert_eq!(phases(&world), ["fitting Released", "large Available", "small Available"]);
    // A released volume is nobody's until somebody says so.
    world.create(&resources::CLAIMS, claim("data", Some("")));
    assert_eq!(phases(&world), ["fitting Released", "large Bound", "small Available"]);
    world.create(&resources::CLAIMS, claim("more", Some("")));
    assert_eq!(phase(&world, "more"), "Pending");
    let none = "FailedBinding no persistent volumes available for this claim and no storage class is set";
    assert!(world.events("more")[0].starts_with(none));
}

#[test]
fn what_is_missing_is_told() {
    let mut world = World::new();
    world.create(&resources::PODS, user("app", "data"));
    assert!(
        scheduling(&world, "app").starts_with("0/2 nodes are available: persistentvolumeclaim \"data\" not found.")
    );
    world.create(&resources::CLAIMS, claim("data", Some("fast")));
    let missing = "ProvisioningFailed storageclass.storage.k8s.io \"fast\" not found";
    assert!(world.events("data")[0].starts_with(missing));
    // With the class there the driver is missing, which nobody tells; with the driver there it goes on.
    class(&mut world, "fast", "Immediate", false);
    world.wait(30);
    assert_eq!(phase(&world, "data"), "Pending");
    driver(&mut world);
    world.wait(30);
    assert_eq!(phase(&world, "data"), "Bound");
    assert_eq!(world.get(&resources::PODS, "app")["status"]["phase"], "Running");
}

#[test]
fn a_stateful_set_keeps_the_claims_of_its_pods() {
    let mut world = World::new();
    driver(&mut world);
    class(&mut world, "gp3", "WaitForFirstConsumer", true);
    let set = json!({
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db:1",
                "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}]},
    });
    world.create(&resources::STATEFUL_SETS, set);
    world.wait(60);
    let claims = |world: &World| -> Vec<(String, String)> {
        let list = world.list(&resources::CLAIMS);
        list.iter().map(|one| (object::name(one).to_owned(), object::uid(one).to_owned())).collect()
    };
    let before = claims(&world);
    assert_eq!(before.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["data-db-0", "data-db-1"]);
    assert_eq!(world.get(&resources::STATEFUL_SETS, "db")["status"]["readyReplicas"], 2);
    let events = world.events("db");
    let made = "SuccessfulCreate create Claim data-db-0 Pod db-0 in StatefulSet db success (1)";
    assert!(events.contains(&made.to_owned()), "{events:?}");
    let zone = |world: &World| {
        world.get(&resources::PODS, "db-1")["metadata"]["labels"]["topology.kubernetes.io/zone"].clone()
    };
    let was = zone(&world);
    world.delete(&resources::PODS, "db-1");
    world.wait(60);
    assert_eq!((zone(&world), claims(&world)), (was, before.clone()), "it is where its volume is");
    world.change(&resources::STATEFUL_SETS, "db", |set| set["spec"]["replicas"] = 1.into());
    world.wait(30);
    assert_eq!((world.pods().len(), claims(&world)), (1, before));
}

#[test]
fn a_claim_grows() {
    let mut world = World::new();
    driver(&mut world);
    class(&mut world, "now", "Immediate", false);
    world.create(&resources::CLAIMS, claim("data", Some("now")));
    world.wait(10);
    world.change(&resources::CLAIMS, "data", |claim| {
        claim["spec"]["resources"]["requests"]["storage"] = "5Gi".into();
    });
    world.wait(10);
    assert_eq!(world.get(&resources::CLAIMS, "data")["status"]["capacity"]["storage"], "5Gi");
    assert_eq!(volumes(&world)[0]["spec"]["capacity"]["storage"], "5Gi");
}
