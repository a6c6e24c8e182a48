//! IAM: winterbaume keeps the state and makes the changes that `check` lets through; what is read is answered here from
//! that state, with every member, in order, paged, and documents encoded as IAM encodes them. SAML, MFA devices,
//! certificates, SSH keys, reports of use and organizations have nothing behind them.

mod check;
mod initial;
mod read;
mod simulate;
mod xml;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use winterbaume_core::MockRequest;
use winterbaume_iam::IamService;
use winterbaume_iam::views::{AccessKeyView, IamStateView, PolicyVersionView, RoleView};

use super::behind::{Behind, unique_id};
use super::seed::{Principal, Seed};
use super::wire::{self, Refusal, WireRequest, WireResponse};
use crate::clock::Clock;
use crate::sandbox::SandboxError;

pub(super) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// What is changed by winterbaume's service; its answer's content is its own unless the front knows better.
const CHANGES: &[&str] = &[
    "AddClientIDToOpenIDConnectProvider",
    "AddRoleToInstanceProfile",
    "AddUserToGroup",
    "AttachGroupPolicy",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "CreateAccountAlias",
    "CreateGroup",
    "CreateInstanceProfile",
    "CreateLoginProfile",
    "CreateOpenIDConnectProvider",
    "CreatePolicy",
    "CreateRole",
    "CreateUser",
    "DeleteAccessKey",
    "DeleteAccountAlias",
    "DeleteAccountPasswordPolicy",
    "DeleteGroup",
    "DeleteGroupPolicy",
    "DeleteInstanceProfile",
    "DeleteLoginProfile",
    "DeleteOpenIDConnectProvider",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DeleteUser",
    "DeleteUserPermissionsBoundary",
    "DeleteUserPolicy",
    "DetachGroupPolicy",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "PutGroupPolicy",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "PutUserPermissionsBoundary",
    "PutUserPolicy",
    "RemoveClientIDFromOpenIDConnectProvider",
    "RemoveRoleFromInstanceProfile",
    "RemoveUserFromGroup",
    "SetDefaultPolicyVersion",
    "TagInstanceProfile",
    "TagOpenIDConnectProvider",
    "TagPolicy",
    "TagRole",
    "TagUser",
    "UntagInstanceProfile",
    "UntagOpenIDConnectProvider",
    "UntagPolicy",
    "UntagRole",
    "UntagUser",
    "UpdateAccessKey",
    "UpdateAccountPasswordPolicy",
    "UpdateAssumeRolePolicy",
    "UpdateGroup",
    "UpdateLoginProfile",
    "UpdateOpenIDConnectProviderThumbprint",
    "UpdateRole",
    "UpdateRoleDescription",
    "UpdateUser",
];

/// What winterbaume answers itself.
const READS: &[&str] = &["GetAccessKeyLastUsed", "GetAccountPasswordPolicy", "GetAccountSummary", "GetLoginProfile"];

/// What is about the caller where it names no user.
const OWN: &[&str] = &["CreateAccessKey", "DeleteAccessKey", "GetUser", "ListAccessKeys", "UpdateAccessKey"];

/// The names of service-linked roles (IAM User Guide, "AWS services that work with IAM", and the services' own guides).
const LINKED: &[(&str, &str)] = &[
    ("autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling"),
    ("ecs.amazonaws.com", "AWSServiceRoleForECS"),
    ("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"),
    ("eks-connector.amazonaws.com", "AWSServiceRoleForAmazonEKSConnector"),
    ("eks-fargate.amazonaws.com", "AWSServiceRoleForAmazonEKSForFargate"),
    ("eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"),
    ("elasticache.amazonaws.com", "AWSServiceRoleForElastiCache"),
    ("elasticfilesystem.amazonaws.com", "AWSServiceRoleForAmazonElasticFileSystem"),
    ("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"),
    ("rds.amazonaws.com", "AWSServiceRoleForRDS"),
    ("spot.amazonaws.com", "AWSServiceRoleForEC2Spot"),
    ("spotfleet.amazonaws.com", "AWSServiceRoleForEC2SpotFleet"),
    ("vpc-lattice.amazonaws.com", "AWSServiceRoleForVpcLattice"),
];

type Parameters = HashMap<String, String>;

pub(super) struct Iam {
    behind: Behind<IamService>,
    /// The number of each policy's newest version ever: numbers are not given twice, and winterbaume's view forgets them.
    versions: Mutex<BTreeMap<String, u32>>,
    account: String,
    clock: Clock,
}

impl Iam {
    pub fn new(account: &str, clock: &Clock) -> Self {
        Self {
            behind: Behind::new(IamService::new(), "us-east-1", account, clock),
            versions: Mutex::default(),
            account: account.into(),
            clock: clock.clone(),
        }
    }

    pub fn view(&self) -> IamStateView {
        self.behind.view()
    }

    pub fn snapshot(&self) -> Value {
        json!({ "state": self.behind.snapshot(), "versions": *self.versions() })
    }

    pub async fn restore(&self, snapshot: &Value) -> Result<(), SandboxError> {
        let versions = serde_json::from_value(snapshot["versions"].clone())
            .map_err(|error| SandboxError::Snapshot(error.to_string()))?;
        self.behind.restore(snapshot["state"].clone()).await?;
        *self.versions() = versions;
        Ok(())
    }

    pub async fn fill(&self, seed: &Seed, made: &str) -> Result<(), SandboxError> {
        self.behind.restore(initial::initial(seed, made)?).await
    }

    fn versions(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a version of a policy; answers the content of the answer.
    async fn create_version(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let arn = read::text(parameters, "PolicyArn");
        let content = read::text(parameters, "PolicyDocument");
        let default = parameters.get("SetAsDefault").is_some_and(|value| value == "true");
        let now = super::behind::iso_seconds(self.clock.now());
        read::policy(&self.view(), parameters)?;
        check::identity_document(content)?;
        self.behind
            .edit(|view| {
                let missing = || read::no_entity(format!("Policy {arn} was not found."));
                let policy = view.policies.get_mut(arn).ok_or_else(missing)?;
                if policy.versions.len() >= 5 {
                    return Err(Refusal::new(
                        409,
                        "LimitExceeded",
                        "A managed policy can have up to 5 versions. Before you create a new version, you must delete \
                         an existing version.",
                    ));
                }
                let of = |id: &str| id.trim_start_matches('v').parse::<u32>().unwrap_or(0);
                let newest = policy.versions.iter().map(|version| of(&version.version_id)).max().unwrap_or(0);
                let mut versions = self.versions();
                let number = newest.max(versions.get(arn).copied().unwrap_or(0)) + 1;
                versions.insert(arn.to_owned(), number);
                let version = PolicyVersionView {
                    version_id: format!("v{number}"),
                    document: content.to_owned(),
                    is_default_version: default,
                    create_date: Some(now.clone()),
                };
                let inner = format!("<PolicyVersion>{}</PolicyVersion>", xml::version_xml(&version));
                if default {
                    policy.versions.iter_mut().for_each(|version| version.is_default_version = false);
                    policy.default_version_id.clone_from(&version.version_id);
                    policy.document = content.to_owned();
                }
                policy.update_date = Some(now.clone());
                policy.versions.push(version);
                Ok(inner)
            })
            .await
    }

    /// Makes the role that belongs to a service; answers the content of the answer.
    async fn create_linked(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let service = read::text(parameters, "AWSServiceName");
        let invalid = |message: String| Refusal::new(400, "InvalidInput", message);
        let Some((_, name)) = LINKED.iter().find(|(known, _)| *known == service) else {
            return Err(Refusal::absent("iam", &format!("CreateServiceLinkedRole for {service}")));
        };
        let suffix = parameters.get("CustomSuffix");
        if suffix.is_some() && service != "autoscaling.amazonaws.com" {
            return Err(invalid(format!("Custom suffix is not allowed for {service}")));
        }
        let name = suffix.map_or_else(|| (*name).to_owned(), |suffix| format!("{name}_{suffix}"));
        let path = format!("/aws-service-role/{service}/");
        let arn = format!("arn:aws:iam::{}:role{path}{name}", self.account);
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": [service]}, "Action": ["sts:AssumeRole"]}]});
        let role = RoleView {
            role_id: unique_id("AROA", &arn),
            account_id: self.account.clone(),
            path,
            arn,
            assume_role_policy_document: trust.to_string(),
            description: parameters.get("Description").cloned().unwrap_or_default(),
            create_date: Some(super::behind::iso_seconds(self.clock.now())),
            max_session_duration: 3600,
            tags: HashMap::new(),
            attached_policies: Vec::new(),
            inline_policies: Vec::new(),
            permissions_boundary: None,
            name,
        };
        self.behind
            .edit(|view| {
                if view.roles.contains_key(&role.name) {
                    return Err(invalid(format!(
                        "Service role name {} has been taken in this account, please try a different suffix.",
                        role.name
                    )));
                }
                let inner = format!("<Role>{}</Role>", xml::role_xml(&role, true));
                view.roles.insert(role.name.clone(), role);
                Ok(inner)
            })
            .await
    }

    /// Makes a user's key; answers the content of the answer.
    async fn create_key(&self, parameters: &Parameters) -> Result<String, Refusal> {
        check::check(&self.view(), "CreateAccessKey", parameters)?;
        let (id, secret) = wire::access_key("AKIA");
        let key = AccessKeyView {
            user_name: read::text(parameters, "UserName").to_owned(),
            access_key_id: id.clone(),
            secret_access_key: secret,
            status: "Active".into(),
            create_date: Some(super::behind::iso_seconds(self.clock.now())),
        };
        let inner = xml::element("UserName", &key.user_name)
            + &xml::element("AccessKeyId", &key.access_key_id)
            + &xml::element("Status", &key.status)
            + &xml::element("SecretAccessKey", &key.secret_access_key)
            + &xml::date("CreateDate", key.create_date.as_deref());
        self.behind
            .edit(|view| {
                view.access_keys.insert(id, key);
                Ok(format!("<AccessKey>{inner}</AccessKey>"))
            })
            .await
    }

    /// Takes the role of a service away; answers the content of the answer.
    async fn delete_linked(&self, parameters: &Parameters) -> Result<String, Refusal> {
        check::check(&self.view(), "DeleteServiceLinkedRole", parameters)?;
        let name = read::text(parameters, "RoleName");
        self.behind
            .edit(|view| {
                let role = view.roles.remove(name);
                let path = role.map(|role| role.path).unwrap_or_default();
                let id = wire::uuid();
                Ok(xml::element("DeletionTaskId", &format!("task{path}{name}/{id}")))
            })
            .await
    }

    /// Answers a request of that caller.
    pub async fn call(&self, request: &WireRequest, caller: &Principal) -> WireResponse {
        let mut pairs = wire::form(&String::from_utf8_lossy(request.body()));
        let mut parameters: Parameters = pairs.iter().cloned().collect();
        let action = parameters.get("Action").cloned().unwrap_or_default();
        if OWN.contains(&action.as_str()) && !parameters.contains_key("UserName") {
            let Some((_, name)) = caller.arn.split_once(":user/") else {
                let message = "Must specify userName when calling with non-User credentials";
                return wire::xml_refusal(NAMESPACE, &Refusal::new(400, "ValidationError", message));
            };
            let name = name.rsplit('/').next().unwrap_or(name).to_owned();
            pairs.push(("UserName".into(), name.clone()));
            parameters.insert("UserName".into(), name);
        }
        match self.answer(&action, &parameters, &pairs).await {
            Ok(response) => response,
            Err(refusal) => wire::xml_refusal(NAMESPACE, &refusal),
        }
    }

    async fn answer(
        &self,
        action: &str,
        parameters: &Parameters,
        pairs: &[(String, String)],
    ) -> Result<WireResponse, Refusal> {
        let view = self.view();
        if let Some(inner) = read::read(&view, action, parameters)? {
            return Ok(wire::xml(NAMESPACE, action, Some(&inner)));
        }
        let own = match action {
            "CreatePolicyVersion" => Some(self.create_version(parameters).await?),
            "CreateAccessKey" => Some(self.create_key(parameters).await?),
            "CreateServiceLinkedRole" => Some(self.create_linked(parameters).await?),
            "DeleteServiceLinkedRole" => Some(self.delete_linked(parameters).await?),
            _ => None,
        };
        if let Some(inner) = own {
            return Ok(wire::xml(NAMESPACE, action, Some(&inner)));
        }
        let changes = CHANGES.contains(&action);
        if !changes && !READS.contains(&action) {
            return Err(Refusal::absent("iam", action));
        }
        check::check(&view, action, parameters)?;
        let swapped: Vec<_> = pairs.iter().map(|(k, v)| (k.clone(), super::behind::swap(v, &self.account))).collect();
        let behind = MockRequest {
            method: "POST".into(),
            uri: "https://iam.amazonaws.com/".into(),
            headers: http::HeaderMap::new(),
            body: wire::to_form(&swapped).into(),
        };
        let failed = |error: SandboxError| Refusal::new(500, "ServiceFailure", error.to_string());
        let response = self.behind.call(behind, changes).await.map_err(failed)?;
        if response.status / 100 == 2
            && let Some(inner) = created(&self.view(), action, parameters)
        {
            return Ok(wire::xml(NAMESPACE, action, Some(&inner)));
        }
        Ok(wire::answer(response.status, "text/xml", response.body))
    }
}

/// What the answer to a creation tells of what was made; `None` where winterbaume's own answer does.
fn created(view: &IamStateView, action: &str, parameters: &Parameters) -> Option<String> {
    let of = |key: &str| parameters.get(key);
    Some(match action {
        "CreateRole" => format!("<Role>{}</Role>", xml::role_xml(view.roles.get(of("RoleName")?)?, true)),
        "CreatePolicy" => {
            let name = of("PolicyName")?;
            let mut all = view.policies.values();
            let policy = all.find(|policy| policy.policy_name == *name && !xml::of_aws(policy))?;
            format!("<Policy>{}</Policy>", xml::policy_xml(policy, false))
        }
        "CreateUser" => format!("<User>{}</User>", xml::user_xml(view.users.get(of("UserName")?)?, true)),
        "CreateGroup" => format!("<Group>{}</Group>", xml::group_xml(view.groups.get(of("GroupName")?)?)),
        "CreateInstanceProfile" => {
            let profile = view.instance_profiles.get(of("InstanceProfileName")?)?;
            format!("<InstanceProfile>{}</InstanceProfile>", xml::profile_xml(view, profile, true))
        }
        _ => return None,
    })
}

/// The members of a list among the parameters.
fn list(parameters: &Parameters, name: &str) -> Vec<String> {
    (1..).map_while(|at| parameters.get(&format!("{name}.member.{at}")).cloned()).collect()
}
