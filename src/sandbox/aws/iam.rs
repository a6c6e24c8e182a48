//! IAM: winterbaume keeps the state and makes the changes; what is read of roles and policies is answered here from that
//! state, with every member, paged, and documents encoded as IAM encodes them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use winterbaume_core::MockRequest;
use winterbaume_iam::IamService;
use winterbaume_iam::views::{IamStateView, ManagedPolicyView, PolicyVersionView, RoleView};

use super::behind::{Behind, unique_id};
use super::seed::Seed;
use super::wire::{self, Refusal, WireRequest, WireResponse, escape};
use crate::clock::Clock;
use crate::sandbox::SandboxError;

pub(super) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// What is changed by winterbaume's service; its answer's content is its own unless the front knows better.
const CHANGES: &[&str] = &[
    "AttachRolePolicy",
    "CreatePolicy",
    "CreateRole",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DeleteRole",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePolicy",
    "SetDefaultPolicyVersion",
    "TagPolicy",
    "TagRole",
    "UntagPolicy",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
];

/// What winterbaume answers itself.
const READS: &[&str] = &[
    "GetInstanceProfile",
    "GetOpenIDConnectProvider",
    "GetUser",
    "ListAccountAliases",
    "ListInstanceProfiles",
    "ListInstanceProfilesForRole",
    "ListOpenIDConnectProviders",
    "ListUsers",
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
        self.behind.restore(initial(seed, made)?).await
    }

    fn versions(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a version of a policy; answers the content of the answer.
    async fn create_version(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let arn = text(parameters, "PolicyArn");
        let content = text(parameters, "PolicyDocument");
        let default = parameters.get("SetAsDefault").is_some_and(|value| value == "true");
        let now = super::behind::iso_seconds(self.clock.now());
        policy(&self.view(), parameters)?;
        document(content)?;
        self.behind
            .edit(|view| {
                let missing = || no_entity(format!("Policy {arn} was not found."));
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
                let inner = format!("<PolicyVersion>{}</PolicyVersion>", version_xml(&version));
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

    pub async fn call(&self, request: &WireRequest) -> WireResponse {
        let pairs = wire::form(&String::from_utf8_lossy(request.body()));
        let parameters: Parameters = pairs.iter().cloned().collect();
        let action = parameters.get("Action").cloned().unwrap_or_default();
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
        if let Some(inner) = read(&view, action, parameters)? {
            return Ok(wire::xml(NAMESPACE, action, Some(&inner)));
        }
        if action == "CreatePolicyVersion" {
            let inner = self.create_version(parameters).await?;
            return Ok(wire::xml(NAMESPACE, action, Some(&inner)));
        }
        let changes = CHANGES.contains(&action);
        if !changes && !READS.contains(&action) {
            return Err(Refusal::absent("iam", action));
        }
        check(&view, action, parameters)?;
        let swapped: Vec<_> = pairs.iter().map(|(k, v)| (k.clone(), super::behind::swap(v, &self.account))).collect();
        let behind = MockRequest {
            method: "POST".into(),
            uri: "https://iam.amazonaws.com/".into(),
            headers: http::HeaderMap::new(),
            body: wire::to_form(&swapped).into(),
        };
        let failed = |error: SandboxError| Refusal::new(500, "ServiceFailure", error.to_string());
        let response = self.behind.call(behind, changes).await.map_err(failed)?;
        if response.status / 100 == 2 {
            let view = self.view();
            let inner = match action {
                "CreateRole" => parameters
                    .get("RoleName")
                    .and_then(|name| view.roles.get(name))
                    .map(|role| format!("<Role>{}</Role>", role_xml(role, true))),
                "CreatePolicy" => {
                    let name = parameters.get("PolicyName");
                    view.policies
                        .values()
                        .find(|policy| Some(&policy.policy_name) == name)
                        .map(|policy| format!("<Policy>{}</Policy>", policy_xml(policy, false)))
                }
                _ => None,
            };
            if let Some(inner) = inner {
                return Ok(wire::xml(NAMESPACE, action, Some(&inner)));
            }
        }
        Ok(wire::answer(response.status, "text/xml", response.body))
    }
}

/// What IAM refuses and winterbaume lets pass or words otherwise.
fn check(view: &IamStateView, action: &str, parameters: &Parameters) -> Result<(), Refusal> {
    if action.ends_with("Role") && action != "CreateRole"
        || action.ends_with("RolePolicy")
        || action == "UpdateAssumeRolePolicy"
    {
        role(view, parameters)?;
    }
    if matches!(action, "AttachRolePolicy") {
        let arn = text(parameters, "PolicyArn");
        if !view.policies.contains_key(arn) {
            return Err(no_entity(format!("Policy {arn} does not exist or is not attachable.")));
        }
    }
    match action {
        "CreateRole" => {
            let name = text(parameters, "RoleName");
            if view.roles.contains_key(name) {
                return Err(Refusal::new(409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
            }
            document(text(parameters, "AssumeRolePolicyDocument"))
        }
        "UpdateAssumeRolePolicy" | "PutRolePolicy" | "CreatePolicy" => document(text(parameters, "PolicyDocument")),
        "DeletePolicyVersion" | "SetDefaultPolicyVersion" | "DeletePolicy" | "TagPolicy" | "UntagPolicy" => {
            policy(view, parameters).map(|_| ())
        }
        _ => Ok(()),
    }
}

fn document(text: &str) -> Result<(), Refusal> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => Ok(()),
        _ => Err(Refusal::new(400, "MalformedPolicyDocument", "This policy contains invalid Json")),
    }
}

/// The content of the answer to a read, or `None` when the front does not answer it.
fn read(view: &IamStateView, action: &str, parameters: &Parameters) -> Result<Option<String>, Refusal> {
    let inner = match action {
        "GetRole" => format!("<Role>{}</Role>", role_xml(role(view, parameters)?, true)),
        "ListRoles" => {
            let mut roles: Vec<_> = view.roles.values().filter(|role| under(&role.path, parameters)).collect();
            roles.sort_by_key(|role| role.name.to_lowercase());
            let items = roles.into_iter().map(|role| role_xml(role, false));
            page("Roles", items.collect(), parameters)?
        }
        "ListRoleTags" => page("Tags", tags(&role(view, parameters)?.tags), parameters)?,
        "ListAttachedRolePolicies" => {
            let role = role(view, parameters)?;
            let items = role.attached_policies.iter().filter(|attached| {
                view.policies.get(&attached.policy_arn).is_none_or(|policy| under(&policy.path, parameters))
            });
            let items = items.map(|attached| {
                element("PolicyName", &attached.policy_name) + &element("PolicyArn", &attached.policy_arn)
            });
            page("AttachedPolicies", items.collect(), parameters)?
        }
        "ListRolePolicies" => {
            let role = role(view, parameters)?;
            page("PolicyNames", role.inline_policies.iter().map(|p| escape(&p.policy_name)).collect(), parameters)?
        }
        "GetRolePolicy" => {
            let role = role(view, parameters)?;
            let name = text(parameters, "PolicyName");
            let inline = role
                .inline_policies
                .iter()
                .find(|policy| policy.policy_name == name)
                .ok_or_else(|| no_entity(format!("The role policy with name {name} cannot be found.")))?;
            element("RoleName", &role.name)
                + &element("PolicyName", name)
                + &element("PolicyDocument", &wire::percent_encode(&inline.policy_document))
        }
        "GetPolicy" => format!("<Policy>{}</Policy>", policy_xml(policy(view, parameters)?, true)),
        "ListPolicies" => {
            let scope = parameters.get("Scope").map_or("All", String::as_str);
            let attached_only = parameters.get("OnlyAttached").is_some_and(|value| value == "true");
            let mut policies: Vec<_> = view
                .policies
                .values()
                .filter(|policy| under(&policy.path, parameters))
                .filter(|policy| match scope {
                    "AWS" => of_aws(policy),
                    "Local" => !of_aws(policy),
                    _ => true,
                })
                .filter(|policy| !attached_only || policy.attachment_count > 0)
                .collect();
            policies.sort_by_key(|policy| policy.policy_name.to_lowercase());
            page("Policies", policies.into_iter().map(|policy| policy_xml(policy, false)).collect(), parameters)?
        }
        "ListPolicyTags" => page("Tags", tags(&policy(view, parameters)?.tags), parameters)?,
        "GetPolicyVersion" => {
            let policy = policy(view, parameters)?;
            let id = text(parameters, "VersionId");
            let version = policy.versions.iter().find(|version| version.version_id == id).ok_or_else(|| {
                no_entity(format!("Policy {} version {id} does not exist or is not attachable.", policy.arn))
            })?;
            format!(
                "<PolicyVersion>{}{}{}{}</PolicyVersion>",
                element("Document", &wire::percent_encode(&version.document)),
                element("VersionId", id),
                element("IsDefaultVersion", &version.is_default_version.to_string()),
                date("CreateDate", version.create_date.as_deref()),
            )
        }
        "ListPolicyVersions" => {
            let policy = policy(view, parameters)?;
            page("Versions", policy.versions.iter().rev().map(version_xml).collect(), parameters)?
        }
        _ => return Ok(None),
    };
    Ok(Some(inner))
}

fn text<'a>(parameters: &'a Parameters, key: &str) -> &'a str {
    parameters.get(key).map_or("", String::as_str)
}

fn no_entity(message: String) -> Refusal {
    Refusal::new(404, "NoSuchEntity", message)
}

fn role<'a>(view: &'a IamStateView, parameters: &Parameters) -> Result<&'a RoleView, Refusal> {
    let name = text(parameters, "RoleName");
    view.roles.get(name).ok_or_else(|| no_entity(format!("The role with name {name} cannot be found.")))
}

fn policy<'a>(view: &'a IamStateView, parameters: &Parameters) -> Result<&'a ManagedPolicyView, Refusal> {
    let arn = text(parameters, "PolicyArn");
    if !arn.starts_with("arn:") {
        return Err(Refusal::new(400, "ValidationError", format!("Invalid ARN:  Could not be parsed!: {arn}")));
    }
    view.policies.get(arn).ok_or_else(|| no_entity(format!("Policy {arn} was not found.")))
}

fn of_aws(policy: &ManagedPolicyView) -> bool {
    policy.arn.starts_with("arn:aws:iam::aws:")
}

fn under(path: &str, parameters: &Parameters) -> bool {
    parameters.get("PathPrefix").is_none_or(|prefix| path.starts_with(prefix))
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

fn date(name: &str, moment: Option<&str>) -> String {
    let moment = moment.and_then(|moment| moment.parse::<jiff::Timestamp>().ok());
    moment.map(|moment| element(name, &super::behind::iso_seconds(moment))).unwrap_or_default()
}

fn tags(tags: &HashMap<String, String>) -> Vec<String> {
    let mut sorted: Vec<_> = tags.iter().collect();
    sorted.sort();
    sorted.into_iter().map(|(key, value)| element("Key", key) + &element("Value", value)).collect()
}

fn members(name: &str, items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("<member>{item}</member>")).collect();
    format!("<{name}>{items}</{name}>")
}

/// A role; lists leave some members out.
fn role_xml(role: &RoleView, whole: bool) -> String {
    let mut out = element("Path", &role.path)
        + &element("RoleName", &role.name)
        + &element("RoleId", &role.role_id)
        + &element("Arn", &role.arn)
        + &date("CreateDate", role.create_date.as_deref())
        + &element("AssumeRolePolicyDocument", &wire::percent_encode(&role.assume_role_policy_document));
    if !role.description.is_empty() {
        out += &element("Description", &role.description);
    }
    out += &element("MaxSessionDuration", &role.max_session_duration.to_string());
    if whole {
        if let Some(boundary) = &role.permissions_boundary {
            out += &format!(
                "<PermissionsBoundary>{}{}</PermissionsBoundary>",
                element("PermissionsBoundaryType", "Policy"),
                element("PermissionsBoundaryArn", boundary)
            );
        }
        if !role.tags.is_empty() {
            out += &members("Tags", &tags(&role.tags));
        }
        out += "<RoleLastUsed></RoleLastUsed>";
    }
    out
}

/// A managed policy; lists and the answer to its creation leave some members out.
fn policy_xml(policy: &ManagedPolicyView, whole: bool) -> String {
    let mut out = element("PolicyName", &policy.policy_name)
        + &element("PolicyId", &policy.policy_id)
        + &element("Arn", &policy.arn)
        + &element("Path", &policy.path)
        + &element("DefaultVersionId", &policy.default_version_id)
        + &element("AttachmentCount", &policy.attachment_count.to_string())
        + &element("PermissionsBoundaryUsageCount", "0")
        + &element("IsAttachable", &policy.is_attachable.to_string());
    if whole && !policy.description.is_empty() {
        out += &element("Description", &policy.description);
    }
    out += &date("CreateDate", policy.create_date.as_deref());
    out += &date("UpdateDate", policy.update_date.as_deref());
    if whole {
        out += &members("Tags", &tags(&policy.tags));
    }
    out
}

/// A version of a policy, without its document.
fn version_xml(version: &PolicyVersionView) -> String {
    element("VersionId", &version.version_id)
        + &element("IsDefaultVersion", &version.is_default_version.to_string())
        + &date("CreateDate", version.create_date.as_deref())
}

/// A page of a list: `Marker` says how many items came before, `MaxItems` is at most 1000 and 100 when absent.
fn page(name: &str, items: Vec<String>, parameters: &Parameters) -> Result<String, Refusal> {
    let wrong = |what: &str| Refusal::new(400, "ValidationError", format!("Invalid {what}"));
    let from: usize = match parameters.get("Marker") {
        Some(marker) => marker.parse().map_err(|_| wrong("Marker"))?,
        None => 0,
    };
    let most: usize = match parameters.get("MaxItems") {
        Some(most) => most.parse().map_err(|_| wrong("MaxItems"))?,
        None => 100,
    };
    let from = from.min(items.len());
    let to = from.saturating_add(most.clamp(1, 1000)).min(items.len());
    let truncated = to < items.len();
    let mut out = element("IsTruncated", &truncated.to_string()) + &members(name, &items[from..to]);
    if truncated {
        out += &element("Marker", &to.to_string());
    }
    Ok(out)
}

/// The state that a scenario asks for, as winterbaume's view has it.
fn initial(seed: &Seed, made: &str) -> Result<Value, SandboxError> {
    let account = &seed.account;
    let mut attachments: HashMap<&str, u32> = HashMap::new();
    for arn in seed.roles.iter().flat_map(|role| &role.attached) {
        *attachments.entry(arn).or_default() += 1;
    }
    let mut policies = serde_json::Map::new();
    for policy in &seed.policies {
        let owner = if policy.aws { "aws" } else { account };
        let arn = format!("arn:aws:iam::{owner}:policy{}{}", policy.path, policy.name);
        let created = policy.created.as_deref().unwrap_or(made);
        let document = policy.document.to_string();
        let view = json!({
            "policy_name": policy.name, "policy_id": unique_id("ANPA", &arn), "arn": arn, "path": policy.path,
            "default_version_id": "v1", "description": policy.description, "create_date": created,
            "update_date": created, "is_attachable": true, "document": document, "tags": policy.tags,
            "attachment_count": attachments.get(arn.as_str()).copied().unwrap_or(0),
            "versions": [{"version_id": "v1", "document": document, "is_default_version": true, "create_date": created}],
        });
        policies.insert(arn, view);
    }
    let mut roles = serde_json::Map::new();
    for role in &seed.roles {
        let arn = format!("arn:aws:iam::{account}:role{}{}", role.path, role.name);
        let mut attached = Vec::new();
        for policy in &role.attached {
            let Some(known) = policies.get(policy) else {
                let problem =
                    format!("the role {} has a policy attached that is not among the policies: {policy}", role.name);
                return Err(SandboxError::Setup(problem));
            };
            attached.push(json!({"policy_name": known["policy_name"], "policy_arn": policy}));
        }
        let inline: Vec<_> = role
            .inline
            .iter()
            .map(|(name, document)| json!({"policy_name": name, "policy_document": document.to_string()}))
            .collect();
        let view = json!({
            "name": role.name, "role_id": unique_id("AROA", &arn), "account_id": account, "path": role.path, "arn": arn,
            "assume_role_policy_document": role.trust.to_string(), "description": role.description,
            "create_date": role.created.as_deref().unwrap_or(made), "max_session_duration": role.max_session_duration,
            "tags": role.tags, "attached_policies": attached, "inline_policies": inline, "permissions_boundary": null,
        });
        roles.insert(role.name.clone(), view);
    }
    let users: serde_json::Map<String, Value> = seed
        .users
        .iter()
        .map(|user| {
            let arn = format!("arn:aws:iam::{account}:user{}{}", user.path, user.name);
            let view = json!({"name": user.name, "user_id": unique_id("AIDA", &arn), "account_id": account,
                "path": user.path, "arn": arn, "create_date": made});
            (user.name.clone(), view)
        })
        .collect();
    Ok(json!({"users": users, "roles": roles, "policies": policies}))
}
