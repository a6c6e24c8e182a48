//! Names in objects that stand for other objects: they follow when those are renamed.

use serde_json::Value;

use super::fields::{FieldSpec, Missing, visit};
use super::resource::{Gvk, Id, Resource};

/// Where templates of pods are, by kind.
const POD_SPECS: &[(&str, &str)] = &[
    ("Pod", "spec"),
    ("PodTemplate", "template/spec"),
    ("Deployment", "spec/template/spec"),
    ("ReplicaSet", "spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
    ("StatefulSet", "spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// The kinds with pods whose accounts, claims and priority classes kustomize follows: not all of [`POD_SPECS`], and one
/// more.
const OTHER_POD_SPECS: &[(&str, &str)] = &[
    ("Pod", "spec"),
    ("StatefulSet", "spec/template/spec"),
    ("Deployment", "spec/template/spec"),
    ("ReplicationController", "spec/template/spec"),
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
];

/// Fields of a pod's spec that name a ConfigMap.
const CONFIG_MAPS: &[&str] = &[
    "volumes/configMap/name",
    "containers/env/valueFrom/configMapKeyRef/name",
    "initContainers/env/valueFrom/configMapKeyRef/name",
    "containers/envFrom/configMapRef/name",
    "initContainers/envFrom/configMapRef/name",
    "volumes/projected/sources/configMap/name",
];

/// Fields of a pod's spec that name a Secret.
const SECRETS: &[&str] = &[
    "volumes/secret/secretName",
    "containers/env/valueFrom/secretKeyRef/name",
    "initContainers/env/valueFrom/secretKeyRef/name",
    "containers/envFrom/secretRef/name",
    "initContainers/envFrom/secretRef/name",
    "imagePullSecrets/name",
    "volumes/projected/sources/secret/name",
];

/// Other fields: the kind that is named, the kind that names it, and where. Kinds are `kind.version.group`.
const OTHERS: &[(&str, &[&str], &[&str])] = &[
    ("Deployment", &["HorizontalPodAutoscaler"], &["spec/scaleTargetRef/name"]),
    ("ReplicationController", &["HorizontalPodAutoscaler"], &["spec/scaleTargetRef/name"]),
    ("ReplicaSet", &["HorizontalPodAutoscaler"], &["spec/scaleTargetRef/name"]),
    ("StatefulSet", &["HorizontalPodAutoscaler"], &["spec/scaleTargetRef/name"]),
    ("ConfigMap.v1", &["Node"], &["spec/configSource/configMap"]),
    ("ConfigMap.v1", &["Role", "ClusterRole"], &["rules/resourceNames"]),
    ("ConfigMap.v1", &["Ingress"], &["metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"]),
    (
        "Secret.v1",
        &["Ingress"],
        &[
            "spec/tls/secretName",
            "metadata/annotations/ingress.kubernetes.io\\/auth-secret",
            "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret",
            "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret",
        ],
    ),
    ("Secret.v1", &["ServiceAccount"], &["imagePullSecrets/name"]),
    (
        "Secret.v1",
        &["StorageClass"],
        &["parameters/secretName", "parameters/adminSecretName", "parameters/userSecretName", "parameters/secretRef"],
    ),
    ("Secret.v1", &["Role", "ClusterRole"], &["rules/resourceNames"]),
    (
        "Secret.v1",
        &["Service.v1.serving.knative.dev"],
        &["spec/template/spec/containers/env/valueFrom/secretKeyRef/name"],
    ),
    ("Secret.v1", &["PersistentVolume"], &["spec/azureFile/secretName"]),
    ("Service.v1", &["StatefulSet..apps"], &["spec/serviceName"]),
    (
        "Service.v1",
        &["Ingress"],
        &[
            "spec/rules/http/paths/backend/serviceName",
            "spec/backend/serviceName",
            "spec/rules/http/paths/backend/service/name",
            "spec/defaultBackend/service/name",
        ],
    ),
    ("Service.v1", &["APIService..apiregistration.k8s.io"], &["spec/service/name"]),
    (
        "Service.v1",
        &[
            "ValidatingWebhookConfiguration..admissionregistration.k8s.io",
            "MutatingWebhookConfiguration..admissionregistration.k8s.io",
        ],
        &["webhooks/clientConfig/service"],
    ),
    ("Role..rbac.authorization.k8s.io", &["RoleBinding..rbac.authorization.k8s.io"], &["roleRef/name"]),
    (
        "ClusterRole..rbac.authorization.k8s.io",
        &["RoleBinding..rbac.authorization.k8s.io", "ClusterRoleBinding..rbac.authorization.k8s.io"],
        &["roleRef/name"],
    ),
    (
        "ServiceAccount.v1",
        &["RoleBinding..rbac.authorization.k8s.io", "ClusterRoleBinding..rbac.authorization.k8s.io"],
        &["subjects"],
    ),
    ("PersistentVolume.v1", &["PersistentVolumeClaim"], &["spec/volumeName"]),
    ("PersistentVolume.v1", &["ClusterRole"], &["rules/resourceNames"]),
    ("StorageClass.v1.storage.k8s.io", &["PersistentVolume", "PersistentVolumeClaim"], &["spec/storageClassName"]),
    ("StorageClass.v1.storage.k8s.io", &["StatefulSet"], &["spec/volumeClaimTemplates/spec/storageClassName"]),
];

/// Fields of a pod's spec that name other objects.
const OTHERS_OF_PODS: &[(&str, &str)] = &[
    ("ServiceAccount.v1", "serviceAccountName"),
    ("PersistentVolumeClaim.v1", "volumes/persistentVolumeClaim/claimName"),
    ("PriorityClass.v1.scheduling.k8s.io", "priorityClassName"),
];

fn gvk(text: &str) -> Gvk {
    let mut parts = text.splitn(3, '.').map(str::to_owned);
    let kind = parts.next().unwrap_or_default();
    let (version, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    Gvk { group, version, kind }
}

/// All fields that name objects, with the kind of what they name.
pub(super) fn fields() -> Vec<(Gvk, FieldSpec)> {
    let field = |kind: &str, path: String| FieldSpec { gvk: gvk(kind), path, create: false };
    let mut fields = Vec::new();
    for (named, kinds, paths) in OTHERS {
        for kind in *kinds {
            fields.extend(paths.iter().map(|path| (gvk(named), field(kind, (*path).to_owned()))));
        }
    }
    for (named, paths) in [("ConfigMap.v1", CONFIG_MAPS), ("Secret.v1", SECRETS)] {
        for (kind, spec) in POD_SPECS {
            fields.extend(paths.iter().map(|path| (gvk(named), field(kind, format!("{spec}/{path}")))));
        }
    }
    for (named, path) in OTHERS_OF_PODS {
        for (kind, spec) in OTHER_POD_SPECS {
            fields.push((gvk(named), field(kind, format!("{spec}/{path}"))));
        }
    }
    fields
}

/// What the search for a named object knows of an object.
struct Candidate {
    id: Id,
    previous: Vec<Id>,
    first_namespace: String,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// Writes the present names of objects into the fields that name them.
///
/// # Errors
/// When a name may stand for several objects.
pub(super) fn update(resources: &mut [Resource]) -> Result<(), String> {
    let fields = fields();
    let candidates: Vec<Candidate> = resources
        .iter()
        .map(|resource| Candidate {
            id: resource.id(),
            previous: resource.previous.clone(),
            first_namespace: resource.original_id().effective_namespace().to_owned(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
        })
        .collect();
    for (at, resource) in resources.iter_mut().enumerate() {
        let first = resource.original_id().gvk;
        let referrer = &candidates[at];
        let now = resource.gvk();
        let reachable = reachable(referrer, resource, &candidates);
        let role = &resource.value["roleRef"];
        let role = match (role["apiGroup"].as_str(), role["kind"].as_str()) {
            (Some(group), Some(kind)) => {
                Some(Gvk { group: group.to_owned(), version: String::new(), kind: kind.to_owned() })
            }
            _ => None,
        };
        for (named, spec) in fields.iter().filter(|(_, spec)| first.is_selected(&spec.gvk)) {
            let role = role.as_ref().filter(|_| spec.path.ends_with("roleRef/name"));
            let search = Search { referrer, named, role };
            let spec = FieldSpec { gvk: Gvk::default(), ..spec.clone() };
            visit(&mut resource.value, &now, &spec, Missing::Skip, &mut |value| search.update(value, &reachable))
                .map_err(|why| {
                    format!("updating name reference in '{}' field of '{}': {why}", spec.path, referrer.id)
                })?;
        }
    }
    Ok(())
}

/// The objects that another one can name: those of its namespace, those that are in none, and accounts of the namespaces
/// that a RoleBinding tells.
fn reachable<'a>(referrer: &Candidate, resource: &Resource, candidates: &'a [Candidate]) -> Vec<&'a Candidate> {
    if referrer.id.gvk.is_cluster_scoped() {
        return candidates.iter().collect();
    }
    let mut namespaces = Vec::new();
    if referrer.id.gvk.kind == "RoleBinding" {
        let subjects = resource.value["subjects"].as_array().into_iter().flatten();
        let accounts = subjects.filter(|subject| subject["kind"] == "ServiceAccount");
        namespaces.extend(accounts.filter_map(|subject| subject["namespace"].as_str()));
    }
    let fits = |candidate: &&Candidate| {
        candidate.id.gvk.is_cluster_scoped()
            || candidate.id.effective_namespace() == referrer.id.effective_namespace()
            || namespaces.contains(&candidate.id.namespace.as_str())
    };
    candidates.iter().filter(fits).collect()
}

/// The search for what a field names.
struct Search<'a> {
    referrer: &'a Candidate,
    named: &'a Gvk,
    role: Option<&'a Gvk>,
}

impl Search<'_> {
    fn update(&self, value: &mut Value, candidates: &[&Candidate]) -> Result<(), String> {
        match value {
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.update(item, candidates)),
            Value::Object(entries) => {
                let Some(name) = entries.get("name").and_then(Value::as_str) else {
                    return Err("path config error; no 'name' field in node".to_owned());
                };
                let namespace = entries.get("namespace").and_then(Value::as_str);
                let of_namespace: Vec<&Candidate> = match namespace {
                    None => candidates.to_vec(),
                    Some(namespace) => {
                        let before = |one: &&&Candidate| one.first_namespace == namespace;
                        let now = |one: &&&Candidate| one.id.effective_namespace() == namespace;
                        let found: Vec<&Candidate> = candidates.iter().filter(before).copied().collect();
                        if found.is_empty() { candidates.iter().filter(now).copied().collect() } else { found }
                    }
                };
                let same = |a: &Id, b: &Id| a.name == b.name && a.namespace == b.namespace;
                if let Some(found) = self.find(name, &of_namespace, same)? {
                    entries.insert("name".to_owned(), found.name.clone().into());
                    if !found.namespace.is_empty() {
                        entries.insert("namespace".to_owned(), found.namespace.clone().into());
                    }
                }
                Ok(())
            }
            Value::String(name) => {
                if let Some(found) = self.find(name, candidates, |a, b| a.name == b.name)? {
                    name.clone_from(&found.name);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The object that a name stands for.
    fn find<'b>(
        &self,
        name: &str,
        candidates: &[&'b Candidate],
        same: fn(&Id, &Id) -> bool,
    ) -> Result<Option<&'b Id>, String> {
        let in_reach = |one: &Candidate| {
            self.referrer.id.gvk.is_cluster_scoped()
                || one.id.gvk.is_cluster_scoped()
                || one.id.gvk.kind == "ServiceAccount"
                || one.id.effective_namespace() == self.referrer.id.effective_namespace()
        };
        let mut found: Vec<&Candidate> = candidates
            .iter()
            .filter(|one| {
                one.previous.iter().any(|id| id.name == name)
                    && one.previous.iter().any(|id| id.gvk.is_selected(self.named))
                    && self.role.is_none_or(|role| one.previous.iter().any(|id| id.gvk.is_selected(role)))
                    && in_reach(one)
            })
            .copied()
            .collect();
        for lenient in [true, false] {
            if found.len() <= 1 {
                break;
            }
            found.retain(|one| {
                same_ending(&one.prefixes, &self.referrer.prefixes, lenient)
                    && same_ending(&one.suffixes, &self.referrer.suffixes, lenient)
            });
        }
        match found.as_slice() {
            [] => Ok(None),
            [first, others @ ..] if others.iter().all(|other| same(&first.id, &other.id)) => Ok(Some(&first.id)),
            _ => {
                let ids: Vec<String> = found.iter().map(|one| one.id.to_string()).collect();
                Err(format!("found multiple possible referrals: {}", ids.join(", ")))
            }
        }
    }
}

/// Whether the shorter list is the end of the longer one; `lenient` takes an empty one for anything.
fn same_ending(a: &[String], b: &[String], lenient: bool) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() {
        return lenient || long.is_empty();
    }
    long.ends_with(short)
}
