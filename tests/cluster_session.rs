//! The bundled scenario's cluster as a session has it: on the session's runtime, at a thousand times real speed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::cluster::api::{ExecRequest, LogOptions};
use lectern::sandbox::cluster::object::{self, resources};
use lectern::sandbox::cluster::store::{Key, Object};
use lectern::sandbox::cluster::{CloudIdentity, Cluster, ClusterSnapshot};
use lectern::sandbox::{Sandbox, SandboxError, Scenario};
use serde_json::{Value, json};

/// An account without associations.
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

fn in_session<F: Future>(run: impl FnOnce(Clock) -> F) -> F::Output {
    let clock = Clock::accelerated(1000.0);
    session_runtime(&clock).unwrap().block_on(run(clock.clone()))
}

async fn settle(cluster: &Cluster, clock: &Clock) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while cluster.is_pending() {
        assert!(Instant::now() < deadline, "it does not settle");
        clock.sleep(Duration::from_secs(1)).await;
    }
}

fn key() -> Key {
    Key::namespaced(&resources::DEPLOYMENTS, "carts", "carts")
}

fn restart(cluster: &Cluster, at: &str) {
    cluster
        .store()
        .update::<lectern::sandbox::cluster::store::StoreError>(&key(), None, |deployment| {
            let template = &mut deployment["spec"]["template"];
            object::set_meta(template, "annotations", "kubectl.kubernetes.io/restartedAt", at);
            let generation = deployment["metadata"]["generation"].as_i64().unwrap();
            deployment["metadata"]["generation"] = (generation + 1).into();
            Ok(())
        })
        .unwrap();
}

fn carts(cluster: &Cluster) -> Vec<Object> {
    let mut pods = cluster.store().list(&resources::PODS, Some("carts"));
    pods.retain(|pod| pod["metadata"]["labels"]["app.kubernetes.io/component"] == "service");
    pods
}

#[test]
fn the_bundled_cluster_rests_and_everything_is_ready_and_some_minutes_old() {
    in_session(async |clock| {
        let scenario = Scenario::default_bundled().unwrap();
        let cluster = Cluster::start(&scenario.cluster, Arc::new(Bare), &clock).await.unwrap();
        assert!(!cluster.is_pending());
        let pods = cluster.store().list(&resources::PODS, None);
        assert!(pods.len() >= 9, "{}", pods.len());
        for pod in &pods {
            assert!(object::has_condition(pod, "Ready"), "{}", object::name(pod));
            let created = object::time(pod, "/metadata/creationTimestamp").unwrap();
            assert!(clock.now().duration_since(created).as_secs() > 20 * 60, "{}", object::name(pod));
            assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0, "{}", object::name(pod));
        }
        let ingress = cluster.store().list(&resources::INGRESSES, Some("ui"));
        let host = object::text(&ingress[0], "/status/loadBalancer/ingress/0/hostname");
        assert!(host.starts_with("k8s-ui-uiauto-") && host.ends_with(".us-west-2.elb.amazonaws.com"), "{host}");
        // Nothing happens while nothing is due.
        let revision = cluster.store().revision();
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(cluster.store().revision(), revision);
    });
}

#[test]
fn a_restart_in_a_session_and_back_to_a_snapshot() {
    in_session(async |clock| {
        let scenario = Scenario::default_bundled().unwrap();
        let cluster = Cluster::start(&scenario.cluster, Arc::new(Bare), &clock).await.unwrap();
        let before = object::name(&carts(&cluster)[0]).to_owned();
        restart(&cluster, "one");
        clock.sleep(Duration::from_secs(5)).await;
        assert_eq!(carts(&cluster).len(), 2, "in the middle of a rollout");
        let snapshot = cluster.snapshot();
        settle(&cluster, &clock).await;
        let after = carts(&cluster);
        assert_eq!(after.len(), 1);
        assert_ne!(object::name(&after[0]), before);
        cluster.restore(&snapshot, &scenario.cluster).unwrap();
        assert_eq!(carts(&cluster).len(), 2);
        assert!(cluster.is_pending());
        settle(&cluster, &clock).await;
        let again = carts(&cluster);
        assert_eq!(again.len(), 1);
        assert_eq!(object::name(&again[0]), object::name(&after[0]), "it goes on as before");
        assert!(serde_json::from_value::<ClusterSnapshot>(json!({"no": "snapshot"})).is_err());
    });
}

#[test]
fn both_halves_go_back_to_any_moment_and_share_what_is_the_same() {
    in_session(async |clock| {
        let scenario = Scenario::default_bundled().unwrap();
        let sandbox = Sandbox::start(&scenario, &clock).await.unwrap();
        let store = sandbox.cluster().store();
        let query = async |action: &str| {
            let request = http::Request::post("https://iam.amazonaws.com/")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/iam/aws4_request")
                .body(bytes::Bytes::from(format!("{action}&Version=2010-05-08")));
            sandbox.aws().call(request.unwrap()).await.status().as_u16()
        };
        let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": {}});
        let names = || -> Vec<String> {
            let maps = store.list(&resources::CONFIG_MAPS, Some("default"));
            maps.iter().map(|map| object::name(map).to_owned()).filter(|name| name.starts_with("step")).collect()
        };
        let mut moments = Vec::new();
        for step in 0..4 {
            moments.push(sandbox.snapshot().await.unwrap());
            store.create(&resources::CONFIG_MAPS, map(&format!("step-{step}"))).unwrap();
            assert_eq!(query(&format!("Action=CreateRole&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D&RoleName=step-{step}")).await, 200);
        }
        let kept = store.get(&key()).unwrap();
        for moment in [2, 0, 3, 1] {
            sandbox.restore(&moments[moment]).await.unwrap();
            let expected: Vec<String> = (0..moment).map(|step| format!("step-{step}")).collect();
            assert_eq!(names(), expected);
            for step in 0..4 {
                let status = query(&format!("Action=GetRole&RoleName=step-{step}")).await;
                assert_eq!(status, if step < moment { 200 } else { 404 }, "at {moment}: role {step}");
            }
            assert!(Arc::ptr_eq(&store.get(&key()).unwrap(), &kept), "what did not change is not copied");
        }
        // On disk and back it is the same.
        let text = serde_json::to_string(&moments[3]).unwrap();
        sandbox.restore(&serde_json::from_str(&text).unwrap()).await.unwrap();
        assert_eq!(names(), ["step-0", "step-1", "step-2"]);
        assert_eq!(query("Action=GetRole&RoleName=step-2").await, 200);
    });
}

#[test]
fn logs_and_commands_show_what_the_container_does() {
    in_session(async |clock| {
        let scenario = Scenario::default_bundled().unwrap();
        let cluster = Cluster::start(&scenario.cluster, Arc::new(Bare), &clock).await.unwrap();
        let kubelets = cluster.containers();
        let exec = async |command: &[&str]| {
            let command = command.iter().map(|word| (*word).to_owned()).collect();
            let pod = carts(&cluster)[0].clone();
            let request = ExecRequest { command, stdin: None, tty: false };
            kubelets.exec(&pod, "carts", request).await
        };
        let answer = exec(&["env"]).await.unwrap();
        let text = String::from_utf8(answer.stdout).unwrap();
        assert!(text.contains("RETAIL_CART_PERSISTENCE_DYNAMODB_ENDPOINT=http://carts-dynamodb:8000\n"), "{text}");
        assert!(text.contains(&format!("HOSTNAME={}\n", object::name(&carts(&cluster)[0]))));
        assert!(exec(&["nosuch"]).await.is_err_and(|status| status.message.contains("not found in $PATH")));

        // Without an endpoint and without credentials the next one crashes, and its log says why.
        let map = Key::namespaced(&resources::CONFIG_MAPS, "carts", "carts");
        cluster
            .store()
            .update::<lectern::sandbox::cluster::store::StoreError>(&map, None, |map| {
                map["data"] = json!({"RETAIL_CART_PERSISTENCE_PROVIDER": "dynamodb", "AWS_REGION": "us-west-2",
                    "RETAIL_CART_PERSISTENCE_DYNAMODB_TABLE_NAME": "t"});
                Ok(())
            })
            .unwrap();
        let old = object::name(&carts(&cluster)[0]).to_owned();
        restart(&cluster, "two");
        clock.sleep(Duration::from_secs(60)).await;
        let all = carts(&cluster);
        assert!(
            all.iter().any(|pod| object::name(pod) == old && object::has_condition(pod, "Ready")),
            "the old one stays"
        );
        let new = all.iter().find(|pod| object::name(pod) != old).unwrap();
        assert!(new["status"]["containerStatuses"][0]["restartCount"].as_i64().unwrap() >= 2);
        let read = async |options: LogOptions| {
            let stream = kubelets.log(new, "carts", &options).unwrap();
            let parts: Vec<_> = stream.collect().await;
            String::from_utf8(parts.concat()).unwrap()
        };
        let previous = read(LogOptions { previous: true, ..LogOptions::default() }).await;
        assert!(previous.contains("Unable to load credentials from any of the providers"), "{previous}");
        let tail = read(LogOptions { previous: true, tail_lines: Some(1), ..LogOptions::default() }).await;
        assert_eq!(tail.lines().count(), 1);
        assert!(previous.ends_with(&tail));
        // Following ends with the run.
        let followed = read(LogOptions { follow: true, ..LogOptions::default() }).await;
        assert!(followed.contains("Unable to load credentials"), "{followed}");
        let missing = kubelets.log(&all[0], "carts", &LogOptions { previous: true, ..LogOptions::default() });
        assert!(all[0]["metadata"]["name"] != old.as_str() || missing.is_err());
    });
}

#[test]
fn an_association_in_the_account_mends_what_its_absence_broke() {
    in_session(async |clock| {
        let scenario = Scenario::default_bundled().unwrap();
        let sandbox = Sandbox::start(&scenario, &clock).await.unwrap();
        let (cluster, name) = (sandbox.cluster(), scenario.cluster.name.as_str());
        let account = CloudIdentity::account(sandbox.aws());
        let map = Key::namespaced(&resources::CONFIG_MAPS, "carts", "carts");
        cluster
            .store()
            .update::<lectern::sandbox::cluster::store::StoreError>(&map, None, |map| {
                map["data"] = json!({"RETAIL_CART_PERSISTENCE_PROVIDER": "dynamodb", "AWS_REGION": "us-west-2",
                    "RETAIL_CART_PERSISTENCE_DYNAMODB_TABLE_NAME": format!("{name}-carts")});
                Ok(())
            })
            .unwrap();
        let old = object::name(&carts(cluster)[0]).to_owned();
        restart(cluster, "without");
        clock.sleep(Duration::from_secs(120)).await;
        let broken = carts(cluster);
        assert_eq!(broken.len(), 2);
        let new = broken.iter().find(|pod| object::name(pod) != old).unwrap();
        assert_eq!(new["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "CrashLoopBackOff");

        let credentials = aws_credential_types::Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "test");
        let config = aws_sdk_eks::Config::builder()
            .behavior_version(aws_sdk_eks::config::BehaviorVersion::latest())
            .region(aws_sdk_eks::config::Region::new(scenario.cluster.region.clone()))
            .credentials_provider(credentials)
            .http_client(sandbox.aws().http_client())
            .build();
        let eks = aws_sdk_eks::Client::from_conf(config);
        eks.create_pod_identity_association()
            .cluster_name(name)
            .namespace("carts")
            .service_account("carts")
            .role_arn(format!("arn:aws:iam::{account}:role/{name}-carts-dynamo"))
            .send()
            .await
            .unwrap();
        restart(cluster, "with");
        settle(cluster, &clock).await;
        let mended = carts(cluster);
        assert_eq!(mended.len(), 1);
        assert!(object::has_condition(&mended[0], "Ready"));
        let request = ExecRequest { command: vec!["env".into()], stdin: None, tty: false };
        let answer = cluster.containers().exec(&mended[0], "carts", request).await.unwrap();
        let text = String::from_utf8(answer.stdout).unwrap();
        let shown: Vec<&str> = text.lines().filter(|line| line.starts_with("AWS")).collect();
        assert_eq!(
            shown,
            [
                "AWS_STS_REGIONAL_ENDPOINTS=regional",
                "AWS_DEFAULT_REGION=us-west-2",
                "AWS_REGION=us-west-2",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
            ]
        );
    });
}

fn wrong(files: &[(&str, &str)]) -> (String, usize, usize, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("manifests")).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    match Scenario::load(folder.path()) {
        Err(SandboxError::Scenario { file, line, column, message }) => {
            (file.file_name().unwrap().to_string_lossy().into_owned(), line, column, message)
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn mistakes_in_a_scenario_are_told_with_their_place() {
    let head = ("scenario.yaml", "environment: {A: b}\n");
    let (file, ..) = wrong(&[]);
    assert_eq!(file, "scenario.yaml");
    let (file, line, _, message) = wrong(&[("scenario.yaml", "description: x\nenviroment: {}\n")]);
    assert_eq!((file.as_str(), line), ("scenario.yaml", 2), "{message}");
    assert!(message.contains("enviroment"), "{message}");
    let (file, line, _, message) = wrong(&[head, ("cluster.yaml", "name: x\nrunning_for: soon\n")]);
    assert_eq!((file.as_str(), line), ("cluster.yaml", 2), "{message}");
    assert!(message.contains("\"soon\" is not a span of time"), "{message}");
    let (file, line, _, message) =
        wrong(&[head, ("cluster.yaml", "containers:\n  - match: {}\n    logs:\n      - text: ${nobody}\n")]);
    assert_eq!((file.as_str(), line), ("cluster.yaml", 4), "{message}");
    assert!(message.contains("is not known"), "{message}");
    let (file, line, ..) = wrong(&[head, ("manifests/a.yaml", "kind: Pod\n---\nkind: [Pod\n")]);
    assert_eq!(file, "a.yaml");
    assert!(line >= 3, "{line}");
    let (file, ..) = wrong(&[head, ("extra.yaml", "a: b\n")]);
    assert_eq!(file, "extra.yaml");
}

#[test]
fn an_unknown_scenario_is_told_with_those_there_are() {
    let error = Scenario::bundled("nosuch").map(|_| ()).unwrap_err().to_string();
    for name in Scenario::names() {
        assert!(error.contains(&name), "{error}");
    }
    let scenario = Scenario::default_bundled().unwrap();
    assert!(scenario.environment.contains_key("AWS_REGION"));
    let kinds: Vec<&Value> = scenario.cluster.manifests.iter().map(|manifest| &manifest.object["kind"]).collect();
    assert!(kinds.iter().any(|kind| *kind == "Deployment"));
}
