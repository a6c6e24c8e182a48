//! EKS's webhooks: Pods whose service account is associated with a role learn where to get its credentials, and those that a Fargate
//! profile is for are given to Fargate.
//! Names and order as <https://github.com/aws/amazon-eks-pod-identity-webhook> writes them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::CloudIdentity;
use super::api::{Admission, Kind, Status, User};
use super::object;
use super::provision::admit_to_fargate;

const URI: &str = "http://169.254.170.23/v1/credentials";
const MOUNT: &str = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount";
const VOLUME: &str = "eks-pod-identity-token";
const AUDIENCE: &str = "pods.eks.amazonaws.com";
/// How long a token is valid, in seconds.
const EXPIRATION: u32 = 86_400;

/// The webhook of one cluster.
pub struct PodIdentity {
    /// The cluster's name.
    pub cluster: String,
    /// Its region.
    pub region: String,
    /// Who knows the associations.
    pub cloud: Arc<dyn CloudIdentity>,
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
    /// Changes a Pod whose service account has an association in this cluster.
    fn inject(&self, pod: &mut Value) {
        let account = object::text(pod, "/spec/serviceAccountName");
        let associated = self.cloud.association(&self.cluster, object::namespace(pod), account).is_some();
        if !associated || object::list(pod, "/spec/volumes").iter().any(|volume| volume["name"] == VOLUME) {
            return;
        }
        for field in ["initContainers", "containers"] {
            for container in pod["spec"].get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
                self.change(container);
            }
        }
        let volume = json!({"name": VOLUME, "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"audience": AUDIENCE, "expirationSeconds": EXPIRATION, "path": VOLUME}},
        ]}});
        if !pod["spec"]["volumes"].is_array() {
            pod["spec"]["volumes"] = json!([]);
        }
        if let Some(volumes) = pod["spec"]["volumes"].as_array_mut() {
            volumes.insert(0, volume);
        }
    }

    fn change(&self, container: &mut Value) {
        let set = |name: &str| object::list(container, "/env").iter().any(|variable| variable["name"] == name);
        // A container that brings its own way to credentials keeps it.
        if ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"].into_iter().any(set) {
            return;
        }
        let token = format!("{MOUNT}/{VOLUME}");
        let region = self.region.as_str();
        let regional = !region.is_empty() && !set("AWS_DEFAULT_REGION") && !set("AWS_REGION");
        let added: Vec<Value> = [
            ("AWS_STS_REGIONAL_ENDPOINTS", "regional", !set("AWS_STS_REGIONAL_ENDPOINTS")),
            ("AWS_DEFAULT_REGION", region, regional),
            ("AWS_REGION", region, regional),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", URI, true),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.as_str(), true),
        ]
        .into_iter()
        .filter(|(_, _, wanted)| *wanted)
        .map(|(name, value, _)| json!({"name": name, "value": value}))
        .collect();
        for (field, items) in
            [("env", added), ("volumeMounts", vec![json!({"name": VOLUME, "readOnly": true, "mountPath": MOUNT})])]
        {
            if !container[field].is_array() {
                container[field] = json!([]);
            }
            if let Some(list) = container[field].as_array_mut() {
                list.extend(items);
            }
        }
    }
}
