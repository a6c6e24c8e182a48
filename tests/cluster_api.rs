//! The sandbox's API server, as kube (unmodified) uses it in process.

#[path = "cluster_api/robust.rs"]
mod robust;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::{
    Api, AttachParams, DeleteParams, DynamicObject, ListParams, LogParams, Patch, PatchParams, PostParams,
    PropagationPolicy, WatchEvent, WatchParams,
};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Discovery};
use lectern::clock::{Clock, session_runtime};
use lectern::sandbox::cluster::api::{
    Attached, Config, Containers, ExecAnswer, ExecRequest, LogOptions, LogStream, Server, Status, User,
};
use lectern::sandbox::cluster::store::{GroupResource, Key, Store, StoreError};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

struct Played;

impl Containers for Played {
    fn log(&self, pod: &Value, container: &str, options: &LogOptions) -> Result<LogStream, Status> {
        if options.previous {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let message = format!("previous terminated container \"{container}\" in pod \"{name}\" not found");
            return Err(Status::bad_request(message));
        }
        let lines = (1..=3).map(|number| format!("{container} line {number}\n"));
        let kept: Vec<Bytes> =
            lines.skip(3 - usize::try_from(options.tail_lines.unwrap_or(3)).unwrap()).map(Bytes::from).collect();
        Ok(Box::pin(futures::stream::iter(kept)))
    }

    fn attach(&self, _pod: &Value, container: &str, _stdin: Option<Vec<u8>>) -> Result<Attached, Status> {
        Ok(Attached::Prints(Box::pin(futures::stream::iter([Bytes::from(format!("{container} prints\n"))]))))
    }

    fn exec<'a>(
        &'a self,
        _pod: &'a Value,
        container: &'a str,
        request: ExecRequest,
    ) -> BoxFuture<'a, Result<ExecAnswer, Status>> {
        Box::pin(async move {
            let exit_code = i32::from(request.command[0] == "false");
            let mut stdout = format!("{container}: {}\n", request.command.join(" ")).into_bytes();
            stdout.extend(request.stdin.unwrap_or_default());
            Ok(ExecAnswer { stdout, stderr: b"warned\n".to_vec(), exit_code })
        })
    }
}

/// A server with a namespace, its service account, and a client. Runs on a session's own runtime.
fn with_server<F: Future<Output = ()>>(test: impl FnOnce(Server, Client) -> F) {
    with_clock(Clock::real(), test);
}

fn with_clock<F: Future<Output = ()>>(clock: Clock, test: impl FnOnce(Server, Client) -> F) {
    let runtime = session_runtime(&clock).unwrap();
    runtime.block_on(async {
        let config = Config { git_version: "v1.36.2-eks-f69f56f".into(), ..Config::default() };
        let server = Server::new(Store::seeded(clock.clone(), 1), clock.clone(), config);
        server.set_containers(Arc::new(Played));
        server.create(&GroupResource::of("", "namespaces"), json!({"metadata": {"name": "default"}})).unwrap();
        let account = json!({"metadata": {"name": "default", "namespace": "default"}});
        server.create(&GroupResource::of("", "serviceaccounts"), account).unwrap();
        let client = Client::new(server.client_service(), "default");
        test(server, client).await;
    });
}

fn deployment() -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}]},
            },
        },
    }))
    .unwrap()
}

fn pod(name: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"nodeName": "node", "containers": [{"name": "main", "image": "busybox"}]},
    }))
    .unwrap()
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"of": value}}, "data": {"key": value}}))
        .unwrap()
}

fn told(error: kube::Error) -> Told {
    match error {
        kube::Error::Api(status) => Told { code: status.code, reason: status.reason, message: status.message },
        other => panic!("not an answer of the server: {other}"),
    }
}

#[derive(Debug)]
struct Told {
    code: u16,
    reason: String,
    message: String,
}

#[test]
fn version_and_discovery() {
    with_server(|_, client| async move {
        let version = client.apiserver_version().await.unwrap();
        assert_eq!((version.major.as_str(), version.minor.as_str()), ("1", "36"));
        assert_eq!(version.git_version, "v1.36.2-eks-f69f56f");
        for discovery in [
            Discovery::new(client.clone()).run().await.unwrap(),
            Discovery::new(client.clone()).run_aggregated().await.unwrap(),
        ] {
            let (resource, capabilities) =
                discovery.resolve_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment")).unwrap();
            assert_eq!(resource.plural, "deployments");
            assert!(capabilities.subresources.iter().any(|(sub, _)| sub.plural.ends_with("scale")));
            assert!(discovery.has_group("") && discovery.has_group("networking.k8s.io"));
        }
    });
}

#[test]
fn create_fills_in_defaults() {
    with_server(|_, client| async move {
        let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
        let made = deployments.create(&PostParams::default(), &deployment()).await.unwrap();
        assert_eq!(made.metadata.generation, Some(1));
        let spec = made.spec.unwrap();
        assert_eq!(spec.replicas, Some(1));
        assert_eq!(spec.progress_deadline_seconds, Some(600));
        let container = &spec.template.spec.unwrap().containers[0];
        assert_eq!(container.image_pull_policy.as_deref(), Some("IfNotPresent"));
        assert_eq!(container.ports.as_ref().unwrap()[0].protocol.as_deref(), Some("TCP"));

        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        let made = pods.create(&PostParams::default(), &pod("one")).await.unwrap();
        let spec = made.spec.unwrap();
        assert_eq!(spec.service_account_name.as_deref(), Some("default"));
        assert!(spec.volumes.unwrap()[0].name.starts_with("kube-api-access-"));
        assert_eq!(made.status.unwrap().qos_class.as_deref(), Some("BestEffort"));

        let services: Api<Service> = Api::default_namespaced(client);
        let service = json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}});
        let made = services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();
        let spec = made.spec.unwrap();
        assert!(spec.cluster_ip.unwrap().starts_with("172.20."));
        assert_eq!(spec.type_.as_deref(), Some("ClusterIP"));
    });
}

#[test]
fn get_list_and_page() {
    with_server(|_, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        for name in ["a", "b", "c"] {
            maps.create(&PostParams::default(), &config_map(name, name)).await.unwrap();
        }
        assert_eq!(maps.get("b").await.unwrap().data.unwrap()["key"], "b");
        let named = maps.list(&ListParams::default().labels("of in (a,c)")).await.unwrap();
        assert_eq!(named.items.len(), 2);
        let one = maps.list(&ListParams::default().fields("metadata.name=c")).await.unwrap();
        assert_eq!(one.items[0].metadata.name.as_deref(), Some("c"));
        let first = maps.list(&ListParams::default().limit(2)).await.unwrap();
        assert_eq!((first.items.len(), first.metadata.remaining_item_count), (2, Some(1)));
        let token = first.metadata.continue_.unwrap();
        let rest = maps.list(&ListParams::default().limit(2).continue_token(&token)).await.unwrap();
        assert_eq!(rest.items[0].metadata.name.as_deref(), Some("c"));
        assert_eq!(rest.metadata.continue_, None);
        let everywhere: Api<ConfigMap> = Api::all(client.clone());
        assert_eq!(everywhere.list(&ListParams::default()).await.unwrap().items.len(), 3);
        let missing = told(maps.get("none").await.unwrap_err());
        assert_eq!((missing.code, missing.reason.as_str()), (404, "NotFound"));
        assert_eq!(missing.message, "configmaps \"none\" not found");
    });
}

#[test]
fn a_watch_stays_open_across_changes() {
    with_server(|_, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        maps.create(&PostParams::default(), &config_map("a", "yes")).await.unwrap();
        let version = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
        let params = WatchParams::default().labels("of=yes");
        let mut watch = maps.watch(&params, &version).await.unwrap().boxed();
        maps.create(&PostParams::default(), &config_map("b", "no")).await.unwrap();
        let to = |value: &str| json!({"metadata": {"labels": {"of": value}}});
        let own = PatchParams::default();
        maps.patch("b", &own, &Patch::Merge(to("yes"))).await.unwrap();
        maps.patch("a", &own, &Patch::Merge(json!({"data": {"key": "other"}}))).await.unwrap();
        maps.patch("a", &own, &Patch::Merge(to("no"))).await.unwrap();
        maps.delete("b", &DeleteParams::default()).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(match watch.try_next().await.unwrap().unwrap() {
                WatchEvent::Added(map) => format!("added {}", map.metadata.name.unwrap()),
                WatchEvent::Modified(map) => format!("modified {}", map.metadata.name.unwrap()),
                WatchEvent::Deleted(map) => format!("deleted {}", map.metadata.name.unwrap()),
                other => panic!("{other:?}"),
            });
        }
        // An object that is selected no longer is gone for this watch.
        assert_eq!(seen, ["added b", "modified a", "deleted a", "deleted b"]);
    });
}

#[test]
fn watches_end_on_the_sessions_clock_and_with_gone() {
    let clock = Clock::accelerated(1000.0);
    with_clock(clock.clone(), |server, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        let snapshot = server.store().snapshot();
        let version = server.store().revision().to_string();
        let began = clock.elapsed();
        let mut watch = maps.watch(&WatchParams::default().timeout(60), &version).await.unwrap().boxed();
        assert!(watch.try_next().await.unwrap().is_none());
        assert!(clock.elapsed() - began >= Duration::from_secs(60));

        let mut watch = maps.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        server.store().restore(&snapshot);
        match watch.try_next().await.unwrap().unwrap() {
            WatchEvent::Error(status) => assert_eq!((status.code, status.reason.as_str()), (410, "Expired")),
            other => panic!("{other:?}"),
        }
        assert!(watch.try_next().await.unwrap().is_none());
        let mut watch = maps.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        assert!(matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Error(_))));
    });
}

#[test]
fn a_streaming_list_ends_with_its_bookmark() {
    with_server(|_, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        maps.create(&PostParams::default(), &config_map("a", "a")).await.unwrap();
        let mut watch = maps.watch(&WatchParams::default().initial_events(), "0").await.unwrap().boxed();
        assert!(matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Added(_))));
        match watch.try_next().await.unwrap() {
            Some(WatchEvent::Bookmark(mark)) => {
                assert_eq!(mark.metadata.annotations["k8s.io/initial-events-end"], "true");
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn update_needs_the_current_version() {
    with_server(|_, client| async move {
        let deployments: Api<Deployment> = Api::default_namespaced(client);
        let mut first = deployments.create(&PostParams::default(), &deployment()).await.unwrap();
        let stale = first.clone();
        first.spec.as_mut().unwrap().replicas = Some(2);
        let second = deployments.replace("web", &PostParams::default(), &first).await.unwrap();
        assert_eq!(second.metadata.generation, Some(2));
        let error = told(deployments.replace("web", &PostParams::default(), &stale).await.unwrap_err());
        assert_eq!((error.code, error.reason.as_str()), (409, "Conflict"));
        assert_eq!(
            error.message,
            "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the latest version and try again"
        );
        // The same again changes nothing, not even the version.
        let same = deployments.replace("web", &PostParams::default(), &second).await.unwrap();
        assert_eq!(same.metadata.resource_version, second.metadata.resource_version);
    });
}

#[test]
fn patches_of_every_form() {
    with_server(|_, client| async move {
        let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
        deployments.create(&PostParams::default(), &deployment()).await.unwrap();
        let own = PatchParams::default();
        let container = |name: &str, image: &str| json!({"name": name, "image": image});
        let with = |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
        let patch = with(json!([container("side", "redis:7")]));
        let made = deployments.patch("web", &own, &Patch::Strategic(patch)).await.unwrap();
        let names: Vec<String> =
            made.spec.unwrap().template.spec.unwrap().containers.into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["side", "web"]);
        let patch = json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]);
        let request = http::Request::patch("/apis/apps/v1/namespaces/default/deployments/web")
            .header("content-type", "application/json-patch+json")
            .body(patch.to_string().into_bytes())
            .unwrap();
        let made: Deployment = client.request(request).await.unwrap();
        assert_eq!((made.spec.unwrap().replicas, made.metadata.generation), (Some(3), Some(3)));
        let patch = json!({"metadata": {"annotations": {"note": "x"}}});
        let made = deployments.patch("web", &own, &Patch::Merge(patch)).await.unwrap();
        assert_eq!((made.metadata.annotations.unwrap()["note"].as_str(), made.metadata.generation), ("x", Some(3)));

        let patch = json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}});
        let error = told(deployments.patch("web", &own, &Patch::Merge(patch)).await.unwrap_err());
        assert_eq!(error.code, 422);
        assert!(error.message.contains("field is immutable"), "{}", error.message);
    });
}

#[test]
fn status_and_scale_are_their_own() {
    with_server(|_, client| async move {
        let deployments: Api<Deployment> = Api::default_namespaced(client);
        deployments.create(&PostParams::default(), &deployment()).await.unwrap();
        let own = PatchParams::default();
        let both = json!({"spec": {"replicas": 7}, "status": {"replicas": 4, "readyReplicas": 4}});
        let made = deployments.patch("web", &own, &Patch::Merge(&both)).await.unwrap();
        assert_eq!((made.spec.unwrap().replicas, made.status.unwrap().ready_replicas), (Some(7), None));
        let made = deployments
            .patch_status("web", &own, &Patch::Merge(json!({"spec": {"replicas": 1}, "status": {"readyReplicas": 4}})))
            .await
            .unwrap();
        assert_eq!((made.spec.unwrap().replicas, made.status.unwrap().ready_replicas), (Some(7), Some(4)));
        let scale = deployments.get_scale("web").await.unwrap();
        assert_eq!(scale.spec.unwrap().replicas, Some(7));
        assert_eq!(scale.status.unwrap().selector.as_deref(), Some("app=web"));
        let scale =
            deployments.patch_scale("web", &own, &Patch::Merge(json!({"spec": {"replicas": 0}}))).await.unwrap();
        assert_eq!(scale.spec.unwrap_or_default().replicas, None);
        let made = deployments.get("web").await.unwrap();
        assert_eq!((made.spec.unwrap().replicas, made.metadata.generation), (Some(0), Some(3)));
    });
}

#[test]
fn deleting_waits_for_what_it_must() {
    with_server(|server, client| async move {
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        pods.create(&PostParams::default(), &pod("one")).await.unwrap();
        let gone = pods.delete("one", &DeleteParams::default()).await.unwrap().left().unwrap();
        assert!(gone.metadata.deletion_timestamp.is_some());
        assert_eq!(gone.metadata.deletion_grace_period_seconds, Some(30));
        assert!(pods.get("one").await.is_ok());
        pods.delete("one", &DeleteParams::default().grace_period(0)).await.unwrap();
        assert!(pods.get("one").await.is_err());

        let deployments: Api<Deployment> = Api::default_namespaced(client);
        deployments.create(&PostParams::default(), &deployment()).await.unwrap();
        let wrong = DeleteParams {
            preconditions: Some(kube::api::Preconditions { uid: Some("x".into()), resource_version: None }),
            ..DeleteParams::default()
        };
        assert_eq!(told(deployments.delete("web", &wrong).await.unwrap_err()).code, 409);
        let foreground =
            DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..DeleteParams::default() };
        let leaving = deployments.delete("web", &foreground).await.unwrap().left().unwrap();
        assert_eq!(leaving.metadata.finalizers.unwrap(), ["foregroundDeletion"]);
        // Whoever takes the last finalizer away lets the object go.
        let without = json!({"metadata": {"finalizers": null}});
        deployments.patch("web", &PatchParams::default(), &Patch::Merge(without)).await.unwrap();
        assert!(deployments.get("web").await.is_err());
        assert!(server.store().list(&GroupResource::of("apps", "deployments"), None).is_empty());
    });
}

#[test]
fn a_collection_is_deleted_by_selector() {
    with_server(|_, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        for (name, value) in [("a", "x"), ("b", "x"), ("c", "y")] {
            maps.create(&PostParams::default(), &config_map(name, value)).await.unwrap();
        }
        maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("of=x")).await.unwrap();
        assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    });
}

#[test]
fn what_is_wrong_is_said_as_the_server_says_it() {
    with_server(|_, client| async move {
        let create = async |body: Value, path: &str, query: &str| -> (u16, String) {
            let request = http::Request::post(format!("{path}?{query}"))
                .header("content-type", "application/json")
                .body(body.to_string().into_bytes())
                .unwrap();
            match client.request::<Value>(request).await {
                Ok(value) => panic!("created: {value}"),
                Err(error) => {
                    let told = told(error);
                    (told.code, told.message)
                }
            }
        };
        let maps = "/api/v1/namespaces/default/configmaps";
        let (code, message) = create(json!({"metadata": {"name": "Bad_Name"}}), maps, "").await;
        assert_eq!(code, 422);
        assert_eq!(
            message,
            "ConfigMap \"Bad_Name\" is invalid: metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        );
        let (code, message) =
            create(json!({"metadata": {"name": "lost"}}), "/api/v1/namespaces/nowhere/configmaps", "").await;
        assert_eq!((code, message.as_str()), (404, "namespaces \"nowhere\" not found"));

        let mut wrong = serde_json::to_value(deployment()).unwrap();
        wrong["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
        let path = "/apis/apps/v1/namespaces/default/deployments";
        let (code, message) = create(wrong, path, "").await;
        assert_eq!(code, 422);
        assert_eq!(
            message,
            "Deployment.apps \"web\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template `labels`"
        );
        let mut wrong = serde_json::to_value(deployment()).unwrap();
        // Fields are told of in the order in which they were sent; kubectl sends them sorted.
        let template = wrong["spec"].as_object_mut().unwrap().shift_remove("template").unwrap();
        wrong["spec"]["replicaz"] = 2.into();
        wrong["spec"]["template"] = template;
        wrong["spec"]["template"]["spec"]["containers"][0]["imagePullPolcy"] = "Always".into();
        let (code, message) = create(wrong, path, "fieldValidation=Strict").await;
        assert_eq!(code, 400);
        assert_eq!(
            message,
            "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replicaz\", unknown field \"spec.template.spec.containers[0].imagePullPolcy\""
        );
        let (code, _) = create(json!({"metadata": {"name": "x"}}), "/api/v1/namespaces/default/nothings", "").await;
        assert_eq!(code, 404);
        let no_account = json!({"metadata": {"name": "x"}, "spec": {"serviceAccountName": "none", "containers": [{"name": "a", "image": "b"}]}});
        let (code, message) = create(no_account, "/api/v1/namespaces/default/pods", "").await;
        assert_eq!(code, 403);
        assert_eq!(
            message,
            "pods \"x\" is forbidden: error looking up service account default/none: serviceaccount \"none\" not found"
        );
    });
}

#[test]
fn a_dry_run_keeps_nothing() {
    with_server(|server, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        let before = server.store().revision();
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        assert!(maps.create(&dry, &config_map("a", "a")).await.unwrap().metadata.uid.is_some());
        assert_eq!(server.store().revision(), before);
    });
}

#[test]
fn logs() {
    with_server(|_, client| async move {
        let pods: Api<Pod> = Api::default_namespaced(client);
        pods.create(&PostParams::default(), &pod("one")).await.unwrap();
        let params = LogParams { tail_lines: Some(2), ..LogParams::default() };
        assert_eq!(pods.logs("one", &params).await.unwrap(), "main line 2\nmain line 3\n");
        let previous = LogParams { previous: true, ..LogParams::default() };
        let error = told(pods.logs("one", &previous).await.unwrap_err());
        assert_eq!(
            (error.code, error.message.as_str()),
            (400, "previous terminated container \"main\" in pod \"one\" not found")
        );
        let other = LogParams { container: Some("none".into()), ..LogParams::default() };
        assert_eq!(
            told(pods.logs("one", &other).await.unwrap_err()).message,
            "container none is not valid for pod one"
        );
    });
}

#[test]
fn exec_upgrades_its_connection() {
    with_server(|_, client| async move {
        let pods: Api<Pod> = Api::default_namespaced(client);
        pods.create(&PostParams::default(), &pod("one")).await.unwrap();
        let mut process = pods.exec("one", ["env", "-0"], &AttachParams::default()).await.unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        process.stdout().unwrap().read_to_string(&mut out).await.unwrap();
        process.stderr().unwrap().read_to_string(&mut err).await.unwrap();
        let status = process.take_status().unwrap().await.unwrap();
        process.join().await.unwrap();
        assert_eq!(
            (out.as_str(), err.as_str(), status.status.as_deref()),
            ("main: env -0\n", "warned\n", Some("Success"))
        );

        let mut process = pods.exec("one", ["false"], &AttachParams::default()).await.unwrap();
        let status = process.take_status().unwrap().await.unwrap();
        assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
        assert_eq!(status.details.unwrap().causes.unwrap()[0].message.as_deref(), Some("1"));
        assert!(pods.exec("none", ["true"], &AttachParams::default()).await.is_err());
    });
}

#[test]
fn others_may_only_what_a_role_allows() {
    with_server(|server, client| async move {
        let request =
            |path: &str| http::Request::get(path).header("impersonate-user", "viewer").body(Vec::new()).unwrap();
        let path = "/api/v1/namespaces/default/pods";
        let error = told(client.request::<Value>(request(path)).await.unwrap_err());
        assert_eq!(error.code, 403);
        assert_eq!(
            error.message,
            "pods is forbidden: User \"viewer\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
        );
        let group = "rbac.authorization.k8s.io";
        let role = json!({"metadata": {"name": "view", "namespace": "default"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]});
        server.create(&GroupResource::of(group, "roles"), role).unwrap();
        let binding = json!({"metadata": {"name": "view", "namespace": "default"},
            "roleRef": {"kind": "Role", "name": "view"}, "subjects": [{"kind": "User", "name": "viewer"}]});
        server.create(&GroupResource::of(group, "rolebindings"), binding).unwrap();
        assert!(client.request::<Value>(request(path)).await.is_ok());
        assert!(client.request::<Value>(request("/api/v1/pods")).await.is_err());
        assert_eq!(User::admin("a").groups[0], "system:masters");
    });
}

#[test]
fn custom_resources_are_served_once_they_are_defined() {
    with_server(|server, client| async move {
        let definition = json!({
            "metadata": {"name": "tables.dynamodb.example.org"},
            "spec": {
                "group": "dynamodb.example.org", "scope": "Namespaced",
                "names": {"plural": "tables", "kind": "Table", "shortNames": ["tbl"]},
                "versions": [{
                    "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                    "additionalPrinterColumns": [{"name": "Arn", "type": "string", "jsonPath": ".status.arn"}],
                }],
            },
        });
        server.create(&GroupResource::of("apiextensions.k8s.io", "customresourcedefinitions"), definition).unwrap();
        let resource = ApiResource {
            group: "dynamodb.example.org".into(),
            version: "v1".into(),
            api_version: "dynamodb.example.org/v1".into(),
            kind: "Table".into(),
            plural: "tables".into(),
        };
        let tables: Api<DynamicObject> = Api::default_namespaced_with(client, &resource);
        let table = DynamicObject::new("items", &resource).data(json!({"spec": {"billing": "onDemand"}}));
        let made = tables.create(&PostParams::default(), &table).await.unwrap();
        assert_eq!(made.data["spec"]["billing"], "onDemand");
        let patch = json!({"spec": {"billing": "provisioned"}});
        let made = tables.patch("items", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
        assert_eq!(made.metadata.generation, Some(2));
        let wrong = tables.patch("items", &PatchParams::default(), &Patch::Strategic(json!({"spec": {}}))).await;
        assert_eq!(told(wrong.unwrap_err()).code, 415);
        assert_eq!(tables.list(&ListParams::default()).await.unwrap().items.len(), 1);
    });
}

#[test]
fn tables_for_lists_and_watches() {
    with_server(|server, client| async move {
        let pods: Api<Pod> = Api::default_namespaced(client.clone());
        pods.create(&PostParams::default(), &pod("one")).await.unwrap();
        let table = |path: &str| {
            http::Request::get(path)
                .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
                .body(Vec::new())
                .unwrap()
        };
        let path = "/api/v1/namespaces/default/pods";
        let shown: Value = client.request(table(path)).await.unwrap();
        assert_eq!(shown["kind"], "Table");
        let cells = shown["rows"][0]["cells"].as_array().unwrap();
        assert_eq!(&cells[..4], &[json!("one"), json!("0/1"), json!("Pending"), json!("0")]);
        assert_eq!(shown["rows"][0]["object"]["kind"], "PartialObjectMetadata");
        let events = client
            .request_stream(table(&format!("{path}?watch=true&resourceVersion={}", server.store().revision())))
            .await
            .unwrap();
        let mut lines = futures::AsyncBufReadExt::lines(events);
        for _ in 0..2 {
            let key = Key::namespaced(&GroupResource::of("", "pods"), "default", "one");
            let change = |pod: &mut Value| {
                let now = pod["metadata"]["resourceVersion"].clone();
                pod["metadata"]["annotations"] = json!({"was": now});
                Ok::<(), StoreError>(())
            };
            server.store().update(&key, None, change).unwrap();
        }
        let first: Value = serde_json::from_str(&lines.next().await.unwrap().unwrap()).unwrap();
        let second: Value = serde_json::from_str(&lines.next().await.unwrap().unwrap()).unwrap();
        assert_eq!((&first["type"], &first["object"]["kind"]), (&json!("MODIFIED"), &json!("Table")));
        assert!(first["object"]["columnDefinitions"].is_array());
        assert!(second["object"]["columnDefinitions"].is_null());
    });
}

#[test]
fn server_side_apply_creates_merges_and_refuses() {
    with_server(|server, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let config = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": value}});
        let one = PatchParams::apply("one");
        let made = maps.patch("a", &one, &Patch::Apply(config("x"))).await.unwrap();
        assert_eq!(made.metadata.managed_fields.unwrap()[0].manager.as_deref(), Some("one"));
        let again = maps.patch("a", &one, &Patch::Apply(config("x"))).await.unwrap();
        assert_eq!(again.metadata.resource_version, made.metadata.resource_version);
        let two = PatchParams::apply("two");
        let error = told(maps.patch("a", &two, &Patch::Apply(config("y"))).await.unwrap_err());
        assert_eq!(
            (error.code, error.message.as_str()),
            (409, "Apply failed with 1 conflict: conflict with \"one\": .data.key")
        );
        let made = maps.patch("a", &two.force(), &Patch::Apply(config("y"))).await.unwrap();
        assert_eq!(made.data.unwrap()["key"], "y");

        // What the server adds to a new object is nobody's: whoever applies it does not take it away.
        let spaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client);
        let own = PostParams { field_manager: Some("one".into()), ..PostParams::default() };
        let space = serde_json::from_value(json!({"metadata": {"name": "shop"}})).unwrap();
        let made = spaces.create(&own, &space).await.unwrap();
        let fields = serde_json::to_value(made.metadata.managed_fields).unwrap();
        assert!(fields[0]["fieldsV1"].get("f:spec").is_none(), "{fields}");
        let leaving = spaces.delete("shop", &DeleteParams::default()).await.unwrap().left().unwrap();
        assert_eq!(leaving.status.unwrap().phase.as_deref(), Some("Terminating"));
        let error = told(
            Api::<ConfigMap>::namespaced(Client::new(server.client_service(), "x"), "shop")
                .create(&PostParams::default(), &config_map("a", "a"))
                .await
                .unwrap_err(),
        );
        assert_eq!(
            (error.code, error.message.as_str()),
            (
                403,
                "configmaps \"a\" is forbidden: unable to create new content in namespace shop because it is being terminated"
            )
        );
    });
}
