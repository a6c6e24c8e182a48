//! The roles that every cluster has.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::SandboxError;
use crate::sandbox::cluster::object::resources;
use crate::sandbox::cluster::store::GroupResource;

static TEXT: &str = include_str!("roles.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    roles: Vec<Role>,
    /// Groups by the cluster role that they have.
    bindings: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// The role is put together from those labelled `…/aggregate-to-NAME`.
    aggregate: Option<String>,
    #[serde(default)]
    rules: Vec<Value>,
}

/// The cluster roles and bindings of a new cluster.
///
/// # Errors
/// When the bundled file is wrong.
pub fn objects() -> Result<Vec<(GroupResource, Value)>, SandboxError> {
    let policy: Policy =
        serde_saphyr::from_str(TEXT).map_err(|error| SandboxError::Setup(format!("the bundled roles: {error}")))?;
    let meta = |name: &str, mut labels: BTreeMap<String, String>| {
        labels.insert("kubernetes.io/bootstrapping".into(), "rbac-defaults".into());
        json!({"name": name, "labels": labels, "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}})
    };
    let mut objects = Vec::new();
    for Role { name, labels, aggregate, rules } in policy.roles {
        let mut role = json!({"metadata": meta(&name, labels)});
        if let Some(to) = aggregate {
            let label = format!("rbac.authorization.k8s.io/aggregate-to-{to}");
            role["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]});
        }
        role["rules"] = rules.into();
        objects.push((resources::CLUSTER_ROLES, role));
    }
    for (name, groups) in policy.bindings {
        let subject = |group: &String| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group});
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
        let subjects: Vec<Value> = groups.iter().map(subject).collect();
        let binding = json!({"metadata": meta(&name, BTreeMap::new()), "roleRef": role, "subjects": subjects});
        objects.push((GroupResource::of("rbac.authorization.k8s.io", "clusterrolebindings"), binding));
    }
    Ok(objects)
}
