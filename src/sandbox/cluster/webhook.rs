//! EKS's webhooks: Pods whose service account is associated with a role, or names one in an annotation (IAM roles for
//! service accounts), learn where to get its credentials, and those that a Fargate profile is for are given to Fargate. Names,
//! order and precedence as <https://github.com/aws/amazon-eks-pod-identity-webhook> has them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::CloudIdentity;
use super::api::{Admission, Kind, Status, User};
use super::object::{self, resources};
use super::provision::admit_to_fargate;
use super::store::{Key, Store};

/// Where containers ask for the credentials of an association.
const CREDENTIALS: &str = "http://169.254.170.23/v1/credentials";
/// How long a token is valid, in seconds.
const EXPIRATION: u64 = 86_400;
/// What stands before the names of the annotations.
const ANNOTATIONS: &str = "eks.amazonaws.com";

/// The webhook of one cluster.
pub struct PodIdentity {
    /// The cluster's name.
    pub cluster: String,
    /// Its region.
    pub region: String,
    /// Who knows the associations.
    pub cloud: Arc<dyn CloudIdentity>,
    /// Where the service accounts are.
    pub store: Store,
}

/// A way to credentials: a token in a volume, and variables that say what to do with it.
struct Means {
    volume: &'static str,
    mount: &'static str,
    /// The token's file in the volume.
    path: &'static str,
    audience: String,
    /// Seconds.
    expiration: u64,
    /// Whether the calls go to the region's own STS.
    regional: bool,
    /// The variables; a container that has one of them brings its own way, and keeps it.
    variables: [(&'static str, String); 2],
}

impl Means {
    fn association() -> Self {
        let (volume, mount) = ("eks-pod-identity-token", "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount");
        Self {
            volume,
            mount,
            path: volume,
            audience: "pods.eks.amazonaws.com".into(),
            expiration: EXPIRATION,
            regional: true,
            variables: [
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", CREDENTIALS.into()),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", format!("{mount}/{volume}")),
            ],
        }
    }

    /// The way that a service account's annotations tell, if they do.
    fn annotated(account: &Value) -> Option<Self> {
        let told = |name: &str| account["metadata"]["annotations"][format!("{ANNOTATIONS}/{name}")].as_str();
        let role = told("role-arn")?;
        let (path, mount) = ("token", "/var/run/secrets/eks.amazonaws.com/serviceaccount");
        // Shorter ones are raised to the shortest that the API takes.
        let expiration = told("token-expiration").and_then(|text| text.parse().ok()).unwrap_or(EXPIRATION).max(600);
        Some(Self {
            volume: "aws-iam-token",
            mount,
            path,
            audience: told("audience").unwrap_or("sts.amazonaws.com").into(),
            expiration,
            regional: told("sts-regional-endpoints") != Some("false"),
            variables: [("AWS_ROLE_ARN", role.into()), ("AWS_WEB_IDENTITY_TOKEN_FILE", format!("{mount}/{path}"))],
        })
    }
}

impl Admission for PodIdentity {
    fn admit(&self, kind: &Kind, _: &User, object: &mut Value) -> Result<(), Status> {
        if kind.group.is_empty() && kind.plural == "pods" {
            self.inject(object);
            admit_to_fargate(&self.cloud.provision(&self.cluster).profiles, object);
        }
        Ok(())
    }
}

impl PodIdentity {
    /// Changes a Pod whose service account has a role in this cluster; an association is stronger than an annotation.
    fn inject(&self, pod: &mut Value) {
        let (namespace, account) = (object::namespace(pod), object::text(pod, "/spec/serviceAccountName"));
        let means = if self.cloud.association(&self.cluster, namespace, account).is_some() {
            Some(Means::association())
        } else {
            let key = Key::namespaced(&resources::SERVICE_ACCOUNTS, namespace, account);
            self.store.get(&key).and_then(|account| Means::annotated(&account))
        };
        let Some(means) = means else { return };
        if object::list(pod, "/spec/volumes").iter().any(|volume| volume["name"] == means.volume) {
            return;
        }
        let skipped: Vec<String> = pod["metadata"]["annotations"][format!("{ANNOTATIONS}/skip-containers")]
            .as_str()
            .map(|names| names.split(',').map(|name| name.trim().to_owned()).collect())
            .unwrap_or_default();
        for field in ["initContainers", "containers"] {
            for container in pod["spec"].get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
                if !skipped.iter().any(|name| container["name"] == name.as_str()) {
                    self.change(container, &means);
                }
            }
        }
        let volume = json!({"name": means.volume, "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"audience": means.audience, "expirationSeconds": means.expiration, "path": means.path}},
        ]}});
        if !pod["spec"]["volumes"].is_array() {
            pod["spec"]["volumes"] = json!([]);
        }
        if let Some(volumes) = pod["spec"]["volumes"].as_array_mut() {
            volumes.insert(0, volume);
        }
    }

    fn change(&self, container: &mut Value, means: &Means) {
        let set = |name: &str| object::list(container, "/env").iter().any(|variable| variable["name"] == name);
        if means.variables.iter().any(|(name, _)| set(name)) {
            return;
        }
        let region = self.region.as_str();
        let regional = !region.is_empty() && !set("AWS_DEFAULT_REGION") && !set("AWS_REGION");
        let own = means.variables.iter().map(|(name, value)| (*name, value.as_str(), true));
        let added: Vec<Value> = [
            ("AWS_STS_REGIONAL_ENDPOINTS", "regional", means.regional && !set("AWS_STS_REGIONAL_ENDPOINTS")),
            ("AWS_DEFAULT_REGION", region, regional),
            ("AWS_REGION", region, regional),
        ]
        .into_iter()
        .chain(own)
        .filter(|(_, _, wanted)| *wanted)
        .map(|(name, value, _)| json!({"name": name, "value": value}))
        .collect();
        let mount = json!({"name": means.volume, "readOnly": true, "mountPath": means.mount});
        for (field, items) in [("env", added), ("volumeMounts", vec![mount])] {
            if !container[field].is_array() {
                container[field] = json!([]);
            }
            if let Some(list) = container[field].as_array_mut() {
                list.extend(items);
            }
        }
    }
}
