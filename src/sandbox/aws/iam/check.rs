//! What IAM refuses and winterbaume lets pass or words otherwise: names, documents, limits, what stands in the way.
//! Limits are those of the IAM User Guide, "IAM and AWS STS quotas".

use serde_json::Value;
use winterbaume_iam::views::{IamStateView, RoleView};

use super::read::{group, no_entity, policy, profile, provider, role, text, user};
use super::{Parameters, list};
use crate::sandbox::aws::wire::Refusal;

fn refuse(status: u16, code: &'static str, message: impl Into<String>) -> Result<(), Refusal> {
    Err(Refusal::new(status, code, message))
}

fn exists(there: bool, message: String) -> Result<(), Refusal> {
    if there { refuse(409, "EntityAlreadyExists", message) } else { Ok(()) }
}

fn conflict(stands: bool, message: &str) -> Result<(), Refusal> {
    if stands { refuse(409, "DeleteConflict", message) } else { Ok(()) }
}

fn limit(exceeded: bool, quota: &str, most: usize) -> Result<(), Refusal> {
    if exceeded { refuse(409, "LimitExceeded", format!("Cannot exceed quota for {quota}: {most}")) } else { Ok(()) }
}

const DETACH: &str = "Cannot delete entity, must detach all policies first.";
const INLINE: &str = "Cannot delete entity, must delete policies first.";
const PROFILE: &str = "Cannot delete entity, must remove roles from instance profile first.";

/// Whether IAM takes a call that changes something.
pub(super) fn check(view: &IamStateView, action: &str, parameters: &Parameters) -> Result<(), Refusal> {
    let name = |key| text(parameters, key);
    names(parameters)?;
    tagged(view, action, parameters)?;
    if action.starts_with("Attach") {
        let arn = name("PolicyArn");
        if !view.policies.get(arn).is_some_and(|policy| policy.is_attachable) {
            return Err(no_entity(format!("Policy {arn} does not exist or is not attachable.")));
        }
    }
    match action {
        "CreateRole" => {
            exists(
                view.roles.contains_key(name("RoleName")),
                format!("Role with name {} already exists.", name("RoleName")),
            )?;
            session_duration(parameters)?;
            boundary(view, parameters)?;
            trust_document(view, name("AssumeRolePolicyDocument"))
        }
        "CreateUser" => {
            exists(
                view.users.contains_key(name("UserName")),
                format!("User with name {} already exists.", name("UserName")),
            )?;
            boundary(view, parameters)
        }
        "CreateGroup" => exists(
            view.groups.contains_key(name("GroupName")),
            format!("Group with name {} already exists.", name("GroupName")),
        ),
        "CreateInstanceProfile" => exists(
            view.instance_profiles.contains_key(name("InstanceProfileName")),
            format!("Instance Profile {} already exists.", name("InstanceProfileName")),
        ),
        "CreatePolicy" => {
            let known = view.policies.values().filter(|policy| !super::xml::of_aws(policy));
            let called = name("PolicyName").to_lowercase();
            let mut same = known.filter(|policy| policy.policy_name.to_lowercase() == called);
            exists(
                same.next().is_some(),
                format!("A policy called {} already exists. Duplicate names are not allowed.", name("PolicyName")),
            )?;
            identity_document(name("PolicyDocument"))?;
            limit(weight(name("PolicyDocument")) > 6144, "PolicySize", 6144)
        }
        "DeletePolicy" => {
            let policy = policy(view, parameters)?;
            conflict(policy.attachment_count > 0, "Cannot delete a policy attached to entities.")?;
            conflict(
                policy.versions.len() > 1,
                "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                 versions. The default version is deleted with the policy.",
            )
        }
        "DeletePolicyVersion" | "SetDefaultPolicyVersion" => {
            let policy = policy(view, parameters)?;
            let id = name("VersionId");
            let found = policy.versions.iter().find(|version| version.version_id == id);
            let missing =
                || no_entity(format!("Policy {} version {id} does not exist or is not attachable.", policy.arn));
            let version = found.ok_or_else(missing)?;
            conflict(
                action == "DeletePolicyVersion" && version.is_default_version,
                "Cannot delete the default version of a policy.",
            )
        }
        "UpdateAssumeRolePolicy" => {
            changeable(role(view, parameters)?)?;
            trust_document(view, name("PolicyDocument"))
        }
        "UpdateRole" => {
            changeable(role(view, parameters)?)?;
            session_duration(parameters)
        }
        "UpdateRoleDescription" | "DeleteRolePermissionsBoundary" | "DeleteRolePolicy" => {
            changeable(role(view, parameters)?)?;
            if action == "DeleteRolePolicy" {
                let wanted = name("PolicyName");
                if !role(view, parameters)?.inline_policies.iter().any(|one| one.policy_name == wanted) {
                    return Err(no_entity(format!("The role policy with name {wanted} cannot be found.")));
                }
            }
            Ok(())
        }
        "PutRolePermissionsBoundary" => {
            changeable(role(view, parameters)?)?;
            boundary(view, parameters)
        }
        "PutRolePolicy" => {
            let role = role(view, parameters)?;
            changeable(role)?;
            identity_document(name("PolicyDocument"))?;
            let others = role.inline_policies.iter().filter(|one| one.policy_name != name("PolicyName"));
            let total: usize =
                others.map(|one| weight(&one.policy_document)).sum::<usize>() + weight(name("PolicyDocument"));
            if total > 10_240 {
                let message = format!("Maximum policy size of 10240 bytes exceeded for role {}", role.name);
                return refuse(409, "LimitExceeded", message);
            }
            Ok(())
        }
        "AttachRolePolicy" => {
            let role = role(view, parameters)?;
            changeable(role)?;
            let has = role.attached_policies.iter().any(|one| one.policy_arn == name("PolicyArn"));
            limit(!has && role.attached_policies.len() >= 10, "PoliciesPerRole", 10)
        }
        "DetachRolePolicy" => {
            let role = role(view, parameters)?;
            changeable(role)?;
            attached(role.attached_policies.iter().any(|one| one.policy_arn == name("PolicyArn")), parameters)
        }
        "DeleteRole" => {
            let role = role(view, parameters)?;
            changeable(role)?;
            conflict(view.instance_profiles.values().any(|profile| profile.roles.contains(&role.name)), PROFILE)?;
            conflict(!role.attached_policies.is_empty(), DETACH)?;
            conflict(!role.inline_policies.is_empty(), INLINE)
        }
        "DeleteServiceLinkedRole" => {
            let role = role(view, parameters)?;
            if role.path.starts_with("/aws-service-role/") {
                return Ok(());
            }
            refuse(400, "InvalidInput", format!("Role {} is not a service-linked role", role.name))
        }
        "PutUserPolicy" => {
            user(view, parameters)?;
            identity_document(name("PolicyDocument"))
        }
        "AttachUserPolicy" => {
            let user = user(view, parameters)?;
            limit(user.attached_policies.len() >= 10, "PoliciesPerUser", 10)
        }
        "DetachUserPolicy" => {
            let user = user(view, parameters)?;
            attached(user.attached_policies.iter().any(|one| one.policy_arn == name("PolicyArn")), parameters)
        }
        "DeleteUser" => {
            let user = user(view, parameters)?;
            let key = view.access_keys.values().any(|key| key.user_name == user.name);
            conflict(key, "Cannot delete entity, must delete access keys first.")?;
            conflict(
                view.login_profiles.contains_key(&user.name),
                "Cannot delete entity, must delete login profile first.",
            )?;
            conflict(
                view.groups.values().any(|group| group.members.contains(&user.name)),
                "Cannot delete entity, must remove users from group first.",
            )?;
            conflict(!user.attached_policies.is_empty(), DETACH)?;
            conflict(!user.inline_policies.is_empty(), INLINE)
        }
        "CreateAccessKey" => {
            let user = user(view, parameters)?;
            let keys = view.access_keys.values().filter(|key| key.user_name == user.name).count();
            limit(keys >= 2, "AccessKeysPerUser", 2)
        }
        "DeleteAccessKey" | "UpdateAccessKey" => {
            let user = user(view, parameters)?;
            let id = name("AccessKeyId");
            match view.access_keys.get(id).filter(|key| key.user_name == user.name) {
                Some(_) => Ok(()),
                None => Err(no_entity(format!("The Access Key with id {id} cannot be found."))),
            }
        }
        "PutGroupPolicy" => {
            group(view, parameters)?;
            identity_document(name("PolicyDocument"))
        }
        "AttachGroupPolicy" => {
            let group = group(view, parameters)?;
            limit(group.attached_policies.len() >= 10, "PoliciesPerGroup", 10)
        }
        "DetachGroupPolicy" => {
            let group = group(view, parameters)?;
            attached(group.attached_policies.iter().any(|one| one.policy_arn == name("PolicyArn")), parameters)
        }
        "AddUserToGroup" | "RemoveUserFromGroup" => {
            group(view, parameters)?;
            user(view, parameters).map(|_| ())
        }
        "DeleteGroup" => {
            let group = group(view, parameters)?;
            conflict(!group.members.is_empty(), "Cannot delete entity, must remove users from group first.")?;
            conflict(!group.attached_policies.is_empty(), DETACH)?;
            conflict(!group.inline_policies.is_empty(), INLINE)
        }
        "AddRoleToInstanceProfile" => {
            let profile = profile(view, parameters)?;
            changeable(role(view, parameters)?)?;
            limit(!profile.roles.is_empty(), "InstanceSessionsPerInstanceProfile", 1)
        }
        "RemoveRoleFromInstanceProfile" => {
            let profile = profile(view, parameters)?;
            let role = role(view, parameters)?;
            if profile.roles.contains(&role.name) {
                return Ok(());
            }
            let message = format!("Role {} in instance profile {} cannot be found.", role.name, profile.name);
            Err(no_entity(message))
        }
        "DeleteInstanceProfile" => conflict(!profile(view, parameters)?.roles.is_empty(), PROFILE),
        "CreateOpenIDConnectProvider" => {
            let url = name("Url");
            if !url.starts_with("https://") {
                return refuse(400, "InvalidInput", "Invalid Open ID Connect Provider URL");
            }
            let host = url.trim_start_matches("https://").trim_end_matches('/');
            exists(
                view.oidc_providers
                    .keys()
                    .any(|arn| arn.split_once(":oidc-provider/").is_some_and(|(_, it)| it == host)),
                format!("Provider with url {url} already exists."),
            )?;
            thumbprints(parameters)
        }
        "UpdateOpenIDConnectProviderThumbprint" => {
            provider(view, parameters)?;
            thumbprints(parameters)
        }
        _ => Ok(()),
    }
}

/// Whatever a call names must be there, but for what it creates.
fn tagged(view: &IamStateView, action: &str, parameters: &Parameters) -> Result<(), Refusal> {
    if action.starts_with("Create") && !matches!(action, "CreateAccessKey" | "CreateLoginProfile") {
        return tags(parameters, 0);
    }
    let old = if parameters.contains_key("RoleName") && !action.contains("InstanceProfile") {
        role(view, parameters)?.tags.clone()
    } else if parameters.contains_key("GroupName") {
        group(view, parameters)?;
        Default::default()
    } else if parameters.contains_key("UserName") {
        user(view, parameters)?.tags.clone()
    } else if parameters.contains_key("InstanceProfileName") {
        profile(view, parameters)?.tags.clone()
    } else if parameters.contains_key("OpenIDConnectProviderArn") && action != "DeleteOpenIDConnectProvider" {
        provider(view, parameters)?.tags.clone()
    } else if parameters.contains_key("PolicyArn") && action.ends_with("Policy") && !action.contains("tach") {
        policy(view, parameters)?.tags.clone()
    } else {
        Default::default()
    };
    let kept = old.keys().filter(|key| !keys(parameters).contains(key)).count();
    tags(parameters, kept)
}

fn keys(parameters: &Parameters) -> Vec<String> {
    (1..).map_while(|at| parameters.get(&format!("Tags.member.{at}.Key")).cloned()).collect()
}

fn tags(parameters: &Parameters, kept: usize) -> Result<(), Refusal> {
    let given = keys(parameters);
    let mut lower: Vec<String> = given.iter().map(|key| key.to_lowercase()).collect();
    lower.sort();
    lower.dedup();
    if lower.len() < given.len() {
        let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return refuse(400, "InvalidInput", message);
    }
    if given.len() + kept > 50 {
        return refuse(409, "LimitExceeded", "The number of tags has reached the maximum limit.");
    }
    if lower.iter().any(|key| key.starts_with("aws:")) {
        let message = "Tag keys beginning with aws: are reserved for system use.";
        return refuse(400, "InvalidInput", message);
    }
    Ok(())
}

/// The names in a call have IAM's letters and lengths.
fn names(parameters: &Parameters) -> Result<(), Refusal> {
    for (key, shown, most) in [
        ("RoleName", "roleName", 64),
        ("UserName", "userName", 64),
        ("PolicyName", "policyName", 128),
        ("GroupName", "groupName", 128),
        ("InstanceProfileName", "instanceProfileName", 128),
    ] {
        let Some(name) = parameters.get(key) else { continue };
        let constraint = if name.chars().count() > most {
            format!("Member must have length less than or equal to {most}")
        } else if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
            "Member must satisfy regular expression pattern: [\\w+=,.@-]+".to_owned()
        } else {
            continue;
        };
        let message = format!(
            "1 validation error detected: Value '{name}' at '{shown}' failed to satisfy constraint: {constraint}"
        );
        return refuse(400, "ValidationError", message);
    }
    if let Some(path) = parameters.get("Path")
        && !(path.starts_with('/') && path.ends_with('/'))
    {
        let message = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.";
        return refuse(400, "ValidationError", message);
    }
    Ok(())
}

fn session_duration(parameters: &Parameters) -> Result<(), Refusal> {
    let Some(text) = parameters.get("MaxSessionDuration") else { return Ok(()) };
    let constraint = match text.parse::<i64>() {
        Ok(..3600) => "greater than or equal to 3600",
        Ok(43_201..) => "less than or equal to 43200",
        _ => return Ok(()),
    };
    let message = format!(
        "1 validation error detected: Value '{text}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value {constraint}"
    );
    refuse(400, "ValidationError", message)
}

fn boundary(view: &IamStateView, parameters: &Parameters) -> Result<(), Refusal> {
    match parameters.get("PermissionsBoundary") {
        Some(arn) if !view.policies.contains_key(arn) => {
            Err(no_entity(format!("Scope ARN: {arn} does not exist or is not attachable.")))
        }
        _ => Ok(()),
    }
}

/// AWS's own roles are changed by AWS.
fn changeable(role: &RoleView) -> Result<(), Refusal> {
    if !role.path.starts_with("/aws-service-role/") {
        return Ok(());
    }
    let message = format!(
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
        role.name
    );
    refuse(400, "UnmodifiableEntity", message)
}

fn attached(is: bool, parameters: &Parameters) -> Result<(), Refusal> {
    if is { Ok(()) } else { Err(no_entity(format!("Policy {} was not found.", text(parameters, "PolicyArn")))) }
}

fn thumbprints(parameters: &Parameters) -> Result<(), Refusal> {
    let all = list(parameters, "ThumbprintList");
    if all.len() > 5 {
        return refuse(400, "InvalidInput", "Thumbprint list must contain fewer than 5 entries.");
    }
    if all.iter().any(|one| one.len() != 40 || !one.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return refuse(400, "InvalidInput", "Thumbprint must be 40 hexadecimal characters.");
    }
    Ok(())
}

/// The characters of a document that count: all but white space.
fn weight(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "MalformedPolicyDocument", message)
}

/// The statements of a document.
fn statements(text: &str) -> Result<Vec<Value>, Refusal> {
    let Ok(Value::Object(document)) = serde_json::from_str::<Value>(text) else {
        return Err(malformed("This policy contains invalid Json"));
    };
    let version = document.get("Version").and_then(Value::as_str).unwrap_or("2008-10-17");
    if !matches!(version, "2008-10-17" | "2012-10-17") {
        return Err(malformed("Syntax errors in policy."));
    }
    let all = match document.get("Statement") {
        Some(Value::Array(all)) => all.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => return Err(malformed("Missing required field Statement")),
    };
    for statement in &all {
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return Err(malformed("Syntax errors in policy."));
        }
        if statement["Action"].is_null() && statement["NotAction"].is_null() {
            return Err(malformed("Policy statement must contain actions."));
        }
        for action in texts(&statement["Action"]).into_iter().chain(texts(&statement["NotAction"])) {
            if action != "*" && !action.contains(':') {
                return Err(malformed("Actions/Conditions must be prefixed by a vendor, e.g., iam, sdb, ec2, etc."));
            }
        }
    }
    Ok(all)
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A document that says what its holder may do.
pub(super) fn identity_document(text: &str) -> Result<(), Refusal> {
    for statement in statements(text)? {
        if !statement["Principal"].is_null() || !statement["NotPrincipal"].is_null() {
            return Err(malformed("Policy document should not specify a principal."));
        }
        if statement["Resource"].is_null() && statement["NotResource"].is_null() {
            return Err(malformed("Policy statement must contain resources."));
        }
        for resource in texts(&statement["Resource"]) {
            if resource != "*" && !resource.starts_with("arn:") && !resource.starts_with("${") {
                return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
            }
        }
    }
    Ok(())
}

/// A document that says who may take a role.
fn trust_document(view: &IamStateView, text: &str) -> Result<(), Refusal> {
    for statement in statements(text)? {
        if !statement["Resource"].is_null() {
            return Err(malformed("Has prohibited field Resource"));
        }
        let principal = &statement["Principal"];
        if principal.is_null() && statement["NotPrincipal"].is_null() {
            return Err(malformed("Missing required field Principal"));
        }
        for arn in texts(&principal["AWS"]) {
            let mine = view
                .roles
                .values()
                .map(|role| role.arn.as_str())
                .chain(view.users.values().map(|user| user.arn.as_str()));
            let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
            let ours = mine.clone().next().and_then(account);
            let named = arn.contains(":role/") || arn.contains(":user/");
            if named && account(arn).is_some() && account(arn) == ours && !mine.clone().any(|known| known == arn) {
                return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{arn}\"")));
            }
        }
    }
    limit(weight(text) > 2048, "ACLSizePerRole", 2048)
}
