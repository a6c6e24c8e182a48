//! What IAM answers of its state.

use winterbaume_iam::views::{
    AttachedPolicyView, GroupView, IamStateView, InlinePolicyView, InstanceProfileView, ManagedPolicyView,
    OidcProviderView, RoleView, UserView,
};

use super::xml::{
    date, element, group_xml, members, of_aws, page, policy_xml, profile_xml, role_xml, tags, under, user_xml,
    version_xml,
};
use super::{Parameters, simulate};
use crate::sandbox::aws::wire::{self, Refusal, escape};

/// The content of the answer to a read, or `None` when the front does not answer it.
pub(super) fn read(view: &IamStateView, action: &str, parameters: &Parameters) -> Result<Option<String>, Refusal> {
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
        "ListEntitiesForPolicy" => entities(view, parameters)?,
        "ListAccountAliases" => {
            page("AccountAliases", view.account_aliases.iter().map(|alias| escape(alias)).collect(), parameters)?
        }
        "SimulateCustomPolicy" | "SimulatePrincipalPolicy" => simulate::simulate(view, action, parameters)?,
        "GetServiceLinkedRoleDeletionStatus" => {
            let id = text(parameters, "DeletionTaskId");
            let name = id.strip_prefix("task/aws-service-role/").and_then(|rest| rest.split('/').nth(1));
            // It is gone at once: a task that was begun is over.
            match name.filter(|name| !view.roles.contains_key(*name)) {
                Some(_) => element("Status", "SUCCEEDED"),
                None => return Err(no_entity(format!("Deletion Task Id: {id} not found"))),
            }
        }
        _ => match people(view, action, parameters)? {
            Some(inner) => inner,
            None => return machines(view, action, parameters),
        },
    };
    Ok(Some(inner))
}

/// Users and groups.
fn people(view: &IamStateView, action: &str, parameters: &Parameters) -> Result<Option<String>, Refusal> {
    let attached = |all: &[AttachedPolicyView]| {
        let each =
            all.iter().map(|one| element("PolicyName", &one.policy_name) + &element("PolicyArn", &one.policy_arn));
        page("AttachedPolicies", each.collect(), parameters)
    };
    let names = |all: &[InlinePolicyView]| {
        page("PolicyNames", all.iter().map(|one| escape(&one.policy_name)).collect(), parameters)
    };
    let inline = |kind: &str, all: &[InlinePolicyView]| {
        let name = text(parameters, "PolicyName");
        let missing = || no_entity(format!("The {kind} policy with name {name} cannot be found."));
        let found = all.iter().find(|one| one.policy_name == name).ok_or_else(missing)?;
        Ok(element("PolicyName", name) + &element("PolicyDocument", &wire::percent_encode(&found.policy_document)))
    };
    let inner = match action {
        "GetUser" if parameters.contains_key("UserName") => {
            format!("<User>{}</User>", user_xml(user(view, parameters)?, true))
        }
        "ListUsers" => {
            let mut all: Vec<_> = view.users.values().filter(|user| under(&user.path, parameters)).collect();
            all.sort_by_key(|user| user.name.to_lowercase());
            page("Users", all.into_iter().map(|user| user_xml(user, false)).collect(), parameters)?
        }
        "ListUserTags" => page("Tags", tags(&user(view, parameters)?.tags), parameters)?,
        "ListAttachedUserPolicies" => attached(&user(view, parameters)?.attached_policies)?,
        "ListUserPolicies" => names(&user(view, parameters)?.inline_policies)?,
        "GetUserPolicy" => {
            let user = user(view, parameters)?;
            element("UserName", &user.name) + &inline("user", &user.inline_policies)?
        }
        "ListGroupsForUser" => {
            let name = &user(view, parameters)?.name;
            let mut all: Vec<_> = view.groups.values().filter(|group| group.members.contains(name)).collect();
            all.sort_by_key(|group| group.name.to_lowercase());
            page("Groups", all.into_iter().map(group_xml).collect(), parameters)?
        }
        "ListGroups" => {
            let mut all: Vec<_> = view.groups.values().filter(|group| under(&group.path, parameters)).collect();
            all.sort_by_key(|group| group.name.to_lowercase());
            page("Groups", all.into_iter().map(group_xml).collect(), parameters)?
        }
        "GetGroup" => {
            let group = group(view, parameters)?;
            let mut all: Vec<_> = group.members.iter().filter_map(|name| view.users.get(name)).collect();
            all.sort_by_key(|user| user.name.to_lowercase());
            let users = page("Users", all.into_iter().map(|user| user_xml(user, false)).collect(), parameters)?;
            format!("<Group>{}</Group>{users}", group_xml(group))
        }
        "ListAttachedGroupPolicies" => attached(&group(view, parameters)?.attached_policies)?,
        "ListGroupPolicies" => names(&group(view, parameters)?.inline_policies)?,
        "GetGroupPolicy" => {
            let group = group(view, parameters)?;
            element("GroupName", &group.name) + &inline("group", &group.inline_policies)?
        }
        "ListAccessKeys" if parameters.contains_key("UserName") => {
            let name = &user(view, parameters)?.name;
            let mut all: Vec<_> = view.access_keys.values().filter(|key| key.user_name == *name).collect();
            all.sort_by(|a, b| a.create_date.cmp(&b.create_date).then_with(|| a.access_key_id.cmp(&b.access_key_id)));
            let each = all.into_iter().map(|key| {
                element("UserName", &key.user_name)
                    + &element("AccessKeyId", &key.access_key_id)
                    + &element("Status", &key.status)
                    + &date("CreateDate", key.create_date.as_deref())
            });
            page("AccessKeyMetadata", each.collect(), parameters)?
        }
        _ => return Ok(None),
    };
    Ok(Some(inner))
}

/// Instance profiles and OIDC providers.
fn machines(view: &IamStateView, action: &str, parameters: &Parameters) -> Result<Option<String>, Refusal> {
    let inner = match action {
        "GetInstanceProfile" => {
            format!("<InstanceProfile>{}</InstanceProfile>", profile_xml(view, profile(view, parameters)?, true))
        }
        "ListInstanceProfiles" | "ListInstanceProfilesForRole" => {
            let of = match action {
                "ListInstanceProfiles" => None,
                _ => Some(&role(view, parameters)?.name),
            };
            let all = view.instance_profiles.values();
            let mut all: Vec<_> = all
                .filter(|profile| {
                    under(&profile.path, parameters) && of.is_none_or(|role| profile.roles.contains(role))
                })
                .collect();
            all.sort_by_key(|profile| profile.name.to_lowercase());
            let each = all.into_iter().map(|profile| profile_xml(view, profile, false));
            page("InstanceProfiles", each.collect(), parameters)?
        }
        "ListInstanceProfileTags" => page("Tags", tags(&profile(view, parameters)?.tags), parameters)?,
        "ListOpenIDConnectProviders" => {
            let mut all: Vec<_> = view.oidc_providers.keys().map(|arn| element("Arn", arn)).collect();
            all.sort();
            members("OpenIDConnectProviderList", &all)
        }
        "GetOpenIDConnectProvider" => {
            let provider = provider(view, parameters)?;
            let texts = |all: &[String]| all.iter().map(|one| escape(one)).collect::<Vec<_>>();
            element("Url", &provider.url)
                + &members("ClientIDList", &texts(&provider.client_id_list))
                + &members("ThumbprintList", &texts(&provider.thumbprint_list))
                + &date("CreateDate", provider.create_date.as_deref())
                + &members("Tags", &tags(&provider.tags))
        }
        "ListOpenIDConnectProviderTags" => page("Tags", tags(&provider(view, parameters)?.tags), parameters)?,
        _ => return Ok(None),
    };
    Ok(Some(inner))
}

/// Who has a managed policy.
fn entities(view: &IamStateView, parameters: &Parameters) -> Result<String, Refusal> {
    let arn = &policy(view, parameters)?.arn;
    let filter = text(parameters, "EntityFilter");
    let holds = |all: &[AttachedPolicyView]| all.iter().any(|one| one.policy_arn == *arn);
    let list = |kind: &str, name: &str, mut all: Vec<(String, String)>| {
        all.sort();
        let wanted = filter.is_empty() || filter == kind;
        let each = all.into_iter().filter(|_| wanted);
        let each =
            each.map(|(known, id)| element(&format!("{name}Name"), &known) + &element(&format!("{name}Id"), &id));
        members(&format!("Policy{name}s"), &each.collect::<Vec<_>>())
    };
    let groups = view.groups.values().filter(|one| holds(&one.attached_policies));
    let users = view.users.values().filter(|one| holds(&one.attached_policies));
    let roles = view.roles.values().filter(|one| holds(&one.attached_policies));
    Ok(list("Group", "Group", groups.map(|one| (one.name.clone(), one.group_id.clone())).collect())
        + &list("User", "User", users.map(|one| (one.name.clone(), one.user_id.clone())).collect())
        + &list("Role", "Role", roles.map(|one| (one.name.clone(), one.role_id.clone())).collect())
        + &element("IsTruncated", "false"))
}

pub(super) fn text<'a>(parameters: &'a Parameters, key: &str) -> &'a str {
    parameters.get(key).map_or("", String::as_str)
}

pub(super) fn no_entity(message: String) -> Refusal {
    Refusal::new(404, "NoSuchEntity", message)
}

pub(super) fn role<'a>(view: &'a IamStateView, parameters: &Parameters) -> Result<&'a RoleView, Refusal> {
    let name = text(parameters, "RoleName");
    view.roles.get(name).ok_or_else(|| no_entity(format!("The role with name {name} cannot be found.")))
}

pub(super) fn policy<'a>(view: &'a IamStateView, parameters: &Parameters) -> Result<&'a ManagedPolicyView, Refusal> {
    let arn = text(parameters, "PolicyArn");
    if !arn.starts_with("arn:") {
        return Err(Refusal::new(400, "ValidationError", format!("Invalid ARN:  Could not be parsed!: {arn}")));
    }
    view.policies.get(arn).ok_or_else(|| no_entity(format!("Policy {arn} was not found.")))
}

pub(super) fn user<'a>(view: &'a IamStateView, parameters: &Parameters) -> Result<&'a UserView, Refusal> {
    let name = text(parameters, "UserName");
    view.users.get(name).ok_or_else(|| no_entity(format!("The user with name {name} cannot be found.")))
}

pub(super) fn group<'a>(view: &'a IamStateView, parameters: &Parameters) -> Result<&'a GroupView, Refusal> {
    let name = text(parameters, "GroupName");
    view.groups.get(name).ok_or_else(|| no_entity(format!("The group with name {name} cannot be found.")))
}

pub(super) fn profile<'a>(view: &'a IamStateView, parameters: &Parameters) -> Result<&'a InstanceProfileView, Refusal> {
    let name = text(parameters, "InstanceProfileName");
    let missing = || no_entity(format!("Instance Profile {name} cannot be found."));
    view.instance_profiles.get(name).ok_or_else(missing)
}

pub(super) fn provider<'a>(view: &'a IamStateView, parameters: &Parameters) -> Result<&'a OidcProviderView, Refusal> {
    let arn = text(parameters, "OpenIDConnectProviderArn");
    let missing = || no_entity(format!("OpenIDConnect Provider not found for arn {arn}"));
    view.oidc_providers.get(arn).ok_or_else(missing)
}
