use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A field that holds bytes.
fn held(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    field.extend_from_slice(bytes);
    field
}

fn envelope(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let meta = [held(1, version.as_bytes()), held(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), held(1, &meta), held(2, raw)].concat()
}

#[test]
fn a_config_map_keeps_empty_values_and_drops_empty_fields() {
    let meta = [held(1, b"settings"), held(3, b""), held(8, b"")].concat();
    let raw = [
        held(1, &meta),
        held(2, &[held(1, b"a"), held(2, b"b")].concat()),
        held(2, &[held(1, b"empty"), held(2, b"")].concat()),
        held(3, &[held(1, b"raw"), held(2, &[0, 255])].concat()),
    ]
    .concat();
    assert_eq!(
        read(&envelope("v1", "ConfigMap", &raw)).unwrap(),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
            "data": {"a": "b", "empty": ""}, "binaryData": {"raw": "AP8="}})
    );
}

#[test]
fn a_deployment_keeps_a_nought_that_was_set() {
    // spec.replicas = 0; maxSurge = "25%"; a volume whose source is part of it.
    let surge = [vec![8, 1, 16, 0], held(3, b"25%")].concat();
    let strategy = [held(1, b"RollingUpdate"), held(2, &held(2, &surge))].concat();
    let volume = [held(1, b"tmp"), held(2, &held(2, &held(1, b"Memory")))].concat();
    let template = held(2, &held(1, &volume));
    let spec = [vec![8, 0], held(3, &template), held(4, &strategy)].concat();
    assert_eq!(
        read(&envelope("apps/v1", "Deployment", &held(2, &spec))).unwrap()["spec"],
        json!({"replicas": 0, "template": {"spec": {"volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory"}}]}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}})
    );
}

#[test]
fn lists_in_maps_and_long_group_names() {
    let extra = held(5, &[held(1, b"scopes"), held(2, &[held(1, b"x"), held(1, b"y")].concat())].concat());
    let review = read(&envelope("authorization.k8s.io/v1", "SubjectAccessReview", &held(2, &extra))).unwrap();
    assert_eq!(review["spec"]["extra"], json!({"scopes": ["x", "y"]}));
}

#[test]
fn what_is_no_object_is_an_error() {
    assert!(read(b"{}").unwrap_err().contains("magic"));
    assert!(read(&envelope("v1", "Nothing", b"")).unwrap_err().contains("Nothing"));
    assert!(read(&envelope("v1", "ConfigMap", &[10, 200])).unwrap_err().contains("end"));
    assert!(read(&envelope("v1", "ConfigMap", &[0x0b])).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = read(&[b"k8s\0".to_vec(), bytes.clone()].concat());
        let _ = read(&envelope("apps/v1", "Deployment", &bytes));
    }
}
