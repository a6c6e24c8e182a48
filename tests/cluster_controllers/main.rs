//! The sandbox's controllers and kubelet, moment by moment: time is set by the test, nothing waits.

mod autoscaling;
mod cron;
mod provision;
mod quotas;
mod scheduling;
mod storage;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use lectern::clock::Clock;
use lectern::sandbox::cluster::controllers::Controllers;
use lectern::sandbox::cluster::object::{self, resources};
use lectern::sandbox::cluster::store::{GroupResource, Key, Object};
use lectern::sandbox::cluster::{CloudIdentity, Provision, Seed};
use serde_json::{Value, json};

/// An account whose associations and permissions the test sets.
#[derive(Default)]
struct Account {
    /// `namespace/service account` to what it may not do; `None` when all is allowed.
    associations: Mutex<BTreeMap<String, Option<String>>>,
    /// What it says that the cluster has.
    provision: Mutex<Provision>,
    changed: tokio::sync::watch::Sender<u64>,
}

impl Account {
    fn associate(&self, account: &str, refusal: Option<&str>) {
        self.associations.lock().unwrap().insert(account.into(), refusal.map(str::to_owned));
    }

    fn provide(&self, change: impl FnOnce(&mut Provision)) {
        change(&mut self.provision.lock().unwrap());
        self.changed.send_modify(|number| *number += 1);
    }
}

impl CloudIdentity for Account {
    fn association(&self, _: &str, namespace: &str, account: &str) -> Option<String> {
        let known = self.associations.lock().unwrap();
        known.contains_key(&format!("{namespace}/{account}")).then(|| "arn:aws:iam::1:role/r".into())
    }

    fn allowed(&self, _: &str, namespace: &str, account: &str, action: &str, resource: &str) -> Result<(), String> {
        match self.associations.lock().unwrap().get(&format!("{namespace}/{account}")) {
            None => Err("no association".into()),
            Some(Some(refusal)) => Err(format!("{refusal} {action} {resource}")),
            Some(None) => Ok(()),
        }
    }

    fn account(&self) -> String {
        "111122223333".into()
    }

    fn provision(&self, _: &str) -> Provision {
        self.provision.lock().unwrap().clone()
    }

    fn provision_changes(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        Some(self.changed.subscribe())
    }
}

const CLUSTER: &str = r#"
name: test
region: eu-west-1
running_for: 0s
random: 7
nodes:
  - {name: a, address: 10.0.1.1, pod_network: 10.0.16.0/24, zone: eu-west-1a, instance_type: t, instance_id: i-a, capacity: {cpu: "2", memory: 4Gi, pods: "20"}}
  - {name: b, address: 10.0.1.2, pod_network: 10.0.17.0/24, zone: eu-west-1b, instance_type: t, instance_id: i-b, capacity: {cpu: "2", memory: 4Gi, pods: "20"}}
containers:
  - match: {image: "crash:*"}
    exits: [{after: 5s, code: 3, logs: "it fails in ${pod}"}]
  - match: {image: "gone:*"}
    pull_error: "no ${image}"
  - match: {image: "slow:*"}
    ready: never
  - match: {image: "table:*"}
    ready: 1s
    exits:
      - after: 2s
        code: 1
        when: {not: {any: [{service: "${env.ENDPOINT}"}, {allowed: {action: "db:Read", resource: "arn:${account}:${env.TABLE}"}}]}}
        logs: "${reason}"
  - match: {image: "long:*"}
    exits: [{after: 150s, code: 0}]
  - match: {owner: Job}
    exits: [{after: 4s, code: 0}]
  - match: {image: "busy:*"}
    ready: 1s
    usage: {cpu: 20m, memory: 100Mi}
    load:
      - {when: {running: {image: "visitors:*"}}, cpu: 900m, memory: 300Mi}
"#;

struct World {
    controllers: Controllers,
    account: Arc<Account>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let seed: Seed = serde_saphyr::from_str(CLUSTER).unwrap();
        let account = Arc::new(Account::default());
        let controllers = Controllers::begin(&seed, account.clone(), &Clock::real()).unwrap();
        let now = controllers.control.now;
        let mut world = Self { controllers, account, now };
        world.wait(0);
        world
    }

    /// Lets so many seconds pass.
    fn wait(&mut self, seconds: u64) {
        let until = object::after(self.now, Duration::from_secs(seconds));
        self.controllers.live_until(self.now, until).unwrap();
        self.now = until;
    }

    fn create(&mut self, resource: &GroupResource, object: Value) -> Object {
        let made = self.controllers.control.create(resource, object).unwrap();
        self.wait(0);
        made
    }

    fn change(&mut self, resource: &GroupResource, name: &str, change: impl FnOnce(&mut Value)) {
        self.controllers.control.update(&Key::namespaced(resource, "default", name), change).unwrap();
        self.wait(0);
    }

    fn delete(&mut self, resource: &GroupResource, name: &str) {
        self.controllers.control.delete(&Key::namespaced(resource, "default", name));
        self.wait(0);
    }

    fn get(&self, resource: &GroupResource, name: &str) -> Object {
        self.find(resource, name).unwrap_or_else(|| panic!("no {resource} {name}"))
    }

    fn find(&self, resource: &GroupResource, name: &str) -> Option<Object> {
        self.controllers.control.store.get(&Key::namespaced(resource, "default", name))
    }

    fn list(&self, resource: &GroupResource) -> Vec<Object> {
        self.controllers.control.store.list(resource, Some("default"))
    }

    fn pods(&self) -> Vec<Object> {
        self.list(&resources::PODS)
    }

    /// `reason message (count)` of the Events about an object.
    fn events(&self, name: &str) -> Vec<String> {
        let mut found = self.list(&resources::EVENTS);
        found.retain(|event| event["involvedObject"]["name"] == name);
        found
            .iter()
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                format!("{} {} ({})", text("reason"), text("message"), event["count"].as_i64().unwrap_or(1))
            })
            .collect()
    }
}

fn deployment(image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{
                "name": "web", "image": image,
                "readinessProbe": {"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 10, "periodSeconds": 3},
            }]}}},
    })
}

fn restart(deployment: &mut Value) {
    object::set_meta(&mut deployment["spec"]["template"], "annotations", "kubectl.kubernetes.io/restartedAt", "now");
}

/// `replicas updated ready available` of a status.
fn numbers(deployment: &Value) -> [i64; 4] {
    ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]
        .map(|field| deployment["status"][field].as_i64().unwrap_or(0))
}

fn condition(object: &Value, kind: &str) -> (String, String) {
    let found = object::condition(&object["status"], kind).cloned().unwrap_or_default();
    (object::text(&found, "/status").into(), object::text(&found, "/reason").into())
}

fn container(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]
}

#[test]
fn a_deployment_comes_up_and_then_nothing_is_due() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 2));
    assert_eq!(world.pods().len(), 2);
    let web = world.get(&resources::DEPLOYMENTS, "web");
    assert_eq!(numbers(&web), [2, 2, 0, 0]);
    assert_eq!(condition(&web, "Available"), ("False".into(), "MinimumReplicasUnavailable".into()));
    assert!(world.controllers.is_pending());
    world.wait(30);
    let web = world.get(&resources::DEPLOYMENTS, "web");
    assert_eq!(numbers(&web), [2, 2, 2, 2]);
    assert_eq!(condition(&web, "Available"), ("True".into(), "MinimumReplicasAvailable".into()));
    assert_eq!(condition(&web, "Progressing"), ("True".into(), "NewReplicaSetAvailable".into()));
    assert_eq!(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    assert_eq!(world.controllers.next_due(), None);
    assert!(!world.controllers.is_pending());
    let nodes: Vec<Value> = world.pods().iter().map(|pod| pod["spec"]["nodeName"].clone()).collect();
    assert_ne!(nodes[0], nodes[1], "they are spread");
    let events = world.events(object::name(&world.pods()[0]));
    for reason in ["Scheduled", "Pulling", "Pulled", "Created", "Started"] {
        assert!(events.iter().any(|event| event.starts_with(reason)), "{reason} in {events:?}");
    }
}

#[test]
fn a_rollout_goes_step_by_step() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 1));
    world.wait(30);
    let old = object::name(&world.pods()[0]).to_owned();
    world.change(&resources::DEPLOYMENTS, "web", restart);
    // The new Pod is there beside the old one, and until it is ready both stay.
    for _ in 0..10 {
        let web = world.get(&resources::DEPLOYMENTS, "web");
        assert_eq!(numbers(&web), [2, 1, 1, 1]);
        assert_eq!(condition(&web, "Available").0, "True");
        assert!(!object::is_deleting(&world.get(&resources::PODS, &old)));
        world.wait(1);
    }
    let progressing = condition(&world.get(&resources::DEPLOYMENTS, "web"), "Progressing");
    assert_eq!(progressing, ("True".into(), "ReplicaSetUpdated".into()));
    // Once it is, the old one ends; it is still there, but counts no more.
    let mut seen_terminating = false;
    for _ in 0..10 {
        world.wait(1);
        if let Some(pod) = world.find(&resources::PODS, &old)
            && object::is_deleting(&pod)
        {
            seen_terminating = true;
            assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web"))[..2], [1, 1]);
            break;
        }
    }
    world.wait(10);
    assert!(seen_terminating || world.find(&resources::PODS, &old).is_none());
    assert_eq!(world.pods().len(), 1);
    assert_eq!(world.list(&resources::REPLICA_SETS).len(), 2);
    let events = world.events("web");
    assert!(events.iter().any(|event| event.contains("from 1 to 0")), "{events:?}");
    assert_eq!(world.controllers.next_due(), None);
}

#[test]
fn going_back_to_a_template_goes_back_to_its_replica_set() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 1));
    world.wait(30);
    let first = object::name(&world.list(&resources::REPLICA_SETS)[0]).to_owned();
    world.change(&resources::DEPLOYMENTS, "web", |web| {
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2".into();
    });
    world.wait(40);
    world.change(&resources::DEPLOYMENTS, "web", |web| {
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:1".into();
    });
    world.wait(40);
    assert_eq!(world.list(&resources::REPLICA_SETS).len(), 2);
    let again = world.get(&resources::REPLICA_SETS, &first);
    assert_eq!(again["spec"]["replicas"], 1);
    assert_eq!(again["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
}

#[test]
fn old_revisions_are_forgotten_beyond_the_limit() {
    let mut world = World::new();
    let mut web = deployment("web:0", 1);
    web["spec"]["revisionHistoryLimit"] = 1.into();
    world.create(&resources::DEPLOYMENTS, web);
    for version in 1..4 {
        world.wait(40);
        world.change(&resources::DEPLOYMENTS, "web", |web| {
            web["spec"]["template"]["spec"]["containers"][0]["image"] = format!("web:{version}").into();
        });
    }
    world.wait(40);
    assert_eq!(world.list(&resources::REPLICA_SETS).len(), 2);
}

#[test]
fn a_crash_loop_waits_longer_and_longer() {
    let mut world = World::new();
    let mut web = deployment("crash:1", 1);
    web["spec"]["template"]["spec"]["containers"][0].as_object_mut().unwrap().remove("readinessProbe");
    world.create(&resources::DEPLOYMENTS, web);
    let pod = object::name(&world.pods()[0]).to_owned();
    let began = world.now;
    let mut restarts = Vec::new();
    let mut waits = Vec::new();
    let mut last = 0;
    for _ in 0..400 {
        world.wait(1);
        let seen = world.get(&resources::PODS, &pod);
        let count = container(&seen)["restartCount"].as_i64().unwrap();
        if count != last {
            restarts.push(world.now.as_second() - began.as_second());
            last = count;
        }
        let waiting = &container(&seen)["state"]["waiting"];
        if waiting["reason"] == "CrashLoopBackOff" {
            let message = waiting["message"].as_str().unwrap().to_owned();
            if waits.last() != Some(&message) {
                waits.push(message);
            }
            assert_eq!(container(&seen)["lastState"]["terminated"]["exitCode"], 3);
            assert_eq!(seen["status"]["phase"], "Running");
        }
    }
    let gaps: Vec<i64> = restarts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // A run of five seconds and the wait: ten seconds, then twice as long each time.
    for (gap, wait) in gaps.iter().zip([10, 20, 40, 80, 160]) {
        assert!((wait + 5..=wait + 7).contains(gap), "{gaps:?}");
    }
    assert!(waits[0].starts_with("back-off 10s restarting failed container=web pod="), "{waits:?}");
    assert!(waits[3].starts_with("back-off 1m20s "), "{waits:?}");
    let events = world.events(&pod);
    assert!(events.iter().any(|event| event.starts_with("BackOff Back-off restarting failed container web in pod")));
}

#[test]
fn an_image_that_cannot_be_pulled() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("gone:1", 1));
    world.wait(4);
    let waiting = |world: &World| container(&world.pods()[0])["state"]["waiting"].clone();
    let mut seen = Vec::new();
    for _ in 0..30 {
        world.wait(1);
        let reason = waiting(&world)["reason"].as_str().unwrap_or_default().to_owned();
        if seen.last() != Some(&reason) {
            seen.push(reason);
        }
    }
    assert!(seen.contains(&"ImagePullBackOff".to_owned()), "{seen:?}");
    let events = world.events(object::name(&world.pods()[0]));
    assert!(events.iter().any(|event| event.contains("no docker.io/library/gone:1")), "{events:?}");
    assert!(events.iter().any(|event| event.starts_with("Failed Error: ErrImagePull (")));
    assert_eq!(world.pods()[0]["status"]["phase"], "Pending");
}

#[test]
fn a_rollout_that_does_not_progress_times_out_and_the_old_pod_stays() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 1));
    world.wait(30);
    world.change(&resources::DEPLOYMENTS, "web", |web| {
        web["spec"]["progressDeadlineSeconds"] = 60.into();
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "slow:1".into();
    });
    world.wait(50);
    assert_eq!(condition(&world.get(&resources::DEPLOYMENTS, "web"), "Progressing").0, "True");
    world.wait(30);
    let web = world.get(&resources::DEPLOYMENTS, "web");
    assert_eq!(condition(&web, "Progressing"), ("False".into(), "ProgressDeadlineExceeded".into()));
    assert_eq!(numbers(&web), [2, 1, 1, 1]);
    assert_eq!(world.controllers.next_due(), None, "a Pod that is never ready costs nothing");
}

#[test]
fn scaling_up_and_down() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 1));
    world.wait(30);
    let first = object::name(&world.pods()[0]).to_owned();
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 4.into());
    assert_eq!(world.pods().len(), 4);
    world.wait(30);
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web")), [4, 4, 4, 4]);
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 1.into());
    world.wait(30);
    let left = world.pods();
    assert_eq!(left.iter().map(|pod| object::name(pod)).collect::<Vec<_>>(), [first], "the oldest stays");
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 0.into());
    world.wait(30);
    assert!(world.pods().is_empty());
    assert_eq!(world.controllers.next_due(), None);
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 1));
    world.wait(30);
    world.change(&resources::DEPLOYMENTS, "web", |web| {
        web["spec"]["paused"] = true.into();
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2".into();
        web["spec"]["replicas"] = 2.into();
    });
    world.wait(30);
    assert_eq!(world.list(&resources::REPLICA_SETS).len(), 1);
    assert_eq!(world.pods().len(), 2);
    let web = world.get(&resources::DEPLOYMENTS, "web");
    assert_eq!(condition(&web, "Progressing"), ("Unknown".into(), "DeploymentPaused".into()));
    world.change(&resources::DEPLOYMENTS, "web", |web| web["spec"]["paused"] = false.into());
    world.wait(60);
    assert_eq!(world.list(&resources::REPLICA_SETS).len(), 2);
    let progressing = condition(&world.get(&resources::DEPLOYMENTS, "web"), "Progressing");
    assert_eq!(progressing.1, "NewReplicaSetAvailable");
}

#[test]
fn recreate_waits_for_the_old_pods_to_go() {
    let mut world = World::new();
    let mut web = deployment("web:1", 1);
    web["spec"]["strategy"] = json!({"type": "Recreate"});
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(30);
    world.change(&resources::DEPLOYMENTS, "web", restart);
    assert_eq!(world.pods().len(), 1);
    assert!(object::is_deleting(&world.pods()[0]));
    world.wait(40);
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web")), [1, 1, 1, 1]);
}

#[test]
fn what_is_owned_goes_with_its_owner() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 2));
    world.wait(30);
    world.delete(&resources::DEPLOYMENTS, "web");
    assert!(world.list(&resources::REPLICA_SETS).is_empty());
    assert!(world.pods().iter().all(|pod| object::is_deleting(pod)));
    world.wait(10);
    assert!(world.pods().is_empty());
}

#[test]
fn a_deleted_pod_is_replaced_before_it_is_gone() {
    let mut world = World::new();
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 1));
    world.wait(30);
    let name = object::name(&world.pods()[0]).to_owned();
    world.delete(&resources::PODS, &name);
    assert_eq!(world.pods().len(), 2);
    world.wait(30);
    assert_eq!(world.pods().len(), 1);
    assert!(world.events(&name).iter().any(|event| event.starts_with("Killing Stopping container web")));
}

#[test]
fn a_namespace_has_its_account_and_goes_with_all_in_it() {
    let mut world = World::new();
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    world.create(&resources::NAMESPACES, space);
    let control = world.controllers.control.clone();
    assert!(control.get(&resources::SERVICE_ACCOUNTS, "shop", "default").is_some());
    assert!(control.get(&resources::CONFIG_MAPS, "shop", "kube-root-ca.crt").is_some());
    let mut web = deployment("web:1", 1);
    web["metadata"]["namespace"] = "shop".into();
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(30);
    let key = Key::cluster(&resources::NAMESPACES, "shop");
    let now = object::written(world.now);
    control.update(&key, |space| space["metadata"]["deletionTimestamp"] = now.into());
    world.wait(0);
    assert_eq!(control.store.get(&key).unwrap()["status"]["phase"], "Terminating");
    world.wait(30);
    assert!(control.store.get(&key).is_none());
    assert!(control.store.list(&resources::PODS, Some("shop")).is_empty());
    assert!(control.store.list(&resources::EVENTS, Some("shop")).is_empty());
}

#[test]
fn pod_identity_is_a_matter_of_cause_and_effect() {
    let mut world = World::new();
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app", "namespace": "default"}});
    world.create(&resources::SERVICE_ACCOUNTS, account);
    let mut web = deployment("table:1", 1);
    let spec = &mut web["spec"]["template"]["spec"];
    spec["serviceAccountName"] = "app".into();
    spec["containers"][0]["env"] = json!([{"name": "TABLE", "value": "items"}]);
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(30);
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web"))[2], 0, "no credentials");
    // The association alone changes nothing for Pods that are there, but for new ones.
    world.account.associate("default/app", Some("denied"));
    let before = object::name(&world.pods()[0]).to_owned();
    world.wait(100);
    let environment = |pod: &Value| -> Vec<String> {
        object::list(pod, "/spec/containers/0/env").iter().map(|one| object::text(one, "/name").to_owned()).collect()
    };
    assert_eq!(environment(&world.get(&resources::PODS, &before)), ["TABLE"]);
    world.change(&resources::DEPLOYMENTS, "web", restart);
    world.wait(30);
    let new = world.pods().into_iter().find(|pod| object::name(pod) != before).unwrap();
    assert_eq!(
        environment(&new),
        [
            "TABLE",
            "AWS_STS_REGIONAL_ENDPOINTS",
            "AWS_DEFAULT_REGION",
            "AWS_REGION",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ]
    );
    let volume = object::list(&new, "/spec/volumes").iter().find(|volume| volume["name"] == "eks-pod-identity-token");
    let token = &volume.unwrap()["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!(token["audience"], "pods.eks.amazonaws.com");
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web"))[2], 0, "the policy does not allow it");
    world.account.associate("default/app", None);
    world.wait(400);
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web")), [1, 1, 1, 1], "now it does");
}

#[test]
fn a_service_that_is_there_is_enough_for_a_container_that_needs_it() {
    let mut world = World::new();
    let mut web = deployment("table:1", 1);
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    world.create(&resources::DEPLOYMENTS, web);
    world.wait(10);
    let pod = world.pods()[0].clone();
    assert_eq!(container(&pod)["state"]["waiting"]["reason"], "CreateContainerConfigError");
    assert_eq!(container(&pod)["state"]["waiting"]["message"], "configmap \"settings\" not found");
    assert_eq!(pod["status"]["phase"], "Pending");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db", "namespace": "default"},
        "spec": {"ports": [{"port": 8000}], "selector": {"app": "db"}}});
    world.create(&resources::SERVICES, service);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"},
        "data": {"ENDPOINT": "http://db:8000"}});
    world.create(&resources::CONFIG_MAPS, map);
    world.wait(30);
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web")), [1, 1, 1, 1]);
}

#[test]
fn endpoints_follow_readiness() {
    let mut world = World::new();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}], "selector": {"app": "web"}}});
    let made = world.create(&resources::SERVICES, service);
    assert!(object::text(&made, "/spec/clusterIP").starts_with("172.20."));
    world.create(&resources::DEPLOYMENTS, deployment("web:1", 1));
    world.wait(5);
    let endpoints = world.get(&resources::ENDPOINTS, "web");
    assert_eq!(object::list(&endpoints, "/subsets/0/notReadyAddresses").len(), 1);
    world.wait(30);
    let endpoints = world.get(&resources::ENDPOINTS, "web");
    assert_eq!(endpoints["subsets"][0]["addresses"][0]["ip"], world.pods()[0]["status"]["podIP"]);
    assert_eq!(endpoints["subsets"][0]["ports"][0]["port"], 8080);
    let slices = world.list(&resources::ENDPOINT_SLICES);
    let slice = slices.iter().find(|slice| object::name(slice).starts_with("web-")).unwrap();
    assert_eq!(slice["endpoints"][0]["conditions"]["ready"], true);
    world.delete(&resources::SERVICES, "web");
    assert!(!world.list(&resources::ENDPOINT_SLICES).iter().any(|slice| object::name(slice).starts_with("web-")));
}

#[test]
fn a_pod_that_fits_no_node_says_so_and_is_taken_up_when_one_fits() {
    let mut world = World::new();
    let mut web = deployment("web:1", 1);
    web["spec"]["template"]["spec"]["nodeSelector"] = json!({"disk": "fast"});
    world.create(&resources::DEPLOYMENTS, web);
    let pod = world.pods()[0].clone();
    let scheduled = object::condition(&pod["status"], "PodScheduled").unwrap().clone();
    assert_eq!(scheduled["reason"], "Unschedulable");
    assert_eq!(
        scheduled["message"],
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, \
         preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    );
    let key = Key::cluster(&resources::NODES, "b");
    world.controllers.control.update(&key, |node| object::set_meta(node, "labels", "disk", "fast"));
    world.wait(30);
    assert_eq!(world.pods()[0]["spec"]["nodeName"], "b");
    assert_eq!(numbers(&world.get(&resources::DEPLOYMENTS, "web")), [1, 1, 1, 1]);
}

#[test]
fn a_stateful_set_goes_in_order() {
    let mut world = World::new();
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "default"},
        "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "db", "image": "db:1"}]}}},
    });
    world.create(&resources::STATEFUL_SETS, set);
    assert_eq!(world.pods().iter().map(|pod| object::name(pod).to_owned()).collect::<Vec<_>>(), ["db-0"]);
    world.wait(20);
    let set = world.get(&resources::STATEFUL_SETS, "db");
    assert_eq!(set["status"]["readyReplicas"], 2);
    assert_eq!(set["status"]["currentRevision"], set["status"]["updateRevision"]);
    let uid = |world: &World, name: &str| object::uid(&world.get(&resources::PODS, name)).to_owned();
    let (zero, one) = (uid(&world, "db-0"), uid(&world, "db-1"));
    world.change(&resources::STATEFUL_SETS, "db", restart);
    assert!(object::is_deleting(&world.get(&resources::PODS, "db-1")), "the last one first");
    assert!(!object::is_deleting(&world.get(&resources::PODS, "db-0")));
    world.wait(40);
    assert_ne!(uid(&world, "db-1"), one);
    assert_ne!(uid(&world, "db-0"), zero);
    assert_eq!(world.get(&resources::STATEFUL_SETS, "db")["status"]["updatedReplicas"], 2);
    world.change(&resources::STATEFUL_SETS, "db", |set| set["spec"]["replicas"] = 1.into());
    world.wait(20);
    assert_eq!(world.pods().len(), 1);
    assert_eq!(world.controllers.next_due(), None);
}

#[test]
fn a_daemon_set_is_on_each_node() {
    let mut world = World::new();
    let set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": {"metadata": {"labels": {"app": "agent"}},
            "spec": {"containers": [{"name": "agent", "image": "agent:1"}]}}},
    });
    world.create(&resources::DAEMON_SETS, set);
    world.wait(20);
    let status = world.get(&resources::DAEMON_SETS, "agent")["status"].clone();
    assert_eq!((&status["desiredNumberScheduled"], &status["numberAvailable"]), (&json!(2), &json!(2)));
    let mut nodes: Vec<Value> = world.pods().iter().map(|pod| pod["spec"]["nodeName"].clone()).collect();
    nodes.sort_by_key(Value::to_string);
    assert_eq!(nodes, ["a", "b"]);
    world.change(&resources::DAEMON_SETS, "agent", restart);
    assert_eq!(world.pods().iter().filter(|pod| object::is_deleting(pod)).count(), 1, "one at a time");
    world.wait(60);
    assert_eq!(world.get(&resources::DAEMON_SETS, "agent")["status"]["updatedNumberScheduled"], 2);
}

#[test]
fn a_job_completes_or_gives_up() {
    let mut world = World::new();
    let job = |name: &str, image: &str| {
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "default"},
            "spec": {"backoffLimit": 1, "template": {"spec": {"restartPolicy": "Never",
                "containers": [{"name": "work", "image": image}]}}},
        })
    };
    world.create(&resources::JOBS, job("good", "work:1"));
    world.create(&resources::JOBS, job("bad", "crash:1"));
    world.wait(20);
    let good = world.get(&resources::JOBS, "good");
    assert_eq!(condition(&good, "Complete"), ("True".into(), "CompletionsReached".into()));
    assert_eq!(good["status"]["succeeded"], 1);
    let mut phases: Vec<Value> = world.pods().iter().map(|pod| pod["status"]["phase"].clone()).collect();
    phases.dedup();
    assert!(phases.contains(&json!("Succeeded")));
    world.wait(60);
    let bad = world.get(&resources::JOBS, "bad");
    assert_eq!(condition(&bad, "Failed"), ("True".into(), "BackoffLimitExceeded".into()));
    assert_eq!(world.controllers.next_due(), None);
}
