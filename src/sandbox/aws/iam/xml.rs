//! IAM's things as the wire has them.

use std::collections::HashMap;

use winterbaume_iam::views::{
    GroupView, IamStateView, InstanceProfileView, ManagedPolicyView, PolicyVersionView, RoleView, UserView,
};

use super::Parameters;
use crate::sandbox::aws::behind::iso_seconds;
use crate::sandbox::aws::wire::{self, Refusal, escape};

pub(super) fn of_aws(policy: &ManagedPolicyView) -> bool {
    policy.arn.starts_with("arn:aws:iam::aws:")
}

pub(super) fn under(path: &str, parameters: &Parameters) -> bool {
    parameters.get("PathPrefix").is_none_or(|prefix| path.starts_with(prefix))
}

pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

pub(super) fn date(name: &str, moment: Option<&str>) -> String {
    let moment = moment.and_then(|moment| moment.parse::<jiff::Timestamp>().ok());
    moment.map(|moment| element(name, &iso_seconds(moment))).unwrap_or_default()
}

pub(super) fn tags(tags: &HashMap<String, String>) -> Vec<String> {
    let mut sorted: Vec<_> = tags.iter().collect();
    sorted.sort();
    sorted.into_iter().map(|(key, value)| element("Key", key) + &element("Value", value)).collect()
}

pub(super) fn members(name: &str, items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("<member>{item}</member>")).collect();
    format!("<{name}>{items}</{name}>")
}

/// A role; lists leave some members out.
pub(super) fn role_xml(role: &RoleView, whole: bool) -> String {
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
pub(super) fn policy_xml(policy: &ManagedPolicyView, whole: bool) -> String {
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
pub(super) fn version_xml(version: &PolicyVersionView) -> String {
    element("VersionId", &version.version_id)
        + &element("IsDefaultVersion", &version.is_default_version.to_string())
        + &date("CreateDate", version.create_date.as_deref())
}

/// A page of a list: `Marker` says how many items came before, `MaxItems` is at most 1000 and 100 when absent.
pub(super) fn page(name: &str, items: Vec<String>, parameters: &Parameters) -> Result<String, Refusal> {
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

/// A user; lists and groups leave its tags out.
pub(super) fn user_xml(user: &UserView, whole: bool) -> String {
    let mut out = element("Path", &user.path)
        + &element("UserName", &user.name)
        + &element("UserId", &user.user_id)
        + &element("Arn", &user.arn)
        + &date("CreateDate", user.create_date.as_deref());
    if whole {
        if let Some(boundary) = &user.permissions_boundary {
            out += &format!(
                "<PermissionsBoundary>{}{}</PermissionsBoundary>",
                element("PermissionsBoundaryType", "Policy"),
                element("PermissionsBoundaryArn", boundary)
            );
        }
        if !user.tags.is_empty() {
            out += &members("Tags", &tags(&user.tags));
        }
    }
    out
}

pub(super) fn group_xml(group: &GroupView) -> String {
    element("Path", &group.path)
        + &element("GroupName", &group.name)
        + &element("GroupId", &group.group_id)
        + &element("Arn", &group.arn)
        + &date("CreateDate", group.create_date.as_deref())
}

pub(super) fn profile_xml(view: &IamStateView, profile: &InstanceProfileView, whole: bool) -> String {
    let roles = profile.roles.iter().filter_map(|name| view.roles.get(name)).map(|role| role_xml(role, false));
    let mut out = element("Path", &profile.path)
        + &element("InstanceProfileName", &profile.name)
        + &element("InstanceProfileId", &profile.instance_profile_id)
        + &element("Arn", &profile.arn)
        + &date("CreateDate", profile.create_date.as_deref())
        + &members("Roles", &roles.collect::<Vec<_>>());
    if whole {
        out += &members("Tags", &tags(&profile.tags));
    }
    out
}
