//! What the account starts with, as a scenario's `aws.yaml` says it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// What the account starts with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// The account id, twelve digits.
    #[serde(default)]
    pub account: String,
    /// The region of its clusters, and of commands that name none.
    #[serde(default)]
    pub region: String,
    /// Whom the learner's credentials belong to.
    #[serde(default)]
    pub principal: Principal,
    /// EKS clusters.
    #[serde(default)]
    pub clusters: Vec<ClusterSeed>,
    /// IAM roles.
    #[serde(default)]
    pub roles: Vec<RoleSeed>,
    /// Managed policies: the customer's, and those of AWS that something is attached to.
    #[serde(default)]
    pub policies: Vec<PolicySeed>,
    /// IAM users.
    #[serde(default)]
    pub users: Vec<UserSeed>,
    /// The add-ons that EKS offers, with their versions, the default first.
    #[serde(default)]
    pub addon_versions: BTreeMap<String, Vec<String>>,
}

/// A caller, as `sts get-caller-identity` names it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` or a user's ARN.
    #[serde(default)]
    pub arn: String,
    /// The unique id: `AROA…:SESSION` or `AIDA…`.
    #[serde(default)]
    pub user_id: String,
}

/// An EKS cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSeed {
    /// Its name.
    pub name: String,
    /// The Kubernetes version, such as `1.36`.
    pub version: String,
    /// The ARN of its role.
    #[serde(default)]
    pub role_arn: String,
    /// When it was made, RFC 3339; a day before the session when absent.
    #[serde(default)]
    pub created: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Further members of the API's `Cluster`, named and nested as there.
    #[serde(default)]
    pub detail: Map<String, Value>,
    /// Its add-ons.
    #[serde(default)]
    pub addons: Vec<AddonSeed>,
    /// Its managed node groups: members of the API's `Nodegroup`, named and nested as there; what is absent is as EKS
    /// makes it.
    #[serde(default)]
    pub nodegroups: Vec<Map<String, Value>>,
    /// Its access entries.
    #[serde(default)]
    pub access_entries: Vec<AccessEntrySeed>,
    /// Its pod identity associations.
    #[serde(default)]
    pub associations: Vec<AssociationSeed>,
}

/// An add-on of a cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddonSeed {
    /// Its name, such as `vpc-cni`.
    pub name: String,
    /// Its version, such as `v1.19.0-eksbuild.1`.
    pub version: String,
}

/// An access entry of a cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessEntrySeed {
    /// Whose entry it is.
    pub principal_arn: String,
    /// `STANDARD`, `EC2`, `EC2_LINUX`, …
    #[serde(rename = "type", default = "standard")]
    pub kind: String,
    /// The Kubernetes groups that it gives.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The Kubernetes user name.
    #[serde(default)]
    pub username: Option<String>,
    /// The ARNs of the access policies that it has for the whole cluster.
    #[serde(default)]
    pub policies: Vec<String>,
}

fn standard() -> String {
    "STANDARD".into()
}

/// A pod identity association.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssociationSeed {
    /// The namespace.
    pub namespace: String,
    /// The service account.
    pub service_account: String,
    /// The role that its Pods get.
    pub role_arn: String,
    /// The association's id, `a-` and 17 of a-z0-9; made up when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whether the session tags are left out.
    #[serde(default)]
    pub disable_session_tags: bool,
}

/// An IAM role.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSeed {
    /// Its name.
    pub name: String,
    /// Its path; `/` when absent.
    #[serde(default = "root")]
    pub path: String,
    /// Its description.
    #[serde(default)]
    pub description: String,
    /// Its trust policy.
    pub trust: Value,
    /// The ARNs of the managed policies that are attached to it.
    #[serde(default)]
    pub attached: Vec<String>,
    /// Its inline policies by name.
    #[serde(default)]
    pub inline: BTreeMap<String, Value>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The longest session, in seconds.
    #[serde(default = "hour")]
    pub max_session_duration: i32,
    /// When it was made, RFC 3339; a day before the session when absent.
    #[serde(default)]
    pub created: Option<String>,
}

/// A managed policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySeed {
    /// Its name.
    pub name: String,
    /// Its path; `/` when absent.
    #[serde(default = "root")]
    pub path: String,
    /// Whether it is one of AWS's own (`arn:aws:iam::aws:policy/…`).
    #[serde(default)]
    pub aws: bool,
    /// Its description.
    #[serde(default)]
    pub description: String,
    /// Its document: the only version, v1.
    pub document: Value,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// When it was made, RFC 3339; a day before the session when absent.
    #[serde(default)]
    pub created: Option<String>,
}

/// An IAM user.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSeed {
    /// Its name.
    pub name: String,
    /// Its path; `/` when absent.
    #[serde(default = "root")]
    pub path: String,
}

fn root() -> String {
    "/".into()
}

fn hour() -> i32 {
    3600
}
