use serde_json::json;

use super::super::defaults;
use super::super::kinds::BUILT_IN;
use super::*;

fn told(plural: &str, mut object: Value) -> Vec<String> {
    let kind = BUILT_IN.iter().find(|kind| kind.plural == plural).unwrap();
    defaults::apply(kind, &mut object);
    create(kind, &object).into_iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
}

#[test]
fn names() {
    assert_eq!(told("configmaps", json!({"metadata": {"name": "a.b-c"}})), [""; 0]);
    assert_eq!(
        told("configmaps", json!({"metadata": {}})),
        ["metadata.name: Required value: name or generateName is required"]
    );
    let service = told("services", json!({"metadata": {"name": "1a"}, "spec": {"ports": [{"port": 1}]}}));
    assert_eq!(
        service,
        [
            "metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        ]
    );
    assert!(
        told("namespaces", json!({"metadata": {"name": "a.b"}})).iter().any(|text| text.contains("RFC 1123 label"))
    );
    assert_eq!(told("roles", json!({"metadata": {"name": "system:x"}})), [""; 0]);
}

#[test]
fn labels_of_every_object() {
    let with = |labels: Value| told("configmaps", json!({"metadata": {"name": "a", "labels": labels}}));
    assert_eq!(with(json!({"app.kubernetes.io/name": "x_1", "b": ""})), [""; 0]);
    assert_eq!(
        with(json!({"a": "b c"}))[0],
        "metadata.labels: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    );
    assert!(
        with(json!({"a b": "c"}))[0].starts_with("metadata.labels: Invalid value: \"a b\": name part must consist")
    );
}

#[test]
fn pods() {
    let with = |spec: Value| told("pods", json!({"metadata": {"name": "a"}, "spec": spec}));
    assert_eq!(with(json!({"containers": [{"name": "a", "image": "b"}]})), [""; 0]);
    assert_eq!(with(json!({})), ["spec.containers: Required value"]);
    assert_eq!(with(json!({"containers": [{"name": "a"}]})), ["spec.containers[0].image: Required value"]);
    assert_eq!(
        with(json!({"containers": [{"name": "a", "image": "b"}, {"name": "a", "image": "b"}]})),
        ["spec.containers[1].name: Duplicate value: \"a\""]
    );
    assert_eq!(
        with(json!({"containers": [{"name": "a", "image": "b", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]})),
        ["spec.containers[0].volumeMounts[0].name: Not found: \"v\""]
    );
    assert_eq!(
        with(json!({"containers": [{"name": "a", "image": "b", "imagePullPolicy": "Sometimes"}]})),
        [
            "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\""
        ]
    );
    assert_eq!(
        with(
            json!({"containers": [{"name": "a", "image": "b", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "500m"}}}]})
        ),
        [
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 500m"
        ]
    );
}

#[test]
fn workloads() {
    let job = json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}});
    assert_eq!(
        told("jobs", job),
        ["spec.template.spec.restartPolicy: Unsupported value: \"Always\": supported values: \"OnFailure\", \"Never\""]
    );
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}});
    let set = json!({"metadata": {"name": "a"}, "spec": {"replicas": -1, "selector": {"matchLabels": {"a": "b"}}, "template": template}});
    assert_eq!(told("replicasets", set), ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]);
    let none = json!({"metadata": {"name": "a"}, "spec": {"template": template}});
    assert_eq!(told("deployments", none)[0], "spec.selector: Required value");
}

#[test]
fn services() {
    let with = |spec: Value| told("services", json!({"metadata": {"name": "a"}, "spec": spec}));
    assert_eq!(with(json!({})), ["spec.ports: Required value"]);
    assert_eq!(with(json!({"clusterIP": "None"})), [""; 0]);
    assert_eq!(
        with(json!({"ports": [{"port": 70000}]})),
        ["spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"]
    );
    assert_eq!(with(json!({"ports": [{"port": 1}, {"port": 2, "name": "b"}]})), ["spec.ports[0].name: Required value"]);
}

#[test]
fn what_is_fixed_stays() {
    let kind = |plural: &str| BUILT_IN.iter().find(|kind| kind.plural == plural).unwrap();
    let secret = |of: &str| json!({"metadata": {"name": "a"}, "type": of});
    assert_eq!(
        update(kind("secrets"), &secret("Opaque"), &secret("other"))[0].message,
        "Invalid value: \"other\": field is immutable"
    );
    let map = |value: &str| json!({"metadata": {"name": "a"}, "immutable": true, "data": {"a": value}});
    assert_eq!(
        update(kind("configmaps"), &map("1"), &map("2"))[0].message,
        "Forbidden: field is immutable when `immutable` is set"
    );
    let pod = |image: &str, name: &str| json!({"spec": {"containers": [{"name": name, "image": image}]}});
    assert!(update(kind("pods"), &pod("1", "a"), &pod("2", "a")).is_empty());
    assert_eq!(update(kind("pods"), &pod("1", "a"), &pod("1", "b")).len(), 1);
}
