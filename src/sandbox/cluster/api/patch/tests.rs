//! Cases after Kubernetes' documentation of strategic merge patch.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn pod_spec(mut object: Value, patch: Value) -> Result<Value, Status> {
    strategic(&mut object, &patch, Type::named("core.v1.PodSpec"))?;
    Ok(object)
}

#[test]
fn merge_patches_after_rfc_7386() {
    for (object, patch, expected) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": [1]}), json!({"a": [2]}), json!({"a": [2]})),
        (json!([1]), json!({"a": 1}), json!({"a": 1})),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!({}), json!({"a": {"b": {"c": null}}}), json!({"a": {"b": {}}})),
    ] {
        let mut found = object.clone();
        merge(&mut found, &patch);
        assert_eq!(found, expected, "{object} {patch}");
    }
}

#[test]
fn strategic_merges() {
    let two = json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]});
    let table = [
        (
            "an item changes",
            json!({"containers": [{"name": "b", "image": "3"}]}),
            json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "3"}]}),
        ),
        (
            "a new item comes first",
            json!({"containers": [{"name": "c"}]}),
            json!({"containers": [{"name": "c"}, {"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}),
        ),
        (
            "an item goes",
            json!({"containers": [{"name": "a", "$patch": "delete"}]}),
            json!({"containers": [{"name": "b", "image": "2"}]}),
        ),
        (
            "the list is replaced",
            json!({"containers": [{"name": "z"}, {"$patch": "replace"}]}),
            json!({"containers": [{"name": "z"}]}),
        ),
        (
            "the order is set",
            json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
            json!({"containers": [{"name": "b", "image": "2"}, {"name": "a", "image": "1"}]}),
        ),
        (
            "order and change",
            json!({"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "containers": [{"name": "c"}]}),
            json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c"}]}),
        ),
        (
            "a field of an item goes",
            json!({"containers": [{"name": "a", "image": null}]}),
            json!({"containers": [{"name": "a"}, {"name": "b", "image": "2"}]}),
        ),
        ("the field goes", json!({"containers": null}), json!({})),
    ];
    for (what, patch, expected) in table {
        assert_eq!(pod_spec(two.clone(), patch).unwrap(), expected, "{what}");
    }
}

#[test]
fn lists_without_a_merge_key_are_replaced() {
    let spec = json!({"tolerations": [{"key": "a"}], "containers": [{"name": "a", "command": ["x", "y"]}]});
    let patch = json!({"tolerations": [{"key": "b"}], "containers": [{"name": "a", "command": ["z"]}]});
    assert_eq!(pod_spec(spec, patch.clone()).unwrap(), patch);
}

#[test]
fn ports_merge_by_number_and_mounts_by_path() {
    let spec = json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "http"}],
        "volumeMounts": [{"mountPath": "/x", "name": "v"}]}]});
    let patch = json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "volumeMounts": [{"mountPath": "/x", "readOnly": true}]}]});
    let expected = json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}],
        "volumeMounts": [{"mountPath": "/x", "name": "v", "readOnly": true}]}]});
    assert_eq!(pod_spec(spec, patch).unwrap(), expected);
}

#[test]
fn retained_keys_and_directives_of_objects() {
    let deployment = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let mut found = deployment.clone();
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    strategic(&mut found, &patch, Type::named("apps.v1.Deployment")).unwrap();
    assert_eq!(found, json!({"spec": {"strategy": {"type": "Recreate"}}}));

    let mut found = deployment;
    let patch = json!({"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}});
    strategic(&mut found, &patch, Type::named("apps.v1.Deployment")).unwrap();
    assert_eq!(found, json!({"spec": {"strategy": {"type": "Recreate"}}}));

    let spec = json!({"volumes": [{"name": "v", "emptyDir": {}}]});
    let patch = json!({"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}]});
    assert_eq!(pod_spec(spec, patch).unwrap(), json!({"volumes": [{"name": "v", "configMap": {"name": "c"}}]}));
}

#[test]
fn sets_of_plain_values() {
    let mut meta = json!({"finalizers": ["a", "b"]});
    let of = Type::named("meta.v1.ObjectMeta");
    strategic(&mut meta, &json!({"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}), of).unwrap();
    assert_eq!(meta["finalizers"].as_array().unwrap().len(), 2);
    assert!(meta["finalizers"].as_array().unwrap().contains(&"c".into()));
    assert!(!meta["finalizers"].as_array().unwrap().contains(&"a".into()));
}

#[test]
fn wrong_patches_are_refused() {
    assert_eq!(pod_spec(json!({}), json!({"containers": [{"image": "x"}]})).unwrap_err().code, 400);
    assert_eq!(pod_spec(json!({}), json!({"$patch": "explode"})).unwrap_err().code, 400);
    assert_eq!(pod_spec(json!({}), json!([])).unwrap_err().code, 400);
    let mut object = json!({"a": 1});
    assert_eq!(json_patch(&mut object, &json!([{"op": "test", "path": "/a", "value": 2}])).unwrap_err().code, 422);
    assert_eq!(json_patch(&mut object, &json!({"op": "add"})).unwrap_err().code, 400);
}

/// Values that are like Pod specs, and not quite.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..5).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("name"),
        Just("containers"),
        Just("env"),
        Just("volumes"),
        Just("value"),
        Just("ports"),
        Just("containerPort"),
        Just("$patch"),
        Just("$retainKeys"),
        Just("$setElementOrder/containers"),
        Just("$deleteFromPrimitiveList/args"),
        Just("args"),
    ];
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
            }),
        ]
    })
}

/// Specs whose items have distinct names.
fn specs() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-d]", ("[x-z]", prop::collection::btree_map("[A-C]", "[0-9]", 0..3)), 0..4).prop_map(
        |containers| {
            let list: Vec<Value> = containers
                .into_iter()
                .map(|(name, (image, env))| {
                    let env: Vec<Value> =
                        env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
                    json!({"name": name, "image": image, "env": env})
                })
                .collect();
            json!({"containers": list})
        },
    )
}

proptest! {
    #[test]
    fn no_patch_panics(object in values(), patch in values()) {
        let mut found = object.clone();
        merge(&mut found, &patch);
        let mut found = object.clone();
        let _ = strategic(&mut found, &patch, Type::named("core.v1.PodSpec"));
        let mut found = object;
        let _ = json_patch(&mut found, &patch);
    }

    #[test]
    fn a_merge_patch_twice_is_the_patch_once(object in values(), patch in values()) {
        let mut once = object;
        merge(&mut once, &patch);
        let mut twice = once.clone();
        merge(&mut twice, &patch);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_strategic_patch_twice_is_the_patch_once(object in specs(), patch in specs()) {
        let once = pod_spec(object, patch.clone()).unwrap();
        let twice = pod_spec(once.clone(), patch).unwrap();
        prop_assert_eq!(once, twice);
    }
}
