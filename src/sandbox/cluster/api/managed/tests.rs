use serde_json::json;

use super::super::kinds::BUILT_IN;
use super::*;

fn deployments() -> &'static Kind {
    BUILT_IN.iter().find(|kind| kind.plural == "deployments").unwrap()
}

fn config(containers: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"template": {"spec": {"containers": containers}}}})
}

fn begun() -> Value {
    let config = config(json!([{"name": "web", "image": "a", "ports": [{"containerPort": 80}]}]));
    let mut object = config.clone();
    note_applied(deployments(), &config, &mut object, "one", "now");
    object
}

#[test]
fn fields_are_written_as_fields_v1() {
    let object = begun();
    assert_eq!(
        object["metadata"]["managedFields"],
        json!([{"manager": "one", "operation": "Apply", "apiVersion": "apps/v1", "time": "now", "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                ".": {}, "f:image": {}, "f:name": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
            }}}}},
        }}])
    );
    let set = set_of(&object["metadata"]["managedFields"][0]);
    assert_eq!(set.to_json(), object["metadata"]["managedFields"][0]["fieldsV1"]);
}

#[test]
fn what_is_said_no_longer_goes() {
    let mut next = config(json!([{"name": "web", "image": "a"}]));
    next["metadata"]["labels"] = json!({"tier": "x"});
    let new = applied(deployments(), &begun(), &next, "one", false, "later").unwrap();
    assert_eq!(new["metadata"]["labels"], json!({"tier": "x"}));
    assert_eq!(new["spec"]["template"]["spec"]["containers"], json!([{"name": "web", "image": "a"}]));
}

#[test]
fn another_managers_field_is_a_conflict_unless_forced() {
    let other = config(json!([{"name": "web", "image": "b"}]));
    let error = applied(deployments(), &begun(), &other, "two", false, "later").unwrap_err();
    assert_eq!(error.code, 409);
    assert_eq!(
        error.message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.template.spec.containers[name=\"web\"].image"
    );
    let new = applied(deployments(), &begun(), &other, "two", true, "later").unwrap();
    assert_eq!(new["spec"]["template"]["spec"]["containers"][0]["image"], "b");
    // The first manager owns the field no longer, so it does not take it away by saying no more of it.
    let less = config(json!([{"name": "web"}]));
    let new = applied(deployments(), &new, &less, "one", false, "later").unwrap();
    assert_eq!(new["spec"]["template"]["spec"]["containers"][0]["image"], "b");
    // The same value is shared, not contested.
    assert!(
        applied(deployments(), &begun(), &config(json!([{"name": "web", "image": "a"}])), "two", false, "x").is_ok()
    );
}

#[test]
fn an_update_takes_over_what_it_changes() {
    let mut new = begun();
    new["spec"]["replicas"] = 3.into();
    new["spec"]["template"]["spec"]["containers"][0]["image"] = "c".into();
    note(deployments(), Some(&begun()), &mut new, "kubectl", None, "later");
    let list = entries(&new);
    assert_eq!(list.len(), 2);
    assert_eq!(set_of(&list[1]).paths(), [".spec.replicas", ".spec.template.spec.containers[name=\"web\"].image"]);
    let back = config(json!([{"name": "web", "image": "a"}]));
    let error = applied(deployments(), &new, &back, "one", false, "later").unwrap_err();
    assert_eq!(
        error.message,
        "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.template.spec.containers[name=\"web\"].image"
    );
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let config = config(json!([{"name": "web", "image": "a", "ports": [{"containerPort": 80}]}]));
    assert_eq!(applied(deployments(), &begun(), &config, "one", false, "later").unwrap(), begun());
}
