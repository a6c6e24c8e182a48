//! What strangers send: the server answers with a reason or does it whole; it never half does it, and never fails itself.

use fastrand::Rng;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use tower::Service as _;

use super::*;

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/web";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// The status and JSON of an answer.
async fn ask(server: &Server, method: &str, path: &str, media: &str, body: impl Into<Bytes>) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path).header("content-type", media);
    let request = request.body(Full::new(body.into())).expect("a request");
    let answer = server.client_service().call(request).await.expect("an answer");
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    ask(server, "GET", path, "application/json", Bytes::new()).await
}

fn any<'a, T>(random: &mut Rng, of: &'a [T]) -> &'a T {
    &of[random.usize(..of.len())]
}

/// Any JSON, most of it of no use.
fn junk(random: &mut Rng, depth: usize) -> Value {
    match random.usize(..if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => random.i64(-3..70_000).into(),
        3 => json!(*any(random, &["web", "", "nginx", "$patch", "-1", "10Mi", "é", "a/b", "80"])),
        4 => json!(1e300),
        5 => json!([]),
        6 | 7 => {
            let keys = [
                "name",
                "image",
                "ports",
                "containerPort",
                "$patch",
                "$retainKeys",
                "$setElementOrder/containers",
                "env",
                "$deleteFromPrimitiveList/finalizers",
                "labels",
                "containers",
                "spec",
                "template",
                "metadata",
                "replicas",
            ];
            (0..random.usize(..4)).map(|_| (any(random, &keys).to_string(), junk(random, depth - 1))).collect()
        }
        _ => (0..random.usize(..4)).map(|_| junk(random, depth - 1)).collect(),
    }
}

fn path(random: &mut Rng) -> String {
    let parts = [
        "spec",
        "template",
        "containers",
        "0",
        "-",
        "1",
        "99999999999999999999",
        "-1",
        "01",
        "name",
        "metadata",
        "labels",
        "~0",
        "~1",
        "~2",
        "",
        "app",
        "replicas",
        "é",
    ];
    let start = *any(random, &["", "/spec/template/spec/containers", "/metadata/labels", "/spec", "no slash"]);
    (0..random.usize(..4)).fold(start.to_owned(), |path, _| format!("{path}/{}", any(random, &parts)))
}

#[test]
fn no_patch_breaks_the_server_or_half_an_object() {
    with_server(|server, client| async move {
        let deployments: Api<Deployment> = Api::default_namespaced(client);
        deployments.create(&PostParams::default(), &deployment()).await.unwrap();
        let mut random = Rng::with_seed(11);
        let (mut done, mut refused) = (0, 0);
        for round in 0..1500 {
            let (_, before) = get(&server, DEPLOYMENT).await;
            let operations = ["add", "remove", "replace", "move", "copy", "test", "explode"];
            let (media, patch) = match round % 3 {
                0 => {
                    let one = |random: &mut Rng| json!({"op": any(random, &operations), "path": path(random), "from": path(random), "value": junk(random, 2)});
                    let all: Vec<Value> = (0..random.usize(1..4)).map(|_| one(&mut random)).collect();
                    ("application/json-patch+json", Value::from(all))
                }
                1 => ("application/merge-patch+json", json!({"spec": junk(&mut random, 4)})),
                _ => {
                    let containers = json!([junk(&mut random, 3), {"name": "web", "ports": junk(&mut random, 3)}]);
                    (
                        "application/strategic-merge-patch+json",
                        json!({"spec": {"template": {"spec": {"containers": containers}}}}),
                    )
                }
            };
            let text = patch.to_string();
            let (status, answer) = ask(&server, "PATCH", DEPLOYMENT, media, text.clone()).await;
            let (_, after) = get(&server, DEPLOYMENT).await;
            match status {
                200 => done += 1,
                400 | 409 | 415 | 422 => {
                    refused += 1;
                    assert_eq!(answer["kind"], "Status", "{media} {text}");
                    assert_eq!(before, after, "{media} {text} was refused: {}", answer["message"]);
                }
                _ => panic!("{status} {media} {text}: {answer}"),
            }
            // Whatever was done, a typed client can still read it.
            serde_json::from_value::<Deployment>(after.clone())
                .unwrap_or_else(|error| panic!("{error}: {media} {text}\n{after}"));
            assert_eq!(after["metadata"]["name"], "web");
            assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "{media} {text}");
        }
        assert!(done > 20 && refused > 500, "{done} were done and {refused} refused");
    });
}

#[test]
fn no_selector_breaks_a_list() {
    with_server(|server, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        maps.create(&PostParams::default(), &config_map("a", "yes")).await.unwrap();
        let mut random = Rng::with_seed(12);
        let letters = [
            "a", "of", "yes", "=", "==", "!=", "!", " in ", " notin ", "(", ")", ",", "%20", "%00", "/", ".", "-",
            "%C3%A9", ">", "<", "1",
        ];
        for _ in 0..3000 {
            let text: String = (0..random.usize(..7)).map(|_| *any(&mut random, &letters)).collect();
            let text = text.replace(' ', "%20").replace('<', "%3C").replace('>', "%3E");
            let field = *any(&mut random, &["labelSelector", "fieldSelector"]);
            let (status, answer) = get(&server, &format!("{MAPS}?{field}={text}")).await;
            match status {
                200 => assert!(answer["items"].is_array(), "{field}={text}"),
                400 => assert!(answer["message"].as_str().is_some_and(|why| !why.is_empty()), "{field}={text}"),
                _ => panic!("{status} {field}={text}: {answer}"),
            }
        }
    });
}

#[test]
fn no_body_or_parameter_breaks_the_server() {
    with_server(|server, _| async move {
        let mut random = Rng::with_seed(13);
        let kinds = [
            "/api/v1/namespaces/default/pods",
            MAPS,
            "/api/v1/namespaces/default/services",
            "/apis/apps/v1/namespaces/default/deployments",
            "/apis/batch/v1/namespaces/default/cronjobs",
            "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
            "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "/api/v1/persistentvolumes",
            "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        ];
        for _ in 0..1500 {
            let kind = *any(&mut random, &kinds);
            let mut object =
                json!({"metadata": {"name": "x"}, "spec": junk(&mut random, 4), "data": junk(&mut random, 2)});
            if random.u8(..4) == 0 {
                object = junk(&mut random, 4);
            }
            let mut body = object.to_string().into_bytes();
            if random.u8(..8) == 0 {
                body.truncate(random.usize(..body.len()));
            }
            let text = String::from_utf8_lossy(&body).into_owned();
            let (status, answer) = ask(&server, "POST", kind, "application/json", body).await;
            assert!(matches!(status, 201 | 400 | 403 | 409 | 422), "{status} {kind} {text}: {answer}");
            if status == 201 {
                let (status, _) = ask(&server, "DELETE", &format!("{kind}/x"), "application/json", "").await;
                assert!(matches!(status, 200 | 202 | 404), "{status} {kind} {text}");
            }
            let name = *any(
                &mut random,
                &["limit", "continue", "resourceVersion", "resourceVersionMatch", "timeoutSeconds", "dryRun"],
            );
            let value =
                *any(&mut random, &["-1", "99999999999999999999", "x", "", "NotOlderThan", "Exact", "0", "e30", "%ff"]);
            let (status, answer) = get(&server, &format!("{kind}?{name}={value}")).await;
            assert!(matches!(status, 200 | 400 | 410 | 422 | 504), "{status} {kind}?{name}={value}: {answer}");
        }
    });
}

#[test]
fn the_pages_of_a_list_show_one_moment() {
    with_server(|server, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        for number in 0..10 {
            maps.create(&PostParams::default(), &config_map(&format!("map-{number}"), "old")).await.unwrap();
        }
        let (status, first) = get(&server, &format!("{MAPS}?limit=4")).await;
        assert_eq!((status, &first["metadata"]["remainingItemCount"]), (200, &json!(6)));
        let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
        maps.delete("map-5", &DeleteParams::default()).await.unwrap();
        maps.create(&PostParams::default(), &config_map("map-55", "new")).await.unwrap();
        let change = Patch::Merge(json!({"data": {"key": "new"}}));
        maps.patch("map-6", &PatchParams::default(), &change).await.unwrap();
        let (_, second) = get(&server, &format!("{MAPS}?limit=4&continue={token}")).await;
        let names = |list: &Value| -> Vec<String> {
            list["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["metadata"]["name"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(names(&second), ["map-4", "map-5", "map-6", "map-7"]);
        assert_eq!(second["items"][2]["data"]["key"], "old");
        assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        let last = second["metadata"]["continue"].as_str().unwrap();
        let (_, third) = get(&server, &format!("{MAPS}?limit=4&continue={last}")).await;
        assert_eq!(
            (names(&third), &third["metadata"]["continue"]),
            (vec!["map-8".into(), "map-9".into()], &Value::Null)
        );
        // A list from before an undo is known no longer; what is left may be had as it is now.
        let snapshot = server.store().snapshot();
        server.store().restore(&snapshot);
        let (status, gone) = get(&server, &format!("{MAPS}?limit=4&continue={token}")).await;
        assert_eq!((status, &gone["reason"]), (410, &json!("Expired")));
        let token = gone["metadata"]["continue"].as_str().unwrap();
        let (status, rest) = get(&server, &format!("{MAPS}?continue={token}")).await;
        assert_eq!(status, 200);
        assert_eq!(names(&rest), ["map-4", "map-55", "map-6", "map-7", "map-8", "map-9"]);
    });
}

#[test]
fn those_who_apply_are_told_of_each_other() {
    with_server(|server, _| async move {
        let apply = |manager: &str, force: bool, body: Value| {
            let path = format!("{MAPS}/shared?fieldManager={manager}&force={force}");
            let text = body.to_string();
            let server = server.clone();
            async move { ask(&server, "PATCH", &path, "application/apply-patch+yaml", text).await }
        };
        let map = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}, "data": data});
        assert_eq!(apply("one", false, map(json!({"a": "1", "b": "1"}))).await.0, 201);
        // The same value is no conflict: both have it then.
        assert_eq!(apply("two", false, map(json!({"b": "1", "c": "2"}))).await.0, 200);
        let (status, answer) = apply("two", false, map(json!({"a": "2", "b": "2"}))).await;
        assert_eq!((status, &answer["reason"]), (409, &json!("Conflict")));
        let causes = answer["details"]["causes"].as_array().unwrap();
        let fields: Vec<&str> = causes.iter().map(|cause| cause["field"].as_str().unwrap()).collect();
        assert_eq!(fields, [".data.a", ".data.b"]);
        assert!(causes.iter().all(|cause| cause["message"] == "conflict with \"one\""), "{causes:?}");
        let (_, now) = get(&server, &format!("{MAPS}/shared")).await;
        assert_eq!(now["data"], json!({"a": "1", "b": "1", "c": "2"}), "nothing of it was done");
        assert_eq!(apply("two", true, map(json!({"a": "2"}))).await.0, 200);
        let (_, now) = get(&server, &format!("{MAPS}/shared")).await;
        // What only `two` had and no longer names is gone; `b` is still that of `one`.
        assert_eq!(now["data"], json!({"a": "2", "b": "1"}));
        // Who lost a field and does not want it back has no conflict.
        assert_eq!(apply("one", false, map(json!({"b": "3"}))).await.0, 200);
        let (_, now) = get(&server, &format!("{MAPS}/shared")).await;
        assert_eq!(now["data"], json!({"a": "2", "b": "3"}));
    });
}

#[test]
fn a_watch_with_bookmarks_can_go_on_from_them_until_an_undo() {
    let clock = Clock::accelerated(1000.0);
    with_clock(clock.clone(), |server, client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::default_namespaced(client);
        let version = server.store().revision().to_string();
        let mut watch = maps.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        // What others do moves the bookmark on.
        let secret = serde_json::from_value(json!({"metadata": {"name": "s"}})).unwrap();
        secrets.create(&PostParams::default(), &secret).await.unwrap();
        let mark = match watch.try_next().await.unwrap() {
            Some(WatchEvent::Bookmark(mark)) => mark.metadata.resource_version,
            other => panic!("{other:?}"),
        };
        assert_eq!(mark, server.store().revision().to_string());
        drop(watch);
        maps.create(&PostParams::default(), &config_map("late", "yes")).await.unwrap();
        let snapshot = server.store().snapshot();
        let mut watch = maps.watch(&WatchParams::default(), &mark).await.unwrap().boxed();
        assert!(
            matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Added(map)) if map.metadata.name.as_deref() == Some("late"))
        );
        server.store().restore(&snapshot);
        assert!(matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Error(status)) if status.code == 410));
        let mut watch = maps.watch(&WatchParams::default(), &mark).await.unwrap().boxed();
        assert!(matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Error(status)) if status.code == 410));
        // A new list is from where it goes on.
        let version = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
        let mut watch = maps.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        maps.delete("late", &DeleteParams::default()).await.unwrap();
        assert!(matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Deleted(_))));
    });
}
