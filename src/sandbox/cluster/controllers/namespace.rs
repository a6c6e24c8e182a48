//! The life of a namespace: what each one has, and that one which is deleted takes everything in it along.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::Key;
use super::control::Control;

const ROOT_CA: &str = "kube-root-ca.crt";

/// Brings a namespace closer to what it should be.
pub(crate) fn reconcile(control: &Control, key: &Key, contents: &BTreeSet<Key>) -> Option<Timestamp> {
    let namespace = control.store.get(key)?;
    if object::is_deleting(&namespace) {
        return delete(control, key, &namespace, contents);
    }
    if object::text(&namespace, "/status/phase") != "Active" {
        control.set_status(&resources::NAMESPACES, &namespace, json!({"phase": "Active"}));
    }
    if control.get(&resources::SERVICE_ACCOUNTS, &key.name, "default").is_none() {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": key.name}});
        // It is there already if somebody else was faster.
        let _ = control.create(&resources::SERVICE_ACCOUNTS, account);
    }
    if control.get(&resources::CONFIG_MAPS, &key.name, ROOT_CA).is_none() {
        let mut map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": ROOT_CA, "namespace": key.name},
            "data": {"ca.crt": certificate(&control.seed.name)},
        });
        object::set_meta(
            &mut map,
            "annotations",
            "kubernetes.io/description",
            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as \
             the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
             Kubernetes clusters.",
        );
        let _ = control.create(&resources::CONFIG_MAPS, map);
    }
    None
}

fn delete(control: &Control, key: &Key, namespace: &Value, contents: &BTreeSet<Key>) -> Option<Timestamp> {
    if object::text(namespace, "/status/phase") != "Terminating" {
        control.set_status(&resources::NAMESPACES, namespace, json!({"phase": "Terminating"}));
    }
    for content in contents {
        control.delete(content);
    }
    if contents.iter().any(|content| control.store.get(content).is_some()) {
        return None;
    }
    let changed = control.update(key, |namespace| namespace["spec"]["finalizers"] = json!([]));
    if changed.is_some_and(|changed| object::list(&changed, "/metadata/finalizers").is_empty()) {
        let _ = control.store.remove(key);
    }
    None
}

/// What stands for the cluster's CA: nobody can check it, as no socket is involved.
fn certificate(cluster: &str) -> String {
    use base64::Engine as _;
    let body: String = (0..12_u8).map(|part| object::digest(&[cluster, &part.to_string()])).collect();
    let text = base64::engine::general_purpose::STANDARD.encode(body);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
