//! What the cluster asks of the account it lives in.

use std::collections::BTreeMap;

use serde_json::Value;

/// A Pod's token, and the role that it is meant for.
#[derive(Debug, Clone, Copy)]
pub struct WebIdentity<'a> {
    /// The Pod's namespace.
    pub namespace: &'a str,
    /// Its service account's name.
    pub service_account: &'a str,
    /// Whom the token is for (`sts.amazonaws.com`).
    pub audience: &'a str,
    /// The role's ARN.
    pub role: &'a str,
}

/// What the account says that a cluster has: its nodes and add-ons follow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provision {
    /// Its managed node groups, those that are being deleted too.
    pub groups: Vec<NodeGroup>,
    /// Its add-ons, those that are being deleted too.
    pub addons: Vec<Addon>,
    /// Its Fargate profiles that are ready.
    pub profiles: Vec<FargateProfile>,
}

/// A managed node group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeGroup {
    /// Its name.
    pub name: String,
    /// How many nodes it is to have: none while it is being deleted.
    pub desired: usize,
    /// The instance types that it may have; the first is taken.
    pub instance_types: Vec<String>,
    /// `ON_DEMAND` or `SPOT`.
    pub capacity_type: String,
    /// The type of its machine image: `AL2023_x86_64_STANDARD`.
    pub image_type: String,
    /// GiB of its nodes' disks.
    pub disk: u64,
    /// In how many subnets it is.
    pub subnets: usize,
    /// Labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes, as Kubernetes writes them.
    pub taints: Vec<Value>,
    /// How often its nodes' software was replaced.
    pub generation: u64,
}

/// An add-on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addon {
    /// Its name: `vpc-cni`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its configuration values, as they were given.
    pub configuration: String,
    /// The ARN of its service account's role; empty when it has none.
    pub role: String,
    /// Whether it is being deleted.
    pub going: bool,
    /// Whether what it made is to stay when it goes.
    pub preserved: bool,
}

/// A Fargate profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FargateProfile {
    /// Its name.
    pub name: String,
    /// Namespaces (with `*` and `?`) and labels of the Pods that it is for: one of these must fit.
    pub selectors: Vec<(String, BTreeMap<String, String>)>,
}

/// The account's answers to the cluster: the pod identity webhook asks for associations, and containers find out what
/// their role may do. Answers are those of the moment; nobody keeps them.
pub trait CloudIdentity: Send + Sync {
    /// The ARN of the role that `cluster` associates with a service account, if there is an association.
    fn association(&self, cluster: &str, namespace: &str, service_account: &str) -> Option<String>;

    /// Whether a Pod with that service account, by the credentials which its association gives it, may do `action`
    /// (`dynamodb:DescribeTable`) on `resource` (an ARN): the association exists, the role trusts
    /// `pods.eks.amazonaws.com` with `sts:AssumeRole` and `sts:TagSession`, and its policies allow the action and do not
    /// deny it.
    ///
    /// # Errors
    /// Why not, in the words that the service has for it.
    fn allowed(
        &self,
        cluster: &str,
        namespace: &str,
        service_account: &str,
        action: &str,
        resource: &str,
    ) -> Result<(), String>;

    /// A token with these claims, and with the issuer that the account knows for the cluster: a signed JWT. `None` when the
    /// cluster has no such issuer.
    fn sign(&self, cluster: &str, claims: &Value) -> Option<String> {
        let _ = (cluster, claims);
        None
    }

    /// Whether a Pod that takes a role with a token of its service account (IAM roles for service accounts) may do `action`
    /// on `resource`: the account has the cluster's issuer as identity provider with that audience, the role trusts it, and
    /// its policies allow the action and do not deny it.
    ///
    /// # Errors
    /// Why not, in the words that the service has for it.
    fn allowed_by_token(
        &self,
        cluster: &str,
        identity: &WebIdentity<'_>,
        action: &str,
        resource: &str,
    ) -> Result<(), String> {
        let _ = (cluster, identity, action, resource);
        Err("the cluster has no OpenID Connect issuer".into())
    }

    /// The account id, twelve digits.
    fn account(&self) -> String;

    /// What the account says that a cluster has.
    fn provision(&self, _cluster: &str) -> Provision {
        Provision::default()
    }

    /// A number that changes whenever [`CloudIdentity::provision`] may have; none where it never does.
    fn provision_changes(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        None
    }
}
